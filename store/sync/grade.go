package sync

import "time"

// A Grade says how far a gate is behind its repositories. It changes by steps and ends in
// a closed lane, never in one in which half of the gates close at once for a missed hour.
type Grade string

const (
	Fresh    Grade = "fresh"
	Stale    Grade = "stale"    // half of the time without them has passed
	Degraded Grade = "degraded" // all of it: somebody should look
	Stopped  Grade = "stopped"  // keys may have been withdrawn since
)

// GradeOf grades a gate by the time since its last whole refresh. No refresh at all is
// stopped.
func GradeOf(last, now time.Time, degradedAfter, stoppedAfter time.Duration) Grade {
	age := now.Sub(last)
	switch {
	case last.IsZero() || age >= stoppedAfter:
		return Stopped
	case age >= degradedAfter:
		return Degraded
	case age >= degradedAfter/2:
		return Stale
	}
	return Fresh
}
