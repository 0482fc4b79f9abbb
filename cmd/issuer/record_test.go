package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
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

// The record of an issuer that runs is proven, listed and its head printed as it is at that moment;
// the issuer goes on, and no copy stays behind.
func TestTheRecordIsReadWhileTheIssuerRuns(t *testing.T) {
	dir, err := os.MkdirTemp("", "iss") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	copies := t.TempDir()
	t.Setenv("TMPDIR", copies)
	serving(t, dir, func(string) {
		for n := 1; n <= 2; n++ {
			if status, _, errOut := tool(t, "--dir", dir, "revoke", fmt.Sprintf("c1ce280c3738938%d", n)); status != 0 {
				t.Fatal(errOut)
			}
			if status, out, errOut := tool(t, "--dir", dir, "record", "verify"); status != 0 || !strings.HasPrefix(out, fmt.Sprintf("%d acts,", n)) {
				t.Errorf("verify after %d: %d, %q, %q", n, status, out, errOut)
			}
		}
		if status, head, errOut := tool(t, "--dir", dir, "record", "head"); status != 0 || !strings.HasPrefix(head, "railgate.issuer.acts\n2\n") {
			t.Errorf("head: %d, %q, %q", status, head, errOut)
		}
		if status, out, errOut := tool(t, "--dir", dir, "record", "list"); status != 0 || strings.Count(out, `"kind":"revoked"`) != 2 {
			t.Errorf("list: %d, %q, %q", status, out, errOut)
		}
	})
	if files, err := os.ReadDir(copies); err != nil || len(files) != 0 {
		t.Errorf("%d copies stay behind, %v", len(files), err)
	}
	if status, out, errOut := tool(t, "--dir", dir, "record", "verify"); status != 0 || !strings.HasPrefix(out, "2 acts,") {
		t.Errorf("after it: %d, %q, %q", status, out, errOut)
	}
}

// Half a copy of the record is not taken for the whole.
func TestACopyOfTheRecordThatIsCutOffIsRefused(t *testing.T) {
	dir := newRecordOf(t)
	copies := t.TempDir()
	t.Setenv("TMPDIR", copies)
	short, err := os.MkdirTemp("", "iss")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "issuer.db"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenForOrders(short)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "record") {
			rw.Write(whole[:len(whole)/2])
			rw.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}), ErrorLog: log.New(io.Discard, "", 0)}
	go srv.Serve(l)
	defer srv.Close()
	if status, out, errOut := tool(t, "--dir", short, "record", "list"); status != 1 || out != "" || !strings.Contains(errOut, "copying the record") {
		t.Errorf("%d, %q, %q; want it refused", status, out, errOut)
	}
	srv.Close()
	if files, err := filepath.Glob(copies + "/railgate-record-*"); err != nil || len(files) != 0 {
		t.Errorf("%v stay behind, %v", files, err)
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
