package acts

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

const many = 11 // acts of a test's record

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func testLog(t testing.TB, seed byte) *Log {
	t.Helper()
	l, err := NewLog(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func anAct(n int) Act {
	return Act{Time: noon.Add(time.Duration(n) * time.Minute), Kind: Issued, By: "officer-7", Slip: journal.ID([]byte{1, 2, 3, 4, 5, 6, 7, byte(n)}), Person: "0123456789abcdef", Detail: "no_phone"}
}

// newRecord is a file with a record of many acts.
func newRecord(t testing.TB, l *Log) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "acts.db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	update(t, db, Create)
	for n := range many {
		update(t, db, func(tx *bbolt.Tx) error { return l.Append(tx, anAct(n)) })
	}
	return db
}

func update(t testing.TB, db *bbolt.DB, by func(*bbolt.Tx) error) {
	t.Helper()
	if err := db.Update(by); err != nil {
		t.Fatal(err)
	}
}

// verify is Verify of a file; bad is the number of the first act that is wrong, 0: none is.
func verify(t testing.TB, db *bbolt.DB, l *Log, kept ...tlog.Tree) (tree tlog.Tree, bad int64) {
	t.Helper()
	err := db.View(func(tx *bbolt.Tx) (err error) {
		tree, err = Verify(tx, l.Verifier(), kept, nil)
		return err
	})
	var wrong *BadActError
	if errors.As(err, &wrong) {
		t.Log(err)
		return tree, wrong.Number
	}
	if err != nil {
		t.Fatal(err)
	}
	return tree, 0
}

func lastHead(t testing.TB, db *bbolt.DB, l *Log) (tree tlog.Tree) {
	t.Helper()
	err := db.View(func(tx *bbolt.Tx) (err error) {
		tree, _, err = journal.OpenHead(Head(tx), Origin, l.Verifier())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTheRecordIsProven(t *testing.T) {
	l := testLog(t, 1)
	db := newRecord(t, l)
	var got []Act
	err := db.View(func(tx *bbolt.Tx) error {
		tree, err := Verify(tx, l.Verifier(), []tlog.Tree{{N: 0}, lastHead(t, db, l)}, func(n int64, a Act) error {
			if n != int64(len(got)+1) {
				t.Errorf("act %d comes after %d", n, len(got))
			}
			got = append(got, a)
			return nil
		})
		if tree.N != many || tree != lastHead(t, db, l) {
			t.Errorf("proven: %v; want the last head's %v", tree, lastHead(t, db, l))
		}
		return err
	})
	if err != nil || len(got) != many {
		t.Fatalf("%d acts, %v; want %d", len(got), err, many)
	}
	for n, a := range got {
		if want := anAct(n); !a.Time.Equal(want.Time) || a.Kind != want.Kind || a.By != want.By || a.Slip != want.Slip || a.Person != want.Person || a.Detail != want.Detail {
			t.Errorf("act %d: %+v; want %+v", n+1, a, want)
		}
	}
	stop := errors.New("stop")
	if err := db.View(func(tx *bbolt.Tx) error {
		_, err := Verify(tx, l.Verifier(), nil, func(int64, Act) error { return stop })
		return err
	}); !errors.Is(err, stop) {
		t.Errorf("who reads ends it: %v", err)
	}
}

func TestARecordWithoutActs(t *testing.T) {
	l := testLog(t, 1)
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "acts.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	update(t, db, Create)
	if tree, bad := verify(t, db, l); tree.N != 0 || bad != 0 {
		t.Errorf("%v, bad act %d; want none", tree, bad)
	}
	if err := db.View(func(tx *bbolt.Tx) error {
		if head := Head(tx); len(head) != 0 {
			t.Errorf("head %q; want none", head)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, bad := verify(t, db, l, tlog.Tree{N: 3}); bad != 1 {
		t.Errorf("all acts are gone, and a kept head is of 3: bad act %d; want 1", bad)
	}
}

// copyOf is an act's or a head's bytes, for a bucket gives away its own.
func copyOf(tx *bbolt.Tx, bucket []byte, n int64) []byte {
	return slices.Clone(tx.Bucket(bucket).Get(number(n)))
}

// Whoever can write the file and has not the key: each thing that can be done to an act is
// found, and the first act that it was done to is named.
func TestEachBadActIsNamed(t *testing.T) {
	l, stranger := testLog(t, 1), testLog(t, 2)
	put := func(tx *bbolt.Tx, bucket []byte, n int64, data []byte) error {
		return tx.Bucket(bucket).Put(number(n), data)
	}
	for _, tt := range []struct {
		name string
		do   func(tx *bbolt.Tx, n int64) error // to the act of place n, from 0 on
		last int64                             // places that it can be done to: 0 … last
	}{
		{"altered", func(tx *bbolt.Tx, n int64) error {
			a := anAct(int(n))
			a.By = "officer-8"
			data, err := journal.Encode(a)
			return errors.Join(err, put(tx, actsBucket, n, data))
		}, many - 1},
		{"one bit of it", func(tx *bbolt.Tx, n int64) error {
			data := copyOf(tx, actsBucket, n)
			data[len(data)-1] ^= 1
			return put(tx, actsBucket, n, data)
		}, many - 1},
		{"not an act", func(tx *bbolt.Tx, n int64) error { return put(tx, actsBucket, n, []byte("?")) }, many - 1},
		{"dropped", func(tx *bbolt.Tx, n int64) error { return tx.Bucket(actsBucket).Delete(number(n)) }, many - 1},
		{"dropped with its head", func(tx *bbolt.Tx, n int64) error {
			return errors.Join(tx.Bucket(actsBucket).Delete(number(n)), tx.Bucket(headsBucket).Delete(number(n+1)))
		}, many - 2},
		{"its head dropped", func(tx *bbolt.Tx, n int64) error { return tx.Bucket(headsBucket).Delete(number(n + 1)) }, many - 1},
		{"dropped, and those after it and their heads moved up", func(tx *bbolt.Tx, n int64) error {
			for i := n; i < many-1; i++ {
				if err := errors.Join(put(tx, actsBucket, i, copyOf(tx, actsBucket, i+1)), put(tx, headsBucket, i+1, copyOf(tx, headsBucket, i+2))); err != nil {
					return err
				}
			}
			return errors.Join(tx.Bucket(actsBucket).Delete(number(many-1)), tx.Bucket(headsBucket).Delete(number(many)))
		}, many - 2},
		{"swapped with the next", func(tx *bbolt.Tx, n int64) error {
			a, b := copyOf(tx, actsBucket, n), copyOf(tx, actsBucket, n+1)
			return errors.Join(put(tx, actsBucket, n, b), put(tx, actsBucket, n+1, a))
		}, many - 2},
		{"swapped with the next, and their heads", func(tx *bbolt.Tx, n int64) error {
			a, b := copyOf(tx, actsBucket, n), copyOf(tx, actsBucket, n+1)
			c, d := copyOf(tx, headsBucket, n+1), copyOf(tx, headsBucket, n+2)
			return errors.Join(put(tx, actsBucket, n, b), put(tx, actsBucket, n+1, a), put(tx, headsBucket, n+1, d), put(tx, headsBucket, n+2, c))
		}, many - 2},
		{"the one before it repeated in its place", func(tx *bbolt.Tx, n int64) error {
			return put(tx, actsBucket, n, copyOf(tx, actsBucket, max(0, n-1)))
		}, many - 1},
		{"signed by another key", func(tx *bbolt.Tx, n int64) error {
			head := copyOf(tx, headsBucket, n+1)
			tree, _, err := journal.OpenHead(head, Origin, l.Verifier())
			if err != nil {
				return err
			}
			head, err = journal.SignHead(Origin, tree, stranger.signer)
			return errors.Join(err, put(tx, headsBucket, n+1, head))
		}, many - 1},
		{"a head of another log of the same key", func(tx *bbolt.Tx, n int64) error {
			head := copyOf(tx, headsBucket, n+1)
			tree, _, err := journal.OpenHead(head, Origin, l.Verifier())
			if err != nil {
				return err
			}
			head, err = journal.SignHead("another.log", tree, l.signer)
			return errors.Join(err, put(tx, headsBucket, n+1, head))
		}, many - 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := range tt.last + 1 {
				if tt.name == "the one before it repeated in its place" && n == 0 {
					continue
				}
				db := newRecord(t, l)
				update(t, db, func(tx *bbolt.Tx) error { return tt.do(tx, n) })
				if _, bad := verify(t, db, l); bad != n+1 {
					t.Errorf("act %d: bad act %d is named", n+1, bad)
				}
			}
		})
	}
}

// The last act repeated at the end, with or without its head.
func TestAnActRepeatedAtTheEnd(t *testing.T) {
	l := testLog(t, 1)
	for _, withHead := range []bool{false, true} {
		db := newRecord(t, l)
		update(t, db, func(tx *bbolt.Tx) error {
			err := tx.Bucket(actsBucket).Put(number(many), copyOf(tx, actsBucket, many-1))
			if withHead {
				err = errors.Join(err, tx.Bucket(headsBucket).Put(number(many+1), copyOf(tx, headsBucket, many)))
			}
			return err
		})
		if _, bad := verify(t, db, l); bad != many+1 {
			t.Errorf("with its head %v: bad act %d; want %d", withHead, bad, many+1)
		}
	}
}

// cutBack leaves the first n acts, as if there had been no more.
func cutBack(t testing.TB, db *bbolt.DB, n int64) {
	t.Helper()
	update(t, db, func(tx *bbolt.Tx) error {
		var edge journal.Edge
		for i := range int64(many) {
			if i < n {
				edge.Append(tlog.RecordHash(tx.Bucket(actsBucket).Get(number(i))))
				continue
			}
			if err := errors.Join(tx.Bucket(actsBucket).Delete(number(i)), tx.Bucket(headsBucket).Delete(number(i+1))); err != nil {
				return err
			}
		}
		right, err := edge.MarshalBinary()
		return errors.Join(err, tx.Bucket(edgeBucket).Put(edgeKey, right))
	})
}

// What was cut off the end, and what was written over it by whoever has the key, is known
// from a head that was kept elsewhere, and not without one.
func TestAKeptHeadFindsWhatWasCutOff(t *testing.T) {
	l := testLog(t, 1)
	db := newRecord(t, l)
	kept := lastHead(t, db, l)
	cutBack(t, db, 7)
	if tree, bad := verify(t, db, l); bad != 0 || tree.N != 7 {
		t.Errorf("without a head that was kept: %d acts, bad act %d; want 7, and nothing to see", tree.N, bad)
	}
	if _, bad := verify(t, db, l, kept); bad != 8 {
		t.Errorf("bad act %d; want 8, the first that is missing", bad)
	}
	for n := 7; n < many+2; n++ {
		a := anAct(n)
		if n == 9 {
			a.By = "nobody"
		}
		update(t, db, func(tx *bbolt.Tx) error { return l.Append(tx, a) })
	}
	if tree, bad := verify(t, db, l); bad != 0 || tree.N != many+2 {
		t.Errorf("rewritten: %d acts, bad act %d; want %d, and nothing to see", tree.N, bad, many+2)
	}
	if _, bad := verify(t, db, l, kept); bad != many {
		t.Errorf("rewritten: bad act %d; want %d, where a head was kept", bad, many)
	}
}

// Nothing is added to a record that is not what its last head says.
func TestNothingIsAddedToADamagedRecord(t *testing.T) {
	l := testLog(t, 1)
	del := func(bucket []byte, n int64) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Delete(number(n)) }
	}
	for name, damage := range map[string]func(*bbolt.Tx) error{
		"the last act is gone":  del(actsBucket, many-1),
		"the last head is gone": del(headsBucket, many),
		"both are":              func(tx *bbolt.Tx) error { return errors.Join(del(actsBucket, many-1)(tx), del(headsBucket, many)(tx)) },
		"the edge is gone":      func(tx *bbolt.Tx) error { return tx.Bucket(edgeBucket).Delete(edgeKey) },
		"the edge is no edge":   func(tx *bbolt.Tx) error { return tx.Bucket(edgeBucket).Put(edgeKey, []byte("?")) },
		"the edge is another's": func(tx *bbolt.Tx) error {
			var edge journal.Edge
			for range many {
				edge.Append(tlog.RecordHash([]byte("other acts")))
			}
			right, err := edge.MarshalBinary()
			return errors.Join(err, tx.Bucket(edgeBucket).Put(edgeKey, right))
		},
		"the head is another key's": func(tx *bbolt.Tx) error {
			tree, _, err := journal.OpenHead(tx.Bucket(headsBucket).Get(number(many)), Origin, l.Verifier())
			if err != nil {
				return err
			}
			head, err := journal.SignHead(Origin, tree, testLog(t, 2).signer)
			return errors.Join(err, tx.Bucket(headsBucket).Put(number(many), head))
		},
		"an act was added beside": func(tx *bbolt.Tx) error { return tx.Bucket(actsBucket).Put(number(many), []byte("?")) },
		"a head was added beside": func(tx *bbolt.Tx) error {
			head, err := journal.SignHead(Origin, lastHead(t, tx.DB(), l), l.signer)
			return errors.Join(err, tx.Bucket(headsBucket).Put(number(many+1), head))
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := newRecord(t, l)
			update(t, db, damage)
			if err := db.Update(func(tx *bbolt.Tx) error { return l.Append(tx, anAct(0)) }); !errors.Is(err, ErrDamaged) {
				t.Errorf("Append = %v; want ErrDamaged", err)
			}
		})
	}
}

// An act is in the record exactly if the transaction that did it is.
func TestAnActIsOfItsTransaction(t *testing.T) {
	l := testLog(t, 1)
	db := newRecord(t, l)
	undone := errors.New("undone")
	if err := db.Update(func(tx *bbolt.Tx) error { return errors.Join(l.Append(tx, anAct(99)), undone) }); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if tree, bad := verify(t, db, l); tree.N != many || bad != 0 {
		t.Errorf("%d acts, bad act %d; want %d", tree.N, bad, many)
	}
}

// Whatever stands in an act's place, with or without its head, is either that act or named.
func FuzzVerify(f *testing.F) {
	l := testLog(f, 1)
	db := newRecord(f, l)
	var act, head []byte
	if err := db.View(func(tx *bbolt.Tx) error {
		act, head = copyOf(tx, actsBucket, 4), copyOf(tx, headsBucket, 5)
		return nil
	}); err != nil {
		f.Fatal(err)
	}
	f.Add(act, head)
	f.Add(act[1:], head)
	f.Add([]byte{}, []byte{})
	f.Add(act, []byte("railgate.issuer.acts\n5\n\n"))
	f.Fuzz(func(t *testing.T, a, h []byte) {
		update(t, db, func(tx *bbolt.Tx) error {
			return errors.Join(tx.Bucket(actsBucket).Put(number(4), a), tx.Bucket(headsBucket).Put(number(5), h))
		})
		switch _, bad := verify(t, db, l); {
		case bad == 0 && !bytes.Equal(a, act):
			t.Errorf("%q passes for the act", a)
		case bad != 0 && bad != 5:
			t.Errorf("act %d is named; want 5", bad)
		}
	})
}
