package page

import (
	"sync"
	"time"
)

// A limiter lets each caller try so often: burst times at once, and once more each every.
// It may be called concurrently.
type limiter struct {
	every time.Duration
	burst int
	most  int // callers that are remembered; beyond them nobody new may try

	mu   sync.Mutex // guards full
	full map[string]time.Time
}

// allow tells whether a caller may try now, and counts it. A caller is kept as the
// instant at which it may try burst times again.
func (l *limiter) allow(caller string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.full[caller]; !known && len(l.full) >= l.most {
		l.sweep(now)
		if len(l.full) >= l.most {
			return false
		}
	}
	full := l.full[caller]
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.every)
	if full.Sub(now) > l.every*time.Duration(l.burst) {
		return false
	}
	l.full[caller] = full
	return true
}

// sweep forgets callers that may try burst times.
func (l *limiter) sweep(now time.Time) {
	for caller, full := range l.full {
		if !full.After(now) {
			delete(l.full, caller)
		}
	}
}

// forget lets a caller try burst times again.
func (l *limiter) forget(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.full, caller)
}
