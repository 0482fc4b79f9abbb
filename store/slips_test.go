package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

var dayEnd = noon.Add(24 * time.Hour)

func slipUse(role journal.Role) journal.Use {
	return journal.Use{Role: role, Certificate: "the slip", IssuedAt: noon.Unix(), Begins: noon.Unix()}
}

func slipRecord(kind journal.Kind, role journal.Role, walk uint32) journal.Record {
	r := journal.Record{Time: noon, Kind: kind, Certificate: "the slip", Direction: map[journal.Role]string{journal.Entry: "entry", journal.Exit: "exit"}[role], Walk: walk}
	if kind == journal.Decision {
		r.Decision, r.Reason = journal.Granted, "ok"
	}
	return r
}

// grantSlip grants the slip as a lane does, which goes by what the store knows.
func (g *gate) grantSlip(role journal.Role) (walk uint32, err error) {
	w := g.Walks(slipUse(role))
	if walk = w.Latest() + 1; w.Used(role) {
		return walk, journal.ErrSpent
	}
	_, err = g.GrantRide(slipUse(role), dayEnd, slipRecord(journal.Decision, role, walk), nil)
	return walk, err
}

func (g *gate) passSlip(role journal.Role, walk uint32) {
	g.AppendPassage(slipRecord(journal.Passage, role, walk), "sub", role, 0)
}

func (g *gate) mustGrantSlip(role journal.Role) uint32 {
	g.t.Helper()
	walk, err := g.grantSlip(role)
	if err != nil {
		g.t.Fatal(err)
	}
	return walk
}

func (g *gate) wantSlip(what string, entry, exit bool) {
	g.t.Helper()
	w := g.Walks(slipUse(journal.Check))
	if w.Used(journal.Entry) != entry || w.Used(journal.Exit) != exit {
		g.t.Errorf("%s: used at the entry %v, at the exit %v; want %v, %v", what, w.Used(journal.Entry), w.Used(journal.Exit), entry, exit)
	}
}

// Paper that has passed in a role is denied there until it has passed in the other, also over a
// restart.
func TestASlipGoesInAndOut(t *testing.T) {
	g := newGate(t)
	for range 2 {
		for _, role := range []journal.Role{journal.Entry, journal.Exit} {
			walk := g.mustGrantSlip(role)
			for _, restart := range []bool{false, true} {
				if restart {
					g.reopenAfter(nil)
				}
				if _, err := g.GrantRide(slipUse(role), dayEnd, slipRecord(journal.Decision, role, walk), nil); !errors.Is(err, journal.ErrSpent) {
					t.Fatalf("the same walk again: %v", err)
				}
				if _, err := g.GrantRide(slipUse(role), dayEnd, slipRecord(journal.Decision, role, walk+1), nil); !errors.Is(err, journal.ErrSpent) {
					t.Fatalf("the next walk the same way, with none between: %v", err)
				}
			}
			g.passSlip(role, walk)
			in := role == journal.Entry
			g.wantSlip("walked", in, !in)
			g.reopenAfter(nil)
			g.wantSlip("walked, after a restart", in, !in)
		}
	}
	if n := g.Stats().Spent; n != 2 {
		t.Errorf("%d entries on the disk; want one for each direction", n)
	}
}

// A grant on which nobody crossed gives the slip back, also over a restart; one whose end is not on
// the disk counts as walked.
func TestASlipIsGivenBack(t *testing.T) {
	for _, kind := range []journal.Kind{journal.NoPassage, journal.TooLate} {
		g := newGate(t)
		walk := g.mustGrantSlip(journal.Entry)
		g.wantSlip("granted", true, false)
		g.reopenAfter(nil)
		g.wantSlip("granted, and nobody knows what came of it", true, false)
		g.Append(slipRecord(kind, journal.Entry, walk-1)) // of another walk
		g.wantSlip("an older walk ended", true, false)
		g.Append(slipRecord(kind, journal.Entry, walk))
		g.wantSlip("given back", false, false)
		g.reopenAfter(nil)
		g.wantSlip("given back, after a restart", false, false)
		if n := g.Stats().Spent; n != 0 {
			t.Errorf("%d entries are left of a slip that nobody used", n)
		}
		// One that came back out keeps what it walked.
		for _, role := range []journal.Role{journal.Entry, journal.Exit} {
			g.passSlip(role, g.mustGrantSlip(role))
		}
		walk = g.mustGrantSlip(journal.Entry)
		g.Append(slipRecord(kind, journal.Entry, walk))
		g.wantSlip("given back after it came out", false, true)
		g.reopenAfter(nil)
		g.wantSlip("given back after it came out, after a restart", false, true)
	}
}

// Of a group that was not complete somebody has crossed.
func TestASlipOfAGroupStaysWalked(t *testing.T) {
	g := newGate(t)
	walk := g.mustGrantSlip(journal.Entry)
	g.passSlip(journal.Entry, walk)
	g.Append(slipRecord(journal.NoPassage, journal.Entry, walk))
	g.wantSlip("one of two crossed", true, false)
	g.reopenAfter(nil)
	g.wantSlip("one of two crossed, after a restart", true, false)
}

// A slip and its copy never both walk in: the power is cut at each write, which is lost or has
// landed, and then the copy is shown. Who was let in may have walked; who was not has not.
func TestASlipAndItsCopyNeverBothWalkIn(t *testing.T) {
	for _, landed := range []bool{false, true} {
		for cut := range 6 {
			t.Run(fmt.Sprintf("landed %v, write %d", landed, cut), func(t *testing.T) {
				g := newGate(t)
				writes := 0
				g.commit = func(tx *bbolt.Tx) error {
					if writes++; writes != cut+1 {
						return tx.Commit()
					}
					if landed {
						tx.Commit()
					} else {
						tx.Rollback()
					}
					return errors.New("the power is cut")
				}
				inside := false
				flush := func() { g.mu.Lock(); g.flush(); g.mu.Unlock() }
				for _, role := range []journal.Role{journal.Entry, journal.Exit, journal.Entry} {
					walk, err := g.grantSlip(role)
					if err != nil || g.Err() != nil {
						break
					}
					if role == journal.Entry {
						inside = true // the relay moved
					}
					g.passSlip(role, walk)
					inside = role == journal.Entry // the sensor saw it
					if flush(); g.Err() != nil {
						break
					}
				}
				if g.Err() == nil {
					t.Fatal("no write was cut")
				}
				g.Store.Close()
				g.open() // the power is back
				_, err := g.grantSlip(journal.Entry)
				if inside && err == nil {
					t.Error("somebody is inside on the slip, and its copy walks in")
				}
				if cut == 0 && !landed && err != nil {
					t.Errorf("nothing was ever written, and the slip is denied: %v", err)
				}
			})
		}
	}
}

// A grant that failed, and of which the file shows that it did not land, was not done.
func TestASlipWhoseGrantWasLost(t *testing.T) {
	for name, landed := range map[string]bool{"lost": false, "landed": true} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			g.commit = func(tx *bbolt.Tx) error {
				if landed {
					tx.Commit()
				}
				return errors.New("input/output error")
			}
			if _, err := g.grantSlip(journal.Entry); err == nil {
				t.Fatal("a grant without a commit")
			}
			g.wantSlip("it is not known", true, false)
			g.commit = (*bbolt.Tx).Commit
			if !g.reopen() {
				t.Fatal(g.Err())
			}
			g.wantSlip("it is known", landed, false)
			g.reopenAfter(nil)
			g.wantSlip("after a restart", landed, false)
		})
	}
}

// What ended while the file could not be written is written once it can.
func TestASlipThatEndsWhileTheStoreIsAway(t *testing.T) {
	g := newGate(t)
	walk := g.mustGrantSlip(journal.Entry)
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	g.Append(slipRecord(journal.NoPassage, journal.Entry, walk))
	g.flushNow(t)
	g.wantSlip("given back", false, false)
	g.commit = (*bbolt.Tx).Commit
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.wantSlip("given back, and the store is back", false, false)
	g.reopenAfter(nil)
	g.wantSlip("given back, after a restart", false, false)
	g.Append(slipRecord(journal.Passage, journal.Exit, 9)) // a lost store knew of it
	g.reopenAfter(nil)
	g.wantSlip("a passage on a grant that is not known here", false, false)
}

// A slip is remembered until its day is over by what is proven of the time.
func TestASlipIsForgottenByProvenTime(t *testing.T) {
	g := newGate(t)
	g.passSlip(journal.Entry, g.mustGrantSlip(journal.Entry))
	g.now, g.proven = noon.Add(72*time.Hour), dayEnd.Add(-time.Second)
	g.Keep()
	g.wantSlip("its day is over by a clock", true, false)
	g.proven = dayEnd
	g.Keep()
	g.wantSlip("its day is over", false, false)
	g.reopenAfter(nil)
	g.wantSlip("its day is over, after a restart", false, false)
}

// A store that lost its memory grants no slip while it cannot tell codes apart.
func TestABlindStoreGrantsNoSlip(t *testing.T) {
	g := newGate(t)
	g.mustGrantSlip(journal.Entry)
	g.reopenAfter(func(path string) {
		if err := os.Truncate(path, 5000); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := g.grantSlip(journal.Exit); !errors.Is(err, journal.ErrSpent) {
		t.Errorf("grant = %v; want that it is refused", err)
	}
}

// What a gate of an older version granted counts as the first walk.
func TestASlipOfAnOlderVersion(t *testing.T) {
	g := newGate(t)
	if _, err := g.Grant(slipUse(journal.Entry), dayEnd, slipRecord(journal.Decision, journal.Entry, 0)); err != nil {
		t.Fatal(err)
	}
	g.reopenAfter(nil)
	g.wantSlip("used by the older version", true, false)
	if _, err := g.grantSlip(journal.Entry); !errors.Is(err, journal.ErrSpent) {
		t.Errorf("grant = %v; want that it is spent", err)
	}
	g.passSlip(journal.Exit, g.mustGrantSlip(journal.Exit))
	g.wantSlip("it came out", false, true)
	walk := g.mustGrantSlip(journal.Entry)
	if walk != 3 {
		t.Errorf("walk %d; want the third", walk)
	}
	g.passSlip(journal.Entry, walk)
	g.reopenAfter(nil)
	g.wantSlip("it went in again", true, false)
}

// Other than at an entry or an exit nothing is walked.
func TestACheckIsNoWalk(t *testing.T) {
	g := newGate(t)
	for _, role := range []journal.Role{journal.Check, journal.AnyRole} {
		if _, err := g.GrantRide(slipUse(role), dayEnd, slipRecord(journal.Decision, role, 1), nil); !errors.Is(err, journal.ErrSpent) {
			t.Errorf("role %d: %v; want that it is refused", role, err)
		}
	}
}

// A keyset may say another end: the slip is the same.
func TestASlipUnderTwoEnds(t *testing.T) {
	g := newGate(t)
	g.passSlip(journal.Entry, g.mustGrantSlip(journal.Entry))
	g.passSlip(journal.Exit, g.mustGrantSlip(journal.Exit))
	if _, err := g.GrantRide(slipUse(journal.Entry), dayEnd.Add(time.Hour), slipRecord(journal.Decision, journal.Entry, 3), nil); err != nil {
		t.Fatal(err)
	}
	g.passSlip(journal.Entry, 3)
	g.reopenAfter(nil)
	g.wantSlip("in, out and in", true, false)
	g.now = dayEnd
	g.Keep()
	g.wantSlip("the earlier end has come", true, false)
}

// FuzzSlip feeds keys and values: what is read is written the same.
func FuzzSlip(f *testing.F) {
	good := slip{slipUse(journal.Exit), dayEnd.Unix(), 7, 5}
	if p, err := parseSlip(good.key(), good.value()); p != good || err != nil {
		f.Fatalf("%+v, %v; want %+v", p, err, good)
	}
	for name, p := range map[string]slip{"no walk": {good.use, good.until, 0, 0}, "walked before it was granted": {good.use, good.until, 4, 5}} {
		if _, err := parseSlip(p.key(), p.value()); err == nil || !strings.Contains(err.Error(), fmt.Sprint(p.passed)) {
			f.Errorf("%s: %v; want an error that says it", name, err)
		}
	}
	for n := range 24 {
		if _, err := parseSlip(good.key(), make([]byte, n)); err == nil {
			f.Errorf("a value of %d bytes, all zero, is a slip", n)
		}
	}
	f.Add(good.key(), good.value())
	f.Add(good.key()[1:], good.value())
	f.Add(good.key(), spentValue(good.use))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		p, err := parseSlip(key, value)
		if err != nil {
			if p != (slip{}) {
				t.Errorf("an error, and %+v", p)
			}
			return
		}
		if p.until >= 0 && !bytes.Equal(p.key(), key) || !bytes.Equal(p.value(), value) {
			t.Errorf("%x %x is read as %+v", key, value, p)
		}
	})
}
