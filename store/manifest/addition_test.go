package manifest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func ticketKey(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "railgate.GZQ.tickets")
	if err != nil {
		t.Fatal(err)
	}
	s, errSigner := note.NewSigner(secret)
	v, errVerifier := note.NewVerifier(public)
	if err := errors.Join(errSigner, errVerifier); err != nil {
		t.Fatal(err)
	}
	return s, v
}

// ticket is one of a holder's; they differ by number.
func ticket(holder string, n int) Row {
	return Row{Holder: holder + "01234567", Kind: Single, Train: fmt.Sprint("G", n), From: 1764400000, Until: 1764403600, Station: "GZQ", Count: 1, People: 1}
}

func sold(serial uint64, rows ...Row) *Addition {
	a := &Addition{Station: "GZQ", Day: 20261129, Serial: serial}
	for _, r := range rows {
		a.Changes = append(a.Changes, Change{Row: r})
	}
	return a
}

func refunded(serial uint64, rows ...Row) *Addition {
	a := sold(serial, rows...)
	for i := range a.Changes {
		a.Changes[i].Refunded = true
	}
	return a
}

func TestAnAdditionIsReadAsItWasWritten(t *testing.T) {
	signer, key := ticketKey(t)
	multi := Row{Holder: "\xff\x00345678", Kind: Multi, From: 1764400000, Until: 1769403600, Count: 20, People: 5}
	want := &Addition{Station: "GZQ", Day: 20261129, Serial: 7, Changes: []Change{{Row: ticket("a", 1)}, {Row: multi, Refunded: true}, {Row: Row{Holder: "01234567", Kind: Period, From: 1764400000, Until: 1764403600, People: 1}}}}
	msg, err := want.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenAddition(msg, "GZQ", key)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v is read as %+v (%v)", want, got, err)
	}
	if _, err := OpenAddition(msg, "BJX", key); !errors.Is(err, ErrAddition) {
		t.Errorf("another station's: %v; want it refused", err)
	}
	_, other := ticketKey(t)
	if _, err := OpenAddition(msg, "GZQ", other); !errors.Is(err, ErrAddition) {
		t.Errorf("with another key: %v; want it refused", err)
	}
	for i := range msg {
		changed := append([]byte(nil), msg...)
		changed[i] ^= 1
		// The last letters of a signature have bits that say nothing.
		if a, err := OpenAddition(changed, "GZQ", key); err == nil && (i < len(msg)-4 || !reflect.DeepEqual(a, want)) {
			t.Fatalf("byte %d changed: it is taken", i)
		}
		if _, err := OpenAddition(msg[:i], "GZQ", key); err == nil {
			t.Fatalf("its first %d bytes are taken", i)
		}
	}
}

// What is signed and not written as it must be is refused too: one addition has one text.
func TestAnAdditionIsStrict(t *testing.T) {
	good := sold(7, ticket("j", 1)).text()
	if _, err := parseAddition(good); err != nil {
		t.Fatal(err)
	}
	row := strings.Split(good, "\n")[2]
	for name, text := range map[string]string{
		"another header":     strings.Replace(good, "/v1", "/v2", 1),
		"no row":             strings.Replace(good, row+"\n", "", 1),
		"too many rows":      good + strings.Repeat(row+"\n", MaxChanges),
		"one ticket twice":   good + row + "\n",
		"sold and refunded":  good + "-" + row[1:] + "\n",
		"no day":             strings.Replace(good, "20261129", "20261329", 1),
		"a short day":        strings.Replace(good, "20261129", "261129", 1),
		"no number":          strings.Replace(good, " 7\n", " 0\n", 1),
		"a zero before":      strings.Replace(good, " 7\n", " 07\n", 1),
		"a number below 0":   strings.Replace(good, " 7\n", " -7\n", 1),
		"a name with blanks": strings.Replace(good, "GZQ 2", "G Q 2", 1),
		"no sign":            strings.Replace(good, "\n+", "\n", 1),
		"another sign":       strings.Replace(good, "\n+", "\n*", 1),
		"upper case":         strings.Replace(good, row, "+"+strings.ToUpper(row[1:20])+row[20:], 1),
		"another zone":       strings.Replace(good, "Z,", "+00:00,", 1),
		"count 1":            strings.Replace(good, "GZQ,,", "GZQ,1,", 1),
		"a bad row":          strings.Replace(good, "single", "singles", 1),
		"CR LF":              strings.ReplaceAll(good, "\n", "\r\n"),
		"no end":             strings.TrimSuffix(good, "\n"),
		"an empty line":      good + "\n",
	} {
		if text == good {
			t.Errorf("%s: the text is the good one", name)
		}
		if a, err := parseAddition(text); !errors.Is(err, ErrAddition) {
			t.Errorf("%s: read as %+v (%v)", name, a, err)
		}
	}
}

func FuzzParseAddition(f *testing.F) {
	f.Add(sold(7, ticket("a", 1)).text())
	f.Add(refunded(1<<62, ticket("a", 1), ticket("b", 2)).text())
	f.Add(additionHeader + "\nGZQ 20261129 1\n+\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddition(text)
		if err == nil && (a.text() != text || len(a.Changes) == 0 || a.Serial == 0) {
			t.Errorf("%q is read as %+v", text, a)
		}
	})
}

func openAdded(t *testing.T, path string) *Added {
	t.Helper()
	a, err := OpenAdded(path, 20261129)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// said is what is said of a ticket: +, - or nothing.
func said(a *Added, r Row) string {
	switch c, _, ok := a.Of(r.ID()); {
	case !ok:
		return ""
	case c.Refunded:
		return "-"
	}
	return "+"
}

// Of all that is said of a ticket what has the highest number counts, in whatever order it comes
// and however often; over a restart too.
func TestAdditionsInAnyOrder(t *testing.T) {
	x, y := ticket("a", 1), ticket("a", 2)
	said1, said2, said3 := sold(1, x), refunded(2, x, y), sold(3, y)
	for name, order := range map[string][]*Addition{
		"in order": {said1, said2, said3}, "backwards": {said3, said2, said1}, "again": {said1, said2, said1, said3, said2, said2}, "the middle last": {said1, said3, said2},
	} {
		path := filepath.Join(t.TempDir(), "added")
		a := openAdded(t, path)
		for _, add := range order {
			if err := a.Take(add); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Save(); err != nil {
			t.Fatal(err)
		}
		for when, a := range map[string]*Added{"": a, ", after a restart": openAdded(t, path)} {
			if said(a, x) != "-" || said(a, y) != "+" {
				t.Errorf("%s%s: x %q, y %q; want x taken back and y sold", name, when, said(a, x), said(a, y))
			}
			if n, back := a.Len(); n != 1 || back != 1 || len(a.Lookup(x.Holder)) != 2 || a.Last().Unix() != y.Until {
				t.Errorf("%s%s: %d sold, %d back, %d of the holder, last %v", name, when, n, back, len(a.Lookup(x.Holder)), a.Last())
			}
		}
		before, _ := os.ReadFile(path)
		if a.Take(said2); true {
			if after, _ := os.ReadFile(path); len(after) != len(before) {
				t.Errorf("%s: what is known is written again", name)
			}
		}
	}
}

// A file that was cut or damaged anywhere gives what was before that, and is made again.
func TestADamagedFileOfAdditions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "added")
	a := openAdded(t, path)
	for n := range 3 {
		if err := a.Take(sold(uint64(n+1), ticket("a", n))); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record := len(whole) / 3
	for n := range whole {
		for what, data := range map[string][]byte{"cut at": whole[:n], "changed at": append(append(append([]byte(nil), whole[:n]...), whole[n]^1), whole[n+1:]...)} {
			if err := os.WriteFile(path, data, 0o640); err != nil {
				t.Fatal(err)
			}
			a, err := OpenAdded(path, 20261129)
			if got, _ := a.Len(); got != n/record || (err == nil) != (what == "cut at" && n%record == 0) {
				t.Fatalf("%s %d: %d tickets (%v); want %d", what, n, got, err, n/record)
			}
			if err := errors.Join(a.Take(sold(9, ticket("b", 9))), a.Save(), a.Close()); err != nil {
				t.Fatal(err)
			}
			again := openAdded(t, path)
			if got, _ := again.Len(); got != n/record+1 {
				t.Fatalf("%s %d, made again: %d tickets; want %d", what, n, got, n/record+1)
			}
			again.Close()
		}
	}
}

func TestADayOfTooManyAdditions(t *testing.T) {
	a := openAdded(t, filepath.Join(t.TempDir(), "added"))
	n := 0
	for ; n < MaxAdded; n += MaxChanges {
		var rows []Row
		for i := range min(MaxChanges, MaxAdded-n) {
			rows = append(rows, ticket("a", n+i))
		}
		if err := a.Take(sold(uint64(n+1), rows...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Take(sold(1<<40, ticket("b", 1))); !errors.Is(err, ErrManyAdded) {
		t.Errorf("one more: %v; want %v", err, ErrManyAdded)
	}
	if err := a.Take(refunded(1<<41, ticket("a", 0))); err != nil || said(a, ticket("a", 0)) != "-" {
		t.Errorf("one of those that are there is taken back: %v, %q", err, said(a, ticket("a", 0)))
	}
	other := sold(1, ticket("a", 1))
	other.Day++
	if err := a.Take(other); err == nil {
		t.Error("an addition of another day is taken")
	}
}

// Additions that a full disk does not take count all the same, and are written once it does.
func TestAdditionsOnAFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there yet")
	path := filepath.Join(dir, "added")
	a, err := OpenAdded(path, 20261129)
	if err == nil {
		t.Fatal("a file in no folder is opened")
	}
	defer a.Close()
	if err := a.Take(sold(1, ticket("a", 1))); err != nil || said(a, ticket("a", 1)) != "+" {
		t.Errorf("%v, %q; want that it counts", err, said(a, ticket("a", 1)))
	}
	if err := a.Save(); err == nil {
		t.Error("it is saved in no folder")
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := a.Save(); err != nil {
		t.Fatal(err)
	}
	if got := said(openAdded(t, path), ticket("a", 1)); got != "+" {
		t.Errorf("after a restart %q", got)
	}
}
