package office

import (
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := NewLimiter(time.Second, 3)
	now := time.Now()
	for i, want := range []bool{true, true, true, false, false} {
		if got := l.Allow("a", now); got != want {
			t.Errorf("call %d: %v; want %v", i, got, want)
		}
	}
	if !l.Allow("b", now) {
		t.Error("another caller waits for the first")
	}
	if !l.Allow("a", now.Add(time.Second)) || l.Allow("a", now.Add(time.Second)) {
		t.Error("a second later there must be room for one")
	}
	l.Allow("c", now.Add(10*time.Minute))
	if len(l.callers) != 1 {
		t.Errorf("%d callers are remembered after ten minutes; want 1", len(l.callers))
	}
}
