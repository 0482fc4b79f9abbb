package link

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"railgate/store/journal"
)

// KeptFile is the name of the file in a gate's data folder. What is in it came from the stream,
// and comes from there again if it is lost: it is for a gate that starts while the station is
// silent.
const KeptFile = "others.db"

// kept is that file: bbolt, four buckets of CBOR.
//
//	passed  sub → passage
//	slips   role (1) ‖ cti → [slipUse]
//	rides   ticket → [rideCount]
//	meta    "at" → position, of the same commit
type kept struct {
	db   *bbolt.DB
	at   position // as it was written
	path string

	broken atomic.Bool // a page was damaged: nothing more is asked of it
}

var (
	passedBucket = []byte("passed")
	slipsBucket  = []byte("slips")
	ridesBucket  = []byte("rides")
	placeBucket  = []byte("meta")
	placeName    = []byte("at")
)

// keptWait bounds the wait for another process that has the file.
const keptWait = time.Second

// openKept opens the file. One that is damaged is begun again.
func openKept(dir string) (*kept, position, error) {
	path := filepath.Join(dir, KeptFile)
	k, err := tryOpen(path)
	if err != nil && !errors.Is(err, berrors.ErrTimeout) && os.Remove(path) == nil {
		k, err = tryOpen(path)
	}
	if err != nil {
		return nil, position{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, k.at, nil
}

func tryOpen(path string) (k *kept, err error) {
	err = guarded(func() error {
		// The list of free pages is written: without it bbolt looks for them in a goroutine of its own,
		// and a damaged page there would end the process.
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: keptWait, PageSize: 4096, FreelistType: bbolt.FreelistMapType, NoStatistics: true,
			InitialMmapSize: 32 << 20, // or each page that it grows by is another mapping
		})
		if err != nil {
			return err
		}
		k = &kept{db: db, path: path}
		err = db.Update(k.begin)
		if err != nil {
			db.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

func (k *kept) begin(tx *bbolt.Tx) error {
	for _, name := range [][]byte{passedBucket, slipsBucket, ridesBucket, placeBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if data := tx.Bucket(placeBucket).Get(placeName); data != nil {
		return journal.Decode(data, &k.at)
	}
	return nil
}

// guarded makes an error of a page that bbolt cannot go on with.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

var errDamaged = errors.New("the file is damaged")

// do works on the file, until a page of it is damaged.
func (k *kept) do(f func() error) error {
	if k.broken.Load() {
		return errDamaged
	}
	err := guarded(f)
	if errors.Is(err, errDamaged) {
		k.broken.Store(true)
	}
	return err
}

// differs tells whether there is something to write: something new, or that the stream went
// on far.
func (k *kept) differs(fresh int, at position) bool {
	return fresh > 0 || !at.Created.Equal(k.at.Created) || at.Seq > k.at.Seq+placeEvery || at.Seq < k.at.Seq
}

// placeEvery is how many messages of no lasting interest may pass before the place is written.
const placeEvery = 20_000

// write writes passages, slips and the place, in one commit.
func (k *kept) write(u unsaved, at position) error {
	err := k.do(func() error {
		return k.db.Update(func(tx *bbolt.Tx) error {
			for holder, p := range u.passages {
				if err := putPassage(tx, holder, p); err != nil {
					return err
				}
			}
			for b, uses := range u.slips {
				if err := put(tx, slipsBucket, slipKey(b), uses); err != nil {
					return err
				}
			}
			for ticket, counts := range u.rides {
				if err := put(tx, ridesBucket, []byte(ticket), counts); err != nil {
					return err
				}
			}
			return put(tx, placeBucket, placeName, at)
		})
	})
	if err == nil {
		k.at = at
	}
	return err
}

// putPassage writes a holder's passage, where the file has no later one.
func putPassage(tx *bbolt.Tx, holder journal.ID, p passage) error {
	var old passage
	if data := tx.Bucket(passedBucket).Get([]byte(holder)); data != nil && journal.Decode(data, &old) == nil && old.Time >= p.Time {
		return nil
	}
	return put(tx, passedBucket, []byte(holder), p)
}

func put(tx *bbolt.Tx, bucket, key []byte, v any) error {
	data, err := journal.Encode(v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put(key, data)
}

func slipKey(b bearer) []byte { return append([]byte{byte(b.role)}, b.certificate...) }

// get reads a value into v. What cannot be read is not there.
func (k *kept) get(bucket, key []byte, v any) (found bool) {
	err := k.do(func() error {
		return k.db.View(func(tx *bbolt.Tx) error {
			data := tx.Bucket(bucket).Get(key)
			found = data != nil
			if !found {
				return nil
			}
			return journal.Decode(data, v)
		})
	})
	return found && err == nil
}

func (k *kept) passage(holder journal.ID) (p passage, ok bool) {
	ok = holder != "" && k.get(passedBucket, []byte(holder), &p)
	return p, ok
}

func (k *kept) slip(b bearer) (uses []slipUse) {
	k.get(slipsBucket, slipKey(b), &uses)
	return uses
}

func (k *kept) rides(ticket journal.ID) (counts []rideCount) {
	if ticket != "" {
		k.get(ridesBucket, []byte(ticket), &counts)
	}
	return counts
}

// sweepMany bounds one commit of a sweep.
const sweepMany = 10_000

// sweep removes slips that ended before now, and passages from before since.
func (k *kept) sweep(now, since int64) error {
	return k.do(func() error {
		return k.db.Update(func(tx *bbolt.Tx) error {
			gone := func(bucket []byte, old func(data []byte) bool) error {
				var keys [][]byte
				c := tx.Bucket(bucket).Cursor()
				for key, data := c.First(); key != nil && len(keys) < sweepMany; key, data = c.Next() {
					if old(data) {
						keys = append(keys, key)
					}
				}
				for _, key := range keys {
					if err := tx.Bucket(bucket).Delete(key); err != nil {
						return err
					}
				}
				return nil
			}
			return errors.Join(
				gone(passedBucket, func(data []byte) bool {
					var p passage
					return journal.Decode(data, &p) != nil || p.Time < since
				}),
				gone(ridesBucket, func(data []byte) bool {
					var counts []rideCount
					return journal.Decode(data, &counts) != nil || !slices.ContainsFunc(counts, func(c rideCount) bool { return c.Until >= now })
				}),
				gone(slipsBucket, func(data []byte) bool {
					var uses []slipUse
					return journal.Decode(data, &uses) != nil || over(uses, now)
				}))
		})
	})
}

// close ends the use of the file. One that is damaged is begun again at the next start.
func (k *kept) close() error {
	err := guarded(k.db.Close)
	if k.broken.Load() {
		err = errors.Join(err, os.Remove(k.path))
	}
	return err
}

// sentCursor is how far the gate's own uses were published. It lies beside what others said, for it is
// worth as little: without it they are published again.
type sentCursor struct {
	Epoch  string `cbor:"1,keyasint"`
	Seq    uint64 `cbor:"2,keyasint"` // the newest record
	Stream uint64 `cbor:"3,keyasint"` // the sequence that the stream gave its message
}

var cursorName = []byte("sent")

func (k *kept) cursor() (c sentCursor) {
	k.get(placeBucket, cursorName, &c)
	return c
}

func (k *kept) putCursor(c sentCursor) error {
	return k.do(func() error {
		return k.db.Update(func(tx *bbolt.Tx) error { return put(tx, placeBucket, cursorName, c) })
	})
}
