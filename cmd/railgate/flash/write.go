package flash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// syncEach is after how many bytes they are waited for, so that the speed that is shown is
// the disk's and not the memory's.
const syncEach = 64 << 20

// A Target is a disk, or a file in its place, that nothing else uses.
type Target struct {
	device
	Path string
	Size int64
}

// device is what a disk does.
type device interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	forget() error // what is read next comes from the disk
}

// OpenTarget opens a disk for this program alone: the kernel refuses one that is mounted or
// part of another.
func OpenTarget(path string) (*Target, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_EXCL, 0)
	if err != nil {
		return nil, openError(path, err)
	}
	t := &Target{device: disk{f}, Path: path}
	if t.Size, err = f.Seek(0, io.SeekEnd); err == nil {
		err = writable(f)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func openError(path string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, unix.EBUSY):
		hint = "it is in use: unmount each of its partitions"
	case errors.Is(err, unix.EROFS):
		hint = writeProtected
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		hint = "only root may write to disks: run it with sudo"
	case errors.Is(err, unix.ENOMEDIUM):
		hint = "there is no card in the reader"
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		hint = "the disk was pulled: plug it in again"
	case errors.Is(err, unix.ENOENT):
		hint = "there is no such disk; railgate flash --list shows them"
	default:
		return err
	}
	return fmt.Errorf("%s: %s (%w)", path, hint, errors.Unwrap(err))
}

const writeProtected = "the disk is write-protected: slide the lock at the card's side towards its contacts, or take another card"

// writable refuses a write-protected disk, and what is neither disk nor file.
func writable(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Mode().IsRegular() {
		return err
	}
	if info.Mode()&os.ModeDevice == 0 || info.Mode()&os.ModeCharDevice != 0 {
		return errors.New("it is not a disk")
	}
	ro, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKROGET)
	if err == nil && ro != 0 {
		err = errors.New(writeProtected)
	}
	return err
}

// disk is a block device, or a file.
type disk struct{ *os.File }

func (d disk) forget() error {
	fd := int(d.Fd())
	unix.IoctlSetInt(fd, unix.BLKFLSBUF, 0) // not for a file
	return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
}

// Reread has the kernel read the partition table again; nobody needs it before the disk is
// plugged in the next time, so a kernel that will not is no error.
func (t *Target) Reread() {
	if d, ok := t.device.(disk); ok {
		unix.IoctlSetInt(int(d.Fd()), unix.BLKRRPART, 0)
	}
}

// Write writes an image: first nothing but zeros where the partition table will be, then
// what comes after it, at last the table. A disk that was pulled in between starts nowhere.
// done hears the bytes that are on the disk.
func (t *Target) Write(ctx context.Context, img *Image, done io.Writer) error {
	if img.Size > t.Size {
		return fmt.Errorf("the image needs %d bytes, and the disk has %d: take a larger one", img.Size, t.Size)
	}
	in, err := open(img.Path, io.Discard)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := ctx.Err(); err != nil { // before anything is erased
		return err
	}
	if err := t.blank(img); err != nil {
		return t.gone(0, err)
	}
	sum := sha256.New()
	head, err := t.copy(ctx, io.TeeReader(&stopped{ctx, in}, sum), done)
	if err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), img.Sum[:]) {
		return fmt.Errorf("%s changed while it was written; the disk starts nowhere: run it again", img.Path)
	}
	if _, err := t.WriteAt(head, 0); err != nil {
		return t.gone(0, err)
	}
	return t.gone(0, t.Sync())
}

// blank makes zeros of the old table, and of its copy at the disk's end.
func (t *Target) blank(img *Image) error {
	zeros := make([]byte, headSize)
	if _, err := t.WriteAt(zeros[:min(headSize, t.Size)], 0); err != nil {
		return err
	}
	if from := max(img.Size, t.Size-headSize); from < t.Size {
		if _, err := t.WriteAt(zeros[:t.Size-from], from); err != nil {
			return err
		}
	}
	return t.Sync()
}

// copy writes what comes after the head, which it gives back.
func (t *Target) copy(ctx context.Context, in io.Reader, done io.Writer) (head []byte, err error) {
	head = make([]byte, headSize)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	buf := make([]byte, chunk)
	for at, synced := int64(n), int64(0); ; {
		n, err := io.ReadFull(in, buf)
		if n > 0 {
			if _, err := t.WriteAt(buf[:n], at); err != nil {
				return nil, t.gone(at, err)
			}
			at += int64(n)
			done.Write(buf[:n])
		}
		if last := err != nil; last || at-synced >= syncEach {
			if err := t.Sync(); err != nil {
				return nil, t.gone(at, err)
			}
			synced = at
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return head, nil
		case err != nil:
			return nil, err
		}
	}
}

// Compare reads the disk back, from the disk itself, beside the image.
func (t *Target) Compare(ctx context.Context, img *Image, done io.Writer) error {
	if err := t.forget(); err != nil {
		return t.gone(0, err)
	}
	in, err := open(img.Path, io.Discard)
	if err != nil {
		return err
	}
	defer in.Close()
	want, got := make([]byte, chunk), make([]byte, chunk)
	for at := int64(0); at < img.Size; {
		n, err := io.ReadFull(&stopped{ctx, in}, want[:min(chunk, img.Size-at)])
		if err != nil {
			return err
		}
		if _, err := t.ReadAt(got[:n], at); err != nil {
			return t.gone(at, err)
		}
		if i := different(want[:n], got[:n]); i >= 0 {
			return fmt.Errorf("%s does not keep what is written to it: byte %d is different when read back; take another card", t.Path, at+int64(i))
		}
		at += int64(n)
		done.Write(want[:n])
	}
	return nil
}

func different(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// gone says what a disk's error means for who holds it.
func (t *Target) gone(at int64, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EROFS), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: %s (%w)", t.Path, writeProtected, err)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%s ends at byte %d, before it says: it is a false card, or the file system is full (%w)", t.Path, at, err)
	case errors.Is(err, unix.EIO), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO), errors.Is(err, io.EOF):
		return fmt.Errorf("%s went away, or has a bad place, at byte %d: it starts nowhere now; plug it in and run the command again, or take another card (%w)", t.Path, at, err)
	}
	return fmt.Errorf("%s: %w", t.Path, err)
}
