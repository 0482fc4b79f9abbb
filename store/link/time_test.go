package link

import (
	"encoding/hex"
	"log/slog"
	"testing"
	"time"

	"railgate/store"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// A gate with no other clock learns the time from its station: each answer is to a record of
// random bytes that nobody has seen before.
func TestTheStationTellsTheTime(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	s.Clock(400 * 24 * time.Hour)
	g := newGate(t, "A07", t.TempDir())
	g.clock.untrusted = true // 1970
	before := time.Now().Add(400 * 24 * time.Hour).Truncate(time.Second)
	g.Start(s.File())
	until(t, "an answer", func() bool { return len(g.clock.all()) == 1 })
	g.AskTime() // the clock stepped
	until(t, "another answer", func() bool { return len(g.clock.all()) == 2 })
	for _, c := range g.clock.all() {
		if c.station != linktest.Name || c.at.Before(before) || c.at.After(before.Add(time.Minute)) || c.width < time.Second || c.width > time.Second+longestTrip {
			t.Errorf("confirmed %+v; want the station's clock, and a second more than the way took", c)
		}
	}
	until(t, "the status says so", func() bool { st := g.Status(); return !st.Time.Before(before) && st.Errors["time"] == "" })
	nonces := map[string]bool{}
	records, err := g.store.Records(0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if b, err := hex.DecodeString(r.Detail); r.Kind == journal.TimeAsked && err == nil && len(b) == nonceSize && r.Unsure {
			nonces[r.Detail] = true
		}
	}
	if len(nonces) != 2 {
		t.Errorf("%d questions in the journal; want 2, each with its own random bytes", len(nonces))
	}
}

// Only the station's own answer to this very question says anything of the time.
func TestAForgedTimeSaysNothing(t *testing.T) {
	t.Parallel()
	s, other := linktest.New(t, publicOf("A07")), linktest.New(t, publicOf("A07"))
	l := New(Options{Station: linktest.Name, Gate: "A07", Identity: idOf("A07"), Log: slog.New(slog.DiscardHandler)})
	s.Start()
	log := store.Log{Epoch: "e1", First: 1}
	origin, head, err := l.head(log)
	if err != nil {
		t.Fatal(err)
	}
	c := &session{station: s.File()}
	at := time.Unix(1764000000, 0)
	if got, err := l.openTime(c, origin, log, s.Cosign("A07", head, s.TimeKey(), at)); err != nil || !got.Equal(at) {
		t.Fatalf("the station's own answer: %v, %v; want %v", got, err, at)
	}
	next := log
	next.Tree.N = 7
	for name, answer := range map[string][]byte{
		"another station's":    s.Cosign("A07", head, other.TimeKey(), at),
		"the key of receipts":  s.Cosign("A07", head, s.ReceiptKey(), at),
		"nobody's":             head,
		"nothing":              nil,
		"an altered timestamp": tamper(s.Cosign("A07", head, s.TimeKey(), at)),
	} {
		if got, err := l.openTime(c, origin, log, answer); err == nil {
			t.Errorf("%s is taken: %v", name, got)
		}
	}
	if got, err := l.openTime(c, origin, next, s.Cosign("A07", head, s.TimeKey(), at)); err == nil {
		t.Errorf("an old answer is taken for a new question: %v", got)
	}
}

// tamper changes a character in the middle of the last signature.
func tamper(note []byte) []byte {
	out := append([]byte(nil), note...)
	if at := len(out) - 100; out[at] == 'A' {
		out[at] = 'B'
	} else {
		out[at] = 'A'
	}
	return out
}

// A station that answers nothing costs the time alone.
func TestASilentStationIsSaid(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	s.Mute(true)
	g := newGate(t, "A07", t.TempDir()).Start(s.File())
	g.untilInTouch()
	until(t, "the reason in the status", func() bool { return g.Status().Errors["time"] != "" })
	if len(g.clock.all()) > 0 {
		t.Error("silence confirms the time")
	}
	s.Mute(false)
	g.AskTime()
	until(t, "an answer", func() bool { return len(g.clock.all()) == 1 && g.Status().Errors["time"] == "" })
}
