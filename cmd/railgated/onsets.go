package main

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
)

// onsets remember since when each cause is there, by a clock that nobody sets. Their zero
// value is ready. Their methods may be called concurrently.
type onsets struct {
	mu   sync.Mutex // guards the field below
	seen map[causeKey]onset
}

// A causeKey tells causes apart whose words change.
type causeKey struct{ cause, about string }

// An onset is when a cause was seen first.
type onset struct {
	at   time.Duration // by uptime
	told time.Time     // by the clock that was the gate's when it was told last
}

// uptime is a clock that nobody sets, with the time that the machine was asleep.
func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("railgated: internal error: CLOCK_BOOTTIME: " + err.Error()) // every Linux that Go runs on has it
	}
	return time.Duration(ts.Nano())
}

// fill says since when each cause of a status is there, and forgets the others. A cause
// whose beginning somebody has seen before has it already. Told is the gate's time: where
// that is not trusted, or moves, so does what is told, and not how long ago it was.
func (o *onsets) fill(s *control.Status, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := make(map[causeKey]onset, len(s.Causes))
	for i := range s.Causes {
		c := &s.Causes[i]
		key := causeKey{c.Cause, c.About}
		began, known := o.seen[key]
		if !known {
			began.at = now
		}
		if !c.Since.IsZero() {
			began.at = min(began.at, now-time.Since(c.Since))
		}
		if told := s.Clock.Time.Add(began.at - now); told.Sub(began.told).Abs() > time.Second {
			began.told = told.Round(time.Second)
		}
		c.Since, c.Unsure = began.told, !s.Clock.Trusted
		seen[key] = began
	}
	o.seen = seen
}
