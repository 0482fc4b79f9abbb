package flash

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"
)

// headSize is how much of an image's begin is written last: the partition table, without
// which nothing starts from a disk.
const headSize = 1 << 20

// chunk is how much is read and written at once.
const chunk = 4 << 20

// BootPartition is the name of the partition that a laptop can read, with the folder
// Folder for what belongs to one gate.
const (
	BootPartition = "RAILGATE"
	Folder        = "/provision"
)

// parts are the names of an image's partitions: firmware, two root slots, data.
var parts = []string{BootPartition, "railgate-a", "railgate-b", "railgate-data"}

// An Image is an image of a gate that was read to its end, and is whole.
type Image struct {
	Path string   `json:"image"`
	Size int64    `json:"size"`   // bytes on the disk
	Sum  [32]byte `json:"-"`      // SHA-256 of these
	Told string   `json:"sha256"` // the same in hex
	// Listed says that SHA256SUMS beside the file has its sum.
	Listed bool `json:"listed"`
	boot   gpt.Partition
}

// CheckImage reads an image to its end. Its table must be a gate's, and where the folder
// has SHA256SUMS, the file must be as that says. read hears how many bytes of the file were
// read.
func CheckImage(ctx context.Context, path string, read io.Writer) (*Image, error) {
	in, err := open(path, read)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, badImage(path, err)
	}
	img := &Image{Path: path}
	sum := sha256.New()
	sum.Write(head[:n])
	rest, err := io.CopyBuffer(sum, &stopped{ctx, in}, make([]byte, chunk))
	if err != nil {
		return nil, badImage(path, err)
	}
	img.Size = int64(n) + rest
	sum.Sum(img.Sum[:0])
	img.Told = hex.EncodeToString(img.Sum[:])
	if err := img.readTable(head[:n]); err != nil {
		return nil, fmt.Errorf("%s is not an image of a gate: %w", path, err)
	}
	img.Listed, err = checkListed(path, in.file)
	return img, err
}

func badImage(path string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s is damaged, or was not copied to its end: %w", path, err)
}

// readTable finds the partitions of a gate.
func (img *Image) readTable(head []byte) error {
	table, err := gpt.Read(&memory{Reader: bytes.NewReader(head)}, 512, 512)
	if err != nil {
		return errors.New("it has no partition table (GPT)")
	}
	for _, name := range parts {
		p := find(table, name)
		if p == nil {
			return fmt.Errorf("it has no partition %s", name)
		}
		if end := int64(p.Start)*512 + int64(p.Size); end > img.Size {
			return fmt.Errorf("it ends before its partition %s does; was it copied to its end?", name)
		}
		if name == BootPartition {
			img.boot = *p
		}
	}
	return nil
}

func find(table *gpt.Table, name string) *gpt.Partition {
	for _, p := range table.Partitions {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// checkListed compares a file's sum with SHA256SUMS in its folder, if that has it.
func checkListed(path string, sum hash.Hash) (bool, error) {
	list, err := os.ReadFile(filepath.Join(filepath.Dir(path), "SHA256SUMS"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.TrimLeft(name, " *") != filepath.Base(path) {
			continue
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != strings.ToLower(want) {
			return false, fmt.Errorf("%s is not the file that SHA256SUMS lists: its SHA-256 is %s; copy it again", path, got)
		}
		return true, nil
	}
	return false, nil
}

// A content is an image's bytes, unpacked, and the sum of its file.
type content struct {
	io.Reader
	file   hash.Hash // of what was read of the file
	packed io.Reader
	closes []func() error
}

// open reads an image, packed or not. read hears the bytes of the file. It waits for no pipe, and an
// image is read more than once.
func open(path string, read io.Writer) (*content, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(fmt.Errorf("%s: it is not a file", path), err)
	}
	c := &content{file: sha256.New(), closes: []func() error{f.Close}}
	c.packed = bufio.NewReaderSize(io.TeeReader(f, io.MultiWriter(c.file, read)), chunk)
	if err := c.unpack(filepath.Ext(path)); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *content) unpack(ext string) error {
	switch ext {
	case ".zst":
		z, err := zstd.NewReader(c.packed, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		c.Reader = z
		c.closes = append(c.closes, func() error { z.Close(); return nil })
	case ".gz":
		z, err := gzip.NewReader(c.packed)
		if err != nil {
			return err
		}
		c.Reader = z
	case ".xz":
		z, err := xz.NewReader(c.packed)
		if err != nil {
			return err
		}
		c.Reader = z
	case ".img", ".raw":
		c.Reader = c.packed
	default:
		return errors.New("its name ends in none of .img, .img.zst, .img.xz, .img.gz; a bundle (.raucb) is for railgate update, a package (.deb) for apt")
	}
	return nil
}

func (c *content) Close() error {
	var all []error
	for _, end := range c.closes {
		all = append(all, end())
	}
	return errors.Join(all...)
}

// stopped is a reader that ends with its context.
type stopped struct {
	ctx context.Context
	in  io.Reader
}

func (s *stopped) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.in.Read(p)
}

// memory is the begin of an image as go-diskfs reads it.
type memory struct{ *bytes.Reader }

func (m *memory) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }
func (m *memory) Close() error               { return nil }
