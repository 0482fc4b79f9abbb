package limit

import (
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := New(time.Second, 3)
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
	exact := New(time.Second, 1)
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Second - 1, false}, {time.Second, true}, {2*time.Second - 1, false}} {
		if got := exact.Allow("a", now.Add(tt.after)); got != tt.want {
			t.Errorf("%v after the first, one a second: %v; want %v", tt.after, got, tt.want)
		}
	}
}

func TestLimiterReserves(t *testing.T) {
	l := New(time.Second, 2)
	now := time.Now()
	for n, want := range []time.Duration{0, 0, time.Second, 2 * time.Second} {
		if got, ok := l.Reserve("a", now, 2*time.Second); got != want || !ok {
			t.Errorf("call %d: %v, %v; want to wait for %v", n+1, got, ok, want)
		}
	}
	for range 2 { // a refusal is not counted
		if got, ok := l.Reserve("a", now, 3*time.Second-1); got != 0 || ok {
			t.Errorf("who would wait for too long: %v, %v; want a refusal", got, ok)
		}
	}
	if got, ok := l.Reserve("a", now.Add(time.Second), 2*time.Second); got != 2*time.Second || !ok {
		t.Errorf("a second later: %v, %v; want to wait for 2s", got, ok)
	}
	l.Forget("a")
	if got, ok := l.Reserve("a", now, 0); got != 0 || !ok {
		t.Errorf("forgotten: %v, %v; want no wait", got, ok)
	}
}

// What Wait says is exactly when Allow lets a caller through, and asking costs nothing.
func TestLimiterSaysHowLongToWait(t *testing.T) {
	l := New(time.Second, 2)
	now := time.Now()
	for n, want := range []time.Duration{0, 0, time.Second} {
		for range 3 {
			if got := l.Wait("a", now); got != want {
				t.Errorf("before call %d: %v; want %v", n+1, got, want)
			}
		}
		l.Allow("a", now)
	}
	if l.Allow("a", now.Add(time.Second-1)) || !l.Allow("a", now.Add(time.Second)) {
		t.Error("Allow has another mind")
	}
	if got := l.Wait("a", now.Add(time.Hour)); got != 0 {
		t.Errorf("an hour later: %v; want no wait", got)
	}
	l.most = 1
	if got := l.Wait("b", now.Add(20*time.Second)); got != 40*time.Second || l.Allow("b", now.Add(20*time.Second)) {
		t.Errorf("one too many: %v; want to wait for 40s, until the next sweep", got)
	}
	if got := l.Wait("b", now.Add(2*time.Minute)); got != 0 {
		t.Errorf("when a sweep is due: %v; want no wait", got)
	}
	if got := l.Wait("a", now.Add(20*time.Second)); got != 0 {
		t.Errorf("one who is known: %v; want no wait", got)
	}
}

// Callers whose buckets are full are forgotten once a minute, and no others; of new
// ones beyond the bound all are told to wait.
func TestLimiterForgetsAndIsBounded(t *testing.T) {
	l := New(time.Second, 100)
	if l.most != 131072 {
		t.Errorf("at most %d callers are remembered; want 131072", l.most)
	}
	l.most = 3
	now := time.Now()
	callers := func(want int) {
		t.Helper()
		if got := len(l.callers); got != want {
			t.Errorf("%d callers are remembered; want %d", got, want)
		}
	}
	l.Allow("quick", now)
	for range 100 {
		l.Allow("busy", now)
	}
	l.Allow("second", now.Add(time.Minute))
	callers(3)
	if wait, ok := l.Reserve("fourth", now.Add(time.Minute), time.Hour); wait != 0 || ok {
		t.Errorf("with three callers known, a fourth is told %v, %v; want a refusal", wait, ok)
	}
	if l.Allow("fourth", now.Add(time.Minute)) || !l.Allow("second", now.Add(time.Minute)) {
		t.Error("with three callers known, a fourth goes on, or one of them does not")
	}
	if !l.Allow("fourth", now.Add(time.Minute+1)) {
		t.Error("after a minute the quick one is remembered still")
	}
	callers(3) // busy, second, fourth
	if !l.Allow("busy", now.Add(time.Minute+1)) {
		t.Error("the busy one waits, with room for sixty")
	}
	if full := l.callers["busy"].Sub(now); full != 101*time.Second {
		t.Errorf("the busy one's bucket is full after %v; want 1m41s: it was not forgotten", full)
	}
	l.Forget("fourth")
	l.Allow("fifth", now.Add(time.Minute+30*time.Second))
	l.Forget("fifth")
	l.Allow("sixth", now.Add(2*time.Minute+1)) // a minute after the last look, not more
	callers(3)                                 // busy, second, sixth
}
