package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"railgate/cmd/issuer/office"
)

// newRecordOf is a folder with a record of five acts.
func newRecordOf(t *testing.T) (dir string) {
	t.Helper()
	d := newDesk(t, true)
	by := office.Officer{Subject: "officer-7"}
	for i := range 5 {
		if _, err := d.web.FindPerson(fmt.Sprintf("E%08d", i), by); err != nil {
			t.Fatal(err)
		}
	}
	d.srv.Close()
	if err := d.web.Close(); err != nil {
		t.Fatal(err)
	}
	return d.dir
}

func tamper(t *testing.T, dir string, do func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "issuer.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(do); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func place(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, n} }

func TestTheRecordIsProvenByTheCommand(t *testing.T) {
	dir := newRecordOf(t)
	if status, out, errOut := tool(t, "--dir", dir, "record", "verify"); status != 0 || out != "5 acts, as they were signed, and all of 0 heads that were kept\n" {
		t.Errorf("%d, %q, %q", status, out, errOut)
	}
	status, head, _ := tool(t, "--dir", dir, "record", "head")
	if status != 0 || !strings.HasPrefix(head, "railgate.issuer.acts\n5\n") {
		t.Errorf("head: %d, %q", status, head)
	}
	kept := filepath.Join(t.TempDir(), "head")
	if err := os.WriteFile(kept, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errOut := tool(t, "--dir", dir, "record", "verify", "--head", kept); status != 0 || !strings.Contains(out, "all of 1 heads") {
		t.Errorf("with the head: %d, %q, %q", status, out, errOut)
	}
	status, out, _ := tool(t, "--dir", dir, "record", "list")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); status != 0 || len(lines) != 5 || !strings.Contains(lines[4], `"number":5,`) || !strings.Contains(lines[4], `"kind":"looked_up","by":"officer-7"`) {
		t.Errorf("list: %d, %s", status, out)
	}
	if err := os.WriteFile(kept, []byte(strings.Replace(head, "\n5\n", "\n4\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := tool(t, "--dir", dir, "record", "verify", "--head", kept); status != 1 || !strings.Contains(errOut, kept) {
		t.Errorf("with a head that nobody signed: %d, %q", status, errOut)
	}
}

func TestTheFirstBadActIsNamedByTheCommand(t *testing.T) {
	dir := newRecordOf(t)
	tamper(t, dir, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("acts"))
		return b.Put(place(2), append([]byte(nil), b.Get(place(3))...))
	})
	for _, command := range []string{"verify", "list"} {
		status, out, errOut := tool(t, "--dir", dir, "record", command)
		if status != 1 || errOut != "issuer: act 3: it is not the one that was signed here\n" || strings.Count(out, "\n") != map[string]int{"verify": 0, "list": 2}[command] {
			t.Errorf("%s: %d, %q, %q; want act 3 to be named", command, status, out, errOut)
		}
	}
}

// What reads a record makes none: neither a key nor a file.
func TestReadingARecordMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if status, _, errOut := tool(t, "--dir", dir, "record", "verify"); status != 1 || !strings.Contains(errOut, "identity.key") {
		t.Errorf("an empty folder: %d, %q", status, errOut)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files were made, %v", len(files), err)
	}
	d := newDesk(t, true)
	if status, _, errOut := tool(t, "--dir", d.dir, "record", "verify"); status != 1 || !strings.Contains(errOut, "is the issuer running?") {
		t.Errorf("while the issuer runs: %d, %q", status, errOut)
	}
	d.srv.Close()
	if err := d.web.Close(); err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := tool(t, "--dir", d.dir, "record", "head"); status != 1 || !strings.Contains(errOut, "there are no acts on record") {
		t.Errorf("without acts: %d, %q", status, errOut)
	}
	tamper(t, d.dir, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("acts")) })
	if status, _, errOut := tool(t, "--dir", d.dir, "record", "verify"); status != 1 || !strings.Contains(errOut, "there is no record of acts") {
		t.Errorf("a file of an older issuer: %d, %q", status, errOut)
	}
	if status, _, _ := tool(t, "record", "nonsense"); status != 2 {
		t.Errorf("an unknown command: %d; want 2", status)
	}
}
