package office

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"

	"railgate/verify"
)

// A register is the issuer's one file, issuer.db (bbolt), five buckets, values in
// CBOR:
//
//	people    sub → a [record]
//	sessions  session (32) → sub of the certificate that it may see
//	accounts  keyed hash of the name (16) → an [account]
//	failures  sub → the times of the person's checks that did not pass
//	trips     hash of a trip (32) whose answer was taken → until when it would be taken again
//
// It grows with people, certificates and accounts; codes leave nothing behind. Names
// and numbers in it are sealed. Its methods may be called concurrently.
type register struct{ db *bbolt.DB }

// A record is one person.
type record struct {
	Sealed  []byte // a person, by vault.seal
	Dossier dossier
}

var (
	peopleBucket   = []byte("people")
	sessionsBucket = []byte("sessions")
	accountsBucket = []byte("accounts")
	failuresBucket = []byte("failures")
	tripsBucket    = []byte("trips")
)

const registerName = "issuer.db"

func openRegister(dir string) (*register, error) {
	path := filepath.Join(dir, registerName)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("%s: %w (is another issuer running?)", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{peopleBucket, sessionsBucket, accountsBucket, failuresBucket, tripsBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &register{db}, nil
}

func (r *register) close() error { return r.db.Close() }

// Ids are bytes in Go strings; in the file they are byte strings.
var (
	fileEncoding = mustMode(cbor.EncOptions{String: cbor.StringToByteString, Time: cbor.TimeUnix}.EncMode())
	fileDecoding = mustMode(cbor.DecOptions{ByteStringToString: cbor.ByteStringToStringAllowed}.DecMode())
)

func mustMode[T any](mode T, err error) T {
	if err != nil {
		panic("issuer: internal error: " + err.Error())
	}
	return mode
}

func read[T any](tx *bbolt.Tx, bucket []byte, key string) (*T, error) {
	data := tx.Bucket(bucket).Get([]byte(key))
	if data == nil {
		return nil, nil
	}
	v := new(T)
	if err := fileDecoding.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("%s: a value cannot be read: %w", bucket, err)
	}
	return v, nil
}

func write(tx *bbolt.Tx, bucket []byte, key string, v any) error {
	data, err := fileEncoding.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put([]byte(key), data)
}

// person is who has a pseudonym; nil: nobody on record.
func (r *register) person(holder verify.HolderID) (rec *record, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		rec, err = read[record](tx, peopleBucket, string(holder))
		return err
	})
	return rec, err
}

// seenBy is the person whose certificate a session may see; nil: none.
func (r *register) seenBy(session string) (holder verify.HolderID, rec *record, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		holder = verify.HolderID(tx.Bucket(sessionsBucket).Get([]byte(session)))
		if holder == "" {
			return nil
		}
		rec, err = read[record](tx, peopleBucket, string(holder))
		return err
	})
	return holder, rec, err
}

// change lets a function change a person's record, and writes it durably before it
// returns. What the function returns comes back, and undoes the change.
func (r *register) change(holder verify.HolderID, by func(*record) error) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		rec, err := read[record](tx, peopleBucket, string(holder))
		if err != nil {
			return err
		}
		if rec == nil {
			rec = new(record)
		}
		before := rec.sessions()
		if err := by(rec); err != nil {
			return err
		}
		if err := refile(tx, holder, before, rec.sessions()); err != nil {
			return err
		}
		return write(tx, peopleBucket, string(holder), rec)
	})
}

// sessions are those that may see one of a person's certificates.
func (rec *record) sessions() []string {
	var out []string
	for _, c := range rec.Dossier.Certificates {
		if c.Session != "" {
			out = append(out, c.Session)
		}
	}
	return out
}

func refile(tx *bbolt.Tx, holder verify.HolderID, before, after []string) error {
	b := tx.Bucket(sessionsBucket)
	for _, s := range before {
		if !slices.Contains(after, s) {
			if err := b.Delete([]byte(s)); err != nil {
				return err
			}
		}
	}
	for _, s := range after {
		if err := b.Put([]byte(s), []byte(holder)); err != nil {
			return err
		}
	}
	return nil
}

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

// prune forgets what no rule asks for any more.
func (r *register) prune(now time.Time) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		if err := pruneChecks(tx, now); err != nil {
			return err
		}
		var keys []string
		people := tx.Bucket(peopleBucket)
		if err := people.ForEach(func(k, _ []byte) error { keys = append(keys, string(k)); return nil }); err != nil {
			return err
		}
		for _, k := range keys {
			rec, err := read[record](tx, peopleBucket, k)
			if err != nil {
				return err
			}
			before, size := rec.sessions(), len(rec.Dossier.Certificates)+len(rec.Dossier.Applications)
			left := rec.Dossier.prune(now)
			if len(rec.Dossier.Certificates)+len(rec.Dossier.Applications) == size {
				continue
			}
			if err := refile(tx, verify.HolderID(k), before, rec.sessions()); err != nil {
				return err
			}
			if left {
				err = write(tx, peopleBucket, k, rec)
			} else {
				err = people.Delete([]byte(k))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// account is what an account is filed with; nil: there is none.
func (r *register) account(key string) (a *account, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		a, err = read[account](tx, accountsBucket, key)
		return err
	})
	return a, err
}

// changeAccount is change for an account; the function gets nil where there is none,
// and returns what is to be written.
func (r *register) changeAccount(key string, by func(*account) (*account, error)) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		a, err := read[account](tx, accountsBucket, key)
		if err != nil {
			return err
		}
		if a, err = by(a); err != nil {
			return err
		}
		return write(tx, accountsBucket, key, a)
	})
}
