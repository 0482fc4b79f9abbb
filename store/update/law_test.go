package update

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ask(release string) Asked { return Asked{Release: release, Sum: "sum of " + release, Slot: "B"} }

// after is the state after events, all of which must be taken.
func after(t *testing.T, s State, events ...Event) State {
	t.Helper()
	for _, e := range events {
		next, _, err := Step(s, e)
		if err != nil {
			t.Fatalf("%T: %v", e, err)
		}
		s = next
	}
	return s
}

var (
	factory = State{Running: "1.4.0", Slot: "A"}
	oldRuns = Started{Slot: "A", Release: "1.4.0"}
	newRuns = Started{Slot: "B", Release: "1.5.0"}
)

// Each row is a state by what led to it, one event more, and what comes of that.
func TestTheLaw(t *testing.T) {
	toRunning := []Event{ask("1.5.0"), Wrote{}, MayRestart{}, newRuns}
	for _, tt := range []struct {
		name    string
		led     []Event
		event   Event
		phase   Phase // "": none is on trial
		effects []Effect
		failed  string // why, or a part of it; "": nothing failed
		floor   string
	}{
		{"asked", nil, ask("1.5.0"), Writing, []Effect{Install}, "", ""},
		{"refused", nil, Refused{"1.5.0", "x"}, "", nil, "", ""},
		{"refused while another is on its way", toRunning, Refused{"1.6.0", "x"}, Running, nil, "", ""},
		{"written", []Event{ask("1.5.0")}, Wrote{}, Written, nil, "", ""},
		{"not written", []Event{ask("1.5.0")}, NotWritten{"no room"}, "", []Effect{MarkBad}, "no room", ""},
		{"restarts", []Event{ask("1.5.0"), Wrote{}}, MayRestart{}, Restarting, []Effect{Restart}, "", ""},
		{"does not restart into what is not whole", []Event{ask("1.5.0")}, MayRestart{}, Writing, nil, "", ""},
		{"runs", []Event{ask("1.5.0"), Wrote{}, MayRestart{}}, newRuns, Running, nil, "", ""},
		{"proved", toRunning, Proved{}, Keeping, []Effect{MarkGood}, "", ""},
		{"kept", append(toRunning, Proved{}), Kept{}, "", nil, "", "1.5.0"},
		{"not proved in time", toRunning, Overdue{"railgated does not answer"}, Failing, []Effect{MarkBad, Restart}, "does not answer", ""},
		{"nothing proves good that does not run", []Event{ask("1.5.0"), Wrote{}}, Proved{}, Written, nil, "", ""},
		{"nothing is overdue that does not run", []Event{ask("1.5.0"), Wrote{}}, Overdue{"x"}, Written, nil, "", ""},
		{"back after failing", append(toRunning, Overdue{"x"}), oldRuns, "", []Effect{MarkBad, MarkGood}, "x", ""},
		{"a bootloader that does not obey", append(toRunning, Overdue{"x"}), newRuns, Failing, []Effect{MarkBad}, "x", ""},

		{"cut while written", []Event{ask("1.5.0")}, oldRuns, "", []Effect{MarkBad, MarkGood}, "", ""},
		{"cut when RAUC had finished", []Event{ask("1.5.0")}, newRuns, Running, nil, "", ""},
		{"cut before the restart", []Event{ask("1.5.0"), Wrote{}}, oldRuns, Written, []Effect{MarkGood}, "", ""},
		{"cut before the restart, and a bootloader that counts", []Event{ask("1.5.0"), Wrote{}}, newRuns, Running, nil, "", ""},
		{"the new one did not come up", []Event{ask("1.5.0"), Wrote{}, MayRestart{}}, oldRuns, "", []Effect{MarkBad, MarkGood}, "not seen to run", ""},
		{"cut while it ran, and tried again", toRunning, newRuns, Running, nil, "", ""},
		{"cut while it ran, and not tried again", toRunning, oldRuns, "", []Effect{MarkBad, MarkGood}, "restarted before", ""},
		{"started too often", append(toRunning, newRuns, newRuns), newRuns, Failing, []Effect{MarkBad, Restart}, "3 times", ""},
		{"cut before it was marked", append(toRunning, Proved{}), newRuns, Keeping, []Effect{MarkGood}, "", ""},
		{"cut before it was marked, and not tried again", append(toRunning, Proved{}), oldRuns, "", []Effect{MarkBad, MarkGood}, "before it was kept", ""},
		{"a start with nothing on its way", nil, oldRuns, "", []Effect{MarkGood}, "", ""},
		{"a start of what failed", append(toRunning, Overdue{"x"}, oldRuns), newRuns, "", []Effect{MarkBad}, "x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, effects, err := Step(after(t, factory, tt.led...), tt.event)
			var phase Phase
			if s.Trial != nil {
				phase = s.Trial.Phase
			}
			if err != nil || phase != tt.phase || !slices.Equal(effects, tt.effects) || s.Floor != tt.floor {
				t.Errorf("%v: phase %q, effects %v, floor %q; want %q, %v, %q", err, phase, effects, s.Floor, tt.phase, tt.effects, tt.floor)
			}
			why := ""
			if len(s.Failed) > 0 {
				why = s.Failed[0].Why
			}
			if !strings.Contains(why, tt.failed) || (tt.failed == "") != (why == "") {
				t.Errorf("failed: %q; want %q", why, tt.failed)
			}
		})
	}
}

func TestWhatIsNotInstalled(t *testing.T) {
	kept := after(t, factory, ask("1.5.0"), Wrote{}, MayRestart{}, newRuns, Proved{}, Kept{})
	failed := after(t, factory, ask("1.5.0"), Wrote{}, MayRestart{}, oldRuns)
	older, down := ask("1.4.9"), ask("1.4.9")
	down.ByHand, down.Downgrade = true, true
	hand, same := ask("1.5.0"), ask("1.4.0")
	hand.ByHand = true
	older.ByHand = true
	for _, tt := range []struct {
		name string
		s    State
		e    Asked
		want error
	}{
		{"another on its way", after(t, factory, ask("1.5.0")), ask("1.6.0"), ErrUnderWay},
		{"what failed, by itself", failed, ask("1.5.0"), ErrFailed},
		{"what failed, by hand", failed, hand, nil},
		{"the next, after what failed", failed, ask("1.5.1"), nil},
		{"older, by hand", kept, older, ErrOlder},
		{"older, and meant", kept, down, nil},
		{"older than what runs, which came with the image", factory, ask("1.3.0"), ErrOlder},
		{"what runs", factory, same, ErrRuns},
		{"what runs, by hand", kept, hand, nil},
		{"a candidate of what runs", kept, ask("1.5.0~rc1"), ErrOlder},
	} {
		if _, _, err := Step(tt.s, tt.e); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
	}
	s, _, _ := Step(kept, down)
	if n := len(s.Events); !strings.Contains(s.Events[n-1].What, "older than 1.5.0: a person asked") {
		t.Errorf("a downgrade is noted as %q", s.Events[n-1].What)
	}
}

// After a downgrade that was meant, what is newer than it is no downgrade, but the floor stays.
func TestTheFloorStaysAfterADowngrade(t *testing.T) {
	s := after(t, State{Running: "2.0", Floor: "2.0", Slot: "A"}, Asked{Release: "1.0", Sum: "x", Slot: "B", ByHand: true, Downgrade: true}, Wrote{}, MayRestart{}, Started{"B", "1.0"}, Proved{}, Kept{})
	if s.Floor != "2.0" || s.Running != "1.0" {
		t.Errorf("floor %s, running %s; want 2.0, 1.0", s.Floor, s.Running)
	}
	if _, _, err := Step(s, Asked{Release: "1.5", Sum: "y", Slot: "A"}); !errors.Is(err, ErrOlder) {
		t.Errorf("1.5 by itself: %v", err)
	}
}

// An image may call itself otherwise than the nation calls its release: it must not be installed for ever.
func TestWhatRunsIsKnownByItsBundle(t *testing.T) {
	calls := Started{Slot: "B", Release: "1.5.0-3-gabc"}
	s := after(t, factory, ask("1.5.0"), Wrote{}, MayRestart{}, calls, Proved{}, Kept{}, calls)
	other := Asked{Release: "1.5.0", Sum: "sum of 1.5.0", Slot: "A"}
	if _, _, err := Step(s, other); s.Running != "1.5.0" || !errors.Is(err, ErrRuns) {
		t.Errorf("running %s, %v; want 1.5.0, %v", s.Running, err, ErrRuns)
	}
	s = after(t, s, ask("1.6.0")) // into B: what B had is gone
	if s.Has["B"].Release != "" {
		t.Errorf("slot B still has %+v", s.Has["B"])
	}
}

func TestACutThatComesBackEnds(t *testing.T) {
	s := factory
	for n := range maxCuts {
		next, _, err := Step(s, ask("1.5.0"))
		if err != nil {
			t.Fatalf("after %d cuts: %v", n, err)
		}
		s = after(t, next, oldRuns)
	}
	if _, _, err := Step(s, ask("1.5.0")); !errors.Is(err, ErrFailed) {
		t.Errorf("after %d cuts: %v; want it given up", maxCuts, err)
	}
}

func TestVersionsInOrder(t *testing.T) {
	order := []string{"", "0.9", "1.4.0~rc1", "1.4.0", "1.4.0+1", "1.4.0-2-gabc", "1.4.1", "1.4.10", "1.10", "2", "v10.0", "devel"}
	for i, a := range order {
		for j, b := range order {
			if got := Compare(a, b); got != sign(i-j) {
				t.Errorf("Compare(%q, %q) = %d; want %d", a, b, got, sign(i-j))
			}
		}
	}
	if Compare("1.04", "1.4") != 0 || Compare("v1.4", "1.4") != 0 {
		t.Error("1.04 and v1.4 are not 1.4")
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("1.4.0", "1.4.0~rc1", "1.5")
	f.Add("v1", "1", "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if Compare(a, b) != -Compare(b, a) {
			t.Errorf("%q and %q are not in one order", a, b)
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Errorf("%q, %q, %q are not in one order", a, b, c)
		}
	})
}

// A machine has a bootloader and two slots, and loses its power between any two writes.
type machine struct {
	t       *rapid.T
	counts  bool           // its bootloader counts starts (U-Boot); else it tries once (tryboot)
	deaf    bool           // marking bad does not land
	order   []string       // of the slots, the first is started
	left    map[string]int // starts, of a bootloader that counts
	usual   string
	tried   string // is tried once with the flag
	flag    bool
	whole   map[string]string // the release that is in a slot whole; "": none is
	running string
	was     string // which ran before that; "": none

	disk     State // what is recorded
	restarts map[string]int
	fellBack map[string]int
	gaveUp   map[string]bool // was recorded as failed

	booting bool
	early   int // cuts in a row within a start; see the package's assumption
}

var errPower = errors.New("power cut")

// may lose the power here.
func (m *machine) may() {
	if m.booting && m.early == 2 || rapid.IntRange(0, 9).Draw(m.t, "cut") > 0 {
		return
	}
	if m.booting {
		m.early++
	}
	panic(errPower)
}

func (m *machine) other() string {
	if m.running == "A" {
		return "B"
	}
	return "A"
}

// boot is the bootloader, and the law's first step.
func (m *machine) boot() {
	slot := m.usual
	if m.counts {
		slot = ""
		for _, name := range m.order {
			if slot == "" && m.left[name] > 0 {
				slot = name
			}
		}
		if slot == "" {
			slot, m.left = m.order[0], map[string]int{"A": 3, "B": 3}
		}
		m.left[slot]--
	} else if m.flag && m.tried != "" {
		slot = m.tried
	}
	m.flag, m.running = false, slot
	if m.whole[slot] == "" {
		m.t.Fatalf("slot %s is started, which was not written whole", slot)
	}
	if was := m.whole[m.was]; m.was != "" && m.was != slot && (m.gaveUp["sum of "+was] || m.disk.Trial != nil && m.disk.Trial.Release == was) {
		m.fellBack[was]++
	}
	m.was = slot
	m.do(Started{Slot: slot, Release: m.whole[slot]})
}

// do takes a step: it is recorded, and then done, and the power may go at any time.
func (m *machine) do(e Event) error {
	old := m.disk
	next, effects, err := Step(old, e)
	if err != nil {
		return err
	}
	m.may()
	m.disk = next
	for _, f := range next.Failed {
		m.gaveUp[f.Sum] = true
	}
	trial := next.Trial
	if trial == nil {
		trial = old.Trial
	}
	for _, effect := range effects {
		m.may()
		m.effect(effect, trial)
	}
	return nil
}

func (m *machine) effect(e Effect, trial *Trial) {
	switch e {
	case Install:
		m.write(trial.Slot, trial.Release)
		m.do(Wrote{})
	case MarkGood:
		m.left[m.running] = 3
		if m.usual != m.running {
			m.usual, m.tried = m.running, ""
		}
		if m.disk.Trial != nil && m.disk.Trial.Phase == Keeping {
			m.do(Kept{})
		}
	case MarkBad:
		slot := m.disk.Bad
		if trial != nil {
			slot = trial.Slot
		}
		if !m.deaf {
			m.bad(slot)
		}
	case Restart:
		m.restarts[trial.Release]++
		m.flag = m.tried != ""
		panic(errPower)
	}
}

// bad is what RAUC does to a bad slot: it has no starts left, and is not in the order.
func (m *machine) bad(slot string) {
	m.left[slot] = 0
	m.order = slices.DeleteFunc(slices.Clone(m.order), func(name string) bool { return name == slot })
	if m.tried == slot {
		m.tried = ""
	}
}

// write is what RAUC does.
func (m *machine) write(slot, release string) {
	m.bad(slot)
	m.may()
	m.whole[slot] = ""
	m.may()
	m.whole[slot] = release
	m.may()
	m.order = []string{slot, m.running}
	m.left[slot] = 3
	m.tried = slot
}

// live is what happens while the machine is on.
func (m *machine) live() {
	t := m.disk.Trial
	switch {
	case t == nil:
		release := fmt.Sprintf("1.%d", rapid.IntRange(4, 6).Draw(m.t, "release"))
		sum := "sum of " + release
		gaveUp := m.gaveUp[sum]
		if err := m.do(Asked{Release: release, Sum: sum, Slot: m.other()}); err == nil && gaveUp {
			m.t.Fatalf("release %s failed, and is installed again by itself", release)
		}
	case t.Phase == Written:
		m.do(MayRestart{})
	case t.Phase == Running && rapid.Bool().Draw(m.t, "good"):
		m.do(Proved{})
	case t.Phase == Running, t.Phase == Keeping:
		m.do(Overdue{"it does not answer"})
	}
}

// on runs the machine until its power goes.
func (m *machine) on() {
	defer func() {
		if p := recover(); p != nil && p != errPower {
			panic(p)
		}
	}()
	m.booting = true
	m.boot()
	m.booting, m.early = false, 0
	for range 6 {
		m.live()
		m.may()
	}
}

func TestWheneverThePowerIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			t: t, counts: rapid.Bool().Draw(t, "counts"), deaf: rapid.IntRange(0, 4).Draw(t, "deaf") == 0,
			order: []string{"A", "B"}, left: map[string]int{"A": 3, "B": 3}, usual: "A", whole: map[string]string{"A": "1.3", "B": "1.3"},
			restarts: map[string]int{}, fellBack: map[string]int{}, gaveUp: map[string]bool{},
		}
		for range 30 {
			m.on()
			for release, n := range m.restarts {
				if n > 2 {
					t.Fatalf("%d restarts for release %s; want one into it, and one back", n, release)
				}
			}
			for release, n := range m.fellBack {
				if n > 1 {
					t.Fatalf("fell back %d times for release %s", n, release)
				}
			}
			if tr := m.disk.Trial; tr != nil && !m.deaf && tr.Starts > maxStarts {
				t.Fatalf("slot %s was started %d times without proving good", tr.Slot, tr.Starts)
			}
		}
	})
}
