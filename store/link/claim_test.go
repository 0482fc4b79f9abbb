package link

import (
	"context"
	"sync"
	"testing"
	"time"

	"railgate/store/journal"
)

func TestOfTwoClaimsInTheSameInstantOneHolds(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	until(t, "buckets", func() bool { return a.canClaim() && b.canClaim() })
	const wanted, most = 50, 5000
	for n, decided := 0, 0; decided < wanted; n++ {
		if n == most {
			t.Fatalf("of %d claims at both gates %d were answered in time; want %d", n, decided, wanted)
		}
		key := []string{ClaimKey("paper", journal.Entry, journal.ID(fmt8(n)))}
		var got [2]Claim
		var wait sync.WaitGroup
		for i, g := range []*testGate{a, b} {
			wait.Go(func() { got[i] = g.Claim(t.Context(), key, time.Minute) })
		}
		wait.Wait()
		if got[0] == NoAnswer || got[1] == NoAnswer { // the machine is busy
			continue
		}
		decided++
		if got != [2]Claim{Held, Taken} && got != [2]Claim{Taken, Held} {
			t.Fatalf("claim %d: %v; want one that holds and one that is taken", n, got)
		}
		holder := a
		if got[1] == Held {
			holder = b
		}
		if again := answered(holder, key, time.Minute); again != Held {
			t.Fatalf("claim %d: its own gate gets %v; want that it holds", n, again)
		}
	}
}

// A claim ends by itself; its key is free then.
func TestAClaimEnds(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	until(t, "buckets", func() bool { return a.canClaim() && b.canClaim() })
	key := []string{ClaimKey("staff", journal.AnyRole, "x")}
	const lasts = 3 * time.Second
	if got := answered(a, key, lasts); got != Held {
		t.Fatalf("A's claim: %v", got)
	}
	if got := answered(b, key, lasts); got != Taken {
		t.Fatalf("B's claim: %v; want that it is taken", got)
	}
	until(t, "B's claim holds", func() bool { return b.Claim(t.Context(), key, lasts) == Held })
	if wholeSeconds(7*time.Second) != 7*time.Second || wholeSeconds(6100*time.Millisecond) != 7*time.Second || wholeSeconds(0) != time.Second {
		t.Error("a claim's life is not in whole seconds, rounded up, one at least")
	}
}

// answered claims until there is an answer: on a busy machine some come too late.
func answered(g *testGate, key []string, lasts time.Duration) (got Claim) {
	until(g.t, "an answer to a claim", func() bool {
		got = g.Claim(g.t.Context(), key, lasts)
		return got != NoAnswer
	})
	return got
}

func (l *Link) canClaim() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.bucket != nil
}

func TestAClaimWithoutAStationHasNoAnswer(t *testing.T) {
	t.Parallel()
	g := newGate(t, "A07", t.TempDir())
	defer g.store.Close()
	if got := g.Claim(t.Context(), []string{"paper.1.00"}, time.Second); got != NoAnswer {
		t.Errorf("%v; want no answer", got)
	}
	s, a, _ := pair(t)
	until(t, "a bucket", a.canClaim)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := a.Claim(ctx, []string{"paper.1.00"}, time.Second); got != NoAnswer {
		t.Errorf("with no time left: %v; want no answer", got)
	}
	s.Stop()
	if got := a.Claim(t.Context(), []string{"paper.1.01"}, time.Second); got != NoAnswer {
		t.Errorf("the station is unavailable: %v; want no answer", got)
	}
}
