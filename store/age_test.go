package store

import (
	"slices"
	"testing"

	"railgate/store/journal"
)

// Age goes by proven time, by sequence, and by the trusted records around.
func TestWhatIsOld(t *testing.T) {
	const days = 90
	at := func(day int) journal.Record {
		return journal.Record{Time: noon.AddDate(0, 0, day), Kind: journal.Forced}
	}
	unsure := func(day int) journal.Record { r := at(day); r.Unsure = true; return r }
	repeat := func(n int, r journal.Record) []journal.Record { return slices.Repeat([]journal.Record{r}, n) }
	for _, tt := range []struct {
		name        string
		records     []journal.Record
		now, proven int // days
		gone        int
	}{
		{"one day too old", []journal.Record{at(0), at(1), at(2)}, 91, 91, 1},
		{"a clock 100 days ahead", []journal.Record{at(0), at(1), at(2)}, 102, 2, 0},
		{"records of that clock, and it is right again", []journal.Record{at(0), at(100), at(100), at(1), at(2)}, 92, 92, 4},
		{"a clock that was behind makes nothing old", []journal.Record{at(100), at(0), at(0), at(101)}, 102, 102, 0},
		{"untrusted records from long ago", []journal.Record{unsure(0), unsure(0), at(100), at(101)}, 102, 102, 0},
		{"untrusted records from long ago before old ones", []journal.Record{unsure(-500), at(0), at(101)}, 102, 102, 2},
		{"an untrusted record of ten years ahead", []journal.Record{at(0), unsure(3650), at(1), at(101)}, 102, 102, 3},
		{"many of them", append(append([]journal.Record{at(0)}, repeat(3*pruneBatch, unsure(3650))...), at(1), at(101)), 102, 102, 3*pruneBatch + 2},
		{"many that are old", append(repeat(3*pruneBatch, at(0)), at(101)), 102, 102, 3 * pruneBatch},
		{"nothing trusted", repeat(5, unsure(0)), 102, 102, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(t)
			g.opt.Days = days
			g.reopenAfter(nil)
			for _, r := range tt.records {
				g.Append(r)
			}
			g.flushNow(t)
			g.now, g.trusted, g.proven = noon.AddDate(0, 0, tt.now), true, noon.AddDate(0, 0, tt.proven)
			g.Keep()
			g.Keep()                             // goes on where it was
			records, err := g.Records(1, 10_000) // the first is the store's own, of noon
			if err != nil || len(records) == 0 || records[0].Seq != uint64(tt.gone+2) {
				t.Fatalf("the first of %d records left is %d, %v; want %d", len(records), records[0].Seq, err, tt.gone+2)
			}
		})
	}
}
