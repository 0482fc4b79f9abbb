package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

const good = "0011223344556677,single,G1,2026-11-29T08:00:00+08:00,2026-11-29T10:00:00+08:00,GZQ,,"

func free()               {}
func goOn() error         { return nil }
func holder(n int) string { return fmt.Sprintf("holder-%07d", n) }

// line is the nth holder's ticket.
func line(n int) string {
	return fmt.Sprintf("%s,multi,G%d,2026-11-29T08:00:00+08:00,2026-11-29T10:00:00+08:00,GZQ,%d,2\n", hex.EncodeToString([]byte(holder(n))), n%300, 1+n%1000)
}

// source writes a manifest of some lines.
func source(t testing.TB, dir string, lines ...string) string {
	t.Helper()
	path := filepath.Join(dir, "manifest.csv.zst")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewWriter(f, zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	z.Write([]byte(Header + "\n"))
	for _, l := range lines {
		z.Write([]byte(l))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// table makes a table of n holders in a random order.
func table(t testing.TB, n int) (path string) {
	t.Helper()
	dir := t.TempDir()
	var lines []string
	for _, i := range rand.Perm(n) {
		lines = append(lines, line(i))
	}
	path = filepath.Join(dir, "20261129.tickets")
	if err := Load(source(t, dir, lines...), path, 20261129, free, goOn); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *Table {
	t.Helper()
	tab, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tab.Close() })
	return tab
}

// More rows than a run holds come out sorted, each with all that it was.
func TestEachTicketIsFound(t *testing.T) {
	const n = 3*runRows + 17
	path := table(t, n)
	tab := open(t, path)
	if tab.Rows() != n || tab.Day() != 20261129 || Verify(path, free) != nil {
		t.Fatalf("%d rows of %d; %v", tab.Rows(), tab.Day(), Verify(path, free))
	}
	for _, i := range []int{0, 1, runRows, n / 2, n - 1} {
		rows, err := tab.Lookup(holder(i))
		if err != nil || len(rows) != 1 {
			t.Fatalf("holder %d: %v, %v", i, rows, err)
		}
		want := Row{Holder: holder(i), Kind: Multi, Train: fmt.Sprint("G", i%300), From: rows[0].From, Until: rows[0].From + 7200, Station: "GZQ", Count: 1 + i%1000, People: 2}
		if from, _ := rows[0].Window(); rows[0] != want || !from.Equal(time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("holder %d: %+v; want %+v", i, rows[0], want)
		}
	}
	for _, nobody := range []string{"", "holder-", "holder-0000000x", holder(n), strings.Repeat("h", 33)} {
		if rows, err := tab.Lookup(nobody); err != nil || len(rows) != 0 {
			t.Errorf("%q: %v, %v; want none", nobody, rows, err)
		}
	}
}

func TestAHolderMayHaveSeveralTickets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t")
	other := strings.Replace(good, "G1", "G2", 1)
	if err := Load(source(t, dir, good+"\n", other+"\r\n", strings.Replace(good, "77,", "7788,", 1)), path, 20261129, free, goOn); err != nil {
		t.Fatal(err)
	}
	tab := open(t, path)
	rows, err := tab.Lookup("\x00\x11\x22\x33\x44\x55\x66\x77")
	if err != nil || len(rows) != 2 || rows[0].Train != "G1" || rows[1].Train != "G2" || rows[0].ID() == rows[1].ID() {
		t.Errorf("%+v, %v; want G1 and G2, with names of their own", rows, err)
	}
	if want := time.Date(2026, 11, 29, 2, 0, 0, 0, time.UTC); !tab.Last().Equal(want) {
		t.Errorf("the day ends %v; want with the last single ticket, %v", tab.Last(), want)
	}
	again := rows[0]
	again.Count, again.People = 7, 7
	if again.ID() != rows[0].ID() {
		t.Error("a ticket's name changes with its count")
	}
}

// Each row is one that is wrong in one column, and is named with its line.
func TestEachBadRowIsNamed(t *testing.T) {
	field := func(i int, s string) string {
		f := strings.Split(good, ",")
		f[i] = s
		return strings.Join(f, ",")
	}
	for _, tt := range []struct{ text, column, why string }{
		{field(0, ""), "sub", "16 to 64 hex digits"}, {field(0, "00112233445566"), "sub", "hex"}, {field(0, strings.Repeat("0", 66)), "sub", "hex"}, {field(0, "001122334455667g"), "sub", "hex"},
		{field(1, "double"), "kind", "want single"}, {field(1, "Single"), "kind", "want single"},
		{field(2, ""), "train", "is missing"}, {field(2, "G 1"), "train", "is not a train"}, {field(2, strings.Repeat("G", 17)), "train", "is not a train"},
		{field(3, "2026-11-29 08:00"), "from", "is not a time"}, {field(3, "2026-11-29T08:00:00.5+08:00"), "from", "is not a time"}, {field(3, "1970-01-01T00:00:00Z"), "from", "is not a time"},
		{field(4, "2026-11-29T08:00:00+08:00"), "until", "is not after from"}, {field(4, "2028-11-29T08:00:00+08:00"), "until", "400 days"},
		{field(5, "a/b"), "station", "is not a station"},
		{field(6, "0"), "count", "1 to 1000"}, {field(6, "1001"), "count", "1 to 1000"}, {field(6, "01"), "count", "1 to 1000"}, {field(6, "+1"), "count", "1 to 1000"},
		{strings.Replace(field(1, "multi"), "GZQ,,", "GZQ,,", 1), "count", "1 to 1000"}, {field(1, "period")[:len(field(1, "period"))-1] + "1,", "count", "has no count"},
		{field(7, "0"), "people", "1 to 99"}, {field(7, "100"), "people", "1 to 99"},
		{good + ",", "", "has 9 columns"}, {"", "", "has 1 columns"}, {`"` + good + `"`, "sub", "hex"}, {strings.Repeat("x", maxLine+1), "", "is longer"}, {strings.Repeat("x", 200_000), "", "is longer"},
	} {
		var bad []*RowError
		taken := 0
		err := ReadCSV(strings.NewReader(Header+"\n"+good+"\n"+tt.text+"\n"+good+"\n"), func(int, *Row) error { taken++; return nil }, func(e *RowError) error { bad = append(bad, e); return nil })
		if err != nil || len(bad) != 1 || taken != 2 || bad[0].Line != 3 || bad[0].Column != tt.column || !strings.Contains(bad[0].Why, tt.why) {
			t.Errorf("%.80q: %v, %v, %d taken; want line 3, %s: %s", tt.text, err, bad, taken, tt.column, tt.why)
		}
	}
	for text, want := range map[string]string{"": "empty", "sub,kind\n": "want the columns", good: "want the columns", "\ufeff" + Header: "want the columns", strings.Repeat("x", maxLine+1) + "\n" + good + "\n": "want the columns"} {
		if err := ReadCSV(strings.NewReader(text), nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

// A manifest with one bad row, or one row twice, is refused whole: the old table stays.
func TestABadManifestLeavesTheOldTable(t *testing.T) {
	path := table(t, 10)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	long := make([]string, 2*runRows)
	for i := range long {
		long[i] = line(i)
	}
	for name, tt := range map[string]struct {
		lines []string
		want  string
	}{
		"a bad row":            {[]string{line(1), "x,y\n"}, "line 3: has 2 columns; want 8"},
		"a row twice":          {[]string{line(1), line(2), line(1)}, "line 4: is the same ticket as line 2"},
		"another count of one": {[]string{line(1), strings.Replace(line(1), ",2,2\n", ",3,2\n", 1)}, "line 3: is the same ticket as line 2"},
		"twice in two runs":    {append(slices.Clone(long), line(0)), fmt.Sprintf("line %d: is the same ticket as line 2", len(long)+2)},
	} {
		err := Load(source(t, t.TempDir(), tt.lines...), path, 20261129, free, goOn)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
	}
	stopped := errors.New("stopped")
	if err := Load(source(t, t.TempDir(), long...), path, 20261129, free, func() error { return stopped }); !errors.Is(err, stopped) {
		t.Errorf("Load = %v; want %v", err, stopped)
	}
	os.WriteFile(filepath.Join(t.TempDir(), "x"), nil, 0o600)
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the table has changed (%v)", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*-*")); len(left) > 0 {
		t.Errorf("%v is left over", left)
	}
}

// Any byte that is flipped, and any end that is cut off, is noticed when the table is verified.
func TestDamageIsNoticed(t *testing.T) {
	path := table(t, 3)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		flipped := bytes.Clone(data)
		flipped[i] ^= 0x10
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if i >= 72 && i < 76 {
			continue // nothing is there
		}
		if err := Verify(path, free); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		os.WriteFile(path, data[:i], 0o600)
		if err := Verify(path, free); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	rows := slices.Concat(data[:headerSize], data[headerSize+rowSize:headerSize+2*rowSize], data[headerSize:headerSize+rowSize], data[headerSize+2*rowSize:])
	os.WriteFile(path, rows, 0o600)
	if err := Verify(path, free); !errors.Is(err, ErrDamaged) {
		t.Errorf("two rows exchanged: %v", err)
	}
}

// A row that rots after the start, and a file that is cut off beneath its mapping, are errors and no crash.
func TestDamageBeneathTheMappingIsNoticed(t *testing.T) {
	path := table(t, 1000)
	tab := open(t, path)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteAt([]byte{0xff}, headerSize+56)
	if _, err := tab.Lookup(holder(0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a row that rotted: %v", err)
	}
	if rows, err := tab.Lookup(holder(5)); err != nil || len(rows) != 1 {
		t.Errorf("another row: %v, %v", rows, err)
	}
	if err := f.Truncate(headerSize); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Lookup(holder(999)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a file that was cut off: %v", err)
	}
	for range 2 {
		if err := tab.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if rows, err := tab.Lookup(holder(5)); err != nil || rows != nil {
		t.Errorf("after Close: %v, %v", rows, err)
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, text := range []string{"", Header, Header + "\n" + good + "\n", Header + "\r\n" + good + "\r\n\r\n", Header + "\n,,,,,,,\n", Header + "\n" + line(1) + "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n names
		var b [rowSize]byte
		ReadCSV(strings.NewReader(text), func(_ int, r *Row) error {
			if err := r.encode(b[:], &n); err != nil {
				t.Fatal(err)
			}
			if got, err := decode(b[:], &n); err != nil || got != *r {
				t.Errorf("%+v is read as %+v, %v", r, got, err)
			}
			return nil
		}, func(e *RowError) error {
			if e.Line < 2 || e.Why == "" {
				t.Errorf("%+v", e)
			}
			return nil
		})
	})
}

func FuzzTable(f *testing.F) {
	data, err := os.ReadFile(table(f, 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:headerSize])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "t")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		tab, err := Open(path)
		if err != nil {
			return
		}
		defer tab.Close()
		tab.Lookup(holder(0))
		tab.Lookup(string(make([]byte, subSize)))
		Verify(path, free)
	})
}

func BenchmarkLookup(b *testing.B) {
	const n = 1_000_000
	tab := open(b, table(b, n))
	for b.Loop() {
		if rows, err := tab.Lookup(holder(rand.IntN(n))); err != nil || len(rows) != 1 {
			b.Fatal(rows, err)
		}
	}
}
