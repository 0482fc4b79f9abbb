package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Types of partitions. That of the data is our own: it is how systemd-repart knows which one to grow
// (configs/image/root/usr/lib/repart.d).
const (
	efiSystem = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	basicData = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
	linuxData = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	ourData   = "8D2C9F46-5C1E-4D6B-9B4E-0F5A1C7E3A52"
)

const (
	sector    = 512
	bootBytes = 128 * mib // of each FAT
	dataBytes = 64 * mib  // it grows
)

// A part is a partition; start and size are in bytes.
type part struct {
	label, kind, id string
	start, size     int64
}

// layout is where the partitions are, and how long the disk is: a mebibyte before them and one behind, for the two tables.
func (b *board) layout() (parts []part, size int64) {
	parts = []part{
		{label: "RAILGATE", kind: b.firstType, size: bootBytes},
		{label: "railgate-boot-a", kind: basicData, size: bootBytes},
		{label: "railgate-boot-b", kind: basicData, size: bootBytes},
		{label: "railgate-a", kind: linuxData, size: b.slotBytes},
		{label: "railgate-b", kind: linuxData, size: b.slotBytes},
		{label: "railgate-data", kind: ourData, size: dataBytes},
	}
	at := int64(mib)
	for i := range parts {
		parts[i].start, parts[i].id = at, uuid(b.name, parts[i].label)
		at += parts[i].size
	}
	return parts, at + mib
}

// sfdisk is the table as sfdisk(8) reads it.
func (b *board) sfdisk() string {
	parts, _ := b.layout()
	var s strings.Builder
	fmt.Fprintf(&s, "label: gpt\nlabel-id: %s\nunit: sectors\nfirst-lba: 2048\n", uuid(b.name, "disk"))
	for _, p := range parts {
		fmt.Fprintf(&s, "start=%d, size=%d, type=%s, uuid=%s, name=%q\n", p.start/sector, p.size/sector, p.kind, p.id, p.label)
	}
	return s.String()
}

// uuid is made from names, so that it is the same in each build (version 8 of RFC 9562).
func uuid(names ...string) string {
	sum := sha256.Sum256([]byte("railgate image\x00" + strings.Join(names, "\x00")))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}
