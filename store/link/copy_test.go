package link

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// A copy of a gate's card that was made after the newest receipt cannot be proven to be one. It
// hears all the same what the card that it was copied from has spent since, although that was
// said in its own name and under the numbers that its own records have now.
func TestACopiedCardHearsWhatTheOtherSpent(t *testing.T) {
	t.Parallel()
	s := linktest.New(t)
	s.Enroll(publicOf("A07"))
	s.Start()
	dir, copied := t.TempDir(), t.TempDir()
	g := newGate(t, "A07", dir)
	at := begins()
	g.grant("before", at)
	g.store.Close()
	copyFolder(t, dir, copied)
	g = newGate(t, "A07", dir).Start(s.File())
	g.untilInTouch()
	g.grant("slip", at, paper)
	g.grant("code", at)
	until(t, "both are published", func() bool { return g.others.cursor().Seq >= g.store.Seq() })
	g.end()

	c := newGate(t, "A07", copied)
	for _, cti := range []string{"o1", "o2", "o3", "o4", "o5"} {
		c.grant(cti, at)
	}
	c.Start(s.File())
	until(t, "the slip is spent at the copy", func() bool { return c.Walks("slip").Used(journal.Entry) })
	until(t, "the code is spent at the copy", func() bool { return c.Spent(someUse("code", at)) })
	if c.Spent(someUse("o1", at)) {
		t.Error("its own grant is taken for another's")
	}
}

// A store that was restored begins another epoch when it meets a receipt that it does not have. What it published
// just before, and hears just after, is its own all the same; what it does not have is the other's.
func TestItsOwnWordsOfTheEpochBefore(t *testing.T) {
	t.Parallel()
	g := newGate(t, "A07", t.TempDir())
	at := begins()
	g.grant("own", at)
	seq := g.store.Seq()
	before := newGate(t, "A07", t.TempDir()).log().Epoch
	says := func(cti string, kind bus.Kind, seq uint64, begins int64) {
		t.Helper()
		u := someUse(cti, at)
		s := bus.Spent{
			Kind: kind, Gate: "A07", Epoch: before, Seq: seq, Role: u.Role, Certificate: u.Certificate, IssuedAt: u.IssuedAt, Slot: u.Slot, Begins: begins, Until: at + 3600,
		}
		body, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		g.hear(bus.SpentSubject(linktest.Name, "A07"), body)
	}
	own := someUse("own", at)
	says("own", bus.Granted, seq, own.Begins)
	if g.Spent(own) {
		t.Error("its own grant is taken for another's")
	}
	says("later", bus.Granted, seq, own.Begins)
	if !g.Spent(someUse("later", at)) {
		t.Error("what the other copy granted under the number of an own record is not heard")
	}
	says("own", bus.Granted, seq, own.Begins+60)
	if !g.Spent(own) {
		t.Error("a later code of the same certificate, which the other copy granted under that number, is not heard")
	}
}

// One gate that says nonsense does not fill the logs of the others.
func TestNonsenseIsSaidOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	g := newGate(t, "A07", t.TempDir(), func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	synctest.Test(t, func(*testing.T) {
		for range 1000 {
			g.hear(bus.SpentSubject(linktest.Name, "B01"), []byte("nonsense"))
		}
		if n := strings.Count(log.String(), "not understood"); n != 1 {
			t.Errorf("%d lines for 1000 messages; want one", n)
		}
		time.Sleep(garbledEvery)
		g.hear(bus.SpentSubject(linktest.Name, "B01"), []byte("nonsense"))
		if !strings.Contains(log.String(), "messages=1000") {
			t.Errorf("after a minute: %s; want the count of those that were not said", &log)
		}
	})
}
