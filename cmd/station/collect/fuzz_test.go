package collect

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/identity"
	"railgate/store/journal"
)

// A head that is believed is one that the gate signed, of its own log.
func FuzzAHead(f *testing.F) {
	id := identity.FromSeed([32]byte{1})
	c := &Collector{o: Options{Station: "GZQ"}, gates: map[string]ledger.Gate{"A07": {Public: id.Public("GZQ", "A07")}}}
	const origin = "railgate.GZQ.A07.e1"
	signer := must[note.Signer](f)(id.Signer(origin))
	good := must[[]byte](f)(journal.SignHead(origin, tlog.Tree{N: 3, Hash: tlog.RecordHash([]byte("x"))}, signer))
	f.Add("A07", good)
	f.Add("A08", good)
	f.Add("A07", bytes.Replace(good, []byte("\n3\n"), []byte("\n4\n"), 1))
	f.Add("A07", []byte("railgate.GZQ.A07.e1\n"))
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, gate string, text []byte) {
		h, err := c.open(gate, text)
		if err != nil {
			return
		}
		if gate != "A07" || h.epoch != "e1" || h.tree.N != 3 {
			t.Errorf("gate %q is believed a head of %v of epoch %q", gate, h.tree, h.epoch)
		}
	})
}

func FuzzReadAnchors(f *testing.F) {
	f.Add([]byte(`{"railgate.GZQ.A07.e1":"bm90ZQ=="}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"a":1}`))
	path := filepath.Join(f.TempDir(), "receipts.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := openAnchors(path, slog.New(slog.DiscardHandler))
		if err != nil {
			return
		}
		a.put("railgate.GZQ.A07.e9\nrest", []byte("note")) // it can be written whatever was read
		if err := a.write(); err != nil {
			t.Fatal(err)
		}
		again, err := ReadAnchors(path)
		if err != nil || string(again["railgate.GZQ.A07.e9"]) != "note" {
			t.Errorf("written and read again: %v, %v", again, err)
		}
	})
}
