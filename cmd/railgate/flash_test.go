package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diskfs/go-diskfs"
	diskpkg "github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/partition/gpt"
	"golang.org/x/sys/unix"

	"railgate/cmd/railgate/flash"
)

// flashImage makes an image with a gate's partitions.
func flashImage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.img")
	d, err := diskfs.Create(path, 48<<20, diskfs.SectorSizeDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	table := &gpt.Table{LogicalSectorSize: 512, PhysicalSectorSize: 512, ProtectiveMBR: true}
	start := uint64(2048)
	for i, name := range []string{flash.BootPartition, "railgate-a", "railgate-b", "railgate-data"} {
		length := uint64(2 << 20 / 512)
		if i == 0 {
			length *= 20
		}
		table.Partitions = append(table.Partitions, &gpt.Partition{Index: i + 1, Start: start, End: start + length - 1, Type: gpt.LinuxFilesystem, Name: name})
		start += length
	}
	if err := d.Partition(table); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateFilesystem(diskpkg.FilesystemSpec{Partition: 1, FSType: filesystem.TypeFat32, VolumeLabel: flash.BootPartition}); err != nil {
		t.Fatal(err)
	}
	return path
}

// A bench is where cards are written: a machine's disks as files.
type flashBench struct {
	t    *testing.T
	dir  string
	host flash.Host
	disk string
}

func newFlashBench(t *testing.T, mounts string) *flashBench {
	dir := t.TempDir()
	b := &flashBench{t: t, dir: dir, host: flash.Host{Sys: dir + "/sys", Proc: dir + "/proc", Dev: dir + "/dev"}, disk: dir + "/dev/sdb"}
	for name, text := range map[string]string{
		"proc/self/mountinfo": mounts, "proc/swaps": "",
		"sys/block/sdb/dev": "8:16", "sys/block/sdb/size": "125829", "sys/block/sdb/removable": "1", "sys/block/sdb/device/model": "Card Reader",
		"sys/block/sdb/sdb1/partition": "1", "sys/block/sdb/sdb1/dev": "8:17", "sys/block/sdb/sdb1/size": "2048",
		"sys/block/sda/dev": "8:0", "sys/block/sda/size": "125829", "dev/sda": "", "dev/sdb": "", "dev/sdb1": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(b.disk, 60<<20); err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs flash with what a person types.
func (b *flashBench) run(f flashing, typed string, args ...string) (out, errOut string, err error) {
	var o, e bytes.Buffer
	f.host, f.in, f.out, f.errOut = b.host, strings.NewReader(typed), &o, &e
	err = f.run(context.Background(), args)
	return o.String(), e.String(), err
}

// blank tells whether nothing was written.
func (b *flashBench) blank() bool {
	data, err := os.ReadFile(b.disk)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(data) == 60<<20 && len(bytes.TrimRight(data, "\x00")) == 0
}

func TestFlashACard(t *testing.T) {
	b := newFlashBench(t, "")
	image := flashImage(t)
	code := filepath.Join(b.dir, "lane-3.txt")
	if err := os.WriteFile(code, []byte("\ufeff"+someCode(t)+"\n"), 0o600); err != nil { // as an editor elsewhere has it
		t.Fatal(err)
	}
	out, errOut, err := b.run(flashing{provision: code}, "sdb\n", image, b.disk)
	if err != nil {
		t.Fatalf("%v: %s", err, errOut)
	}
	for _, want := range []string{"will be erased", "sdb1", "Type sdb to erase it", "no SHA256SUMS"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not in %q", want, errOut)
		}
	}
	if !strings.Contains(out, "was read back") || !strings.Contains(out, "with railgate.provision") {
		t.Errorf("%q", out)
	}
	got, err := os.ReadFile(b.disk)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got[:42<<20], []byte(someCode(t)+"\n")) {
		t.Error("the code is not on the card")
	}
}

// Each mistake of a tired person ends with words, and with nothing written.
func TestFlashMistakes(t *testing.T) {
	image := flashImage(t)
	toml := filepath.Join(t.TempDir(), "railgated.toml")
	if err := os.WriteFile(toml, []byte("nonsense = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		mounts string
		f      flashing
		typed  string
		args   func(b *flashBench) []string
		want   string
	}{
		{"another disk's name", "", flashing{}, "sda\n", func(b *flashBench) []string { return []string{image, b.disk} }, "nothing was written"},
		{"yes is not a name", "", flashing{}, "yes\n", func(b *flashBench) []string { return []string{image, b.disk} }, "nothing was written"},
		{"no answer", "", flashing{}, "", func(b *flashBench) []string { return []string{image, b.disk} }, "nothing was written"},
		{"no disk", "", flashing{}, "", func(b *flashBench) []string { return []string{image} }, "which disk?"},
		{"a disk that is not there", "", flashing{yes: true}, "", func(b *flashBench) []string { return []string{image, b.dir + "/dev/sdz"} }, "--list"},
		{"not an image", "", flashing{yes: true}, "", func(b *flashBench) []string { return []string{toml, b.disk} }, "nothing was written"},
		{"a wrong provisioning file", "", flashing{yes: true, provision: toml}, "", func(b *flashBench) []string { return []string{image, b.disk} }, "neither a provisioning code"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newFlashBench(t, tt.mounts)
			_, errOut, err := b.run(tt.f, tt.typed, tt.args(b)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %q; want %q", err, errOut, tt.want)
			}
			if !b.blank() {
				t.Error("something was written")
			}
		})
	}
}

// A disk that is mounted, built in, or a part of one, is refused before the image is read.
func TestFlashRefusesDisks(t *testing.T) {
	b := newFlashBench(t, "23 1 8:17 / /media/files rw - vfat /dev/sdb1 rw\n")
	disks, err := b.host.Disks()
	if err != nil {
		t.Fatal(err)
	}
	f := flashing{host: b.host}
	for path, want := range map[string]string{"sdb": "mounted at /media/files", "sda": "--fixed"} {
		if err := f.refuse(disks, filepath.Join(b.host.Dev, path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
	}
	if err := f.refuse(disks, filepath.Join(b.host.Dev, "sdb1")); err == nil || !strings.Contains(err.Error(), "whole disk: "+b.disk) {
		t.Errorf("a partition: %v", err)
	}
	f.fixed = true
	if err := f.refuse(disks, filepath.Join(b.host.Dev, "sda")); err != nil {
		t.Errorf("with --fixed: %v", err)
	}
	if err := f.refuse(disks, b.disk); err == nil {
		t.Error("a mounted disk is taken with --fixed")
	}
}

// What is refused by its name is refused by every other way to it.
func TestFlashRefusesADiskByAnyName(t *testing.T) {
	b := newFlashBench(t, "23 1 8:0 / /media/files rw - vfat /dev/sda rw\n")
	disks, err := b.host.Disks()
	if err != nil {
		t.Fatal(err)
	}
	f := flashing{host: b.host}
	refused := func(path, want string) {
		t.Helper()
		if err := f.refuse(disks, path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(b.host.Dev, "dm-3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"by-id-part1": "sdb1", "mapper-data": "dm-3"} {
		if _, err := os.Stat(filepath.Join(b.host.Dev, to)); err != nil { // the bench has disks alone
			if err := os.WriteFile(filepath.Join(b.host.Dev, to), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(to, filepath.Join(b.host.Dev, name)); err != nil {
			t.Fatal(err)
		}
	}
	refused(filepath.Join(b.host.Dev, "by-id-part1"), "whole disk: "+b.disk)
	refused(filepath.Join(b.host.Dev, "mapper-data"), "made of other disks")

	node := filepath.Join(t.TempDir(), "another")
	if err := unix.Mknod(node, unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))); err != nil {
		t.Skip("a node by another name needs root: ", err)
	}
	by := filepath.Join(b.host.Sys, "dev/block")
	if err := os.MkdirAll(by, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(b.host.Sys, "block/sda"), filepath.Join(by, "8:0")); err != nil {
		t.Fatal(err)
	}
	refused(node, "mounted at /media/files")
}

func TestFlashList(t *testing.T) {
	b := newFlashBench(t, "23 1 8:0 / / rw - ext4 /dev/sda rw\n")
	out, _, err := b.run(flashing{list: true}, "")
	if err != nil || !strings.Contains(out, "Card Reader") || !strings.Contains(out, "no: the system's: mounted at /") {
		t.Errorf("%q, %v", out, err)
	}
	out, _, err = b.run(flashing{list: true, json: true}, "")
	var disks []flash.Disk
	if err != nil || json.Unmarshal([]byte(out), &disks) != nil || len(disks) != 2 {
		t.Errorf("%q, %v", out, err)
	}
	for _, tt := range []struct{ args []string }{{[]string{"flash"}}, {[]string{"flash", "a", "b", "c"}}, {[]string{"flash", "--list", "a"}}} {
		var o, e bytes.Buffer
		if status := run(tt.args, strings.NewReader(""), &o, &e); status != exitUsage {
			t.Errorf("%v: status %d, %s", tt.args, status, &e)
		}
	}
}

// stopper ends a context when a question is asked.
type stopper struct {
	bytes.Buffer
	at   string
	stop func()
}

func (s *stopper) Write(b []byte) (int, error) {
	n, err := s.Buffer.Write(b)
	if strings.Contains(s.String(), s.at) {
		s.stop()
	}
	return n, err
}

// Ctrl-C at the question ends it; the table of the disk is still there.
func TestFlashIsStoppedAtTheQuestion(t *testing.T) {
	b := newFlashBench(t, "")
	ctx, stop := context.WithCancel(t.Context())
	typed, keyboard := io.Pipe()
	defer keyboard.Close()
	asked := &stopper{at: "to erase it: ", stop: stop}
	f := flashing{host: b.host, in: typed, out: io.Discard, errOut: asked}
	done := make(chan error, 1)
	go func() { done <- f.run(ctx, []string{flashImage(t), b.disk}) }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "stopped; nothing was written") || !b.blank() {
			t.Errorf("%v; want that it was stopped, and an untouched disk", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for an answer still")
	}
	// Also where the answer came first.
	target, err := flash.OpenTarget(b.disk)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	img, err := flash.CheckImage(t.Context(), flashImage(t), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.disk, bytes.Repeat([]byte("old "), 15<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := target.Write(ctx, img, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("writing: %v", err)
	}
	if got, err := os.ReadFile(b.disk); err != nil || !bytes.HasPrefix(got, []byte("old ")) {
		t.Errorf("the disk was erased (%v)", err)
	}
}

// An image is not erased by being written onto itself, and a pipe is no image.
func TestFlashTakesNoImageForItsDisk(t *testing.T) {
	b := newFlashBench(t, "")
	image := flashImage(t)
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(b.dir, "link.img")
	if err := os.Symlink(image, link); err != nil {
		t.Fatal(err)
	}
	if _, errOut, err := b.run(flashing{yes: true}, "", image, link); err == nil || !strings.Contains(err.Error(), "is the image itself") {
		t.Errorf("%v; want that it is the image itself\n%s", err, errOut)
	}
	if after, err := os.ReadFile(image); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the image was changed (%v)", err)
	}
	pipe := filepath.Join(b.dir, "pipe.img")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := b.run(flashing{yes: true}, "", pipe, b.disk)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "it is not a file") {
			t.Errorf("%v; want that a pipe is no file", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for a pipe")
	}
}
