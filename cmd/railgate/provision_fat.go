package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"unicode/utf16"
)

// This file reads one file of a FAT32 volume that a stranger made (Microsoft's FAT32 File System
// Specification 1.03). A library that keeps a table as large as the volume says it has, or follows
// a chain of clusters that comes back to itself, would take all of the gate's memory as root. This
// one has a cluster of the volume in memory, and counts the bytes it reads.

var (
	errNotFAT32   = errors.New("it has no FAT32 boot sector")
	errDamagedFAT = errors.New("its FAT is damaged")
	errNoEntry    = errors.New("no such entry")
)

// maxDirectory is the most that a folder of FAT32 may have: 65536 entries of 32 bytes.
const maxDirectory = 65536 * fatEntrySize

const fatEntrySize = 32

// Attributes of an entry.
const (
	fatVolumeID = 0x08
	fatFolder   = 0x10
	fatLongName = 0x0F
)

type fatVolume struct {
	io.ReaderAt
	table, data int64 // where the table is, and cluster 2
	cluster     int64 // bytes of one
	end         uint32
	root        uint32
}

// openFAT reads the boot sector.
func openFAT(r io.ReaderAt) (*fatVolume, error) {
	var b [512]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	sector, each := int64(le.Uint16(b[11:])), int64(b[13])
	reserved, tables, size := int64(le.Uint16(b[14:])), int64(b[16]), int64(le.Uint32(b[36:]))
	good := b[510] == 0x55 && b[511] == 0xAA && le.Uint16(b[17:]) == 0 && le.Uint16(b[22:]) == 0 && // FAT32 has neither of FAT16's sizes
		sector >= 512 && sector <= 4096 && bits.OnesCount64(uint64(sector)) == 1 && bits.OnesCount64(uint64(each)) == 1 &&
		reserved > 0 && tables > 0 && size > 0
	if !good {
		return nil, errNotFAT32
	}
	return &fatVolume{
		ReaderAt: r, table: reserved * sector, data: (reserved + tables*size) * sector, cluster: sector * each,
		end: uint32(min(size*sector/4, 0x0FFF_FFF7)), root: le.Uint32(b[44:]),
	}, nil
}

// next is the cluster that follows one; 0: none does.
func (v *fatVolume) next(cluster uint32) (uint32, error) {
	var b [4]byte
	if _, err := v.ReadAt(b[:], v.table+4*int64(cluster)); err != nil {
		return 0, err
	}
	n := binary.LittleEndian.Uint32(b[:]) & 0x0FFF_FFFF
	if n >= 0x0FFF_FFF8 {
		return 0, nil
	}
	return n, v.check(n)
}

func (v *fatVolume) check(cluster uint32) error {
	if cluster < 2 || cluster >= v.end {
		return fmt.Errorf("%w: cluster %d", errDamagedFAT, cluster)
	}
	return nil
}

// chain gives each cluster of a chain to do, until that says stop. A chain of more than most bytes is an error, and so
// is one that comes back to itself.
func (v *fatVolume) chain(cluster uint32, most int64, do func(data []byte) (stop bool)) error {
	if err := v.check(cluster); err != nil {
		return err
	}
	buf := make([]byte, v.cluster)
	for n := int64(0); cluster != 0; n += v.cluster {
		if n >= most {
			return fmt.Errorf("%w: a chain of more than %d bytes", errDamagedFAT, most)
		}
		if _, err := v.ReadAt(buf, v.data+int64(cluster-2)*v.cluster); err != nil {
			return err
		}
		if do(buf) {
			return nil
		}
		var err error
		if cluster, err = v.next(cluster); err != nil {
			return err
		}
	}
	return nil
}

// A fatEntry is a file or a folder.
type fatEntry struct {
	cluster uint32
	size    int64
	folder  bool
}

// find looks for a long name in a folder.
func (v *fatVolume) find(folder uint32, name string) (e fatEntry, err error) {
	var long longName
	err = errNoEntry
	read := v.chain(folder, maxDirectory, func(data []byte) bool {
		for ; len(data) >= fatEntrySize; data = data[fatEntrySize:] {
			d := data[:fatEntrySize]
			switch {
			case d[0] == 0: // no entry after this one
				return true
			case d[0] != 0xE5 && d[11]&0x3F == fatLongName:
				long.add(d)
				continue
			case d[0] != 0xE5 && d[11]&fatVolumeID == 0 && strings.EqualFold(long.of(d[:11]), name):
				le := binary.LittleEndian
				e = fatEntry{uint32(le.Uint16(d[20:]))<<16 | uint32(le.Uint16(d[26:])), int64(le.Uint32(d[28:])), d[11]&fatFolder != 0}
				err = nil
				return true
			}
			long = longName{}
		}
		return false
	})
	if read != nil {
		err = read
	}
	return e, err
}

// A longName is put together from the entries before a file's own, the last part first.
type longName struct {
	parts [20][13]uint16
	n     int  // parts
	left  int  // parts that are to come
	sum   byte // of the short name
}

func (l *longName) add(d []byte) {
	at := int(d[0] & 0x3F)
	switch {
	case d[0]&0x40 != 0 && at > 0 && at <= len(l.parts):
		*l = longName{n: at, left: at, sum: d[13]}
	case at == 0 || at != l.left || d[13] != l.sum:
		*l = longName{}
		return
	}
	if l.left == 0 {
		return
	}
	l.left--
	part := l.parts[l.left][:0]
	for _, s := range [][]byte{d[1:11], d[14:26], d[28:32]} {
		for ; len(s) > 0; s = s[2:] {
			part = append(part, binary.LittleEndian.Uint16(s))
		}
	}
}

// of is the name, if it is the one of the entry with this short name.
func (l *longName) of(short []byte) string {
	var sum byte
	for _, c := range short {
		sum = bits.RotateLeft8(sum, -1) + c
	}
	if l.n == 0 || l.left > 0 || l.sum != sum {
		return ""
	}
	var name []uint16
	for _, part := range l.parts[:l.n] {
		for _, c := range part {
			if c == 0 {
				return string(utf16.Decode(name))
			}
			name = append(name, c)
		}
	}
	return string(utf16.Decode(name))
}

// read is a file of up to most bytes, by its path from the root; nil: there is none.
func (v *fatVolume) read(path string, most int64) ([]byte, error) {
	at := fatEntry{cluster: v.root, folder: true}
	for name := range strings.SplitSeq(path, "/") {
		if !at.folder {
			return nil, nil
		}
		var err error
		at, err = v.find(at.cluster, name)
		switch {
		case errors.Is(err, errNoEntry):
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
	switch {
	case at.folder:
		return nil, fmt.Errorf("%s is a folder", path)
	case at.size == 0:
		return nil, fmt.Errorf("%s is empty", path)
	case at.size > most:
		return nil, fmt.Errorf("%s has %d bytes; want %d at most", path, at.size, most)
	}
	data := make([]byte, 0, at.size)
	err := v.chain(at.cluster, at.size+v.cluster, func(part []byte) bool {
		data = append(data, part[:min(int64(len(part)), at.size-int64(len(data)))]...)
		return int64(len(data)) == at.size
	})
	if err == nil && int64(len(data)) < at.size {
		err = fmt.Errorf("%w: %s ends early", errDamagedFAT, path)
	}
	return data, err
}
