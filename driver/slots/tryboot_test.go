package slots

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A board is a Raspberry Pi as far as its bootloader's files go: what it reads at a start,
// and what it says afterwards in the device tree. It is written from the documentation, not
// with this package's parser.
type board struct {
	t       *testing.T
	boot    *Tryboot
	flag    bool // the argument "0 tryboot" was given at the restart; lost with the power
	running int  // the partition
	left    int  // writes until the power is cut; negative: it is not
	landed  bool // the last of them reaches the card
}

var errPower = errors.New("power cut")

func newBoard(t *testing.T) *board {
	dir := t.TempDir()
	b := &board{t: t, left: -1, boot: &Tryboot{Path: filepath.Join(dir, "autoboot.txt"), Tree: filepath.Join(dir, "tree")}}
	b.boot.write = b.write
	if err := os.MkdirAll(filepath.Join(dir, "tree/chosen/bootloader"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.boot.Backend([]string{"init"}, nil); err != nil {
		t.Fatal(err)
	}
	b.start()
	return b
}

// write is one sector's, which a cut prevents or does not.
func (b *board) write(f *os.File, data []byte) error {
	if len(data) != 512 {
		b.t.Errorf("%d bytes are written; a sector has 512", len(data))
	}
	if b.left == 0 && !b.landed {
		return errPower
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	if b.left == 0 {
		return errPower
	}
	b.left--
	return nil
}

// start is what the firmware does: it reads 512 bytes of autoboot.txt, takes [all] and, with
// the flag, [tryboot], and forgets the flag.
func (b *board) start() {
	b.t.Helper()
	data, err := os.ReadFile(b.boot.Path)
	if err != nil {
		b.t.Fatal("the board does not start:", err)
	}
	section, partition, ab := "all", 0, false
	for _, line := range strings.Split(string(data[:min(len(data), 512)]), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		case section == "tryboot" && !b.flag:
		case strings.HasPrefix(line, "boot_partition="):
			partition, _ = strconv.Atoi(strings.TrimPrefix(line, "boot_partition="))
		case line == "tryboot_a_b=1":
			ab = true
		}
	}
	if b.flag && !ab {
		b.t.Fatal("the board looks for tryboot.txt, which no partition has")
	}
	if partition != 2 && partition != 3 {
		b.t.Fatalf("the board does not start: partition %d\n%s", partition, data)
	}
	b.flag, b.running, b.left = false, partition, -1
	b.says("partition", uint32(partition))
}

func (b *board) says(name string, n uint32) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.boot.Tree, "chosen/bootloader", name), binary.BigEndian.AppendUint32(nil, n), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// ask calls the backend as RAUC does.
func (b *board) ask(args ...string) (string, error) {
	var out bytes.Buffer
	err := b.boot.Backend(args, &out)
	return strings.TrimSpace(out.String()), err
}

func (b *board) want(answer string, args ...string) {
	b.t.Helper()
	if got, err := b.ask(args...); got != answer || err != nil {
		b.t.Errorf("%s: %q, %v; want %q", strings.Join(args, " "), got, err, answer)
	}
}

// restart is an orderly one: with the argument, where there is one to give.
func (b *board) restart() {
	b.t.Helper()
	argument, err := b.boot.RebootArgument()
	if err != nil {
		b.t.Fatal(err)
	}
	b.flag = argument == "0 tryboot"
	b.start()
}

func (b *board) runs(partition int) {
	b.t.Helper()
	if b.running != partition {
		b.t.Errorf("partition %d runs; want %d", b.running, partition)
	}
}

// installs is what rauc install asks of a backend, in its order.
func (b *board) installs(slot string) error {
	_, err := b.ask("set-state", slot, "bad")
	if err == nil {
		_, err = b.ask("set-primary", slot)
	}
	return err
}

func TestASlotIsTriedOnceAndKept(t *testing.T) {
	b := newBoard(t)
	b.runs(2)
	b.want("A", "get-primary")
	b.want("A", "get-current")
	if err := b.installs("B"); err != nil {
		t.Fatal(err)
	}
	b.want("B", "get-primary")
	b.want("good", "get-state", "B")
	b.start() // the power went and came: the flag is lost, and what runs is what ran
	b.runs(2)
	b.restart()
	b.runs(3)
	b.want("B", "get-current")
	b.start() // it was not marked good
	b.runs(2)
	b.restart()
	b.runs(3)
	b.want("", "set-state", "B", "good")
	b.start()
	b.runs(3)
	b.restart()
	b.runs(3)
	b.want("B", "get-primary")
}

func TestASlotThatFailsIsNotTriedAgain(t *testing.T) {
	b := newBoard(t)
	if err := b.installs("B"); err != nil {
		t.Fatal(err)
	}
	b.restart()
	b.runs(3)
	b.want("", "set-state", "B", "bad")
	b.want("A", "get-primary")
	b.want("bad", "get-state", "B")
	b.restart()
	b.runs(2)
	b.restart()
	b.runs(2)
}

// Marking the other slot good must not start it for good: it was never seen to run.
func TestOnlyTheSlotThatRunsIsKept(t *testing.T) {
	b := newBoard(t)
	b.want("", "set-state", "B", "good")
	b.start()
	b.runs(2)
	os.Remove(filepath.Join(b.boot.Tree, "chosen/bootloader/partition"))
	if _, err := b.ask("set-state", "B", "good"); err == nil || !strings.Contains(err.Error(), "which partition was started") {
		t.Errorf("with nothing known of what runs: %v", err)
	}
}

// A machine whose usual slot turns bad starts the other one, if that is good.
func TestABadUsualSlotIsLeft(t *testing.T) {
	b := newBoard(t)
	b.want("", "set-state", "A", "bad")
	b.start()
	b.runs(3)
	b.want("", "set-state", "B", "bad")
	b.start()
	b.runs(3) // neither is good: better the one that runs than none
}

// The power is cut at each write of an update, before it reaches the card and after: the
// board always starts, never a slot for good that was not marked good while it ran, and a
// try takes one start.
func TestACutAtEachWrite(t *testing.T) {
	update := func(b *board) error {
		if err := b.installs("B"); err != nil {
			return err
		}
		b.left-- // a restart writes nothing of ours, and the power may go before it
		if b.left == -1 {
			return errPower
		}
		left, landed := b.left, b.landed
		b.restart()
		b.left, b.landed = left, landed
		_, err := b.ask("set-state", "B", "good")
		return err
	}
	cuts := 0
	for _, landed := range []bool{false, true} {
		for n := 0; ; n++ {
			b := newBoard(t)
			b.left, b.landed = n, landed
			err := update(b)
			if err == nil {
				break
			}
			cuts++
			if !errors.Is(err, errPower) {
				t.Fatalf("cut at write %d: %v", n, err)
			}
			b.flag = false
			b.start()
			if committed := n == 3 && landed; committed != (b.running == 3) {
				t.Errorf("cut at write %d (landed %v): partition %d runs", n, landed, b.running)
			}
			if _, err := b.boot.Read(); err != nil {
				t.Errorf("cut at write %d (landed %v): %v", n, landed, err)
			}
			if err := update(b); b.running == 2 && err != nil { // the update can be done again
				t.Errorf("after a cut at write %d: %v", n, err)
			}
		}
	}
	if cuts < 6 {
		t.Errorf("%d cuts; want one at each write", cuts)
	}
}

func TestAFileThatIsNotOursIsNotRewritten(t *testing.T) {
	good, err := NewAutoboot().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	pad := func(s string) string { return s + strings.Repeat("\n", max(0, 512-len(s))) }
	for name, text := range map[string]string{
		"ours, and cut off":  strings.TrimRight(string(good), "\n"),
		"short":              "[all]\ntryboot_a_b=1\nboot_partition=2\n",
		"empty":              "",
		"by hand":            pad("[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"),
		"an option of other": strings.Replace(string(good), "[all]\n", "[all]\nuart=1\n", 1)[:512],
		"another filter":     strings.Replace(string(good), "[all]\n", "[pi4]\n", 1)[:512],
		"no such slot":       strings.Replace(string(good), "boot_partition=2", "boot_partition=4", 1),
		"zeros":              strings.Repeat("\x00", 512),
	} {
		b := newBoard(t)
		if err := os.WriteFile(b.boot.Path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ask("set-primary", "B"); err == nil || !strings.Contains(err.Error(), "slots init") {
			t.Errorf("%s: %v; want an error that says what to do", name, err)
		}
		if got, _ := os.ReadFile(b.boot.Path); string(got) != text {
			t.Errorf("%s: it was rewritten: %q", name, got)
		}
		b.want("", "init")
		b.want("A", "get-primary")
	}
}

// init does not forget which slot is good.
func TestInitLeavesAWholeFile(t *testing.T) {
	b := newBoard(t)
	b.installs("B")
	b.restart()
	b.want("", "set-state", "B", "good")
	b.want("", "init")
	b.want("B", "get-primary")
}

func TestACardThatDoesNotKeepWhatIsWritten(t *testing.T) {
	b := newBoard(t)
	b.boot.write = func(*os.File, []byte) error { return nil }
	if _, err := b.ask("set-primary", "B"); err == nil || !strings.Contains(err.Error(), "does not keep") {
		t.Errorf("%v; want that the card does not keep it", err)
	}
}

func TestWrongCallsOfTheBackend(t *testing.T) {
	b := newBoard(t)
	for _, args := range [][]string{nil, {"get-primary", "A"}, {"set-state", "A"}, {"set-state", "A", "fine"}, {"set-primary", "C"}, {"get-state", "rootfs.0"}, {"boot"}} {
		if _, err := b.ask(args...); err == nil {
			t.Errorf("%q is done", args)
		}
	}
}

func TestWhatTheBootloaderSaysOfItself(t *testing.T) {
	b := newBoard(t)
	if got := b.boot.Bootloader(); got.Known || !got.Built.IsZero() {
		t.Errorf("a board that says nothing: %+v", got)
	}
	b.says("build-timestamp", 1669373653) // 2022-11-25
	b.says("capabilities", 0x7f)
	if got := b.boot.Bootloader(); !got.Known || !got.TryAB || got.Built.Format("2006-01-02") != "2022-11-25" {
		t.Errorf("%+v; want one of 2022 that can try a partition", got)
	}
	if err := b.boot.Ready(); !errors.Is(err, ErrKernel) {
		t.Errorf("with a kernel that has no mailbox for programs: %v; want %v", err, ErrKernel)
	}
	b.boot.Vcio = b.boot.Path
	if err := b.boot.Ready(); err != nil {
		t.Error(err)
	}
	b.says("capabilities", 0x3)
	if err := b.boot.Ready(); !errors.Is(err, ErrOldBootloader) {
		t.Errorf("with an old bootloader: %v; want %v", err, ErrOldBootloader)
	}
	if got := b.boot.Bootloader(); !got.Known || got.TryAB {
		t.Errorf("%+v; want one that cannot", got)
	}
}

func FuzzParseAutoboot(f *testing.F) {
	good, _ := NewAutoboot().Bytes()
	tried := NewAutoboot()
	tried.SetPrimary("B")
	other, _ := tried.Bytes()
	for _, seed := range []string{string(good), string(other), "", "[all]\nboot_partition=2", "# railgate: A=2 B=2 bad=A\n[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=2\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAutoboot(data)
		if err != nil {
			return
		}
		again, err := a.Bytes()
		if err != nil {
			return // too long for the bootloader
		}
		b, err := ParseAutoboot(again)
		if err != nil || b.Partitions[b.Usual] != a.Partitions[a.Usual] || b.Partitions[b.Trial] != a.Partitions[a.Trial] {
			t.Errorf("%q became %q, %v", data, again, err)
		}
	})
}
