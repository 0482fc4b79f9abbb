package office

import (
	"bytes"
	"crypto/sha256"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
)

// failures are the times of a person's checks that did not pass.
func (r *register) failures(holder verify.HolderID) (all []time.Time, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		found, err := read[[]time.Time](tx, failuresBucket, string(holder))
		if found != nil {
			all = *found
		}
		return err
	})
	return all, err
}

// checked records that the answer of an errand's trip was taken, and what it counts for its
// person. It gives the reason why the check does not pass after all, or the one that it was
// given. What passes ends the count.
func (r *register) checked(holder verify.HolderID, e *errand, why Reason, now time.Time) (Reason, error) {
	out := why
	err := r.db.Update(func(tx *bbolt.Tx) error {
		trip := sha256.Sum256(e.Trip)
		if tx.Bucket(tripsBucket).Get(trip[:]) != nil {
			out = CheckStale
			return nil
		}
		if why == "" || counts(why) {
			if err := write(tx, tripsBucket, string(trip[:]), time.Unix(e.Until, 0)); err != nil {
				return err
			}
		}
		found, err := read[[]time.Time](tx, failuresBucket, string(holder))
		if err != nil {
			return err
		}
		var all []time.Time
		if found != nil {
			all = recent(*found, now)
		}
		switch {
		case len(all) >= failuresAtMost && (why == "" || counts(why)):
			out = CheckTooMany
			return nil
		case why == "":
			return tx.Bucket(failuresBucket).Delete([]byte(holder))
		case counts(why):
			return write(tx, failuresBucket, string(holder), append(all, now))
		}
		return nil
	})
	return out, err
}

// pruneChecks forgets the failures and the trips that count no more.
func pruneChecks(tx *bbolt.Tx, now time.Time) error {
	var old [][2][]byte // bucket, key
	failures, trips := tx.Bucket(failuresBucket), tx.Bucket(tripsBucket)
	err := failures.ForEach(func(k, _ []byte) error {
		all, err := read[[]time.Time](tx, failuresBucket, string(k))
		if err == nil && len(recent(*all, now)) == 0 {
			old = append(old, [2][]byte{failuresBucket, bytes.Clone(k)})
		}
		return err
	})
	if err != nil {
		return err
	}
	err = trips.ForEach(func(k, _ []byte) error {
		until, err := read[time.Time](tx, tripsBucket, string(k))
		if err == nil && !now.Before(*until) {
			old = append(old, [2][]byte{tripsBucket, bytes.Clone(k)})
		}
		return err
	})
	for _, o := range old {
		if err == nil {
			err = tx.Bucket(o[0]).Delete(o[1])
		}
	}
	return err
}
