package slots

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Tryboot is the Raspberry Pi's bootloader: autoboot.txt, and what the bootloader says of
// itself in the device tree.
//
// A cut while autoboot.txt is written must not leave a machine that does not start, and its
// FAT has no journal: a file that takes another's name changes several sectors, and a cut
// between them leaves two names for one chain of clusters, or none. So the file has 512 bytes from
// the image on and is overwritten in its place: one sector, which a card writes or does
// not. Nothing else on the partition changes, but for the file's time.
type Tryboot struct {
	Path string // of autoboot.txt
	Tree string // of /proc/device-tree
	Vcio string // of /dev/vcio

	write func(f *os.File, data []byte) error // for tests
}

// FindTryboot is this machine's; nil: it has another bootloader.
func FindTryboot() *Tryboot {
	for _, path := range []string{"/boot/railgate/autoboot.txt", "/boot/firmware/autoboot.txt", "/boot/autoboot.txt"} {
		if _, err := os.Stat(path); err == nil {
			return &Tryboot{Path: path, Tree: "/proc/device-tree", Vcio: "/dev/vcio"}
		}
	}
	return nil
}

// Read reads autoboot.txt.
func (t *Tryboot) Read() (*Autoboot, error) {
	data, err := os.ReadFile(t.Path)
	if err != nil {
		return nil, err
	}
	if len(data) != autobootSize {
		return nil, fmt.Errorf("%s has %d bytes, want %d, so that it is one sector: it %w; /usr/lib/railgate/slots init writes it again, with slot A as the one that is started", t.Path, len(data), autobootSize, errByHand)
	}
	a, err := ParseAutoboot(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; /usr/lib/railgate/slots init writes it again, with slot A as the one that is started", t.Path, err)
	}
	return a, nil
}

// overwrite writes the file's one sector, and reads it back.
func (t *Tryboot) overwrite(a *Autoboot) error {
	data, err := a.Bytes()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(t.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	old := make([]byte, autobootSize)
	if _, err := f.ReadAt(old, 0); err == nil && bytes.Equal(old, data) {
		return nil // nothing changes, so nothing is at stake
	}
	write := t.write
	if write == nil {
		write = func(f *os.File, data []byte) error {
			_, err := f.WriteAt(data, 0)
			return errors.Join(err, f.Sync())
		}
	}
	if err := write(f, data); err != nil {
		return err
	}
	if _, err := f.ReadAt(old, 0); err != nil || !bytes.Equal(old, data) {
		return errors.Join(fmt.Errorf("%s does not keep what is written to it", t.Path), err)
	}
	return nil
}

// change reads the file, changes it, and writes it if that is something else.
func (t *Tryboot) change(edit func(*Autoboot) error) error {
	a, err := t.Read()
	if err != nil {
		return err
	}
	if err := edit(a); err != nil {
		return err
	}
	return t.overwrite(a)
}

// RebootArgument is the argument with which the machine is restarted, so that the slot that
// is to be tried is; "": none is to be. A bootloader that cannot try a slot gets none: it would
// look for tryboot.txt, which no partition has.
func (t *Tryboot) RebootArgument() (string, error) {
	a, err := t.Read()
	if err != nil || a.Trial == "" {
		return "", err
	}
	if b := t.Bootloader(); b.Known && !b.TryAB {
		return "", nil
	}
	return "0 tryboot", nil
}

// number is a property of the bootloader in the device tree: 32 bits, the highest first.
func (t *Tryboot) number(names ...string) (uint32, error) {
	var err error
	for _, name := range names {
		var data []byte
		data, err = os.ReadFile(filepath.Join(t.Tree, "chosen/bootloader", name))
		if err == nil && len(data) != 4 {
			err = fmt.Errorf("chosen/bootloader/%s has %d bytes; want 4", name, len(data))
		}
		if err == nil {
			return binary.BigEndian.Uint32(data), nil
		}
	}
	return 0, err
}

// Running is the slot that runs, as the bootloader says.
func (t *Tryboot) Running(a *Autoboot) (string, error) {
	n, err := t.number("partition")
	if err != nil {
		return "", fmt.Errorf("which partition was started: %w", err)
	}
	for name, p := range a.Partitions {
		if p == int(n) {
			return name, nil
		}
	}
	return "", fmt.Errorf("partition %d was started, which is no slot's", n)
}

// A Bootloader is what the board's own memory holds.
type Bootloader struct {
	Built time.Time // zero: not known
	// TryAB: it can try a partition. One that cannot starts the old system after every
	// update. Known says whether that is known.
	TryAB, Known bool
}

// tryAB is the bit of chosen/bootloader/capabilities for TRYBOOT_A_B.
const tryAB = 1 << 2

// Bootloader reads what the bootloader says of itself. Boards before the Raspberry Pi 4 have none that does.
func (t *Tryboot) Bootloader() Bootloader {
	var b Bootloader
	if n, err := t.number("build-timestamp", "build_timestamp"); err == nil {
		b.Built = time.Unix(int64(n), 0).UTC()
	}
	if n, err := t.number("capabilities"); err == nil {
		b.TryAB, b.Known = n&tryAB != 0, true
	}
	return b
}

// Why a board cannot try a slot.
var (
	ErrOldBootloader = errors.New("the board's bootloader cannot try a slot")
	ErrKernel        = errors.New("the kernel that runs does not hand the restart's argument to the bootloader, so no slot is ever tried")
)

// Ready tells why a slot could not be tried. The argument "0 tryboot" goes to the bootloader by a mailbox, which only Raspberry Pi's
// own kernels do (drivers/firmware/raspberrypi.c, RPI_FIRMWARE_SET_REBOOT_FLAGS); Debian's 6.1 has nothing
// of it. They have /dev/vcio, too, by which they are known.
func (t *Tryboot) Ready() error {
	if b := t.Bootloader(); b.Known && !b.TryAB {
		return ErrOldBootloader
	}
	if _, err := os.Stat(t.Vcio); err != nil {
		return fmt.Errorf("%w (no %s: it is not one of Raspberry Pi's kernels)", ErrKernel, t.Vcio)
	}
	return nil
}

// ErrUsage is a call that RAUC does not make.
var ErrUsage = errors.New("want get-primary, set-primary SLOT, get-state SLOT, set-state SLOT good|bad, get-current or init")

// Backend does what RAUC asks of a custom bootloader (RAUC's reference, "Custom bootloader
// backend"): args are the verb and what follows it; an answer is written to out.
func (t *Tryboot) Backend(args []string, out io.Writer) error {
	if len(args) == 1 && args[0] == "init" {
		return t.begin()
	}
	a, err := t.Read()
	if err != nil {
		return err
	}
	if len(args) > 1 && a.Partitions[args[1]] == 0 {
		return fmt.Errorf("slot %q; want one of %q", args[1], a.names())
	}
	switch {
	case len(args) == 1 && args[0] == "get-primary":
		_, err = fmt.Fprintln(out, a.Primary())
	case len(args) == 1 && args[0] == "get-current":
		var name string
		if name, err = t.Running(a); err == nil {
			_, err = fmt.Fprintln(out, name)
		}
	case len(args) == 2 && args[0] == "get-state":
		state := "good"
		if slices.Contains(a.Bad, args[1]) {
			state = "bad"
		}
		_, err = fmt.Fprintln(out, state)
	case len(args) == 2 && args[0] == "set-primary":
		err = t.change(func(a *Autoboot) error { a.SetPrimary(args[1]); return nil })
	case len(args) == 3 && args[0] == "set-state" && args[2] == "bad":
		err = t.change(func(a *Autoboot) error { a.SetBad(args[1]); return nil })
	case len(args) == 3 && args[0] == "set-state" && args[2] == "good":
		err = t.change(func(a *Autoboot) error { return t.setGood(a, args[1]) })
	default:
		err = ErrUsage
	}
	return err
}

// setGood makes the slot that runs the usual one. Where the bootloader does not say which
// runs, nothing changes: a slot that was never started must not become the usual one.
func (t *Tryboot) setGood(a *Autoboot, name string) error {
	running, err := t.Running(a)
	if err != nil {
		return err
	}
	a.SetGood(name, running == name)
	return nil
}

// begin writes the first autoboot.txt, or replaces one that was edited by hand. One that is whole
// stays: it knows which slot is good.
func (t *Tryboot) begin() error {
	if _, err := t.Read(); err == nil {
		return nil
	}
	data, err := NewAutoboot().Bytes()
	if err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(t.Path), "autoboot.new")
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, t.Path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(t.Path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
