package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// makeDisk puts the partitions into the image, both slots filled. The file is sparse.
func (b *build) makeDisk() error {
	b.say("the disk")
	data := b.path("data.ext4")
	if err := b.makeData(data); err != nil {
		return err
	}
	parts, size := b.layout()
	part := b.imageFile() + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	if err := b.runInput(strings.NewReader(b.sfdisk()), nil, "sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", part); err != nil {
		return err
	}
	for i, from := range []string{b.path("first.vfat"), b.path("boot-a.vfat"), b.path("boot-b.vfat"), b.squashFile(), b.squashFile(), data} {
		if err := putFile(f, from, parts[i].start); err != nil {
			return err
		}
	}
	if b.hybrid {
		if err := alsoInMBR(f, parts[:3]); err != nil {
			return err
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, b.imageFile())
}

// makeData makes the file system of what the gate keeps, empty. Its blocks are those of the large one that it becomes.
// It has no checksums: with them the kernel refuses to mount a journal whose last commit a power cut has torn.
func (b *build) makeData(path string) error {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(path, dataBytes); err != nil {
		return err
	}
	id := uuid(b.name, "railgate-data file system")
	return b.run([]string{fmt.Sprintf("E2FSPROGS_FAKE_TIME=%d", b.epoch.Unix())}, "mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", "-b", "4096", "-I", "256", "-i", "16384", "-J", "size=16", "-m", "1",
		"-L", "railgate-data", "-U", id, "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard,hash_seed="+id, path)
}

// putFile writes a file into the image at an offset, and leaves out what is zero.
func putFile(image *os.File, from string, at int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	block, zero := make([]byte, mib), make([]byte, mib)
	for {
		n, err := io.ReadFull(f, block)
		if n > 0 && !bytes.Equal(block[:n], zero[:n]) {
			if _, err := image.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}

// alsoInMBR gives the MBR the first three partitions by their numbers, as FAT32 (type 0x0c), with the entry that protects GPT behind
// them: the boot ROMs of a Raspberry Pi Zero 2 W and older boards know nothing else. GPT stays what counts for everyone else.
func alsoInMBR(image *os.File, parts []part) error {
	table := make([]byte, 64)
	protective := table[16*len(parts):]
	if _, err := image.ReadAt(protective[:16], 446); err != nil {
		return err
	}
	for i, p := range parts {
		entry := table[16*i:]
		copy(entry, []byte{0, 0xfe, 0xff, 0xff, 0x0c, 0xfe, 0xff, 0xff})
		binary.LittleEndian.PutUint32(entry[8:], uint32(p.start/sector))
		binary.LittleEndian.PutUint32(entry[12:], uint32(p.size/sector))
	}
	_, err := image.WriteAt(table, 446)
	return err
}
