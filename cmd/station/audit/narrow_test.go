package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/audit"
	"railgate/cmd/station/ledger/ledgertest"
)

// A record that was changed together with its hash and its columns is named, where a copy of the
// records tells which of them it is. A copy that does not make the signed root is not believed.
func TestACopyTellsWhichRecordWasChanged(t *testing.T) {
	w := honest(t, ledgertest.SQLite(t))
	l := w.open()
	all := must[map[uint64]tlog.Hash](t)(l.Leaves(t.Context(), 2, 61, 160))
	l.Close()
	copyOf := func(change func(leaves map[uint64]tlog.Hash)) audit.Copy {
		return audit.Copy{Name: "the bus", Leaves: func(_ context.Context, gate, epoch string, from, upto uint64) (map[uint64]tlog.Hash, error) {
			if gate != "A07" || epoch != "e2" {
				t.Errorf("the copy of %s.%s is asked for", gate, epoch)
			}
			leaves := map[uint64]tlog.Hash{}
			for seq := from; seq <= upto; seq++ {
				leaves[seq] = all[seq]
			}
			change(leaves)
			return leaves, nil
		}}
	}
	whole := copyOf(func(map[uint64]tlog.Hash) {})
	broken := audit.Copy{Name: "the gate", Leaves: func(context.Context, string, string, uint64, uint64) (map[uint64]tlog.Hash, error) {
		return nil, errors.New("it is not reached")
	}}
	w.exec(forged(t, 100))
	for _, tt := range []struct {
		name   string
		copies []audit.Copy
		want   string
	}{
		{"none", nil, "altered 91-124"},
		{"one", []audit.Copy{whole}, "altered 100-100"},
		{"one that has some of them", []audit.Copy{copyOf(func(l map[uint64]tlog.Hash) { clear(l); l[100] = all[100] })}, "altered 100-100"},
		{"one that lacks it", []audit.Copy{copyOf(func(l map[uint64]tlog.Hash) { delete(l, 100) })}, "have another root, too"},
		{"one that has another one, too", []audit.Copy{copyOf(func(l map[uint64]tlog.Hash) { l[95] = tlog.Hash{1} })}, "altered 91-124"},
		{"one that has none", []audit.Copy{copyOf(func(l map[uint64]tlog.Hash) { clear(l) })}, "the bus has no copy of them"},
		{"one that is not reached, and one", []audit.Copy{broken, whole}, "altered 100-100"},
		{"one that is not reached", []audit.Copy{broken}, "the gate cannot tell which: it is not reached"},
	} {
		w.copies = tt.copies
		if f := findings(must[[]audit.Log](t)(w.audit(""))); !strings.Contains(f, tt.want) || strings.Contains(f, ";  ") {
			t.Errorf("%s: %q; want %q", tt.name, f, tt.want)
		}
	}
}

func TestTheFirstOfTwoChangedRecordsIsNamed(t *testing.T) {
	w := honest(t, ledgertest.SQLite(t))
	l := w.open()
	all := must[map[uint64]tlog.Hash](t)(l.Leaves(t.Context(), 2, 61, 160))
	l.Close()
	w.copies = []audit.Copy{{Name: "the bus", Leaves: func(context.Context, string, string, uint64, uint64) (map[uint64]tlog.Hash, error) { return all, nil }}}
	w.exec(append(forged(t, 99), forged(t, 110)...))
	if f := findings(must[[]audit.Log](t)(w.audit(""))); !strings.Contains(f, "altered 99-99") {
		t.Errorf("found %q; want record 99", f)
	}
}
