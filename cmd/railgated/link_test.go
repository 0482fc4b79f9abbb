package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/store/link/linktest"
	"railgate/verify"
	"railgate/verify/mint"
)

// twins are two gates of one station, each a daemon of its own, with a real nats-server.
type twins struct {
	t               *testing.T
	bus             *linktest.Station
	cable           *linktest.Proxy // B's
	nation, station *publisher
	a, b            *process
	staff           *mint.Signer
}

// newTwins starts both gates. change edits their configurations.
func newTwins(t *testing.T, change ...func(string) string) *twins {
	t.Helper()
	seedA, seedB := [32]byte{'a'}, [32]byte{'b'}
	w := &twins{t: t, nation: newPublisher(t), station: newPublisherOf(t, "station")}
	w.bus = linktest.New(t, identity.FromSeed(seedA).Public("GZQ", "A07"), identity.FromSeed(seedB).Public("GZQ", "B02"))
	w.bus.Start()
	w.cable = linktest.NewProxy(t, w.bus.Address())
	var err error
	if w.staff, err = mint.GenerateSigner("kid2", verify.EdDSA, rand.Reader); err != nil {
		t.Fatal(err)
	}
	a := w.site("A07", seedA, w.bus.Address(), change...)
	w.publish(a.signer)
	b := w.site("B02", seedB, w.cable.Address(), change...)
	b.signer, b.holder = a.signer, 500_000
	w.a, w.b = a.start(), b.start()
	w.inTouch()
	return w
}

// site is a gate's, with its seed and the way to the bus.
func (w *twins) site(gate string, seed [32]byte, address string, change ...func(string) string) *site {
	w.t.Helper()
	s := syncedSite(w.t, w.nation, w.nation.repo.Public(), "station = \""+w.station.repo.Public()+"\"\n[bus]\nservers = [\"tls://"+address+"\"]\n")
	s.config = strings.Replace(s.config, `"A07"`, `"`+gate+`"`, 1)
	for _, f := range change {
		s.config = f(s.config)
	}
	s.write("gate.toml", s.config)
	if err := os.MkdirAll(s.path("data"), 0o750); err != nil {
		w.t.Fatal(err)
	}
	s.write(filepath.Join("data", identity.SeedFile), string(seed[:]))
	return s
}

// publish publishes a keyset of passengers' and staff's keys, and the station's files.
func (w *twins) publish(signer *mint.Signer) {
	w.t.Helper()
	f := mint.NewKeyFile("test")
	f.Version = 1
	from, until := time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour)
	f.Add(signer, from, until, verify.Temporary, verify.Paper)
	f.Add(w.staff, from, until, verify.Staff)
	keys, err := f.KeysetJSON()
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := w.bus.File().Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.nation.put(map[string]string{"keys.json": string(keys), "stations/GZQ/root.json": w.station.root()})
	w.station.put(map[string]string{"station.json": string(file)})
}

func inTouch(d *process) func() bool {
	return func() bool { s := d.status(); return s.Bus != nil && s.Bus.InTouch && s.Keyset.Loaded }
}

func (w *twins) inTouch() {
	w.t.Helper()
	w.a.until("A in touch", inTouch(w.a))
	w.b.until("B in touch", inTouch(w.b))
}

// paper is a new holder's slip.
func (s *site) paper() string {
	c := s.claims()
	c.Class = verify.Paper
	return s.mint(c)
}

// A code that was spent at one gate is denied at the other; after a cut, at the first reading once
// the gate is in touch again. Out of touch the gate goes on, and its records say so.
func TestACodeSpentAtOneGateIsDeniedAtTheOther(t *testing.T) {
	w := newTwins(t)
	code := w.a.code()
	w.a.scan(code)
	w.a.wantPulses(1)
	w.b.until("B has heard", func() bool { return w.b.status().Bus.Others == 1 })
	w.b.scan(code)
	w.b.waitFor(1, decided("denied", "already_used"))

	w.cable.Cut(true)
	w.b.until("out of touch", func() bool { return !w.b.status().Bus.InTouch })
	missed := w.a.code()
	w.a.scan(missed)
	w.a.wantPulses(2)
	w.b.scan(w.b.code())
	w.b.wantPulses(1)
	w.b.waitFor(1, func(r *journal.Record) bool {
		return r.Decision == journal.Granted && strings.Contains(r.Flag, "out_of_touch")
	})
	if s := w.b.status(); s.Health != control.Degraded || !slices.ContainsFunc(causes(s), func(c string) bool { return c == control.BusUnreachable || c == control.OutOfTouch }) {
		t.Errorf("health %s, causes %v; want degraded, and the bus named", s.Health, causes(s))
	}
	w.cable.Cut(false)
	w.b.until("in touch again", inTouch(w.b))
	w.b.scan(missed)
	w.b.waitFor(2, decided("denied", "already_used"))
	w.b.wantPulses(1)
	w.b.waitFor(1, kind(journal.OutOfTouch))
}

// An operator may choose that a gate which is out of touch lets nobody in.
func TestACutMayClose(t *testing.T) {
	w := newTwins(t, func(c string) string { return strings.Replace(c, "[bus]\n", "[bus]\ncut = \"closed\"\n", 1) })
	w.b.scan(w.b.code())
	w.b.wantPulses(1)
	w.bus.Beats(false)
	w.b.until("out of touch", func() bool { return !w.b.status().Bus.InTouch })
	w.b.scan(w.b.code())
	w.b.waitFor(1, decided("denied", "out_of_touch"))
	w.bus.Beats(true)
	w.b.until("in touch again", inTouch(w.b))
	w.b.scan(w.b.code())
	w.b.wantPulses(2)
}

// One slip is shown at two gates in the same instant: exactly one opens, if both claims were answered. On a busy
// machine one may not be, in time; its grant says so, and another slip is taken.
func TestOfTwoGatesInTheSameInstantOneOpens(t *testing.T) {
	w := newTwins(t)
	ready := func(d *process) func() bool {
		return func() bool { return len(d.status().Bus.Errors) == 0 && d.status().Bus.Time.Unix() > 0 }
	}
	w.a.until("all parts of the bus", ready(w.a))
	w.b.until("all parts of the bus", ready(w.b))
	const slips, most = 20, 200
	decisions := func(d *process) int {
		return d.count(func(r *journal.Record) bool { return r.Kind == journal.Decision })
	}
	granted := func() map[journal.ID][]string {
		by := map[journal.ID][]string{}
		for _, d := range []*process{w.a, w.b} {
			for _, r := range d.records() {
				if r.Decision == journal.Granted {
					by[r.Certificate] = append(by[r.Certificate], r.Flag)
				}
			}
		}
		return by
	}
	claimed := 0
	for n := 0; claimed < slips; n++ {
		if n == most {
			t.Fatalf("of %d slips %d had each claim answered; want %d", n, claimed, slips)
		}
		slip := w.a.paper()
		first, second := w.a, w.b
		if n%2 == 1 {
			first, second = second, first
		}
		first.scan(slip)
		second.scan(slip)
		w.a.until("decided", func() bool { return decisions(w.a) == n+1 })
		w.b.until("decided", func() bool { return decisions(w.b) == n+1 })
		opened := granted()
		if len(opened) != n+1 {
			t.Fatalf("%d of %d slips opened a gate", len(opened), n+1)
		}
		grants := 0
		claimed = 0
		for cti, flags := range opened {
			grants += len(flags)
			if slices.ContainsFunc(flags, func(f string) bool { return f != "" }) {
				continue
			}
			claimed++
			if len(flags) != 1 {
				t.Fatalf("slip %s opened %d gates", cti, len(flags))
			}
		}
		w.a.until("walked through", func() bool {
			return w.a.count(kind(journal.Passage))+w.b.count(kind(journal.Passage)) == grants
		})
	}
}

// Every record of both gates reaches the station, over a restart of its server and of a gate; the
// journals are whole and there are no duplicates.
func TestTheJournalsOfTwoGatesArrive(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	w.a.scan(w.a.code())
	w.a.wantPulses(1)
	w.bus.Stop()
	w.a.until("out of touch", func() bool { return !w.a.status().Bus.Connected })
	w.a.scan(w.a.code())
	w.a.wantPulses(2)
	if s := w.a.status(); s.Bus.Unsent == 0 || s.Mode == "out_of_service" {
		t.Errorf("%d records unsent, mode %s; want some, and a gate that works", s.Bus.Unsent, s.Mode)
	}
	w.a.stop()
	w.a = w.a.site.start()
	w.a.scan(w.a.code())
	w.a.wantPulses(3)
	w.bus.Start()
	w.inTouch()
	w.a.until("all sent", func() bool { s := w.a.status(); return s.Bus.Unsent == 0 && s.Bus.Receipt > 0 })
	for _, r := range w.a.records() {
		if r.Kind == journal.SentAgain {
			t.Errorf("sent again: %s", r.Detail)
		}
	}
}

// A gate whose clock nobody keeps works once its station has told it the time, and its certificate
// ended half a century ago.
func TestTheStationGivesAGateTheTime(t *testing.T) {
	w := newTwins(t, func(c string) string { return strings.Replace(c, "require_sync = false", "require_sync = true", 1) })
	w.a.until("trusted", func() bool { s := w.a.status(); return s.Clock.Trusted && s.Clock.Source == "station" })
	w.a.until("open", func() bool { return w.a.status().Mode == "closed" })
	w.a.scan(w.a.code())
	w.a.wantPulses(1)
}

// A gate works alone where its seed is damaged, and says so.
func TestAGateWithADamagedSeedWorksAlone(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	if err := os.MkdirAll(p.path("data"), 0o750); err != nil {
		t.Fatal(err)
	}
	p.write(filepath.Join("data", identity.SeedFile), "short")
	d := p.start()
	d.until("a keyset", func() bool { return d.status().Keyset.Loaded })
	d.scan(d.code())
	d.wantPulses(1)
	if s := d.status(); !slices.Contains(causes(s), control.IdentityDamaged) {
		t.Errorf("causes %v; want %s", causes(s), control.IdentityDamaged)
	}
	p.write(filepath.Join("data", identity.SeedFile), strings.Repeat("s", 32)) // its backup
	d.until("the gate has its identity", func() bool { s := d.status(); return s.Bus != nil && s.Bus.Identity != "" })
}
