package flash

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
	"golang.org/x/sys/unix"
)

// newDisk makes a file of a size in a disk's place, full of old things.
func newDisk(t *testing.T, size int64) *Target {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, bytes.Repeat([]byte("old "), int(size/4)), 0o600); err != nil {
		t.Fatal(err)
	}
	target, err := OpenTarget(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { target.Close() })
	return target
}

func write(t *testing.T, target *Target, img *Image) {
	t.Helper()
	if err := target.Write(context.Background(), img, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := target.Compare(context.Background(), img, io.Discard); err != nil {
		t.Fatal(err)
	}
}

func TestWriteAnImage(t *testing.T) {
	path := gateImage(t)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{"", ".zst"} {
		target := newDisk(t, 16<<20)
		if ext != "" {
			path = pack(t, path, ext)
		}
		write(t, target, check(t, path))
		got, err := os.ReadFile(target.Path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[:len(want)], want) {
			t.Errorf("%s: the disk has something else", path)
		}
		if end := got[len(got)-headSize:]; !bytes.Equal(end, make([]byte, headSize)) {
			t.Error("an old table's copy is left at the disk's end")
		}
		if middle := got[len(want)+4096 : len(want)+8192]; !bytes.HasPrefix(middle, []byte("old ")) {
			t.Error("more than the image was written")
		}
	}
}

func TestADiskThatIsTooShort(t *testing.T) {
	target := newDisk(t, small.size-512)
	err := target.Write(context.Background(), check(t, gateImage(t)), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "larger") {
		t.Error(err)
	}
	if got, err := os.ReadFile(target.Path); err != nil || !bytes.HasPrefix(got, []byte("old ")) {
		t.Errorf("something was written: %v", err)
	}
}

// pulled is a disk that is pulled after some of its calls.
type pulled struct {
	device
	left int
}

func (p *pulled) spend() error {
	if p.left--; p.left < 0 {
		return &os.PathError{Op: "write", Path: "disk", Err: unix.EIO}
	}
	return nil
}

func (p *pulled) WriteAt(b []byte, at int64) (int, error) {
	if err := p.spend(); err != nil {
		return 0, err
	}
	return p.device.WriteAt(b, at)
}

func (p *pulled) Sync() error {
	if err := p.spend(); err != nil {
		return err
	}
	return p.device.Sync()
}

// Pulled at any instant, a disk has no table that something could start from, and the error
// says what to do.
func TestAPulledDiskStartsNowhere(t *testing.T) {
	img := check(t, gateImage(t))
	target := newDisk(t, 16<<20)
	real := target.device
	count := &pulled{real, 1000}
	target.device = count
	write(t, target, img)
	all := 1000 - count.left
	if all < 7 {
		t.Fatalf("%d writes and syncs", all)
	}
	for calls := range all - 1 { // where the last sync alone is missing, all may be there
		target.device = &pulled{real, calls}
		if err := target.Write(context.Background(), img, io.Discard); err == nil || !strings.Contains(err.Error(), "plug it in") {
			t.Fatalf("after %d calls: %v", calls, err)
		}
		if calls > 0 && hasTable(t, real) {
			t.Errorf("after %d calls of %d the disk has a table, and not what it names", calls, all)
		}
	}
}

func hasTable(t *testing.T, d device) bool {
	t.Helper()
	head := make([]byte, headSize)
	if _, err := d.ReadAt(head, 0); err != nil {
		t.Fatal(err)
	}
	return (&Image{Size: small.size}).readTable(head) == nil
}

// Stopped by its user, it says so and no table is there.
func TestStopped(t *testing.T) {
	target := newDisk(t, 16<<20)
	img := check(t, gateImage(t))
	ctx, stop := context.WithCancel(context.Background())
	err := target.Write(ctx, img, stopping(stop))
	if !errors.Is(err, context.Canceled) || hasTable(t, target) {
		t.Errorf("%v, or a table", err)
	}
}

type stopping func()

func (s stopping) Write(p []byte) (int, error) { s(); return len(p), nil }

// false card: what is written beyond its end comes again at its begin.
type falseCard struct {
	device
	size int64
}

func (f falseCard) WriteAt(b []byte, at int64) (int, error) { return f.device.WriteAt(b, at%f.size) }
func (f falseCard) ReadAt(b []byte, at int64) (int, error)  { return f.device.ReadAt(b, at%f.size) }

func TestAFalseCardIsFound(t *testing.T) {
	target := newDisk(t, 16<<20)
	target.device = falseCard{target.device, 8 << 20}
	img := check(t, gateImage(t))
	if err := target.Write(context.Background(), img, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := target.Compare(context.Background(), img, io.Discard); err == nil || !strings.Contains(err.Error(), "take another card") {
		t.Error(err)
	}
}

// One wrong byte is named by its place.
func TestCompareNamesTheByte(t *testing.T) {
	target := newDisk(t, 16<<20)
	img := check(t, gateImage(t))
	write(t, target, img)
	const at = 5<<20 + 17
	if _, err := target.WriteAt([]byte{0xff}, at); err != nil {
		t.Fatal(err)
	}
	if err := target.Compare(context.Background(), img, io.Discard); err == nil || !strings.Contains(err.Error(), "byte 5242897 ") {
		t.Error(err)
	}
}

// An image that is another file when it is written leaves a disk that starts nowhere.
func TestAnImageThatChanges(t *testing.T) {
	path := gateImage(t)
	img := check(t, path)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteAt([]byte("x"), 5<<20)
	target := newDisk(t, 16<<20)
	err = target.Write(context.Background(), img, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "changed") || hasTable(t, target) {
		t.Errorf("%v, or a table", err)
	}
}

// A provisioning file is in the image's own partition, replaces one that is there, and
// nothing else changes.
func TestPut(t *testing.T) {
	target := newDisk(t, 60<<20)
	img := check(t, newImage(t, whole, parts...))
	write(t, target, img)
	for _, data := range []string{"RGP1:first", "RGP1:" + strings.Repeat("second", 3000), "RGP1:third"} {
		if err := target.Put(img, "railgate.provision", []byte(data)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(target.Path)
		if err != nil {
			t.Fatal(err)
		}
		boot, err := fat32.Read(file.New(f, true), int64(img.boot.Size), int64(img.boot.Start)*512, 512)
		if err != nil {
			t.Fatal(err)
		}
		got, err := boot.ReadFile("/provision/railgate.provision")
		if err != nil || string(got) != data {
			t.Errorf("%d bytes, %v; want %d", len(got), err, len(data))
		}
		f.Close()
	}
	want, _ := os.ReadFile(img.Path)
	got, _ := os.ReadFile(target.Path)
	if end := 41 << 20; !bytes.Equal(got[end:whole.size], want[end:]) || !bytes.Equal(got[:1<<20], want[:1<<20]) {
		t.Error("something else than the boot partition changed")
	}
}

// The FAT that Debian's mkfs makes is written as well as go-diskfs' own.
func TestPutIntoDebiansFAT(t *testing.T) {
	mkfs, err := exec.LookPath("mkfs.vfat")
	if err != nil {
		t.Skip("needs mkfs.vfat (apt install dosfstools)")
	}
	path := newImage(t, whole, parts...)
	if out, err := exec.Command(mkfs, "-F", "32", "-n", BootPartition, "--offset", "2048", path, "40960").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	target := newDisk(t, 60<<20)
	img := check(t, path)
	write(t, target, img)
	if err := target.Put(img, "railgate.provision", []byte("RGP1:code")); err != nil {
		t.Fatal(err)
	}
	mtype, err := exec.LookPath("mtype")
	if err != nil {
		return
	}
	cmd := exec.Command(mtype, "-i", target.Path+"@@1M", "::provision/railgate.provision")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "RGP1:code" {
		t.Errorf("mtools reads %q, %v", out, err)
	}
}

func TestOpenTarget(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "none"), "--list"},
		{"/dev/null", "not a disk"},
		{dir, "directory"},
	} {
		if target, err := OpenTarget(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want %q", tt.path, target, err, tt.want)
		}
	}
	for err, want := range map[error]string{unix.EBUSY: "unmount", unix.EROFS: "write-protected", unix.EACCES: "sudo", unix.ENOMEDIUM: "no card", unix.ENXIO: "plug it in"} {
		if got := openError("/dev/sdx", &os.PathError{Op: "open", Path: "/dev/sdx", Err: err}); !strings.Contains(got.Error(), want) || !errors.Is(got, err) {
			t.Errorf("%v: %v; want %q", err, got, want)
		}
	}
}

// On a block device of the kernel's: written, read back, alone, and not where it is
// write-protected.
func TestOnALoopDevice(t *testing.T) {
	path := loopDevice(t)
	img := check(t, newImage(t, whole, parts...))
	target, err := OpenTarget(path)
	if err != nil {
		t.Fatal(err)
	}
	if target.Size != 60<<20 {
		t.Errorf("%d bytes", target.Size)
	}
	if _, err := OpenTarget(path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second program may write it: %v", err)
	}
	write(t, target, img)
	if err := target.Put(img, "railgate.provision", []byte("RGP1:code")); err != nil {
		t.Error(err)
	}
	target.Reread()
	target.Close()
	protected := loopDevice(t, "--read-only")
	if _, err := OpenTarget(protected); err == nil || !strings.Contains(err.Error(), "slide the lock") {
		t.Errorf("write-protected: %v", err)
	}
}

// loopDevice makes a loop device of 60 MiB, where the kernel and the user's rights allow.
func loopDevice(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "loop")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 60<<20); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", append(flags, "--find", "--show", path)...).Output()
	if err != nil {
		t.Skip("needs root and a free loop device")
	}
	name := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if err := exec.Command("losetup", "--detach", name).Run(); err != nil {
			t.Error(err)
		}
	})
	return name
}
