package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"railgate/cmd/station/ledger/ledgertest"
)

// Numbers of additions rise, with the clock and without it; the days that are over are forgotten.
func TestAdditionsHaveRisingNumbers(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		var numbers []uint64
		sign := func(serial uint64) ([]byte, error) {
			numbers = append(numbers, serial)
			return fmt.Append(nil, "note ", serial), nil
		}
		must(t, l.Add(t.Context(), "GZQ", 20261128, 20261120, noon, sign, sign))
		must(t, l.Add(t.Context(), "GZQ", 20261129, 20261120, noon.Add(-time.Hour), sign)) // the clock was set back
		must(t, l.Add(t.Context(), "BJX", 20261129, 20261120, noon, sign))
		broken := errors.New("no key")
		if err := l.Add(t.Context(), "GZQ", 20261129, 20261129, noon, sign, func(uint64) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
			t.Errorf("%v; want %v", err, broken)
		}
		ms := uint64(noon.UnixMilli())
		want := []uint64{ms, ms + 1, ms + 2}
		for i, n := range want {
			if numbers[i] != n {
				t.Errorf("numbers %v; want %v first", numbers, want)
			}
		}
		all, err := l.Additions(t.Context(), "GZQ", 20261128, 0, 10)
		if err != nil || len(all) != 3 || all[2].Day != 20261129 || string(all[0].Note) != fmt.Sprint("note ", ms) {
			t.Fatalf("%v, %v; want the three that were added whole", all, err)
		}
		for name, tt := range map[string]struct {
			day   int
			above uint64
			most  int
			want  int
		}{"of a later day": {20261129, 0, 10, 1}, "above a number": {20261128, ms, 10, 2}, "no more than": {20261128, 0, 2, 2}, "none": {20261128, ms + 2, 10, 0}} {
			if got, err := l.Additions(t.Context(), "GZQ", tt.day, tt.above, tt.most); err != nil || len(got) != tt.want {
				t.Errorf("%s: %d, %v; want %d", name, len(got), err, tt.want)
			}
		}
		must(t, l.Add(t.Context(), "GZQ", 20261201, 20261129, noon.AddDate(0, 0, 3), sign))
		if all, _ := l.Additions(t.Context(), "GZQ", 0, 0, 10); len(all) != 2 {
			t.Errorf("%d additions; those of days that are over are to be forgotten", len(all))
		}
	})
}
