package store

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
)

// withStation is a gate whose journal a station takes.
func withStation(t *testing.T) (*gate, *station) {
	t.Helper()
	g := newGate(t)
	g.opt.Station = func() bool { return true }
	g.reopenAfter(nil)
	return g, newStation(t)
}

// receive has the station sign for the first n leaves.
func (g *gate) receive(st *station, n int64) {
	g.t.Helper()
	tree, err := g.RootAt(n)
	if err == nil {
		err = g.PutReceipt(st.receipt(g.t, g.logNow().Epoch, tree))
	}
	if err != nil {
		g.t.Fatalf("a receipt of %d leaves: %v", n, err)
	}
}

// forced appends n records, in commits of ten.
func (g *gate) forced(n int) {
	g.t.Helper()
	for i := range n {
		g.Append(journal.Record{Time: g.now, Kind: journal.Forced, Grant: g.Seq()*10 + uint64(i%10) + 1, Detail: "somebody crossed, and nobody was granted"})
		if i%10 == 9 || i == n-1 {
			g.writeNow()
		}
	}
}

// writeNow writes what is queued.
func (g *gate) writeNow() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.flush(); err != nil {
		g.t.Fatal(err)
	}
}

// oldest is the number of the first record that is kept.
func (g *gate) oldest() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sets.First
}

// What is old is removed up to the receipt, not above it; without a station all of it is.
func TestOnlyWhatTheStationHasIsRemovedByAge(t *testing.T) {
	g, st := withStation(t)
	g.forced(600)
	g.now = g.now.AddDate(1, 0, 0)
	g.forced(5)
	roots := map[int64]any{}
	for _, n := range []int64{300, 400, 601} {
		tree, err := g.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		roots[n] = tree
	}
	g.Keep()
	if g.oldest() != 1 {
		t.Fatalf("the journal begins with %d; want 1: the station has nothing", g.oldest())
	}
	g.receive(st, 300)
	g.Keep()
	for range 2 {
		if g.oldest() != 301 {
			t.Errorf("the journal begins with %d; want 301", g.oldest())
		}
		g.wantLog("pruned up to the receipt")
		if _, err := g.RootAt(299); !errors.Is(err, ErrRemoved) {
			t.Errorf("a root below the base: %v; want %v", err, ErrRemoved)
		}
		for n, want := range roots {
			if tree, err := g.RootAt(n); err != nil || tree != want {
				t.Errorf("RootAt(%d) = %v, %v; want %v", n, tree, err, want)
			}
		}
		g.reopenAfter(nil)
	}
	g.opt.Station = nil
	g.reopenAfter(nil)
	g.Keep()
	if g.oldest() != 602 {
		t.Errorf("without a station the journal begins with %d; want 602: %v", g.oldest(), g.kinds())
	}
	g.wantLog("without a station")
}

// Where there is no room left, the bodies of what the station does not have make it, and
// the log is told by their leaves as before; with the receipt they are gone.
func TestBodiesMakeRoom(t *testing.T) {
	g, st := withStation(t)
	g.forced(1000)
	trees := map[int64]any{}
	for _, n := range []int64{1, 17, 500, 1001} {
		tree, err := g.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		trees[n] = tree
	}
	g.receive(st, 17)
	was := g.logNow()
	g.limit.journal = g.Stats().Bytes / 2
	g.Keep()
	g.writeNow()
	records, err := g.Records(0, 5000)
	if err != nil || len(records) < 100 || records[len(records)-1].Reason != JournalUnsent || records[0].Seq != g.oldest() || g.oldest() < 500 {
		t.Fatalf("%d records, %v, from %d on; want the newest half, and that the others made room", len(records), err, g.oldest())
	}
	said := records[len(records)-1]
	if said.Kind != journal.Pruned || int64(said.Count) != g.Stats().Unsent || said.Count != int(g.oldest())-18 || g.Stats().Bytes > g.limit.journal+1000 {
		t.Errorf("%+v, %+v; want %d bodies", said, g.Stats(), g.oldest()-18)
	}
	for range 2 {
		now := g.wantLog("bodies made room")
		if now.Epoch != was.Epoch {
			t.Fatalf("another epoch: %+v", now)
		}
		leaves, err := g.Leaves(0, 5000)
		if err != nil || leaves[0].Seq != 18 || leaves[0].Body != nil || leaves[len(leaves)-1].Body == nil || leaves[g.oldest()-18].Body == nil || leaves[g.oldest()-19].Body != nil {
			t.Fatalf("%d leaves, %v", len(leaves), err)
		}
		for n, want := range trees {
			tree, err := g.RootAt(n)
			if n < 17 {
				if !errors.Is(err, ErrRemoved) {
					t.Errorf("RootAt(%d) = %v; want %v", n, err, ErrRemoved)
				}
			} else if err != nil || tree != want {
				t.Errorf("RootAt(%d) = %v, %v; want %v", n, tree, err, want)
			}
		}
		for after := uint64(10); after < 60; after++ {
			some, err := g.Leaves(after, 3)
			if want := max(after+1, 18); err != nil || len(some) != 3 || some[0].Seq != want || some[2].Seq != want+2 {
				t.Fatalf("3 leaves after %d: %+v, %v", after, some, err)
			}
		}
		g.reopenAfter(nil)
	}
	g.limit.journal = 20_000 // all at once is too much for a commit
	g.receive(st, 1001)
	g.Keep()
	g.wantLog("received")
	g.reopenAfter(nil)
	if g.Stats().Unsent != 0 || g.wantLog("received").Epoch != was.Epoch {
		t.Errorf("%+v; want no leaf without a record", g.Stats())
	}
}

// A station that never comes back: the gate goes on in the room that it has, and says so.
func TestNothingIsKeptForAStationForEver(t *testing.T) {
	g, _ := withStation(t)
	g.limit.journal = 60_000
	was := g.logNow()
	for range 40 {
		g.forced(100)
		g.Keep()
		if b := g.Stats().Bytes; b > 2*g.limit.journal {
			t.Fatalf("%d bytes; want about %d", b, g.limit.journal)
		}
		g.wantLog("full")
	}
	now := g.wantLog("in the end")
	if r := g.leaf0(now); now.Epoch == was.Epoch || r.Kind != journal.Epoch || r.Reason == StoreRolledBack {
		t.Errorf("%+v begins with %+v; want another epoch, without a roll-back", now, r)
	}
	if g.Blind().Blind || g.Err() != nil {
		t.Errorf("%+v, %v", g.Blind(), g.Err())
	}
	g.reopenAfter(nil)
	g.wantLog("after a start")
}

// A record that cannot be read ends the epoch, whoever finds it; the lane works on.
func TestALogWithAHoleBeginsAgain(t *testing.T) {
	for name, find := range map[string]func(g *gate){
		"reading": func(g *gate) { g.Leaves(0, 100) },
		"a root":  func(g *gate) { g.RootAt(50) },
		"pruning": func(g *gate) { g.opt.Station = nil; g.limit.journal = 100; g.Keep() },
		"making room": func(g *gate) {
			g.limit.journal = 100
			g.Keep()
		},
	} {
		g, _ := withStation(t)
		g.forced(100)
		g.reopenAfter(func(path string) { spoilRecord(t, path, 30) })
		was := g.logNow()
		if name == "pruning" {
			g.opt.Station = nil
			g.reopenAfter(nil)
		}
		find(g)
		now := g.wantLog(name)
		if r := g.leaf0(now); now.Epoch == was.Epoch || r.Kind != journal.Epoch || r.Before != was.Epoch || r.Detail == "" {
			t.Errorf("%s: %+v begins with %+v; want another epoch", name, now, r)
		}
		if _, err := g.Grant(use(900), g.now.Add(time.Hour), granted(900)); err != nil || g.Blind().Blind {
			t.Errorf("%s: a grant: %v, %+v", name, err, g.Blind())
		}
		g.reopenAfter(nil)
		g.wantLog(name + ", and a start")
	}
}

// spoilRecord flips a bit of a record, in every copy of its page.
func spoilRecord(t *testing.T, path string, seq uint64) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for at := 2 * pageSize; ; at += 8 { // behind the meta pages, whose numbers may look like a key
		i := bytes.Index(data[at:], journalKey(seq))
		if i < 0 {
			break
		}
		at += i
		if data[at+8]>>4 == 0xa { // a map: the record's
			data[at+12] ^= 4
			n++
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil || n == 0 {
		t.Fatalf("record %d: %d copies, %v", seq, n, err)
	}
}

// A limit that was lowered leaves out nothing that the station does not have, and the log
// goes on from where the smaller file begins.
func TestLoweredLimitWithAStation(t *testing.T) {
	for name, tt := range map[string]struct {
		sent    int64
		fewer   bool // records in the smaller file
		station bool
	}{
		"all is sent":     {120_001, true, true},
		"none is sent":    {0, false, true},
		"without station": {0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, st := withStation(t)
			g.fill(120_000)
			was := g.logNow()
			if tt.sent > 0 {
				g.receive(st, tt.sent)
			}
			if !tt.station {
				g.opt.Station = nil
			}
			g.opt.MaxBytes = 1e6
			g.reopenAfter(nil)
			if now := g.logNow(); now != was || g.Err() != nil {
				t.Fatalf("the log is %+v, %v; want %+v", now, g.Err(), was)
			}
			if (g.oldest() > 1) != tt.fewer || (g.epoch.base.N() > 0) != tt.fewer {
				t.Errorf("the journal begins with %d, the log's base has %d leaves", g.oldest(), g.epoch.base.N())
			}
			if made := strings.Contains(g.log.String(), "was made again"); made != tt.fewer {
				t.Errorf("made again: %v; want %v", made, tt.fewer)
			}
			g.wantLog("made again")
		})
	}
}
