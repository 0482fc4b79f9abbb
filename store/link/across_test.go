package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// pair is two gates of a station, in touch.
func pair(t *testing.T) (s *linktest.Station, a, b *testGate) {
	t.Helper()
	s = linktest.New(t, publicOf("A07"), publicOf("B02"), publicOf("C03"))
	s.Start()
	a, b = newGate(t, "A07", t.TempDir()).Start(s.File()), newGate(t, "B02", t.TempDir()).Start(s.File())
	a.untilInTouch()
	b.untilInTouch()
	return s, a, b
}

func TestACodeSpentAtOneGateIsSpentAtTheOther(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	at := begins()
	use := someUse("one", at)
	if b.Spent(use) {
		t.Fatal("a code that nobody used is spent")
	}
	a.grant("one", at)
	until(t, "the code spent at B", func() bool { return b.Spent(use) })
	later, earlier, exit := use, use, use
	later.Begins, later.IssuedAt = at+60, at+60
	earlier.Begins, earlier.IssuedAt = at-60, at-60
	exit.Role = journal.Exit
	for _, tt := range []struct {
		name string
		use  journal.Use
		want bool
	}{{"a later code", later, false}, {"an earlier code", earlier, true}, {"in another role", exit, false}, {"another certificate's", someUse("two", at), false}} {
		if got := b.Spent(tt.use); got != tt.want {
			t.Errorf("%s is spent at B: %v; want %v", tt.name, got, tt.want)
		}
	}
	if a.Spent(use) {
		t.Error("the link tells the gate what its own store knows")
	}
}

// What A spent while B was cut off is known at B at the first reading once it is in touch.
func TestAfterACutAllIsKnownOnceInTouch(t *testing.T) {
	t.Parallel()
	s, a, _ := pair(t)
	cable := linktest.NewProxy(t, s.Address())
	c := newGate(t, "C03", t.TempDir()).Start(s.File(cable.Address()))
	c.untilInTouch()
	for range 3 {
		cable.Cut(true)
		until(t, "C out of touch", func() bool { return !c.InTouch() })
		at := begins()
		var names []string
		for n := range 200 {
			names = append(names, string(rune('a'+n%26))+time.Now().Format(".000000000"))
			a.grant(names[n], at)
		}
		until(t, "all of A's published", func() bool { return a.others.cursor().Seq == a.store.Seq() })
		cable.Cut(false)
		c.untilInTouch()
		for _, name := range names {
			if !c.Spent(someUse(name, at)) {
				t.Fatalf("in touch, and code %s is not known", name)
			}
		}
	}
	if c.kinds(journal.InTouch) != 4 || c.kinds(journal.OutOfTouch) != 3 {
		t.Errorf("journaled: %d times in touch, %d times out; want 4 and 3", c.kinds(journal.InTouch), c.kinds(journal.OutOfTouch))
	}
}

// A gate that was cut off publishes what it granted meanwhile, from its journal, over a restart.
func TestWhatWasSpentOfflineIsPublishedLater(t *testing.T) {
	t.Parallel()
	s, _, b := pair(t)
	dir := t.TempDir()
	c := newGate(t, "C03", dir)
	at := begins()
	c.grant("offline", at)
	c.grant("slip", at, paper)
	c.store.Close()
	newGate(t, "C03", dir).Start(s.File())
	until(t, "both at B", func() bool { return b.Spent(someUse("offline", at)) && b.Walks("slip").Used(journal.Entry) })
}

// A stream that is new, or was emptied, is filled again with what is still valid.
func TestALostStreamOfSpentCodesIsFilledAgain(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*linktest.Station){
		"purged":   func(s *linktest.Station) { s.Purge(bus.SpentStream(linktest.Name)) },
		"replaced": func(s *linktest.Station) { s.Replace(bus.SpentStream(linktest.Name)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, a, _ := pair(t)
			at := begins()
			a.grant("rotating", at)
			a.grant("slip", at, paper)
			a.grant("over", at, func(r *journal.Record) { r.Ends = at - 3600 })
			until(t, "published", func() bool { return a.others.cursor().Seq == a.store.Seq() })
			a.end()
			lose(s)
			a2 := newGate(t, "A07", a.dir).Start(s.File())
			a2.untilInTouch()
			until(t, "published again", func() bool {
				last, err := s.Stream(bus.SpentStream(linktest.Name)).GetLastMsgForSubject(t.Context(), bus.SpentSubject(linktest.Name, "A07"))
				return err == nil && a2.others.cursor().Stream == last.Sequence && a2.others.cursor().Seq > 3
			})
			c := newGate(t, "C03", t.TempDir()).Start(s.File())
			until(t, "known to a gate that comes later", func() bool {
				return c.Spent(someUse("rotating", at)) && c.Walks("slip").Used(journal.Entry)
			})
			if c.Spent(someUse("over", at)) {
				t.Error("a code that has ended was published again")
			}
		})
	}
}

// A grant is told at once, and what was given back, with what waits; a passage waits for the
// next grant, and not for long.
func TestAPassageWaitsForAGrant(t *testing.T) {
	t.Parallel()
	noon := time.Now()
	passed, granted := journal.Record{Kind: journal.Passage}, journal.Record{Kind: journal.Decision, Decision: journal.Granted}
	var p patient
	for i, step := range []struct {
		records []journal.Record
		after   time.Duration
		waits   bool
	}{
		{[]journal.Record{granted}, 0, false},
		{[]journal.Record{passed}, 0, true},
		{[]journal.Record{passed, passed}, waitsFor - 1, true},
		{[]journal.Record{passed, passed}, waitsFor, false},
		{[]journal.Record{passed}, waitsFor, true}, // another one
		{[]journal.Record{passed, granted}, waitsFor + 1, false},
		{[]journal.Record{passed}, 2 * waitsFor, true},
		{[]journal.Record{passed, {Kind: journal.NoPassage}}, 2 * waitsFor, false},
		{[]journal.Record{{Kind: journal.TooLate}}, 2 * waitsFor, false},
		{make([]journal.Record, inFlight), 2 * waitsFor, false},
	} {
		if got := p.wait(step.records, noon.Add(step.after)); got != step.waits {
			t.Errorf("step %d: it waits: %v; want %v", i, got, step.waits)
		}
	}
}

// What waited goes in few messages: each is a flush of the station's disk.
func TestWhatWaitedIsPublishedTogether(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"), publicOf("B02"))
	s.Start()
	b := newGate(t, "B02", t.TempDir()).Start(s.File())
	b.untilInTouch()
	a := newGate(t, "A07", t.TempDir())
	at := begins()
	const n = 600
	for i := range n {
		a.grant(fmt.Sprint("code", i), at)
	}
	a.Start(s.File())
	until(t, "all at B", func() bool { return b.Spent(someUse(fmt.Sprint("code", n-1), at)) })
	for i := range n {
		if !b.Spent(someUse(fmt.Sprint("code", i), at)) {
			t.Fatalf("code %d is not known at B", i)
		}
	}
	messages, err := s.Stream(bus.SpentStream(linktest.Name)).Info(t.Context(), jetstream.WithSubjectFilter(bus.SpentSubjects(linktest.Name)))
	if err != nil {
		t.Fatal(err)
	}
	if got := messages.State.Subjects[bus.SpentSubject(linktest.Name, "A07")]; got == 0 || got > n/20 {
		t.Errorf("%d messages for %d codes; want few", got, n)
	}
}

// Passages count for anti-passback everywhere, and the latest of them counts.
func TestAPassageIsKnownAtOtherGates(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	noon := time.Now().Truncate(time.Second)
	a.store.AppendPassage(journal.Record{Time: noon, Kind: journal.Passage, Certificate: "c", Holder: "h", Direction: "entry", Slot: new(uint8)}, "h", journal.Entry, 0)
	a.Wrote()
	until(t, "the passage at B", func() bool { p, ok := b.LastPassage("h"); return ok && p.Role == journal.Entry && p.Time.Equal(noon) })
	b.others.hear(bus.Spent{Kind: bus.Passed, Holder: "h", Role: journal.Exit, Time: noon.Add(-time.Minute).Unix()}, noon)
	if p, _ := b.LastPassage("h"); p.Role != journal.Entry {
		t.Error("an older passage is in the place of the newer one")
	}
	b.others.hear(bus.Spent{Kind: bus.Passed, Holder: "h", Role: journal.Exit, Time: noon.Add(time.Hour).Unix()}, noon.Add(time.Second))
	if p, _ := b.LastPassage("h"); p.Role != journal.Exit || p.Time.After(noon.Add(time.Second)) {
		t.Errorf("a passage in the future: %v; want it to count as one of now", p)
	}
}

// A gate that starts while the station is silent knows what it knew of paper and of passages.
func TestPaperAndPassagesAreKeptOverARestart(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	at := begins()
	a.grant("slip", at, paper)
	a.store.AppendPassage(journal.Record{Time: time.Now(), Kind: journal.Passage, Certificate: "c", Holder: "h", Direction: "entry", Slot: new(uint8)}, "h", journal.Entry, 0)
	a.Wrote()
	until(t, "both at B", func() bool { _, ok := b.LastPassage("h"); return ok && b.Walks("slip").Used(journal.Entry) })
	b.end()
	again := newGate(t, "B02", b.dir)
	defer again.store.Close()
	defer again.others.close()
	if _, ok := again.LastPassage("h"); !ok || !again.Walks("slip").Used(journal.Entry) {
		t.Errorf("after a restart: passage %v, slip %v; want both known", ok, again.Walks("slip").Used(journal.Entry))
	}
	if again.InTouch() {
		t.Error("a gate that has no connection is in touch")
	}
}

// A heartbeat that the stream has kept says nothing of now: its station may be dead.
func TestAStaleHeartbeatDoesNotCount(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"), publicOf("B02"))
	s.Start()
	a := newGate(t, "A07", t.TempDir()).Start(s.File())
	a.untilInTouch()
	s.Beats(false)
	until(t, "A out of touch", func() bool { return !a.InTouch() })
	if !a.Status().Connected {
		t.Error("a silent station ends the connection")
	}
	a.grant("one", begins())
	b := newGate(t, "B02", t.TempDir()).Start(s.File())
	until(t, "B has read the stream to its end", func() bool { return b.Spent(someUse("one", begins()-1)) })
	if b.InTouch() {
		t.Error("a gate is in touch with a station whose heart stood still before it came")
	}
	s.Beats(true)
	b.untilInTouch()
	a.untilInTouch()
}

// What a gate may do is what it needs, and no more: the server holds it to that.
func TestAGateMayNotSpeakForAnother(t *testing.T) {
	t.Parallel()
	s, a, _ := pair(t)
	key, err := a.opt.Identity.NKey()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	denied := make(chan error, 10)
	nc, err := nats.Connect("tls://"+s.Address(), nats.Nkey(public, key.Sign), nats.Secure(pinned(s.File())), nats.CustomInboxPrefix(bus.Inbox(linktest.Name, "A07")),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for name, try := range map[string]func() error{
		"another's journal":  func() error { return nc.Publish(bus.JournalSubject(linktest.Name, "B02"), nil) },
		"the station's beat": func() error { return nc.Publish(bus.BeatSubject(linktest.Name), nil) },
		"a purge":            func() error { return nc.Publish("$JS.API.STREAM.PURGE."+bus.SpentStream(linktest.Name), nil) },
		"another's answers":  func() error { _, err := nc.SubscribeSync(bus.Inbox(linktest.Name, "B02") + ".>"); return err },
		"everything":         func() error { _, err := nc.SubscribeSync(">"); return err },
		"another's last record": func() error {
			return nc.Publish("$JS.API.DIRECT.GET."+bus.JournalStream(linktest.Name)+"."+bus.JournalSubject(linktest.Name, "B02"), nil)
		},
	} {
		if err := errors.Join(try(), nc.Flush()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		select {
		case err := <-denied:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v; want a violation of permissions", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the server lets it", name)
		}
	}
}

// A ticket's rides are counted at every gate: each tells its own count, so that a duplicate,
// late or not at all counts nothing wrong. They are kept over a restart.
func TestRidesAreCountedEverywhere(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t)
	ticket := journal.ID(strings.Repeat("t", store.TicketSize))
	ride := &journal.Ride{Ticket: ticket, Until: time.Now().Add(time.Hour).Unix(), N: 1}
	take := func(cti string, n int) {
		t.Helper()
		slot := uint8(0)
		r := journal.Record{Time: time.Now(), Kind: journal.Decision, Decision: journal.Granted, Certificate: journal.ID(cti), Slot: &slot, Direction: "entry", Begins: begins(), Ends: begins() + 70, Ticket: ticket}
		if _, err := a.store.GrantRide(someUse(cti, begins()), time.Now().Add(time.Hour), r, ride); err != nil {
			t.Fatal(err)
		}
		a.Wrote()
		until(t, "the rides at B", func() bool { return b.Rides(ticket) == n })
	}
	take("one", 1)
	take("two", 2)
	a.store.AppendRide(journal.Record{Time: time.Now(), Kind: journal.NoPassage, Certificate: "two", Slot: new(uint8), Direction: "entry", Ticket: ticket}, &journal.Ride{Ticket: ticket, Until: ride.Until, N: -1})
	a.Wrote()
	until(t, "one given back", func() bool { return b.Rides(ticket) == 1 })
	if a.Rides(ticket) != 0 {
		t.Error("the link counts the gate's own rides, which its store counts")
	}
	old := bus.Spent{Kind: bus.Granted, Gate: "A07", Epoch: a.log().Epoch, Seq: 1, Role: journal.Entry, Certificate: "one", Ticket: hex.EncodeToString([]byte(ticket)), Uses: 9}
	body, err := old.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(bus.SpentSubject(linktest.Name, "A07"), body)
	a.grant("after", begins())
	until(t, "a later message at B", func() bool { return b.Spent(someUse("after", begins()-1)) })
	if n := b.Rides(ticket); n != 1 {
		t.Errorf("%d rides after an old message; want 1", n)
	}
	b.end()
	again := newGate(t, "B02", b.dir)
	defer again.store.Close()
	defer again.others.close()
	if n := again.Rides(ticket); n != 1 {
		t.Errorf("%d rides after a restart; want 1", n)
	}
}
