package store

import (
	"time"

	"railgate/store/journal"
)

// aging tells which records are too old to keep. A record's own time may be wrong,
// so age goes by sequence: what comes before an old record is old. A record is old
// when its time and every trusted time before it are; one whose time was not
// trusted, or that says a time which has not come yet, decides nothing.
type aging struct {
	seen   uint64    // the records up to this one have been looked at
	old    uint64    // those up to this one are old
	latest time.Time // the latest trusted time of those seen
}

// look goes on through the journal with the records that follow those that were seen,
// and returns how many of them it has taken. Nothing is old before limit is past it; now is zero while the clock is
// not trusted.
func (a *aging) look(records []journal.Record, limit, now time.Time) (n int) {
	for _, r := range records {
		if r.Kind != journal.Damaged && !r.Unsure && !r.Time.After(now) {
			latest := laterOf(a.latest, r.Time)
			if !latest.Before(limit) {
				return n
			}
			a.latest, a.old = latest, r.Seq
		}
		a.seen = r.Seq
		n++
	}
	return n
}
