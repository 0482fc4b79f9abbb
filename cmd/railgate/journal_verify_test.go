package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
)

// A provenGate is a folder with a journal, a receipt of it, and the keys that signed.
type provenGate struct {
	dir, receipt        string
	gateKey, gateVkey   string
	receiptKey, another string
}

func newProvenGate(t *testing.T) *provenGate {
	t.Helper()
	dir := t.TempDir()
	id, err := identity.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Options{Dir: dir, Days: 90, MaxBytes: 1e9, Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := s.Commit(journal.Record{Time: time.Now(), Kind: journal.Forced, Detail: "somebody crossed"}); err != nil {
			t.Fatal(err)
		}
	}
	log, err1 := s.Log()
	origin, err2 := journal.Origin("GZQ", "A07", log.Epoch)
	gate, err3 := id.Signer(origin)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	station := func() *torchwood.CosignatureSigner {
		_, key, _ := ed25519.GenerateKey(rand.Reader)
		c, err := torchwood.NewCosignatureSigner(bus.ReceiptKeyName("GZQ"), key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	receipts := station()
	head, err := journal.SignHead(origin, log.Tree, gate, receipts)
	if err != nil {
		t.Fatal(err)
	}
	key := id.Public("GZQ", "A07").Journal
	vkey, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		t.Fatal(err)
	}
	opens, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := journal.OpenReceipt(head, origin, opens, receipts.Verifier())
	if err = errors.Join(err, s.PutReceipt(r), s.Close(), os.WriteFile(filepath.Join(dir, "receipt"), head, 0o600)); err != nil {
		t.Fatal(err)
	}
	return &provenGate{dir, filepath.Join(dir, "receipt"), base64.StdEncoding.EncodeToString(key), vkey, receipts.Verifier().String(), station().Verifier().String()}
}

func TestJournalVerify(t *testing.T) {
	t.Parallel()
	g := newProvenGate(t)
	older := newProvenGate(t)
	spoiled := filepath.Join(t.TempDir(), "gate.db")
	data, err := os.ReadFile(filepath.Join(g.dir, storeName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(spoiled, bytes.ReplaceAll(data, []byte("somebody"), []byte("Somebody")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"nothing but the file", []string{"--data", g.dir}, 0, []string{"records 1 to 21 are whole", "signatures were not checked"}},
		{"with keys", []string{"--data", g.dir, "--gate-key", g.gateKey, "--receipt-key", g.receiptKey}, 0, []string{"the station has signed the root up to record 21"}},
		{"with a vkey", []string{"--data", g.dir, "--gate-key", g.gateVkey, "--receipt-key", g.receiptKey, "--receipt", g.receipt}, 0, []string{"the station has signed"}},
		{"another gate's receipt", []string{"--data", g.dir, "--receipt", older.receipt}, 1, []string{"BAD: ", "rolled back"}},
		{"another station's key", []string{"--data", g.dir, "--gate-key", g.gateKey, "--receipt-key", g.another}, 1, []string{"BAD: ", "receipt"}},
		{"another gate's key", []string{"--data", g.dir, "--gate-key", older.gateKey, "--receipt-key", g.receiptKey}, 1, []string{"BAD: ", "receipt"}},
		{"a record that was altered", []string{"--file", spoiled}, 1, []string{"BAD: record 2: ", "checksum"}},
		{"one key", []string{"--data", g.dir, "--gate-key", g.gateKey}, exitUsage, []string{"both"}},
		{"a key that is none", []string{"--data", g.dir, "--gate-key", "x", "--receipt-key", g.receiptKey}, exitUsage, []string{"--gate-key"}},
		{"a gate's key in the station's place", []string{"--data", g.dir, "--gate-key", g.gateKey, "--receipt-key", g.gateVkey}, exitUsage, []string{"--receipt-key"}},
		{"no file", []string{"--file", spoiled + "2"}, 2, []string{"no such file"}},
		{"a file that a store has", []string{"--data", g.dir}, 2, []string{"stop railgated first"}},
	} {
		if tt.status == 2 && tt.name != "no file" {
			s, err := store.Open(store.Options{Dir: g.dir, Days: 90, MaxBytes: 1e9, Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
		}
		status, out, errOut := tool(t, "", append([]string{"journal", "verify"}, tt.args...)...)
		for _, says := range tt.says {
			if status != tt.status || !strings.Contains(out+errOut, says) {
				t.Errorf("%s: status %d, %q, %q; want %d and %q", tt.name, status, out, errOut, tt.status, says)
			}
		}
	}
	status, out, _ := tool(t, "", "journal", "verify", "--json", "--file", spoiled)
	var report store.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != 1 || report.OK || report.Bad == nil || report.Bad.Seq != 2 || report.Leaves != 21 {
		t.Errorf("status %d, %q, %v", status, out, err)
	}
}
