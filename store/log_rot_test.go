package store

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// valuesOf are the entries of a bucket in a file: each key with its value behind it, as
// they lie there.
func valuesOf(t *testing.T, file []byte, bucket string, keys ...string) (entries [][]byte) {
	t.Helper()
	m, _, err := newestMeta(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	tree := newTree(bytes.NewReader(file), m)
	err = tree.buckets(m.root, func(name string, value []byte) error {
		if name != bucket {
			return nil
		}
		return tree.values(value, func(e element) error {
			if len(keys) == 0 || slices.Contains(keys, string(e.key)) {
				entries = append(entries, append(bytes.Clone(e.key), e.value...))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// Any bit of what is said of the log may rot: it is damage at the start, and where a start
// does not read it another epoch begins. No leaf is ever told that was not written.
func TestAnyBitOfTheLogMayRot(t *testing.T) {
	g, st := withStation(t)
	g.forced(400)
	g.receive(st, 20)
	g.limit.journal = g.Stats().Bytes / 2
	g.Keep()
	g.writeNow()
	was := g.logNow()
	leaves, err := g.Leaves(0, 1000)
	if err != nil || leaves[0].Body != nil || g.epoch.base.N() != 20 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	harmless := func() {
		got, err := g.Leaves(0, 1000)
		now := g.wantLog("a bit")
		switch {
		case err == nil && now == was:
			for i := range got {
				if got[i].Hash != leaves[i].Hash {
					t.Fatalf("leaf %d is another", got[i].Seq)
				}
			}
		case !errors.Is(err, ErrEpochEnded) || now.Epoch == was.Epoch:
			t.Fatalf("%d leaves, %v, the log is %+v; want the same, or another epoch", len(got), err, now)
		}
	}
	seen, flips := 0, 0
	flip := func(entry []byte, step int) {
		for at := 8; at < len(entry); at += step { // in every copy of its page
			flipped := bytes.Clone(entry)
			flipped[at] ^= 1 << (at % 8)
			if flips++; g.sees(t, bytes.ReplaceAll(whole, entry, flipped), harmless) {
				seen++
			}
		}
	}
	said := valuesOf(t, whole, string(metaBucket), edgeName, baseName, receiptName)
	for _, entry := range said {
		flip(entry, 1)
	}
	if len(said) != 3 || seen != flips {
		t.Errorf("%d of %d flips in %d values were seen; want all, of 3", seen, flips, len(said))
	}
	chunks := valuesOf(t, whole, string(leavesBucket))
	for _, entry := range chunks {
		flip(entry, 37)
	}
	if len(chunks) < 5 {
		t.Errorf("%d values of leaves; want some", len(chunks))
	}
}

// A file of the version before has no log: one begins with its next record, and nothing
// that it remembers is lost. So it is where that version wrote to a newer file.
func TestAFileWithoutALogBeginsOne(t *testing.T) {
	for name, forget := range map[string]func(tx *bbolt.Tx) error{
		"a file of the version before": func(tx *bbolt.Tx) error {
			b := tx.Bucket(metaBucket)
			return errors.Join(b.Delete([]byte(edgeName)), b.Delete([]byte(baseName)))
		},
		"that version has written": func(tx *bbolt.Tx) error {
			var s sets
			err := getMeta(tx.Bucket(metaBucket), setsName, &s)
			s.Last++
			key := journalKey(s.Last)
			return errors.Join(err, tx.Bucket(journalBucket).Put(key, encodeSealed(key, journal.Record{Kind: journal.Forced})), putMeta(tx, setsName, s))
		},
		"that version has pruned": func(tx *bbolt.Tx) error {
			var s sets
			err := getMeta(tx.Bucket(metaBucket), setsName, &s)
			return errors.Join(err, s.removeRecords(tx.Bucket(journalBucket), 3, func(uint64, []byte) {}), putMeta(tx, setsName, s))
		},
	} {
		g := used(t, 30)
		g.writeNow()
		was, seq := g.logNow(), g.Seq()
		g.reopenAfter(func(path string) {
			db, err := openFile(path, 0, nil)
			if err == nil {
				err = errors.Join(db.Update(forget), db.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		g.wantMemory(t, 30, name)
		now := g.wantLog(name)
		if b := g.Blind(); b.Blind || now.Epoch == was.Epoch || now.Tree.N != 1 || now.First < seq+1 || now.First > seq+2 || g.leaf0(now).Kind != journal.Epoch {
			t.Errorf("%s: %+v, the log is %+v; want one that begins behind %d", name, b, now, seq)
		}
		g.grant(40)
		g.reopenAfter(nil)
		if again := g.wantLog(name); again.Epoch != now.Epoch || again.Tree.N != 2 {
			t.Errorf("%s: after a start the log is %+v; want that which began", name, again)
		}
		g.Close()
		if r, err := Verify(g.path(), Proofs{}); err != nil || !r.OK {
			t.Errorf("%s: %+v, %v, %v", name, r, r.Bad, err)
		}
	}
}

// The epoch behind a loss names the one before, though another process finds it.
func TestTheEpochBehindALossNamesTheOneBefore(t *testing.T) {
	for _, lost := range []string{"a bit", "both meta pages"} {
		g := used(t, 30)
		g.writeNow()
		was := g.logNow()
		g.reopenAfter(func(path string) {
			if lost == "both meta pages" {
				zero(t, path, 0, 2*pageSize)
				return
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			entry := valuesOf(t, data, string(metaBucket), provenName)[0]
			flipped := bytes.Clone(entry)
			flipped[len(flipped)-1] ^= 1
			os.WriteFile(path, bytes.ReplaceAll(data, entry, flipped), 0o600)
		})
		want := map[string]string{"a bit": was.Epoch}[lost]
		if r := g.leaf0(g.wantLog(lost)); !g.Blind().Blind || r.Before != want || r.Detail == "" {
			t.Errorf("%s: %+v begins the journal; want one that names %q", lost, r, want)
		}
	}
}

// A copy of the file, put back while the gate is off: without a station the marks show it;
// with the marks put back too, the station does.
func TestACopyOfTheFilePutBack(t *testing.T) {
	g, st := withStation(t)
	g.forced(20)
	g.Close()
	before := map[string][]byte{}
	for _, path := range append(g.marks(), g.path()) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before[path] = data
	}
	g.open()
	g.grant(1)
	was := g.logNow()
	station := st.receipt(t, was.Epoch, was.Tree)
	g.reopenAfter(func(string) {
		for path, data := range before {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	if g.Blind().Blind || g.Spent(use(1)) {
		t.Fatal("a copy of all is seen without the station: this test proves nothing")
	}
	g.Append(journal.Record{Time: noon, Kind: journal.Started}) // as many records as there were, and others
	g.writeNow()
	if err := g.PutReceipt(station); !errors.Is(err, ErrForked) {
		t.Errorf("its receipt: %v; want %v", err, ErrForked)
	}
	if err := g.RolledBack(station, "the station has other records"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Grant(use(1), noon.Add(time.Hour), granted(1)); !errors.Is(err, journal.ErrSpent) || !g.Blind().RolledBack {
		t.Errorf("the code that was spent: %v, %+v; want it denied", err, g.Blind())
	}
	g.wantLog("rolled back")
}

// FuzzChunk feeds values of leaves: what is read is written the same.
func FuzzChunk(f *testing.F) {
	f.Add(journalKey(7), make([]byte, 32))
	f.Add(journalKey(7), make([]byte, 64))
	f.Add([]byte{1}, make([]byte, 32))
	f.Add(journalKey(1<<64-1), make([]byte, 33))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		leaves, err := readChunk(key, seal(key, bytes.Clone(value)))
		if err != nil {
			return
		}
		var again []byte
		for i, leaf := range leaves {
			if leaf.Seq != seqOf(key)+uint64(i) || leaf.Body != nil {
				t.Errorf("leaf %d is %+v", i, leaf)
			}
			again = append(again, leaf.Hash[:]...)
		}
		if !bytes.Equal(again, value) || len(leaves) == 0 {
			t.Errorf("%x is read as %d leaves", value, len(leaves))
		}
	})
}

// FuzzLog feeds what a file says of its log: what is taken fits the journal.
func FuzzLog(f *testing.F) {
	var e journal.Edge
	e.Append(tlog.RecordHash(nil))
	seed := func(v any) []byte { data, _ := journal.Encode(v); return data }
	f.Add(seed(edgeValue{Epoch: "e1", First: 1, Edge: e}), seed(baseValue{Epoch: "e1"}), seed(received{Epoch: "e1"}), uint64(1), uint64(1))
	f.Add([]byte{0x83}, []byte{0x80}, []byte{0xf6}, uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, edge, base, receipt []byte, first, last uint64) {
		b := valueMap{}
		for name, value := range map[string][]byte{edgeName: edge, baseName: base, receiptName: receipt} {
			b[name] = seal([]byte(name), bytes.Clone(value))
		}
		e, ends, err := loadEpoch(b, first, last)
		if err != nil || ends != "" {
			return
		}
		if e.end() != last || e.first == 0 || e.base.N()+e.bare < 0 || e.received.Edge.N() > e.edge.N() || !journal.GoodName(e.name) {
			t.Errorf("%+v is taken for records %d to %d", e, first, last)
		}
		e.edge.Tree()
	})
}
