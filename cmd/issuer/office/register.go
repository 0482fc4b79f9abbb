package office

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
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
//	revoked   cti → a [revoked], until none of it can be valid
//	listed    "iat" → that of the last list of those that was signed
//
// It grows with people, certificates and accounts; codes leave nothing behind. Names
// and numbers in it are sealed. Its methods may be called concurrently.
type register struct {
	db          *bbolt.DB
	revocations atomic.Uint64 // how many were filed since the start
}

// A record is one person.
type record struct {
	Sealed  []byte // a person, by vault.seal
	Dossier dossier

	reason, by string // of a revocation that a change makes; not kept here
}

var (
	peopleBucket   = []byte("people")
	sessionsBucket = []byte("sessions")
	accountsBucket = []byte("accounts")
	revokedBucket  = []byte("revoked")
	listedBucket   = []byte("listed")
)

const registerName = "issuer.db"

func openRegister(dir string) (*register, error) {
	path := filepath.Join(dir, registerName)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("%s: %w (is another issuer running?)", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{peopleBucket, sessionsBucket, accountsBucket, revokedBucket, listedBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &register{db: db}, nil
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
// returns, with the revocation of what it made void. What the function returns comes back,
// and undoes the change.
func (r *register) change(holder verify.HolderID, by func(*record) error) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		rec, err := read[record](tx, peopleBucket, string(holder))
		if err != nil {
			return err
		}
		if rec == nil {
			rec = new(record)
		}
		before, from := rec.sessions(), rec.from()
		if err := by(rec); err != nil {
			return err
		}
		if err := r.fileVoid(tx, rec, from); err != nil {
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

// prune forgets what no rule asks for any more.
func (r *register) prune(now time.Time) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		if err := pruneRevoked(tx, uint64(now.Unix())); err != nil {
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
