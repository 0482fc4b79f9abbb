package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
	"railgate/verify/mint"
)

type provenAt time.Time

func (p provenAt) Proven() time.Time { return time.Time(p) }

// A signer's clock was a year ahead: the gate is closed until an operator accepts the
// right time, which is journaled, and then it is blind.
func TestOperatorAcceptsATime(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	ahead := provenAt(time.Now().AddDate(1, 0, 0))
	kept, err := store.Open(store.Options{
		Dir: s.path("data"), Days: 90, MaxBytes: 1 << 20, PassbackFor: time.Hour,
		Now: func() (time.Time, bool) { return time.Now(), true }, Proven: func() store.Proven { return ahead },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	kept.Keep()
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	if got := d.status(); got.Health != control.OutOfService || !got.Clock.BelowProven || !strings.Contains(got.Clock.Why, "signed times prove") {
		t.Fatalf("status = %+v; want closed, before what is proven", got.Clock)
	}
	if causes := d.status().Causes; len(causes) != 1 || causes[0].Cause != control.ClockBelowFloor || !strings.Contains(causes[0].Remedy, " clock accept \"$(date ") {
		t.Errorf("causes %+v; want the command that has a time accepted", causes)
	}
	client, now := d.client(), time.Now().Add(-time.Minute)
	for _, tt := range []struct {
		name, why string
		at        time.Time
	}{
		{"no reason", " ", now},
		{"a reason of a novel's length", strings.Repeat("x", mostWhy+1), now},
		{"a reason that is no text", "\xff", now},
		{"a reason on two lines", "a\nb", now},
		{"later than what is proven", "a test", now.AddDate(2, 0, 0)},
	} {
		if err := client.AcceptTime(t.Context(), tt.at, tt.why); err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
	}
	if err := client.AcceptTime(t.Context(), now, "the issuer's clock was a year ahead"); err != nil {
		t.Fatal(err)
	}
	d.until("trusted", func() bool { return d.status().Clock.Trusted })
	d.waitFor(1, func(r *journal.Record) bool {
		return r.Kind == journal.ClockAccepted && strings.Contains(r.Detail, "the issuer's clock was a year ahead")
	})
	d.until("blind", func() bool { return strings.Contains(fmt.Sprint(d.status().Problems), "spent_codes_lost") })
	d.stop()
	d = s.start()
	if got := d.status(); !got.Clock.Trusted || got.Clock.Proven.After(time.Now()) || !strings.Contains(fmt.Sprint(got.Problems), "spent_codes_lost") {
		t.Errorf("after a restart: %+v, %v; want trusted, and still blind", got.Clock, got.Problems)
	}
}

func TestClockCausesAreTold(t *testing.T) {
	for _, tt := range []struct {
		name  string
		clock control.Clock
		want  []string
	}{
		{"a right clock", control.Clock{Trusted: true}, nil},
		{"stepped", control.Clock{Trusted: true, Stepped: true, Ahead: 28800, Holdover: 3600}, []string{"clock_stepped: the system's clock jumped by 8h0m0s and is not believed; holdover goes on for 1h0m0s"}},
		{"disputed, and suspect", control.Clock{Trusted: true, Stepped: true, Disputed: true, Ahead: -90, Suspect: true}, []string{"clock_disputed: ", "clock_suspect: "}},
	} {
		s := &control.Status{Clock: tt.clock}
		addClockCauses(s)
		if len(s.Problems) != len(tt.want) || len(s.Causes) != len(tt.want) {
			t.Errorf("%s: %q, %+v; want %q", tt.name, s.Problems, s.Causes, tt.want)
			continue
		}
		for i := range tt.want {
			if !strings.HasPrefix(s.Problems[i], tt.want[i]) || !strings.HasPrefix(tt.want[i], s.Causes[i].Cause+": ") || s.Causes[i].Remedy == "" {
				t.Errorf("%s: %q, %+v; want %q, and a remedy", tt.name, s.Problems[i], s.Causes[i], tt.want[i])
			}
		}
	}
}

// What the clock says, and what the codes' ages say, is journaled when it changes.
func TestClockEventsAreJournaled(t *testing.T) {
	l := &runner{parts: parts{in: newInbox()}, told: newTelemetry(), began: time.Now()}
	show := func(age time.Duration) {
		now := time.Now()
		for i := range 64 {
			l.told.shown(&verify.Verdict{Holder: verify.HolderID(fmt.Sprint(i)), Begins: now.Add(-age), Ends: now.Add(70*time.Second - age)}, now)
		}
	}
	states := []clock.State{
		{Source: clock.Holdover, Stepped: true, Event: "jumped"},
		{Source: clock.Holdover, Stepped: true},
		{Source: clock.Holdover, Stepped: true, Disputed: true, Event: "contradicted"},
		{Source: clock.Synchronised, Event: "a leap second"},
	}
	for _, s := range states {
		l.clockChanged(s)
	}
	show(time.Hour)
	l.clockChanged(clock.State{Source: clock.Synchronised})
	l.clockChanged(clock.State{Source: clock.Synchronised})
	show(time.Second)
	l.clockChanged(clock.State{Source: clock.Synchronised})
	var got []string
	for {
		ev, ok := l.in.take(func(time.Time) time.Duration { return 0 })
		if !ok {
			break
		}
		if note, ok := ev.(lane.Note); ok {
			got = append(got, string(note.Record.Kind)+" "+note.Record.Detail)
		}
	}
	want := "clock_stepped jumped; clock_disputed contradicted; clock_step a leap second; " +
		"clock_suspect most passengers' codes are outside their minute; clock_suspect most passengers' codes are in their minute again"
	if strings.Join(got, "; ") != want {
		t.Errorf("journaled %q; want %q", strings.Join(got, "; "), want)
	}
}

// What the store has proven of the time counts although it could not be opened at the start.
func TestAStoreThatComesLateHasItsWordAboutTheTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	ahead := provenAt(time.Now().AddDate(1, 0, 0))
	kept, err := store.Open(store.Options{
		Dir: s.path("data"), Days: 90, MaxBytes: 1 << 20, PassbackFor: time.Hour,
		Now: func() (time.Time, bool) { return time.Now(), true }, Proven: func() store.Proven { return ahead },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	kept.Keep()
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(s.path("data/gate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	if got := d.status(); got.Clock.BelowProven {
		t.Fatalf("status = %+v; want it to know nothing yet", got.Clock)
	}
	file.Close()
	d.until("before what is proven", func() bool { return d.status().Clock.BelowProven })
	d.scan(d.code())
	d.until("dropped", func() bool { return d.status().Counts.Dropped["out_of_service"] > 0 })
	d.wantPulses(0)
}

// The issuers' tolerance counts although their keyset comes late.
func TestAKeysetThatComesLateSaysHowWrongTheClockMayBe(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	file := mint.NewKeyFile("test")
	file.Issuer.Early = 1
	if err := file.AddKey(verify.EdDSA, time.Now(), time.Now().Add(time.Hour), verify.Temporary); err != nil {
		t.Fatal(err)
	}
	keys, err := file.Keyset()
	if err != nil {
		t.Fatal(err)
	}
	ring := keyring.New("", "", "", nil, log)
	c := clock.New(clock.Config{Drift: 50, RequireSync: true, Tolerance: tolerance(ring.Current())}, time.Time{}, log)
	now := clock.ReadSystem()
	c.Resume(time.Time{}, &clock.Anchor{Boot: clock.BootID(), Wall: now.Wall, Mono: now.Mono()})
	g := &gate{clock: c, keys: ring, lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox(), clock: c}, log), anchored: time.Now()}
	ended, end := context.WithCancel(t.Context())
	end()
	left := func() (d time.Duration) {
		c.Run(ended, func(s clock.State) { d = s.Left })
		return d.Round(time.Minute)
	}
	g.clockChanged(c.State())
	before := left()
	ring.Use(keys)
	g.clockChanged(c.State())
	if after := left(); before == 0 || after != (before/5).Round(time.Minute) {
		t.Errorf("holdover is good for %v, and %v by an issuer's tolerance of a second; want a fifth", before, after)
	}
}

// A gate that was out of touch for too long is so although its store comes late.
func TestAStoreThatComesLateKnowsWhenTheRepositoryWasReached(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(store.Options{Dir: t.TempDir(), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return time.Now(), true }}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	c := clock.New(clock.Config{}, time.Time{}, log)
	cfg := &configs.Config{Sync: configs.Sync{Nation: "/media/nation", Every: time.Minute, OfflineFor: time.Hour, OfflineStop: 2 * time.Hour}}
	ring := keyring.New("", "", t.TempDir(), nil, log)
	revoked := newRevocations(cfg, st, c, ring, func(journal.Record) {}, log)
	y := newSyncer(cfg, st, c, ring, revoked, func(journal.Record) {}, log)
	if err := st.PutNote(y.nation.note, synced{At: time.Now().Add(-3 * time.Hour)}); err != nil { // as if the store had been locked until now
		t.Fatal(err)
	}
	g := &gate{sync: y, revoked: revoked, clock: c, store: st, lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox(), clock: c}, log)}
	if why := y.stopped(); why != "" {
		t.Errorf("stopped = %q before the store came", why)
	}
	g.storeChanged(nil)
	if y.stopped() == "" {
		t.Error("it does not know that it was out of touch for three hours")
	}
}
