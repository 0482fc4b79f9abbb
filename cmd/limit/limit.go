// Package limit bounds how often each caller may do something.
package limit

import (
	"sync"
	"time"
)

// A Limiter is a token bucket for each caller. It goes by the system's monotonic
// clock, whatever a bench makes of the time. It may be called concurrently.
type Limiter struct {
	every time.Duration // one more
	burst int           // at most at once
	most  int           // callers that are remembered

	mu      sync.Mutex // guards the fields below
	callers map[string]time.Time
	swept   time.Time
}

// New makes a limiter that lets each caller through burst times at once, and once more each
// every.
func New(every time.Duration, burst int) *Limiter {
	return &Limiter{every: every, burst: burst, most: maxCallers, callers: map[string]time.Time{}}
}

// maxCallers bounds what is remembered; beyond it everybody waits their turn until the
// next sweep.
const maxCallers = 1 << 17

// Allow tells whether a caller may go on, and counts it.
func (l *Limiter) Allow(caller string, now time.Time) bool {
	_, ok := l.Reserve(caller, now, 0)
	return ok
}

// Reserve tells how long a caller has to wait before it may go on, and counts it. Where
// that would be longer than most it counts nothing and returns false. A caller is kept
// as the instant at which its bucket is full again.
func (l *Limiter) Reserve(caller string, now time.Time, most time.Duration) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute {
		for c, full := range l.callers {
			if !full.After(now) {
				delete(l.callers, c)
			}
		}
		l.swept = now
	}
	full, known := l.callers[caller]
	if !known && len(l.callers) >= l.most {
		return 0, false
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.every)
	wait = max(0, full.Sub(now)-l.every*time.Duration(l.burst))
	if wait > most {
		return 0, false
	}
	l.callers[caller] = full
	return wait, true
}

// Wait tells how long a caller has to wait until Allow lets it through; 0: not at all. It
// counts nothing. Where too many callers are remembered, it is until the next sweep.
func (l *Limiter) Wait(caller string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.callers[caller]
	if !known && len(l.callers) >= l.most {
		return max(0, time.Minute-now.Sub(l.swept))
	}
	if full.Before(now) {
		full = now
	}
	return max(0, full.Add(l.every).Sub(now)-l.every*time.Duration(l.burst))
}

// Forget fills a caller's bucket.
func (l *Limiter) Forget(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.callers, caller)
}
