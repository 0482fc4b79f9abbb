package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/store/journal"
)

// fill appends n records of about 150 bytes, many in one commit.
func (g *gate) fill(n int) {
	g.t.Helper()
	for i := range n {
		r := granted(i)
		r.Detail = "some words that make a record as long as most are"
		g.mu.Lock()
		g.queue = append(g.queue, entry{record: r})
		if len(g.queue) == 2000 {
			g.flush()
		}
		g.mu.Unlock()
	}
	g.flushNow(g.t)
}

// The journal only grows at its end, so its pages can be full.
func TestPagesOfTheJournalAreFull(t *testing.T) {
	g := newGate(t)
	for n := range 2000 {
		g.grant(n)
	}
	added := g.bytes
	g.reopenAfter(nil)
	if g.bytes > added*115/100 {
		t.Errorf("%d bytes of records are on %d bytes of pages", added, g.bytes)
	}
}

func TestLimits(t *testing.T) {
	const MB = 1 << 20
	for _, tt := range []struct {
		name          string
		max           int64
		bits          int
		journal, file int64
	}{
		{"the default", 2e9, 64, 2e9, 4e9 + 64*MB},
		{"the default, on 32 bits", 2e9, 32, 480 * MB, 1024 * MB},
		{"the most, on 32 bits", 1e12, 32, 480 * MB, 1024 * MB},
		{"the most", 1e12, 64, 1e12, 2e12 + 64*MB},
		{"little", 1e6, 32, 1e6, 2e6 + 64*MB},
	} {
		l := limitFor(tt.max, tt.bits)
		if l.journal != tt.journal || l.file != tt.file {
			t.Errorf("%s: %+v; want %d and %d", tt.name, l, tt.journal, tt.file)
		}
		if tt.bits == 32 && (l.file > math.MaxInt32 || l.file < 2*l.journal) {
			t.Errorf("%s: a file of %d cannot be mapped, or not be pruned to %d", tt.name, l.file, l.journal)
		}
	}
	l := limitFor(1e6, 64)
	if got := l.maxSize(500 * MB); got <= 500*MB {
		t.Errorf("a file of 500 MB may grow to %d; pruning needs more", got)
	}
	if wordBits != 32 && wordBits != 64 {
		t.Errorf("an int has %d bits", wordBits)
	}
}

// A limit that was lowered far below the file: the gate works at once, and the file is
// small; nothing that it remembers is lost, and the newest records are there.
func TestLoweredLimit(t *testing.T) {
	g := used(t, 60)
	g.fill(120_000)
	g.PutNote("anchor", "boot 1")
	seq, id := g.Seq(), g.id
	g.opt.MaxBytes = 1e6
	g.reopenAfter(nil)
	g.flushNow(t)
	info, err := os.Stat(g.path())
	if err != nil || info.Size() > 8<<20 {
		t.Errorf("the file has %d bytes, %v; want a few MB", info.Size(), err)
	}
	if b := g.Blind(); b.Blind || g.Err() != nil || g.id != id {
		t.Errorf("blind = %+v, %v, store %q; want the same, seeing", b, g.Err(), g.id)
	}
	for n := range 60 {
		if _, ok := g.LastPassage(use(n).Certificate); !ok || !g.Spent(use(n)) {
			t.Fatalf("code %d is forgotten", n)
		}
	}
	var note string
	if ok, err := g.Note("anchor", &note); !ok || err != nil || note != "boot 1" {
		t.Errorf("note = %q, %v, %v", note, ok, err)
	}
	records, err := g.Records(0, 1e6)
	if err != nil || len(records) < 1000 || records[len(records)-1].Kind != journal.Pruned {
		t.Fatalf("%d records, %v; want the newest, and that some were pruned", len(records), err)
	}
	if got := records[len(records)-1]; got.Count != int(records[0].Seq)-1 || records[len(records)-1].Seq != seq+1 {
		t.Errorf("pruned = %+v, the first is %d; want them to fit, and %d", got, records[0].Seq, seq+1)
	}
	for i, r := range records {
		if r.Kind == journal.Damaged || r.Seq != records[0].Seq+uint64(i) {
			t.Fatalf("record %d is %+v", i, r)
		}
	}
	g.grant(70)
	g.reopenAfter(nil)
	if g.Blind().Blind || strings.Count(g.log.String(), "was made again") != 1 {
		t.Errorf("made again more than once:\n%s", g.log.String())
	}
}

// Where a copy would be too large, or has no room, the file is pruned where it is,
// within a minute.
func TestLoweredLimitWithoutACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		g.fill(80_000)
		before := g.Stats()
		g.limit = limitFor(1e6, 64)
		g.db.MaxSize = g.limit.maxSize(before.FileBytes)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx, func(error) {}) }()
		time.Sleep(time.Minute)
		if st := g.Stats(); st.Bytes > 1e6 || before.Bytes < 8e6 || g.Err() != nil {
			t.Errorf("the journal has %d bytes of %d, %v; want less than a million", st.Bytes, before.Bytes, g.Err())
		}
		cancel()
		<-done
	})
}

// longJournal is a gate with a journal of more leaves than a start reads, closed, and
// its file.
func longJournal(t *testing.T) (g *gate, file []byte) {
	t.Helper()
	g = used(t, 60)
	g.fill(12_000)
	g.Close()
	file, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	return g, file
}

// journalLeaves are the pages of the journal's leaves, oldest first.
func journalLeaves(t *testing.T, file []byte) (leaves []uint64) {
	t.Helper()
	m, _, err := newestMeta(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	tree := newTree(bytes.NewReader(file), m)
	err = tree.buckets(m.root, func(name string, value []byte) error {
		if name != string(journalBucket) {
			return nil
		}
		return tree.leaves(binary.LittleEndian.Uint64(value), func(id uint64, _ []byte) error {
			leaves = append(leaves, id)
			return nil
		})
	})
	if err != nil || len(leaves) < recentLeaves+50 {
		t.Fatalf("%d leaves, %v; want more", len(leaves), err)
	}
	return leaves
}

// What a start does not read may be damaged in any bit: every record is told, or that
// it cannot be read; the gate is not disturbed; the look through the journal finds it.
func TestRotInALongJournalIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("each bit by itself takes seconds")
	}
	g, file := longJournal(t)
	leaves := journalLeaves(t, file)
	at := int(leaves[5]) * pageSize
	var bits []int
	for bit := range 8 * (pageHeaderSize + elementSize) {
		bits = append(bits, 8*at+bit)
	}
	total := 0
	for _, bit := range bits {
		file[bit/8] ^= 1 << (bit % 8)
		g.sees(t, file, func() {
			told, damaged := g.told(t, 1000)
			if told < 1000 {
				t.Fatalf("bit %d of byte %d: %d records are told; want 1000", bit%8, bit/8-at, told)
			}
			total += damaged
		})
		file[bit/8] ^= 1 << (bit % 8)
	}
	if total == 0 {
		t.Error("nothing was damaged: this test shows nothing")
	}
}

// told reads the journal as an export does, for about n records: up to which they are
// told, and how many of them cannot be read.
func (g *gate) told(t *testing.T, n uint64) (told uint64, damaged int) {
	t.Helper()
	for told < n {
		records, err := g.Records(told, 77)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			n := max(1, r.Count)
			if r.Kind == journal.Damaged {
				damaged += n
			}
			if r.Seq != told+uint64(n) {
				t.Fatalf("record %d of %d after %d", r.Seq, n, told)
			}
			told = r.Seq
		}
	}
	return told, damaged
}

// A leaf that rotted is found by looking through the journal, said once a day, and
// costs nothing but its records, also when it is due to be pruned.
func TestRottenLeafOfALongJournal(t *testing.T) {
	g, file := longJournal(t)
	leaves := journalLeaves(t, file)
	file[int(leaves[0])*pageSize+8] ^= 1 // its kind
	restore(t, g, file)
	for range 12_000/scrubBatch + 10 {
		g.look()
		g.flushNow(t)
	}
	faults := 0
	records, err := g.Records(0, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == journal.Fault && strings.Contains(r.Detail, "cannot be read") {
			faults++
		}
	}
	if faults != 1 {
		t.Errorf("said %d times in the journal; want once", faults)
	}
	g.opt.MaxBytes = 1e6
	g.reopenAfter(nil)
	g.flushNow(t)
	g.Keep() // bbolt cannot get past it
	if g.Err() != nil && !g.reopen() {
		t.Fatal(g.Err())
	}
	g.Keep()
	if b := g.Blind(); b.Blind || g.Err() != nil || g.Stats().Bytes > 1e6 {
		t.Errorf("blind = %+v, %v, %d bytes; want seeing, and pruned", b, g.Err(), g.Stats().Bytes)
	}
	for n := range 60 {
		if !g.Spent(use(n)) {
			t.Fatalf("code %d is forgotten", n)
		}
	}
}
