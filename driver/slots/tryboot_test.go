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
	old     bool // its bootloader is from before tryboot_a_b
	writes  int  // of autoboot.txt's sector
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
	b.writes++
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
	if b.flag && (!ab || b.old) {
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
	b.says("capabilities", 0x7f) // it can try a partition, and says so
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

// The power went after the slot was written, and before the restart into it: the usual slot says that it is good, and the try is still to come.
func TestATryOutlivesTheUsualSlotsMark(t *testing.T) {
	b := newBoard(t)
	if err := b.installs("B"); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.want("", "set-state", "A", "good")
	b.want("B", "get-primary")
	b.restart()
	b.runs(3)
}

// A slot that was bad and has been mended, or was only seen late to work, is good again.
func TestABadSlotBecomesGood(t *testing.T) {
	b := newBoard(t)
	for _, slot := range []string{"B", "A"} {
		b.want("", "set-state", slot, "bad")
		b.want("bad", "get-state", slot)
		b.want("", "set-state", slot, "good")
		b.want("good", "get-state", slot)
	}
}

// A try is taken back by having the usual slot started.
func TestATryThatIsTakenBack(t *testing.T) {
	b := newBoard(t)
	if err := b.installs("B"); err != nil {
		t.Fatal(err)
	}
	b.want("", "set-primary", "A")
	b.restart()
	b.runs(2)
}

// What changes nothing writes nothing: RAUC marks the slot that runs good at each start.
func TestWhatIsSoAlreadyIsNotWritten(t *testing.T) {
	b := newBoard(t)
	b.want("", "set-state", "A", "good")
	b.want("", "set-primary", "A")
	if b.writes != 0 {
		t.Errorf("autoboot.txt was written %d times; want it left alone", b.writes)
	}
	b.want("", "set-primary", "B")
	if b.writes != 1 {
		t.Errorf("autoboot.txt was written %d times; want once", b.writes)
	}
}

// The file is overwritten where it lies: another file, or another length, would be more than one sector's write.
func TestTheFileStaysWhereItLies(t *testing.T) {
	b := newBoard(t)
	b.boot.write = nil
	before, err := os.Stat(b.boot.Path)
	if err != nil {
		t.Fatal(err)
	}
	b.want("", "set-primary", "B")
	if after, err := os.Stat(b.boot.Path); err != nil || !os.SameFile(before, after) || after.Size() != 512 {
		t.Errorf("%v, %v; want the same file, of 512 bytes", after, err)
	}
	b.restart()
	b.runs(3)
}

// A bootloader that cannot try a slot is not asked to: the board starts what it has. A card may come from another board.
func TestAnOldBootloaderIsNotAskedToTry(t *testing.T) {
	b := newBoard(t)
	b.old = true
	b.says("capabilities", 0x3)
	if err := b.installs("B"); err != nil {
		t.Fatal(err)
	}
	b.restart()
	b.runs(2)
}

// A partition that is no slot's was started, as a bootloader says that does not know (0), or one that found autoboot.txt's without a system (1).
func TestAStartFromElsewhere(t *testing.T) {
	b := newBoard(t)
	for _, n := range []uint32{0, 1, 4} {
		b.says("partition", n)
		if _, err := b.ask("set-state", "B", "good"); err == nil || !strings.Contains(err.Error(), "no slot's") {
			t.Errorf("partition %d: %v; want that it is no slot's", n, err)
		}
	}
	b.start()
	b.runs(2)
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
	if cuts != 8 {
		t.Errorf("%d cuts; want one at each of three writes and at the restart, before and after it", cuts)
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
		"no such slot tried": pad(strings.TrimRight(string(good), "\n") + "\n[tryboot]\nboot_partition=4\n"),
		"twice":              pad(strings.TrimRight(string(good), "\n") + "\nboot_partition=3\n"),
		"without a filter":   strings.Replace(string(good), "[all]\n", "\n\n\n\n\n\n", 1),
		"not by partitions":  strings.Replace(string(good), "tryboot_a_b=1", "tryboot_a_b=0", 1),
		"only when tried":    pad(strings.Replace(strings.TrimRight(string(good), "\n"), "tryboot_a_b=1\n", "", 1) + "\n[tryboot]\ntryboot_a_b=1\n"),
		"not by any":         pad(strings.Replace(strings.TrimRight(string(good), "\n"), "tryboot_a_b=1\n", "", 1)),
		"partition 0":        strings.NewReplacer("A=2", "A=0", "boot_partition=2", "boot_partition=0").Replace(string(good)),
		"partition 129":      strings.Replace(string(good), "B=3 bad=\n", "B=129 bad=\n", 1)[:512],
		"one slot":           pad(strings.Replace(strings.TrimRight(string(good), "\n"), " B=3", "", 1)),
		"slots in one place": strings.Replace(string(good), "B=3", "B=2", 1),
		"a bad slot unknown": strings.Replace(string(good), "bad=\n", "bad=C\n", 1)[:512],
		"a word of ours":     strings.Replace(string(good), "bad=\n", "bad=\n\n", 1)[:512] + "x",
		"a word alone":       strings.Replace(string(good), "bad=", "good", 1),
		"a slot unnamed":     strings.Replace(string(good), "B=3", "=3", 1) + "\n",
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
	b.boot.Vcio = b.boot.Path // Raspberry Pi's kernel
	if err := b.boot.Ready(); err != nil {
		t.Errorf("a board that says nothing, as a Zero 2 W: %v", err)
	}
	b.boot.Vcio = ""
	if err := os.WriteFile(filepath.Join(b.boot.Tree, "chosen/bootloader/capabilities"), []byte{0, 0, 4}, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := b.boot.Bootloader(); got.Known {
		t.Errorf("of three bytes: %+v; want nothing known", got)
	}
	for n, can := range map[uint32]bool{0x04: true, 0x7b: false} { // TRYBOOT_A_B is bit 2, TRYBOOT alone bit 3
		b.says("capabilities", n)
		if got := b.boot.Bootloader(); !got.Known || got.TryAB != can {
			t.Errorf("capabilities %#x: %+v; want %v", n, got, can)
		}
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
