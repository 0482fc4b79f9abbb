package flash

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs"
	diskpkg "github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// A shape is the size of a test's image, and of its boot partition.
type shape struct{ boot, size int64 }

var (
	small = shape{boot: 2 << 20, size: 12 << 20}  // without a file system
	whole = shape{boot: 40 << 20, size: 48 << 20} // with the least that FAT32 takes
)

// newImage makes an image with the partitions that are named; each after the first has 2 MiB.
func newImage(t *testing.T, s shape, names ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.img")
	d, err := diskfs.Create(path, s.size, diskfs.SectorSizeDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	table := &gpt.Table{LogicalSectorSize: 512, PhysicalSectorSize: 512, ProtectiveMBR: true}
	start, length := uint64(2048), uint64(s.boot/512)
	for i, name := range names {
		table.Partitions = append(table.Partitions, &gpt.Partition{Index: i + 1, Start: start, End: start + length - 1, Type: gpt.LinuxFilesystem, Name: name})
		start, length = start+length, 2<<20/512
	}
	if err := d.Partition(table); err != nil {
		t.Fatal(err)
	}
	if s == whole {
		if _, err := d.CreateFilesystem(diskpkg.FilesystemSpec{Partition: 1, FSType: filesystem.TypeFat32, VolumeLabel: BootPartition}); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, path, 1<<20+s.boot, s.boot+7<<20)
	return path
}

// fill writes something into the slots, so that each place of them is different.
func fill(t *testing.T, path string, from, to int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at := from; at < to; at += 4096 {
		if _, err := f.WriteAt(fmt.Appendf(nil, "%d", at), at); err != nil {
			t.Fatal(err)
		}
	}
}

func gateImage(t *testing.T) string { return newImage(t, small, parts...) }

// pack packs a file by its new name's ending.
func pack(t *testing.T, path, ext string) string {
	t.Helper()
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(path + ext)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var w io.WriteCloser
	switch ext {
	case ".gz":
		w = gzip.NewWriter(out)
	case ".zst":
		w, err = zstd.NewWriter(out)
	case ".xz":
		w, err = xz.NewWriter(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path + ext
}

func check(t *testing.T, path string) *Image {
	t.Helper()
	img, err := CheckImage(context.Background(), path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// An image is the same, packed in each way, and read counts what was read of the file.
func TestImagesInEachPacking(t *testing.T) {
	path := gateImage(t)
	want := check(t, path)
	if want.Size != small.size || want.Listed {
		t.Errorf("size %d, listed %v", want.Size, want.Listed)
	}
	for _, ext := range []string{".gz", ".zst", ".xz"} {
		img := check(t, pack(t, path, ext))
		if img.Size != want.Size || img.Sum != want.Sum {
			t.Errorf("%s: %d bytes, sum %s; want %d, %s", ext, img.Size, img.Told, want.Size, want.Told)
		}
	}
}

// What is no whole image of a gate is refused, with the reason.
func TestBadImages(t *testing.T) {
	good := gateImage(t)
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(pack(t, good, ".gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"cut", "a.img", data[:8<<20], "ends before its partition railgate-data"},
		{"cut and packed", "a.img.gz", packed[:len(packed)/2], "damaged, or was not copied to its end"},
		{"a bit of the packing", "b.img.gz", flip(packed, len(packed)-6), "damaged, or was not copied"},
		{"empty", "c.img", nil, "no partition table"},
		{"text", "d.img", []byte(strings.Repeat("hello ", 1000)), "no partition table"},
		{"a bit of the table", "e.img", flip(data, 1024+60), "no partition table"},
		{"a bundle", "f.raucb", data, "railgate update"},
		{"no zstd", "g.img.zst", data, "damaged"},
		{"no xz", "h.img.xz", data, "xz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := CheckImage(context.Background(), path, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.file) {
				t.Errorf("%v; want %q", err, tt.want)
			}
		})
	}
	if _, err := CheckImage(context.Background(), newImage(t, small, BootPartition, "railgate-a", "railgate-data"), io.Discard); err == nil || !strings.Contains(err.Error(), "no partition railgate-b") {
		t.Errorf("without a slot: %v", err)
	}
}

func flip(data []byte, at int) []byte {
	other := append([]byte(nil), data...)
	other[at] ^= 1
	return other
}

// SHA256SUMS beside an image decides, where it lists it.
func TestListedImages(t *testing.T) {
	path := pack(t, gateImage(t), ".zst")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	list := func(text string) {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "SHA256SUMS"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list(strings.Repeat("0", 64) + "  other.img\n" + hex.EncodeToString(sum[:]) + "  gate.img.zst\n")
	if img := check(t, path); !img.Listed {
		t.Error("a listed image is not known as one")
	}
	list(strings.Repeat("0", 64) + " *gate.img.zst\n")
	if _, err := CheckImage(context.Background(), path, io.Discard); err == nil || !strings.Contains(err.Error(), "SHA256SUMS") {
		t.Errorf("another file than the listed one: %v", err)
	}
	list(strings.Repeat("0", 64) + "  other.img\n")
	if img := check(t, path); img.Listed {
		t.Error("an image that is not listed is said to be")
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte("EFI PART"), 512)
	f.Add(make([]byte, 64), 1024)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		head := make([]byte, 64<<10)
		copy(head[512:], "EFI PART")
		copy(head[uint(at)%uint(len(head)):], data)
		if err := (&Image{Size: 1 << 30}).readTable(head); err == nil {
			t.Error("a table without a gate's partitions is taken")
		}
	})
}
