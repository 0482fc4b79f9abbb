package office

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"

	"railgate/cmd/issuer/acts"
	"railgate/verify"
)

// A register is the issuer's one file, issuer.db (bbolt), nine buckets, values in
// CBOR, and those of package acts:
//
//	people    sub → a [record]
//	sessions  session (32) → sub of the certificate that it may see
//	accounts  keyed hash of the name (16) → an [account]
//	failures  sub → the times of the person's checks that did not pass
//	trips     hash of a trip (32) whose answer was taken → until when it would be taken again
//	slips     seconds since 1970 (8, big-endian), cti → sub of whose paper certificate it is
//	revoked   cti → a [revoked], until none of it can be valid
//	staff     cti → a [staffOut], as long as any of it can be valid
//	listed    "iat" → that of the last list of those that was signed
//
// It grows with people, certificates, accounts and acts; passengers' codes leave nothing behind. Names
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
	failuresBucket = []byte("failures")
	tripsBucket    = []byte("trips")
	slipsBucket    = []byte("slips")
	revokedBucket  = []byte("revoked")
	staffBucket    = []byte("staff")
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
		for _, name := range [][]byte{peopleBucket, sessionsBucket, accountsBucket, slipsBucket, revokedBucket, staffBucket, listedBucket, failuresBucket, tripsBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return acts.Create(tx)
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
	return r.db.Update(func(tx *bbolt.Tx) error { return r.changeIn(tx, holder, by) })
}

func (r *register) changeIn(tx *bbolt.Tx, holder verify.HolderID, by func(*record) error) error {
	rec, err := read[record](tx, peopleBucket, string(holder))
	if err != nil {
		return err
	}
	if rec == nil {
		rec = new(record)
	}
	before, from := rec.files(), rec.from()
	if err := by(rec); err != nil {
		return err
	}
	if err := r.fileVoid(tx, rec, from); err != nil {
		return err
	}
	if err := leaveOthers(tx, holder, rec.sessions()); err != nil {
		return err
	}
	if err := refile(tx, holder, before, rec.files()); err != nil {
		return err
	}
	return write(tx, peopleBucket, string(holder), rec)
}

// leaveOthers makes sessions that see a person's certificate see nobody else's any more: one page
// may serve two people, one after the other.
func leaveOthers(tx *bbolt.Tx, holder verify.HolderID, sessions []string) error {
	for _, s := range sessions {
		other := string(tx.Bucket(sessionsBucket).Get([]byte(s)))
		if other == "" || other == string(holder) {
			continue
		}
		rec, err := read[record](tx, peopleBucket, other)
		if err != nil || rec == nil {
			return err
		}
		rec.Dossier.leave(s)
		if err := write(tx, peopleBucket, other, rec); err != nil {
			return err
		}
	}
	return nil
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

// files are the keys under which a person is found, by bucket.
type files struct{ sessions, slips []string }

func (rec *record) files() files {
	f := files{sessions: rec.sessions()}
	for i := range rec.Dossier.Slips {
		f.slips = append(f.slips, rec.Dossier.Slips[i].key())
	}
	return f
}

func refile(tx *bbolt.Tx, holder verify.HolderID, before, after files) error {
	return errors.Join(
		refileIn(tx.Bucket(sessionsBucket), holder, before.sessions, after.sessions),
		refileIn(tx.Bucket(slipsBucket), holder, before.slips, after.slips),
	)
}

func refileIn(b *bbolt.Bucket, holder verify.HolderID, before, after []string) error {
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

// act is change for what an officer does. What the function says of it goes into the record
// of acts, in the same transaction.
func (r *register) act(log *acts.Log, holder verify.HolderID, by func(*record) (acts.Act, error)) error {
	return r.db.Update(func(tx *bbolt.Tx) error { return r.actIn(tx, log, holder, by) })
}

func (r *register) actIn(tx *bbolt.Tx, log *acts.Log, holder verify.HolderID, by func(*record) (acts.Act, error)) error {
	var a acts.Act
	err := r.changeIn(tx, holder, func(rec *record) (err error) { a, err = by(rec); return err })
	if err != nil {
		return err
	}
	return log.Append(tx, a)
}

// end is act for a slip that is no longer to be taken: its revocation is filed in the same
// transaction.
func (r *register) end(log *acts.Log, holder verify.HolderID, id verify.CertificateID, v revoked, by func(*record) (acts.Act, error)) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		if err := r.actIn(tx, log, holder, by); err != nil {
			return err
		}
		return r.fileRevoked(tx, id, v)
	})
}

// look records acts that change nobody.
func (r *register) look(log *acts.Log, all []acts.Act) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		for _, a := range all {
			if err := log.Append(tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// A filed slip is one with whose it is.
type filed struct {
	holder verify.HolderID
	slip   Slip
}

// slipsSince are the slips that were issued at a time or later, the newest first.
func (r *register) slipsSince(since time.Time) (out []filed, err error) {
	return r.slips(func(key string) (bool, bool) { return true, key >= slipKey(since, "") })
}

// slipsOf are those whose id begins with some bytes in hex.
func (r *register) slipsOf(prefix string) ([]filed, error) {
	return r.slips(func(key string) (bool, bool) {
		return strings.HasPrefix(verify.CertificateID(key[slipTime:]).String(), prefix), true
	})
}

// slipHolder is whose the slip with an id is.
func (r *register) slipHolder(id verify.CertificateID) (verify.HolderID, error) {
	found, err := r.slipsOf(id.String())
	if err != nil {
		return "", err
	}
	if len(found) != 1 || found[0].slip.ID != id {
		return "", Deny(NoSuchSlip)
	}
	return found[0].holder, nil
}

// slips are those whose keys are wanted, the newest first, as long as the search goes on.
func (r *register) slips(wants func(key string) (want, on bool)) (out []filed, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(slipsBucket).Cursor()
		for k, holder := c.Last(); k != nil; k, holder = c.Prev() {
			want, on := wants(string(k))
			if !on {
				return nil
			}
			if !want {
				continue
			}
			rec, err := read[record](tx, peopleBucket, string(holder))
			if err != nil {
				return err
			}
			if rec == nil {
				return fmt.Errorf("%s: a slip of nobody on record", slipsBucket)
			}
			if sl := rec.Dossier.slip(verify.CertificateID(k[slipTime:])); sl != nil {
				out = append(out, filed{verify.HolderID(holder), *sl})
			}
		}
		return nil
	})
	return out, err
}

// prune forgets what no rule asks for any more.
func (r *register) prune(now time.Time) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		if err := pruneChecks(tx, now); err != nil {
			return err
		}
		if err := pruneRevoked(tx, uint64(now.Unix())); err != nil {
			return err
		}
		if err := pruneStaff(tx, now); err != nil {
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
			before, size := rec.files(), rec.Dossier.size()
			left := rec.Dossier.prune(now)
			if rec.Dossier.size() == size {
				continue
			}
			if err := refile(tx, verify.HolderID(k), before, rec.files()); err != nil {
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
