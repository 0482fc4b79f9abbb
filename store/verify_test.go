package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// honest is a gate's file with all that a log may have: leaves that were removed, leaves
// without records, records with a receipt and without, and one from the station.
type honest struct {
	st       *station
	path     string
	log      Log
	outside  []byte // a receipt of all records, from elsewhere
	bare     uint64 // the first leaf without a record,
	first    uint64 // the first record,
	received uint64 // the last that the receipt in the file has,
	last     uint64 // and the last
	old      []byte // the file as it was with 150 records
}

func newHonest(t *testing.T) *honest {
	t.Helper()
	g, st := withStation(t)
	g.forced(149)
	h := &honest{st: st, path: g.path()}
	old, err := os.ReadFile(h.path)
	if err != nil {
		t.Fatal(err)
	}
	h.old = old
	g.receive(st, 40)
	g.limit.journal = g.Stats().Bytes / 2
	g.Keep()
	g.writeNow()
	g.limit.journal = 1 << 30
	g.forced(100)
	g.receive(st, 200)
	g.now = g.now.AddDate(1, 0, 0)
	g.forced(30)
	h.log = g.logNow()
	h.bare, h.first, h.received, h.last = g.epoch.bareFrom(), g.sets.First, g.epoch.sent(), g.sets.Last
	all := st.receipt(t, h.log.Epoch, h.log.Tree)
	h.outside = all.Note()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if h.bare <= 1 || h.first <= h.bare+2 || h.received <= h.first || h.last <= h.received {
		t.Fatalf("%d, %d, %d, %d; want some of each", h.bare, h.first, h.received, h.last)
	}
	return h
}

func (h *honest) proofs() Proofs {
	return Proofs{Receipt: h.outside, Open: func(note []byte, origin string) (journal.Receipt, error) {
		return journal.OpenReceipt(note, origin, h.st.opens, h.st.receipts.Verifier())
	}}
}

// altered is the file after a change.
func (h *honest) altered(t *testing.T, change func(path string)) string {
	t.Helper()
	path := filepath.Join(memory(t), "gate.db")
	data, err := os.ReadFile(h.path)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	change(path)
	return path
}

func TestAnHonestJournalIsVerified(t *testing.T) {
	h := newHonest(t)
	for name, p := range map[string]Proofs{"with all": h.proofs(), "without any": {}} {
		r, err := Verify(h.path, p)
		if err != nil || !r.OK || r.Bad != nil {
			t.Fatalf("%s: %+v, %v, %v", name, r, r.Bad, err)
		}
		want := Report{OK: true, Epoch: h.log.Epoch, First: h.log.First, Leaves: h.log.Tree.N, Root: h.log.Tree.Hash, Removed: int64(h.bare - 1),
			Unsent: int64(h.first - h.bare), Oldest: h.first, Newest: h.last, Receipt: r.Receipt}
		if r != want || r.Receipt == nil || r.Receipt.Checked != (p.Open != nil) {
			t.Errorf("%s: %+v, %+v; want %+v", name, r, r.Receipt, want)
		}
	}
	for name, g := range map[string]*gate{"new": newGate(t), "used": used(t, 30)} {
		g.writeNow()
		if _, err := Verify(g.path(), Proofs{}); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: while the store has it: %v; want %v", name, err, ErrLocked)
		}
		g.Close()
		if r, err := Verify(g.path(), Proofs{}); err != nil || !r.OK {
			t.Errorf("%s: %+v, %v, %v", name, r, r.Bad, err)
		}
	}
	if _, err := Verify(h.path+".missing", Proofs{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	if r, err := Verify(filepath.Dir(h.path), Proofs{}); err != nil || r.OK || r.Bad == nil {
		t.Errorf("a folder: %+v, %v", r, err)
	}
}

// A forgery is what somebody wrote in a file who can make each checksum right.
type forgery struct {
	records []forged
	values  map[string]any // of the meta bucket; nil: it is removed
	edge    edgeValue
	base    baseValue
	sets    sets
}

type forged struct {
	seq  uint64
	body []byte
}

// forge rewrites a journal. edge has its edge made of its records, as whoever knows this
// program would.
func forge(t *testing.T, path string, edge bool, change func(*forgery)) {
	t.Helper()
	db, err := openFile(path, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, b := tx.Bucket(metaBucket), tx.Bucket(journalBucket)
		f := &forgery{values: map[string]any{}}
		if err := errors.Join(getMeta(meta, edgeName, &f.edge), getMeta(meta, baseName, &f.base), getMeta(meta, setsName, &f.sets)); err != nil {
			return err
		}
		err := b.ForEach(func(key, value []byte) error {
			f.records = append(f.records, forged{seqOf(key), append([]byte(nil), value[:len(value)-sealSize]...)})
			return nil
		})
		if err != nil {
			return err
		}
		bare, err := readBare(tx.Bucket(leavesBucket), f.edge.First+uint64(f.base.Base.N()), f.sets.First, 1e6)
		if err != nil {
			return err
		}
		change(f)
		if edge {
			f.edge.Edge = f.base.Base
			for _, leaf := range bare {
				f.edge.Edge.Append(leaf.Hash)
			}
			for _, r := range f.records {
				f.edge.Edge.Append(tlog.RecordHash(r.body))
			}
			f.sets.First, f.sets.Last = f.records[0].seq, f.records[len(f.records)-1].seq
		}
		if err := tx.DeleteBucket(journalBucket); err != nil {
			return err
		}
		if b, err = tx.CreateBucket(journalBucket); err != nil {
			return err
		}
		for _, r := range f.records {
			key := journalKey(r.seq)
			if err := b.Put(key, seal(key, append([]byte(nil), r.body...))); err != nil {
				return err
			}
		}
		for name, value := range f.values {
			if value == nil {
				err = errors.Join(err, meta.Delete([]byte(name)))
			} else {
				err = errors.Join(err, putMeta(tx, name, value))
			}
		}
		return errors.Join(err, putMeta(tx, edgeName, f.edge), putMeta(tx, baseName, f.base), putMeta(tx, setsName, f.sets))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// at is the index of a record.
func (f *forgery) at(seq uint64) int { return int(seq - f.records[0].seq) }

// renumber gives the records behind one their numbers.
func (f *forgery) renumber() {
	for i := range f.records {
		f.records[i].seq = f.records[0].seq + uint64(i)
	}
}

// Somebody alters, drops, swaps, repeats, adds and rolls back records, with each checksum
// right, with the edge right, and with neither. None passes, and what is named is there.
func TestNoAlteredJournalPasses(t *testing.T) {
	h := newHonest(t)
	middle, unreceived := (h.first+h.received)/2, (h.received+h.last)/2
	another := func(f *forgery, i int) {
		r := readRecord(journalKey(1), seal(journalKey(1), append([]byte(nil), f.records[i].body...)))
		r.Detail += "!"
		f.records[i].body, _ = journal.Encode(r)
	}
	type change func(f *forgery, seq uint64)
	changes := map[string]change{
		"alters a record": func(f *forgery, seq uint64) { another(f, f.at(seq)) },
		"drops a record": func(f *forgery, seq uint64) {
			f.records = append(f.records[:f.at(seq)], f.records[f.at(seq)+1:]...)
		},
		"drops a record, and numbers the others": func(f *forgery, seq uint64) {
			f.records = append(f.records[:f.at(seq)], f.records[f.at(seq)+1:]...)
			f.renumber()
		},
		"swaps two records": func(f *forgery, seq uint64) {
			i := f.at(seq)
			f.records[i].body, f.records[i+1].body = f.records[i+1].body, f.records[i].body
		},
		"writes a record twice, in another's place": func(f *forgery, seq uint64) {
			f.records[f.at(seq)+1].body = f.records[f.at(seq)].body
		},
		"writes a record twice, and numbers the others": func(f *forgery, seq uint64) {
			i := f.at(seq)
			f.records = append(f.records[:i+1], f.records[i:]...)
			f.renumber()
		},
		"puts a record in": func(f *forgery, seq uint64) {
			i := f.at(seq)
			f.records = append(f.records[:i+1], f.records[i:]...)
			another(f, i)
			f.renumber()
		},
	}
	for name, change := range changes {
		for _, seq := range []uint64{h.first + 1, middle, unreceived} {
			for _, edge := range []bool{false, true} {
				what := fmt.Sprintf("somebody who %s (%d, the edge made right: %v)", name, seq, edge)
				path := h.altered(t, func(path string) { forge(t, path, edge, func(f *forgery) { change(f, seq) }) })
				r, err := Verify(path, h.proofs())
				if err != nil || r.OK || r.Bad == nil {
					t.Errorf("%s passes: %+v, %v", what, r, err)
					continue
				}
				if b := r.Bad; b.Seq > seq+1 || b.UpTo < seq && b.UpTo+1 != seq || b.Seq == 0 {
					t.Errorf("%s: %v; want record %d among them", what, b, seq)
				}
			}
		}
	}
	if t.Failed() {
		return
	}
	for seq := h.first; seq <= h.last; seq++ { // each, without its checksum: exactly it is named
		path := h.altered(t, func(path string) { spoilRecord(t, path, seq) })
		if r, err := Verify(path, h.proofs()); err != nil || r.Bad == nil || r.Bad.Seq != seq || r.Bad.UpTo != seq {
			t.Errorf("a bit of record %d: %v, %v; want it named", seq, r.Bad, err)
		}
	}
}

// Whoever takes the end away, or the whole file back to an older one, is caught by what the
// station has signed; so is what is said of the log itself.
func TestNoRolledBackJournalPasses(t *testing.T) {
	h := newHonest(t)
	last := func(n int) func(f *forgery) {
		return func(f *forgery) { f.records = f.records[:len(f.records)-n] }
	}
	other := newHonest(t)
	otherFile, err := os.ReadFile(other.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(path string)
		seq    uint64 // that is named; 0: any, or none
	}{
		"the last record, without the edge": {func(p string) { forge(t, p, false, last(1)) }, h.last},
		"the last, and the journal's end":   {func(p string) { forge(t, p, false, func(f *forgery) { last(1)(f); f.sets.Last-- }) }, h.last},
		"the last 10, with the edge":        {func(p string) { forge(t, p, true, last(10)) }, h.last - 9},
		"more than the receipt in the file": {func(p string) { forge(t, p, true, last(60)) }, 0},
		"the same, and the receipt with it": {func(p string) {
			forge(t, p, true, func(f *forgery) { last(60)(f); f.values[receiptName] = nil })
		}, h.last - 59},
		"a record is added, and not to the log": {func(p string) {
			forge(t, p, false, func(f *forgery) {
				f.records = append(f.records, f.records[len(f.records)-1])
				f.renumber()
				f.sets.Last++
			})
		}, h.last + 1},
		"the first record":                {func(p string) { forge(t, p, true, func(f *forgery) { f.records = f.records[1:] }) }, 0},
		"the first, and not in the sets":  {func(p string) { forge(t, p, false, func(f *forgery) { f.records = f.records[1:] }) }, h.first},
		"the whole file, to an older one": {func(p string) { os.WriteFile(p, h.old, 0o600) }, 151},
		"another gate's file":             {func(p string) { os.WriteFile(p, otherFile, 0o600) }, 0},
		"the epoch's name": {func(p string) {
			forge(t, p, true, func(f *forgery) { f.edge.Epoch, f.base.Epoch, f.values[receiptName] = "other", "other", nil })
		}, 0},
		"the first leaf": {func(p string) { forge(t, p, false, func(f *forgery) { f.edge.First++; f.sets.Last++ }) }, 0},
		"the base": {func(p string) {
			forge(t, p, true, func(f *forgery) {
				n := f.base.Base.N()
				f.base.Base = journal.Edge{}
				for range n {
					f.base.Base.Append(tlog.RecordHash(nil))
				}
			})
		}, 0},
		"a receipt of another time": {func(p string) {
			forge(t, p, false, func(f *forgery) {
				f.values[receiptName] = received{Epoch: h.log.Epoch, Note: h.st.receipt(t, h.log.Epoch, tlog.Tree{N: 210}).Note(), Edge: f.edge.Edge}
			})
		}, 0},
		"a receipt that nobody signed": {func(p string) {
			forge(t, p, false, func(f *forgery) {
				f.values[receiptName] = received{Epoch: h.log.Epoch, Note: newStation(t).receipt(t, h.log.Epoch, f.edge.Edge.Tree()).Note(), Edge: f.edge.Edge}
			})
		}, 0},
		"the first leaves without records": {func(p string) {
			changeChunks(t, p, func(b *bbolt.Bucket, keys [][]byte) error { return b.Delete(keys[0]) })
		}, h.bare},
		"the last of them": {func(p string) {
			changeChunks(t, p, func(b *bbolt.Bucket, keys [][]byte) error { return b.Delete(keys[len(keys)-1]) })
		}, h.first - 1},
		"two of them are swapped": {func(p string) {
			changeChunks(t, p, func(b *bbolt.Bucket, keys [][]byte) error {
				first, second := b.Get(keys[0]), b.Get(keys[1])
				one, two := bytes.Clone(first[:len(first)-sealSize]), bytes.Clone(second[:len(second)-sealSize])
				return errors.Join(b.Put(keys[0], seal(keys[0], two)), b.Put(keys[1], seal(keys[1], one)))
			})
		}, h.bare},
		"there are more of them": {func(p string) {
			changeChunks(t, p, func(b *bbolt.Bucket, keys [][]byte) error {
				key := journalKey(h.first)
				return b.Put(key, seal(key, make([]byte, tlog.HashSize)))
			})
		}, h.first},
		"they are told twice": {func(p string) {
			changeChunks(t, p, func(b *bbolt.Bucket, keys [][]byte) error {
				key := journalKey(seqOf(keys[0]) + 1)
				return b.Put(key, seal(key, make([]byte, tlog.HashSize)))
			})
		}, h.bare + 1},
		"a bit of what no log has": {func(p string) {
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			entry := valuesOf(t, data, string(metaBucket), provenName)[0]
			flipped := bytes.Clone(entry)
			flipped[len(flipped)-1] ^= 1
			os.WriteFile(p, bytes.ReplaceAll(data, entry, flipped), 0o600)
		}, 0},
		"a torn page": {func(p string) {
			f, err := os.OpenFile(p, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte("torn"), 40)
			f.Close()
		}, 0},
		"a file that is cut off": {func(p string) {
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(p, data[:8*pageSize], 0o600)
		}, 0},
	} {
		path := h.altered(t, tt.change)
		if r, err := Verify(path, Proofs{}); name == "a torn page" && (r.OK || err != nil) {
			t.Errorf("%s passes without a receipt: %v", name, err)
		}
		r, err := Verify(path, h.proofs())
		if err != nil || r.OK || r.Bad == nil || tt.seq != 0 && (r.Bad.Seq > tt.seq || r.Bad.UpTo < tt.seq) {
			t.Errorf("%s: %+v, %v, %v; want it refused, and %d named", name, r, r.Bad, err, tt.seq)
		}
	}
}

// changeChunks changes the leaves without records.
func changeChunks(t *testing.T, path string, change func(b *bbolt.Bucket, keys [][]byte) error) {
	t.Helper()
	db, err := openFile(path, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(leavesBucket)
		var keys [][]byte
		b.ForEach(func(key, _ []byte) error { keys = append(keys, bytes.Clone(key)); return nil })
		if len(keys) < 2 {
			return errors.New("too few")
		}
		return change(b, keys)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
