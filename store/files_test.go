package store

import (
	"bytes"
	"testing"
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
