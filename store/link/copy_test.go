package link

import (
	"testing"

	"railgate/store/link/linktest"
)

// A copy of a gate's card that was made after the newest receipt cannot be proven to be one. It
// hears all the same what the card that it was copied from has spent since, although that was
// said in its own name and under the numbers that its own records have now.
func TestACopiedCardHearsWhatTheOtherSpent(t *testing.T) {
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
	until(t, "the slip is spent at the copy", func() bool { return c.Spent(someUse("slip", at), true) })
	until(t, "the code is spent at the copy", func() bool { return c.Spent(someUse("code", at), false) })
	if c.Spent(someUse("o1", at), false) {
		t.Error("its own grant is taken for another's")
	}
}
