package scanset_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"railgate/driver/scanset"
	"railgate/driver/scanset/scansettest"
)

// wait is short, for these scanners answer at once.
const wait = 80 * time.Millisecond

func open(t testing.TB, s *scansettest.Sim) scanset.Port {
	t.Helper()
	p, err := scanset.Open(s.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &patient{Port: p, sim: s}
}

// patient is a port on which a scanner is silent only when it has heard everything: however busy
// the machine is.
type patient struct {
	scanset.Port
	sim  *scansettest.Sim
	sent int64
}

func (p *patient) Write(b []byte) (int, error) {
	n, err := p.Port.Write(b)
	p.sent += int64(n)
	return n, err
}

func (p *patient) Read(b []byte) (int, error) {
	for {
		heard := p.sim.Handled() >= p.sent
		if n, err := p.Port.Read(b); n > 0 || err != nil || heard {
			return n, err
		}
	}
}

// find finds a simulated scanner, among all families.
func find(t testing.TB, p scanset.Port, s *scansettest.Sim) *scanset.Scanner {
	t.Helper()
	got, err := scanset.Find(p, scanset.Families(), wait)
	if err != nil {
		t.Fatalf("%s at %d: %v", s.Family, s.Baud, err)
	}
	if got.Family.Name != s.Family || got.Baud != s.Baud {
		t.Fatalf("found a %s at %d; want %s at %d", got.Family.Name, got.Baud, s.Family, s.Baud)
	}
	return got
}

func setup(s *scanset.Scanner, show bool) (states map[string]string, err error) {
	states = map[string]string{}
	err = s.Setup(show, func(r scanset.Result) { states[r.Name] = r.State })
	return states, err
}

// what each family's scanner is once it is set up, and keeps when its power goes.
var wanted = map[string]map[string]string{
	"gm65":      {"0000": "D2", "0003": "02", "00D0": "80", "002A": "1A00"},
	"newland":   {"SCNMOD": "2", "QRCENA": "1", "ALLENA": "0", "AIDENA": "1", "232BAD": "8"},
	"honeywell": {"TRGMOD": "3", "QRCENA": "1", "ALLENA": "0", "MNUENA": "0", "232BAD": "9", "VSUFCR": ""},
	"zebra":     {"8A": "07", "2D": "01", "F025": "01"},
}

func TestEachFamilyIsSetUp(t *testing.T) {
	t.Parallel()
	for family, want := range wanted {
		t.Run(family, func(t *testing.T) {
			sim := (&scansettest.Sim{Family: family, Baud: 9600, Talks: "RG1:A CODE THAT IT READS\r"}).Start(t)
			port := open(t, sim)
			s := find(t, port, sim)
			before := len(sim.Questions())
			states, err := setup(s, true)
			if err != nil || len(states) != len(s.Family.Steps) {
				t.Fatalf("show: %v, %v", states, err)
			}
			for name, state := range states {
				if state != scanset.WouldBe && state != scanset.Already {
					t.Errorf("show: %s is %s", name, state)
				}
			}
			for name := range want {
				if sim.Kept(name) != "" {
					t.Errorf("show keeps %s", name)
				}
			}
			if len(sim.Questions()) == before {
				t.Error("show asks nothing")
			}
			states, err = setup(s, false)
			if err != nil {
				t.Fatal(err)
			}
			for name, state := range states {
				if state != scanset.Done && state != scanset.Unread {
					t.Errorf("%s: %s; want set\n%s", name, state, strings.Join(sim.Questions(), "\n"))
				}
			}
			for name, value := range want {
				if got := sim.Kept(name); got != value {
					t.Errorf("%s is %q when the power goes; want %q", name, got, value)
				}
			}
			if sim.Value("SETUPE") == "1" {
				t.Error("it is left in set-up")
			}
			if got := sim.Value("128ENA") + sim.Value("08"); got == "1" || got == "01" {
				t.Error("it still reads Code 128")
			}
			again, err := setup(find(t, port, sim), false)
			for name, state := range again {
				if err != nil || state != scanset.Already && state != scanset.Unread {
					t.Errorf("again: %s is %s, %v; want that all is so already", name, state, err)
				}
			}
		})
	}
}

func TestScannerIsFoundAtItsRate(t *testing.T) {
	t.Parallel()
	for _, baud := range scanset.Bauds {
		for _, family := range []string{"gm65", "honeywell"} {
			sim := (&scansettest.Sim{Family: family, Baud: baud}).Start(t)
			find(t, open(t, sim), sim)
		}
	}
}

// Where the last step forbids set-up by barcodes, it can be allowed again.
func TestSetupByBarcodesCanBeAllowedAgain(t *testing.T) {
	t.Parallel()
	for family, want := range map[string][2]string{"gm65": {"0003", "00"}, "honeywell": {"MNUENA", "1"}} {
		sim := (&scansettest.Sim{Family: family, Baud: 115200}).Start(t)
		port := open(t, sim)
		if _, err := setup(find(t, port, sim), false); err != nil {
			t.Fatal(err)
		}
		s := find(t, port, sim)
		if !s.Family.AllowCodes() {
			t.Fatalf("%s cannot be allowed", family)
		}
		if states, err := setup(s, false); err != nil || len(states) != 1 || sim.Kept(want[0]) != want[1] {
			t.Errorf("%s: %v, %v, %s; want %s", family, states, err, sim.Kept(want[0]), want[1])
		}
	}
	if scanset.FamilyOf("zebra").AllowCodes() {
		t.Error("nothing that was read says how a Zebra is allowed")
	}
}

// A setting that the scanner refuses is said, and the others are made.
func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for family, refuse := range map[string][2]string{"gm65": {"0003", "setup_codes_off"}, "honeywell": {"MNUENA", "setup_codes_off"}, "zebra": {"8A", "continuous"}} {
		sim := (&scansettest.Sim{Family: family, Baud: 115200, Refuse: map[string]bool{refuse[0]: true}}).Start(t)
		states, err := setup(find(t, open(t, sim), sim), false)
		if err != nil || states[refuse[1]] != scanset.Refused {
			t.Errorf("%s: %v, %v; want that %s is refused", family, states, err, refuse[1])
		}
		for name, state := range states {
			if name != refuse[1] && state != scanset.Done && state != scanset.Already && state != scanset.Unread {
				t.Errorf("%s: %s is %s; want set", family, name, state)
			}
		}
	}
}

// A Zebra that takes "no code types" and then not QR codes reads nothing: that is an error, and says what to do.
func TestZebraThatReadsNothing(t *testing.T) {
	t.Parallel()
	sim := (&scansettest.Sim{Family: "zebra", Baud: 9600, Refuse: map[string]bool{"F025": true}}).Start(t)
	if _, err := setup(find(t, open(t, sim), sim), false); err == nil || !strings.Contains(err.Error(), "reads no code at all now") {
		t.Errorf("%v; want that it reads nothing, and what to do", err)
	}
}

// A scanner that takes "no symbologies" and then not QR codes has all of them on again.
func TestRefusedQRCodesAreUndone(t *testing.T) {
	t.Parallel()
	for _, family := range []string{"newland", "honeywell"} {
		sim := (&scansettest.Sim{Family: family, Baud: 115200, Refuse: map[string]bool{"QRCENA": true}}).Start(t)
		states, err := setup(find(t, open(t, sim), sim), false)
		if err != nil || states["qr_only"] != scanset.Refused || sim.Value("QRCENA") != "1" {
			t.Errorf("%s: %v, %v, QR codes %s; want that it is refused, and that it reads them", family, states, err, sim.Value("QRCENA"))
		}
	}
}

func TestScannersThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	sim := (&scansettest.Sim{Family: "gm65", Deaf: true}).Start(t)
	if _, err := scanset.Find(open(t, sim), scanset.Families(), wait); !errors.Is(err, scanset.ErrNone) {
		t.Errorf("a deaf scanner: %v; want that none answers", err)
	}
	other := (&scansettest.Sim{Family: "honeywell"}).Start(t)
	if _, err := scanset.Find(open(t, other), []*scanset.Family{scanset.FamilyOf("gm65")}, wait); !errors.Is(err, scanset.ErrNone) {
		t.Errorf("another family's scanner: %v; want that none answers", err)
	}
}

// A scanner that is pulled out half-way is an error at whatever question that is, and no hang. Only
// the last may be one that needs no answer.
func TestScannerPulledOutHalfWay(t *testing.T) {
	t.Parallel()
	for family := range wanted {
		run := func(leave int) (questions int, err error) {
			sim := (&scansettest.Sim{Family: family, Baud: 115200, Leave: leave}).Start(t)
			s, err := scanset.Find(open(t, sim), []*scanset.Family{scanset.FamilyOf(family)}, wait)
			if err == nil {
				_, err = setup(s, false)
			}
			return len(sim.Questions()), err
		}
		all, err := run(0)
		if err != nil || all < 5 {
			t.Fatalf("%s: %d questions, %v", family, all, err)
		}
		for n := 1; n < all; n++ {
			if _, err := run(n); err == nil {
				t.Errorf("%s pulled out at question %d of %d: no error", family, n, all)
			}
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x01\x00\x33\x31"))
	f.Add([]byte("\x02\x010000@QRCENA1\x06;\x03"))
	f.Add([]byte("QRCENA1\x06."))
	f.Add([]byte("\x04\xd0\x00\x00\xff\x2c"))
	f.Add([]byte("\x08\xc6\x00\x00\xff\xf0\x25\x01\xfd\x1d"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, family := range scanset.Families() {
			s, err := scanset.Find(&parrot{answer: answer}, []*scanset.Family{family}, wait)
			if err != nil {
				continue
			}
			if err := s.Setup(false, func(scanset.Result) {}); err == nil && len(answer) == 0 {
				t.Errorf("%s is set up by silence", family.Name)
			}
		}
	})
}

// A parrot answers each question alike.
type parrot struct {
	answer []byte
	left   bytes.Reader
}

func (p *parrot) Read(b []byte) (int, error) {
	n, _ := p.left.Read(b)
	return n, nil
}

func (p *parrot) Write(b []byte) (int, error) {
	p.left.Reset(p.answer)
	return len(b), nil
}

func (p *parrot) SetReadTimeout(time.Duration) error { return nil }
func (p *parrot) ResetInputBuffer() error            { return nil }
func (p *parrot) SetBaud(int) error                  { return nil }
