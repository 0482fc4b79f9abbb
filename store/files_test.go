package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

func TestFilesAreKeptTogether(t *testing.T) {
	g := newGate(t)
	large := bytes.Repeat([]byte("x"), 100_000)
	if err := g.PutFiles("nation", map[string][]byte{"root.json": []byte("r1"), "targets.json": large}); err != nil {
		t.Fatal(err)
	}
	if err := g.PutFiles("station", map[string][]byte{"root.json": []byte("s1")}); err != nil {
		t.Fatal(err)
	}
	g.reopenAfter(func(string) {})
	for _, tt := range []struct {
		repository, name string
		want             []byte
	}{
		{"nation", "root.json", []byte("r1")}, {"nation", "targets.json", large}, {"station", "root.json", []byte("s1")},
		{"station", "targets.json", nil}, {"natio", "nroot.json", nil},
	} {
		if got, err := g.File(tt.repository, tt.name); err != nil || !bytes.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("%s/%s: %d bytes, %v; want %d", tt.repository, tt.name, len(got), err, len(tt.want))
		}
	}
	if err := g.PutFiles("nation", map[string][]byte{"root.json": []byte("r2"), "targets.json": nil}); err != nil {
		t.Fatal(err)
	}
	if got, _ := g.File("nation", "root.json"); string(got) != "r2" {
		t.Errorf("root.json = %q; want r2", got)
	}
	if got, _ := g.File("nation", "targets.json"); got != nil {
		t.Errorf("targets.json = %d bytes; want none", len(got))
	}
}

// What is asked for and was never kept, in a file of whatever age, is nothing, and no damage.
func TestFileThatWasNeverKept(t *testing.T) {
	g := newGate(t)
	for range 2 {
		if data, err := g.File("nation", "root.json"); data != nil || err != nil {
			t.Errorf("File = %q, %v; want none", data, err)
		}
		if err := g.PutFiles("nation", map[string][]byte{"targets.json": {1}}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(g.log.String(), "damaged") {
		t.Errorf("called damaged:\n%s", g.log.String())
	}
}

// A file that rotted is none, and its name is said.
func TestFileThatRottedIsNone(t *testing.T) {
	g := newGate(t)
	if err := g.PutFiles("nation", map[string][]byte{"root.json": []byte("r1")}); err != nil {
		t.Fatal(err)
	}
	key := []byte("nation\x00root.json")
	err := g.update(func(tx *bbolt.Tx) error { return tx.Bucket(filesBucket).Put(key, []byte("r1 rotten")) })
	if err != nil {
		t.Fatal(err)
	}
	if data, err := g.File("nation", "root.json"); data != nil || err != nil {
		t.Errorf("File = %q, %v; want none", data, err)
	}
	if !strings.Contains(g.log.String(), "name=root.json") {
		t.Errorf("nobody says so:\n%s", g.log.String())
	}
}

// What cannot be read or written is an error.
func TestFilesThatCannotBeKept(t *testing.T) {
	g := newGate(t)
	long := strings.Repeat("n", bbolt.MaxKeySize)
	if err := g.PutFiles("nation", map[string][]byte{long: {1}}); !errors.Is(err, berrors.ErrKeyTooLarge) || !strings.Contains(err.Error(), long) {
		t.Errorf("PutFiles = %v; want %v, and the name", err, berrors.ErrKeyTooLarge)
	}
	first := g.Err()
	if data, err := g.File("nation", "root.json"); data != nil || err != first {
		t.Errorf("File = %q, %v; want %v", data, err, ErrUnavailable)
	}
	if err := g.PutFiles("nation", map[string][]byte{"root.json": {1}}); err != first || g.Err() != first {
		t.Errorf("PutFiles = %v; want %v, for the first reason", err, ErrUnavailable)
	}
	h := newGate(t)
	if err := h.db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.File("nation", "root.json"); !errors.Is(err, berrors.ErrDatabaseNotOpen) {
		t.Errorf("File of a closed file: %v; want %v", err, berrors.ErrDatabaseNotOpen)
	}
}

// A file takes the place of another where that is to be: what is judged is what is on the disk,
// over a restart too.
func TestAFileReplacesAnother(t *testing.T) {
	g := newGate(t)
	put := func(data string, want bool) {
		t.Helper()
		done, err := g.ReplaceFile("revocations", "issuer", []byte(data), func(old []byte) bool { return data > string(old) })
		if err != nil || done != want {
			t.Errorf("%q: %v, %v; want %v", data, done, err, want)
		}
	}
	put("b", true)
	put("a", false)
	put("c", true)
	g.reopenAfter(func(string) {})
	put("b", false)
	if data, err := g.File("revocations", "issuer"); err != nil || string(data) != "c" {
		t.Errorf("%q, %v is kept; want c", data, err)
	}
}
