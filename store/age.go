package store

import (
	"time"

	"go.etcd.io/bbolt"

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

// look goes on through the journal, for a batch at most, and returns how many records
// it has taken. Nothing is old before limit is past it; now is zero while the clock is
// not trusted.
func (a *aging) look(b *bbolt.Bucket, limit, now time.Time) (n int) {
	c := b.Cursor()
	for key, value := c.Seek(journalKey(a.seen + 1)); key != nil && n < pruneBatch; key, value = c.Next() {
		r := readRecord(key, value)
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
