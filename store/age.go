package store

import (
	"time"

	"railgate/store/journal"
)

// aging tells which records are too old to keep. A record's own time may be wrong,
// so age goes by sequence: what comes before an old record is old. It goes on from the
// oldest to the first record whose time says that it is not old; one whose time was
// not trusted, or that says a time which has not come yet, decides nothing.
type aging struct {
	seen uint64 // the records up to this one have been looked at
	old  uint64 // those up to this one are old
}

// look goes on through the journal with the records that follow those that were seen,
// and returns how many of them it has taken. Nothing is old before limit is past it;
// now is zero while the clock is not trusted.
func (a *aging) look(records []journal.Record, limit, now time.Time) (n int) {
	for _, r := range records {
		if !r.Unsure && !r.Time.After(now) {
			if !r.Time.Before(limit) {
				return n
			}
			a.old = r.Seq
		}
		a.seen = r.Seq
		n++
	}
	return n
}
