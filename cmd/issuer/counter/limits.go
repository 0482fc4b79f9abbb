package counter

import (
	"sync"
	"time"

	"railgate/cmd/limit"
)

// limits are how often one may ask: an address, before it is known who asks, and then each
// caller by the minute and by the day. They start from zero when the process starts.
type limits struct {
	tokens, lookups *limit.Limiter // of an address

	mu  sync.Mutex // guards the field below
	per map[rate]*limit.Limiter
}

// A rate is so many in so long.
type rate struct {
	n  int
	in time.Duration
}

func newLimits() *limits {
	return &limits{
		tokens: limit.New(time.Second, 60), lookups: limit.New(5*time.Millisecond, 600),
		per: map[rate]*limit.Limiter{},
	}
}

// askToken counts a request for a token; false: how long to wait.
func (l *limits) askToken(address string, now time.Time) (time.Duration, bool) {
	return take(l.tokens, address, now)
}

// lookUp counts a request of an address; false: how long to wait.
func (l *limits) lookUp(address string, now time.Time) (time.Duration, bool) {
	return take(l.lookups, address, now)
}

// ask counts a look-up of a caller; false: how long to wait. What the minute refuses does
// not count for the day.
func (l *limits) ask(c *caller, now time.Time) (time.Duration, bool) {
	who := c.kind + " " + c.id
	if wait, ok := take(l.of(rate{c.perMinute, time.Minute}), who, now); !ok {
		return wait, false
	}
	return take(l.of(rate{c.perDay, 24 * time.Hour}), who, now)
}

// of is the limiter of a rate: all at once, and then one more each part of the time.
func (l *limits) of(r rate) *limit.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.per[r] == nil {
		l.per[r] = limit.New(r.in/time.Duration(r.n), r.n)
	}
	return l.per[r]
}

// take counts who asks; false: how long to wait.
func take(l *limit.Limiter, who string, now time.Time) (time.Duration, bool) {
	if l.Allow(who, now) {
		return 0, true
	}
	return max(l.Wait(who, now), time.Second), false
}

// tooMany says what there is too much of, and how long to wait.
func tooMany(wait time.Duration, of string) problem {
	p := because("too_many", "too many "+of)
	p.after = wait
	return p
}
