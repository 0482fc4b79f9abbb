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
	for n := range 50 {
		key := []string{ClaimKey("paper", journal.Entry, journal.ID([]byte{byte(n)}))}
		var got [2]Claim
		var wait sync.WaitGroup
		for i, g := range []*testGate{a, b} {
			wait.Go(func() { got[i] = g.Claim(t.Context(), key, time.Minute) })
		}
		wait.Wait()
		if got != [2]Claim{Held, Taken} && got != [2]Claim{Taken, Held} {
			t.Fatalf("claim %d: %v; want one that holds and one that is taken", n, got)
		}
		if again := []*testGate{a, b}[map[bool]int{true: 0, false: 1}[got[0] == Held]].Claim(t.Context(), key, time.Minute); again != Held {
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
	if got := a.Claim(t.Context(), key, time.Second); got != Held {
		t.Fatalf("A's claim: %v", got)
	}
	if got := b.Claim(t.Context(), key, time.Second); got != Taken {
		t.Fatalf("B's claim: %v; want that it is taken", got)
	}
	until(t, "B's claim holds", func() bool { return b.Claim(t.Context(), key, time.Second) == Held })
	if wholeSeconds(7*time.Second) != 7*time.Second || wholeSeconds(6100*time.Millisecond) != 7*time.Second || wholeSeconds(0) != time.Second {
		t.Error("a claim's life is not in whole seconds, rounded up, one at least")
	}
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
