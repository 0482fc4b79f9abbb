package store

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// someLeaves are leaves without a record, from a number on.
func someLeaves(from uint64, n int) (list []Leaf) {
	for i := range n {
		seq := from + uint64(i)
		list = append(list, Leaf{Seq: seq, Hash: tlog.RecordHash(journalKey(seq))})
	}
	return list
}

// withLeaves is a file that has leaves without a record, in its own transaction.
func withLeaves(t *testing.T, leaves []Leaf, f func(tx *bbolt.Tx)) {
	t.Helper()
	db, err := openFile(filepath.Join(memory(t), "leaves"), 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := putBare(tx, leaves); err != nil {
			return err
		}
		f(tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func seqs(list []Leaf) string {
	var all []string
	for _, leaf := range list {
		if leaf.Hash != tlog.RecordHash(journalKey(leaf.Seq)) || leaf.Body != nil {
			all = append(all, "another's")
		}
		all = append(all, fmt.Sprint(leaf.Seq))
	}
	return strings.Join(all, " ")
}

// Leaves without a record are read from any number on, and no further than asked for.
func TestLeavesWithoutRecordsAreRead(t *testing.T) {
	withLeaves(t, someLeaves(5, 40), func(tx *bbolt.Tx) { // 5 to 20, 21 to 36, 37 to 44
		for _, tt := range []struct {
			next, end uint64
			n         int
			want      string
		}{
			{5, 100, 3, "5 6 7"}, {6, 100, 2, "6 7"}, {19, 100, 4, "19 20 21 22"}, {20, 100, 1, "20"}, {21, 100, 2, "21 22"}, {36, 100, 2, "36 37"},
			{40, 45, 100, "40 41 42 43 44"}, {44, 45, 1, "44"}, {44, 45, 5, "44"}, {44, 44, 5, ""}, {5, 100, 0, ""},
			{44, 46, 5, "error: that of record 45"}, {45, 46, 1, "error: that of record 45"}, {4, 46, 1, "error: that of record 4"}, {1, 46, 50, "error: that of record 1"}, {60, 61, 1, "error: that of record 60"},
		} {
			list, err := readBare(tx.Bucket(leavesBucket), tt.next, tt.end, tt.n)
			got := seqs(list)
			if err != nil {
				got = "error: " + err.Error()
			}
			if want, isError := strings.CutPrefix(tt.want, "error: "); isError && !strings.Contains(got, want) || !isError && got != tt.want {
				t.Errorf("%d from %d on, below %d: %q; want %q", tt.n, tt.next, tt.end, got, tt.want)
			}
		}
		if err := tx.Bucket(leavesBucket).Put(journalKey(21), []byte("rotten")); err != nil {
			t.Fatal(err)
		}
		if list, err := readBare(tx.Bucket(leavesBucket), 19, 100, 4); list != nil || !errors.Is(err, errDamaged) {
			t.Errorf("%q, %v; want that it is damaged", seqs(list), err)
		}
	})
	if _, err := readBare(nil, 1, 2, 1); err != errNoBucket {
		t.Errorf("no bucket: %v; want %v", err, errNoBucket)
	}
}

// What is not as it was written is no chunk of leaves.
func TestChunksThatAreRefused(t *testing.T) {
	hash := make([]byte, tlog.HashSize)
	for name, tt := range map[string]struct{ key, value []byte }{
		"a key that is too short": {journalKey(1)[:7], hash},
		"a key that is too long":  {append(journalKey(1), 0), hash},
		"no hash":                 {journalKey(1), nil},
		"a part of a hash":        {journalKey(1), hash[:31]},
		"a hash and a part":       {journalKey(1), append(bytes.Clone(hash), 0)},
	} {
		if list, err := readChunk(tt.key, seal(tt.key, bytes.Clone(tt.value))); list != nil || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%x", tt.key)) {
			t.Errorf("%s: %v, %v; want an error that names the key", name, list, err)
		}
	}
	if list, err := readChunk(journalKey(1), append(hash, 0, 0, 0, 0)); list != nil || !errors.Is(err, errDamaged) {
		t.Errorf("rotten: %v, %v; want %v", list, err, errDamaged)
	}
	if list, err := readChunk(journalKey(7), seal(journalKey(7), make([]byte, 2*tlog.HashSize))); err != nil || len(list) != 2 || list[0].Seq != 7 || list[1].Seq != 8 {
		t.Errorf("%v, %v; want leaves 7 and 8", list, err)
	}
}

// The chunks' ends are held against the base and the journal.
func TestChunksEnds(t *testing.T) {
	withLeaves(t, someLeaves(5, 40), func(tx *bbolt.Tx) {
		b := tx.Bucket(leavesBucket)
		var base journal.Edge
		base.Append(tlog.Hash{})
		base.Append(tlog.Hash{})
		for _, tt := range []struct {
			name         string
			epochFirst   uint64 // with two leaves in the base
			journalFirst uint64
			bare         int64
			b            *bbolt.Bucket
			good         bool
		}{
			{"as they should be", 3, 45, 40, b, true},
			{"none is kept", 30, 99, 0, nil, true},
			{"no bucket", 3, 45, 40, nil, false},
			{"they begin too late", 2, 45, 40, b, false},
			{"they begin too early", 4, 45, 40, b, false},
			{"they begin in an earlier epoch", 19, 45, 24, b, true},
			{"there is none of this epoch", 50, 60, 1, b, false},
			{"they end too early", 3, 46, 40, b, false},
			{"they end too late", 3, 44, 40, b, false},
		} {
			e := epoch{first: tt.epochFirst, base: base, bare: tt.bare}
			if err := e.checkBare(tt.b, tt.journalFirst); (err == nil) != tt.good {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if err := b.Put(journalKey(37), []byte("rotten")); err != nil {
			t.Fatal(err)
		}
		if err := (&epoch{first: 3, base: base, bare: 40}).checkBare(b, 45); !errors.Is(err, errDamaged) {
			t.Errorf("the last one is rotten: %v; want %v", err, errDamaged)
		}
	})
}

// Chunks that are removed move the base behind them, those of an earlier epoch do not; one
// that cannot be read ends the epoch.
func TestChunksAreRemoved(t *testing.T) {
	withLeaves(t, someLeaves(5, 40), func(tx *bbolt.Tx) {
		e := epoch{first: 21, bare: 24}
		if err := e.removeBare(tx, [][]byte{journalKey(5), journalKey(21)}); err != nil || e.bare != 8 || e.base.N() != 16 || e.gap != "" {
			t.Errorf("%v, %d left, base %d, gap %q; want 8 left behind 16", err, e.bare, e.base.N(), e.gap)
		}
		var want journal.Edge
		for _, leaf := range someLeaves(21, 16) {
			want.Append(leaf.Hash)
		}
		if e.base.Tree() != want.Tree() {
			t.Errorf("base = %v; want %v", e.base.Tree(), want.Tree())
		}
		b := tx.Bucket(leavesBucket)
		if key, _ := b.Cursor().First(); seqOf(key) != 37 {
			t.Errorf("the first that is left is %d; want 37", seqOf(key))
		}
		if err := b.Put(journalKey(37), []byte("rotten")); err != nil {
			t.Fatal(err)
		}
		if err := e.removeBare(tx, [][]byte{journalKey(37)}); err != nil || e.gap == "" || b.Get(journalKey(37)) != nil {
			t.Errorf("a rotten one: %v, gap %q; want it gone, and a gap", err, e.gap)
		}
	})
}

func TestLeavesThatCannotBeKept(t *testing.T) {
	db, err := openFile(filepath.Join(memory(t), "leaves"), 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bbolt.Tx) error { return putBare(tx, nil) }); err != nil {
		t.Errorf("none: %v", err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket(leavesBucket) != nil {
			t.Error("a bucket is made for none")
		}
		return putBare(tx, someLeaves(1, 1))
	})
	if !errors.Is(err, berrors.ErrTxNotWritable) {
		t.Errorf("putBare = %v; want %v", err, berrors.ErrTxNotWritable)
	}
}

// An epoch is given up where what the station asks for is not here, and only there.
func TestGivingAnEpochUp(t *testing.T) {
	g, st := withStation(t)
	g.forced(100)
	g.receive(st, 20)
	name := g.logNow().Epoch
	if err := g.GiveUp("another", 3); err != nil || g.logNow().Epoch != name {
		t.Errorf("another epoch: %v", err)
	}
	for after := range g.Seq() + 1 {
		if err := g.GiveUp(name, after); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("record %d ", after+1)) || g.logNow().Epoch != name {
			t.Fatalf("record %d, which is here or to come: %v", after+1, err)
		}
	}
	g.limit.journal = g.Stats().Bytes / 2
	g.Keep()
	bare := g.oldest() - 1
	if err := g.GiveUp(name, bare); err == nil {
		t.Errorf("record %d is here, and the epoch was given up", bare+1)
	}
	if err := g.GiveUp(name, bare-1); err == nil {
		t.Fatalf("the hash of record %d is here, and the epoch was given up", bare)
	}
	removed := g.epoch.bareFrom() - 1
	if err := g.GiveUp(name, removed-1); err != nil {
		t.Fatalf("record %d was removed: %v", removed, err)
	}
	l := g.logNow()
	if r := g.leaf0(l); l.Epoch == name || r.Kind != journal.Epoch || r.Before != name || !strings.Contains(r.Detail, fmt.Sprintf("lacks record %d,", removed)) {
		t.Errorf("%+v, which begins with %+v; want another, and why", l, r)
	}
	g.reopenAfter(nil)
	if found, err := g.examine(); err != nil || found.bare == 0 || g.bytes != int64(found.leaves+found.bare)*pageSize {
		t.Errorf("%d bytes, %+v, %v; want those of records and of leaves without", g.bytes, found, err)
	}
	g.freeze(t)
	g.flushNow(t)
	why := g.Err()
	if err := g.GiveUp(l.Epoch, 3); err != why || g.Err() != why {
		t.Errorf("an unavailable store: %v, because of %v; want %v", err, g.Err(), why)
	}
}

// A store that is unavailable says why, whatever is asked of its log.
func TestLogOfAnUnavailableStore(t *testing.T) {
	g, st := withStation(t)
	g.forced(10)
	l := g.logNow()
	r := st.receipt(t, l.Epoch, l.Tree)
	other := st.receipt(t, l.Epoch, tlog.Tree{N: 5})
	g.freeze(t)
	g.flushNow(t)
	why := g.Err()
	for name, f := range map[string]func() error{
		"Log":        func() error { _, err := g.Log(); return err },
		"Leaves":     func() error { _, err := g.Leaves(0, 1); return err },
		"RootAt":     func() error { _, err := g.RootAt(3); return err },
		"PutReceipt": func() error { return g.PutReceipt(r) },
		"RolledBack": func() error { return g.RolledBack(other, "why") },
		"extend": func() error {
			var edge journal.Edge
			return g.extend(&edge, 3, l.Epoch)
		},
	} {
		if err := f(); !errors.Is(err, why) || g.Err() != why {
			t.Errorf("%s = %v, because of %v; want %v", name, err, g.Err(), why)
		}
	}
}

// The log has no leaves for who asks for none, and another epoch's root is no one's here.
func TestWhatTheLogDoesNotHave(t *testing.T) {
	g, st := withStation(t)
	g.forced(10)
	for _, n := range []int{0, -1} {
		if list, err := g.Leaves(0, n); list != nil || err != nil {
			t.Errorf("%d leaves: %v, %v", n, list, err)
		}
	}
	var edge journal.Edge
	if err := g.extend(&edge, 3, "another"); err != errOtherEpoch {
		t.Errorf("extend = %v; want %v", err, errOtherEpoch)
	}
	l := g.logNow()
	for name, err := range map[string]error{
		"PutReceipt": g.PutReceipt(st.receipt(t, "another", l.Tree)), "RolledBack": g.RolledBack(st.receipt(t, "another", l.Tree), "why"),
	} {
		if !errors.Is(err, errOtherEpoch) || g.logNow() != l {
			t.Errorf("%s of another epoch: %v; want %v", name, err, errOtherEpoch)
		}
	}
	if err := g.RolledBack(st.receipt(t, l.Epoch, l.Tree), "why"); err == nil || g.Blind().Blind {
		t.Errorf("RolledBack with a receipt of this log: %v, %+v; want an error", err, g.Blind())
	}
}

// Each leaf is kept, whatever their number; a chunk that is missing is told.
func TestAllLeavesAreKept(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 32, 33} {
		withLeaves(t, someLeaves(5, n), func(tx *bbolt.Tx) {
			if list, err := readBare(tx.Bucket(leavesBucket), 5, uint64(5+n), 100); err != nil || len(list) != n {
				t.Errorf("%d of %d, %v", len(list), n, err)
			}
		})
	}
	withLeaves(t, someLeaves(5, 40), func(tx *bbolt.Tx) {
		if err := tx.Bucket(leavesBucket).Delete(journalKey(21)); err != nil {
			t.Fatal(err)
		}
		for next := uint64(18); next < 37; next++ {
			if list, err := readBare(tx.Bucket(leavesBucket), next, 45, 100); list != nil || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("record %d is missing", max(next, 21))) {
				t.Errorf("from %d on: %q, %v", next, seqs(list), err)
			}
		}
	})
}

// A record is a leaf only as it was written.
func TestRecordsThatAreNoLeaves(t *testing.T) {
	key := journalKey(3)
	for name, tt := range map[string]struct {
		of   stored
		want string
	}{
		"a gap":             {stored{3, 5, nil, nil}, "records 3 to 5 cannot be read"},
		"rot":               {stored{3, 3, key, []byte("rotten")}, "record 3: damaged"},
		"no record":         {stored{3, 3, key, seal(key, []byte{0x07})}, "record 3: "},
		"one that was told": {stored{3, 3, key, encodeSealed(key, journal.Record{Kind: journal.Damaged})}, "record 3: "},
	} {
		if leaf, err := tt.of.leaf(); err == nil || !strings.Contains(err.Error(), tt.want) || leaf.Seq != 0 {
			t.Errorf("%s: %+v, %v; want %q", name, leaf, err, tt.want)
		}
		var e epoch
		e.remove(3, tt.of.value)
		if e.gap == "" || e.base.N() != 0 {
			t.Errorf("%s is removed: base %d, gap %q; want a gap", name, e.base.N(), e.gap)
		}
		e = epoch{}
		e.bareIt(3, tt.of.value)
		if e.gap == "" {
			t.Errorf("%s makes room, without a gap", name)
		}
	}
	good := recordOf(3, "words")
	leaf, err := stored{3, 3, good.key, good.value}.leaf()
	if err != nil || leaf.Seq != 3 || leaf.Hash != tlog.RecordHash(good.value[:len(good.value)-sealSize]) || !bytes.Equal(leaf.Body, good.value[:len(good.value)-sealSize]) {
		t.Errorf("%+v, %v", leaf, err)
	}
	for name, e := range map[string]*epoch{"behind a gap": {gap: "a gap"}, "of an earlier epoch": {first: 4}} {
		if e.remove(3, good.value); e.base.N() != 0 {
			t.Errorf("%s: the base has %d leaves", name, e.base.N())
		}
	}
}

// That bodies made room is told once.
func TestRoomThatWasMadeIsTold(t *testing.T) {
	g, _ := withStation(t)
	g.forced(3)
	g.mu.Lock()
	g.madeRoom = span{2, 3}
	g.mu.Unlock()
	g.Keep()
	g.Keep()
	g.writeNow()
	records, err := g.Records(0, 100)
	if err != nil || len(records) != 5 {
		t.Fatalf("%d records, %v; want 5", len(records), err)
	}
	if r := records[4]; r.Kind != journal.Pruned || r.Reason != JournalUnsent || r.Count != 2 || !strings.HasPrefix(r.Detail, "records 2 to 3: ") {
		t.Errorf("%+v; want that two made room", r)
	}
	for _, want := range []bool{true, false} {
		g.Store.opt.Station = func() bool { return want }
		if _, _, err := g.prune(noon); err != nil || g.station != want {
			t.Errorf("a station takes the journal: %v, %v; want %v", g.station, err, want)
		}
	}
}

// What makes room is noted from the first to the last of it; a start that finds leaves without
// records does not know whether the journal tells of them, and tells.
func TestRoomThatWasMadeIsNoted(t *testing.T) {
	g, _ := withStation(t)
	for _, tt := range []struct {
		bodies int
		first  uint64 // of the journal, since
		bare   int64
		want   span
	}{
		{0, 10, 5, span{}}, {3, 10, 0, span{}}, {1, 10, 1, span{9, 9}}, {2, 12, 3, span{9, 11}}, {0, 20, 3, span{9, 11}},
	} {
		g.mu.Lock()
		sets, epoch := g.sets, g.epoch
		g.sets.First, g.epoch.bare = tt.first, tt.bare
		if g.makeRoom(tt.bodies); g.madeRoom != tt.want {
			t.Errorf("%d bodies up to record %d, %d leaves without: %+v; want %+v", tt.bodies, tt.first-1, tt.bare, g.madeRoom, tt.want)
		}
		g.sets, g.epoch = sets, epoch
		g.mu.Unlock()
	}

	for _, room := range []int64{1, 400} {
		g, _ := withStation(t)
		g.forced(20)
		g.mu.Lock()
		g.limit.journal = g.bytes - room
		g.mu.Unlock()
		g.Keep()
		g.writeNow()
		records, err := g.Records(0, 100)
		if err != nil {
			t.Fatal(err)
		}
		upTo := g.oldest() - 1
		if said := records[len(records)-1]; said.Reason != JournalUnsent || said.Count != int(upTo) || (upTo == 1) != (room == 1) {
			t.Errorf("%d bytes too many: %+v, the journal begins with %d; want that it is told from record 1 on", room, said, upTo+1)
		}
		g.reopenAfter(nil)
		if want := (span{1, upTo}); g.madeRoom != want {
			t.Errorf("after a start: %+v; want %+v", g.madeRoom, want)
		}
	}
}

// One look at the journal lists a batch, of records and of bodies together, and no record while
// leaves that come before it stay.
func TestRecordsAreListedInTheirTurn(t *testing.T) {
	g, st := withStation(t)
	g.forced(300)
	g.receive(st, 200)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.station, g.limit.journal = true, 0
	for left, want := range map[int64]doomed{0: {records: 200, bodies: pruneBatch - 200}, 1: {}, 2: {}} {
		old := doomed{left: left}
		if err := g.oldRecords(&old); err != nil || old.records != want.records || old.bodies != want.bodies {
			t.Errorf("%d leaves stay: %d records, %d bodies, %v; want %d and %d", left, old.records, old.bodies, err, want.records, want.bodies)
		}
	}
}

// An entry of the file that is made again is as it was, but for what says where the journal begins.
func TestWhatAnEntryIsInTheNewFile(t *testing.T) {
	value := []byte("a value")
	sealed := func(name string, v any) []byte { return encodeSealed([]byte(name), v) }
	for _, tt := range []struct {
		bucket, key string
		log         epoch
		value, want []byte
	}{
		{string(leavesBucket), "00000001", epoch{name: "e"}, value, nil},
		{string(leavesBucket), "00000001", epoch{name: "e", bare: 1}, value, value},
		{string(leavesBucket), "00000001", epoch{name: "e", bare: 2}, value, value},
		{string(passbackBucket), edgeName, epoch{}, value, value}, // a holder may be called anything
		{string(metaBucket), edgeName, epoch{}, value, nil},
		{string(metaBucket), edgeName, epoch{name: "e"}, value, value},
		{string(metaBucket), receiptName, epoch{}, value, nil},
		{string(metaBucket), baseName, epoch{}, value, nil},
		{string(metaBucket), baseName, epoch{name: "e", bare: 3}, value, sealed(baseName, baseValue{Epoch: "e", Bare: 3})},
		{string(metaBucket), setsName, epoch{}, sealed(setsName, sets{First: 3, Last: 9}), sealed(setsName, sets{First: 7, Last: 9})},
		{string(metaBucket), storeName, epoch{}, value, value},
	} {
		c := copying{from: 7, log: tt.log}
		if got := c.changed(tt.bucket, element{key: []byte(tt.key), value: tt.value}); !bytes.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("%s in %s, %+v: %x; want %x", tt.key, tt.bucket, tt.log, got, tt.want)
		}
	}
}
