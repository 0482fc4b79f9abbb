package link

import (
	"testing"
	"time"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// passes has the gate write n records of what passengers do, one after the other.
func (g *testGate) passes(n int) {
	g.t.Helper()
	for range n {
		g.commit(journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: "expired"})
	}
}

func (g *testGate) commit(r journal.Record) {
	g.t.Helper()
	r.Time = time.Now()
	if _, err := g.store.Commit(r); err != nil {
		g.t.Fatal(err)
	}
	g.Wrote()
}

// settled is a gate that has sent and asked all that it does at its start, and sends what
// passengers do only with something else. Its station's heart does not beat: to be in touch, or
// no longer, is journaled.
func settled(t *testing.T, s *linktest.Station) *testGate {
	t.Helper()
	s.Beats(false)
	g := newGate(t, "A07", t.TempDir())
	g.gatherFor, g.receiptEvery, g.receiptSoon = 100*time.Hour, 100*time.Hour, 10*time.Millisecond
	g.Start(s.File())
	until(t, "the time, a receipt, and every record with the station", func() bool {
		st := g.Status()
		return len(g.clock.all()) > 0 && st.Receipt > 0 && st.Unsent == 0
	})
	return g
}

// What passengers do gathers until something becomes of the gate, and goes with that as one message.
func TestWhatPassengersDoGathers(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	g := settled(t, s)
	before := len(s.Journal("A07"))
	for n := range 3 {
		g.passes(5)
		g.commit(journal.Record{Kind: journal.OutOfService, Detail: "the turnstile"})
		until(t, "every record on the bus", func() bool { return g.Status().Unsent == 0 })
		if sizes := s.Journal("A07")[before:]; len(sizes) != n+1 || sizes[n] != 6 {
			t.Fatalf("messages of %v records; want of 6 each time", sizes)
		}
	}
	if have, twice := s.Have("A07", g.log().Epoch); have != g.log().Tree.N || twice > 0 {
		t.Errorf("the station has %d of %d records, %d came twice", have, g.log().Tree.N, twice)
	}
}

// It waits no longer than for gatherFor, for as many as a message takes, and for the next receipt.
func TestWhatGathersGoes(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	for _, tt := range []struct {
		name   string
		n      int
		change func(*Link)
	}{
		{"after a while", 5, func(l *Link) { l.gatherFor = 10 * time.Millisecond }},
		{"with a receipt", 5, func(l *Link) { l.receiptEvery = 10 * time.Millisecond }},
		{"as many as a message takes", 10 * bus.MaxRecords, func(*Link) {}},
	} {
		g := newGate(t, "A07", t.TempDir())
		g.gatherFor, g.receiptEvery = 100*time.Hour, 100*time.Hour
		tt.change(g.Link)
		g.Start(s.File())
		g.untilInTouch()
		before := len(s.Journal("A07"))
		g.passes(tt.n)
		until(t, tt.name, func() bool {
			return g.Status().Unsent < bus.MaxRecords && (tt.n > bus.MaxRecords || g.Status().Unsent == 0)
		})
		if sizes := s.Journal("A07")[before:]; len(sizes) > tt.n/2+10 {
			t.Errorf("%s: %d messages for %d records", tt.name, len(sizes), tt.n)
		}
		g.end()
	}
}

// What days offline have left goes in few messages, in order, each record once. A station of before gets one
// record a message.
func TestWhatDaysOfflineHaveLeftGoesTogether(t *testing.T) {
	t.Parallel()
	for _, single := range []bool{false, true} {
		s := linktest.New(t, publicOf("A07"))
		s.Single = single
		s.Start()
		g := newGate(t, "A07", t.TempDir())
		receiptsAtOnce(g.Link)
		g.write(500)
		g.Start(s.File())
		until(t, "every record with the station", func() bool { return g.delivered(s) })
		sizes, n := s.Journal("A07"), 0
		for _, size := range sizes {
			n += size
		}
		have, twice := s.Have("A07", g.log().Epoch)
		if int64(n) != have || twice > 0 {
			t.Errorf("%d records came, the station has %d, %d came twice", n, have, twice)
		}
		if single && len(sizes) != n || !single && (sizes[0] != bus.MaxRecords || len(sizes) > 30) {
			t.Errorf("one record a message %v: messages of %v records", single, sizes)
		}
	}
}

// After a cut the codes of all gates come first: until it is in touch a gate sends a message of its journal now and then.
func TestTheJournalWaitsUntilTheGateIsInTouch(t *testing.T) {
	t.Parallel()
	f := heard(t)
	now := time.Now()
	u := &uploader{Link: f.link, c: f.session, several: true, next: 1, log: store.Log{First: 1}}
	for _, tt := range []struct {
		name    string
		records int64
		touch   bool
		sendAt  time.Time
		wait    bool
	}{
		{"a full message, out of touch", bus.MaxRecords, false, now.Add(1), true},
		{"its time has come", bus.MaxRecords, false, now, false},
		{"in touch", bus.MaxRecords, true, now.Add(1), false},
		{"little, before a receipt", bus.MaxRecords - 1, false, now.Add(1), false},
	} {
		f.link.state.beat = time.Time{}
		if tt.touch {
			f.link.beat(f.session)
		}
		u.log.Tree.N, u.sendAt = tt.records, tt.sendAt
		if wait, err := u.gathers(now); wait != tt.wait || err != nil {
			t.Errorf("%s: it waits %v (%v); want %v", tt.name, wait, err, tt.wait)
		}
	}
}
