package store

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// change changes a closed gate's file behind the store's back.
func (g *gate) change(path string, f func(*bbolt.Tx) error) {
	g.t.Helper()
	db, err := openFile(path, 1<<30, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		g.t.Fatal(err)
	}
}

// What a start reads is read whole, also in a file of a version that wrote no sets which
// would show what is missing.
func TestAStartReadsAllOrNothing(t *testing.T) {
	key := spentKey(use(1), noon)
	for _, tt := range []struct {
		name   string
		change func(*bbolt.Tx) error
		why    string
	}{
		{"a spent code that rotted", func(tx *bbolt.Tx) error { return tx.Bucket(spentBucket).Put(key, []byte("rotten")) }, "spent codes: damaged"},
		{"a spent code of the wrong length", func(tx *bbolt.Tx) error { return tx.Bucket(spentBucket).Put(key[:9], seal(key[:9], nil)) }, "spent codes: spent code of the wrong length"},
		{"a passage that rotted", func(tx *bbolt.Tx) error {
			return tx.Bucket(passbackBucket).Put([]byte(use(1).Certificate), []byte("rotten"))
		}, "passages: damaged"},
		{"a small thing that rotted", func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Put([]byte("note x"), []byte("rotten")) }, `meta: "note x": damaged`},
		{"a small thing of another kind", func(tx *bbolt.Tx) error { return putMeta(tx, blindName, 7) }, "meta: blind: "},
		{"no spent codes", func(tx *bbolt.Tx) error { return tx.DeleteBucket(spentBucket) }, "spent codes: bucket is missing"},
		{"no passages", func(tx *bbolt.Tx) error { return tx.DeleteBucket(passbackBucket) }, "passages: bucket is missing"},
		{"no journal", func(tx *bbolt.Tx) error { return tx.DeleteBucket(journalBucket) }, "journal: bucket is missing"},
		{"no small things", func(tx *bbolt.Tx) error { return tx.DeleteBucket(metaBucket) }, "meta: bucket is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := used(t, 3)
			g.reopenAfter(func(path string) {
				g.change(path, func(tx *bbolt.Tx) error {
					return errors.Join(tx.Bucket(metaBucket).Delete([]byte(setsName)), tt.change(tx))
				})
			})
			if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, tt.why) {
				t.Errorf("blind = %+v; want %q", b, tt.why)
			}
		})
	}
}

// What was known of the file before has nothing to say about the one that is opened now.
func TestAnOpeningBeginsAfresh(t *testing.T) {
	g := used(t, 3)
	g.flushNow(t)
	g.freeze(t)
	g.flushNow(t)
	g.age, g.size = aging{seen: 1000, old: 1000}, 1<<40
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.look()
	if g.Err() != nil || g.age != (aging{}) {
		t.Errorf("%v, age %+v; want a file of its own size, with no record known to be old", g.Err(), g.age)
	}
}

// The file is the group's to read, and bbolt knows how large it may be.
func TestHowTheFileIsOpened(t *testing.T) {
	g := newGate(t)
	info, err := os.Stat(g.path())
	if err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("%v, %v; want at most rw-r-----", info.Mode(), err)
	}
	if want := g.limit.maxSize(info.Size()); g.db.MaxSize != want || g.file == nil {
		t.Errorf("it may have %d bytes; want %d", g.db.MaxSize, want)
	}
}

// A panic in what bbolt does is damage, and so is a fault in the mapped file; the caller's own
// faults are what they were.
func TestGuarded(t *testing.T) {
	before := debug.SetPanicOnFault(false)
	defer debug.SetPanicOnFault(before)
	var d *damageError
	err := guarded(func() error {
		if !debug.SetPanicOnFault(true) {
			t.Error("a fault would end the process")
		}
		panic("page 7 is no leaf")
	})
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "page 7 is no leaf") {
		t.Errorf("guarded = %v; want damage, and its words", err)
	}
	if debug.SetPanicOnFault(false) {
		t.Error("afterwards a fault of the caller's is a panic")
	}
	if err := guarded(func() error { return errNoBucket }); err != errNoBucket {
		t.Errorf("guarded = %v; want %v", err, errNoBucket)
	}
}
