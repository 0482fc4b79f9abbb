package collect

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// A damaged file of receipts does not stop a station: it is set aside, not thrown away.
func TestADamagedFileOfReceiptsIsSetAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "receipts.json")
	const damaged = `{"railgate.GZQ.A07.e1": {}}`
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAnchors(path); !errors.Is(err, ErrAnchors) {
		t.Errorf("ReadAnchors: %v; want %v", err, ErrAnchors)
	}
	a, err := openAnchors(path, slog.New(slog.DiscardHandler))
	if err != nil || len(a.all) != 0 {
		t.Fatalf("%v, %v; want none, and no error", a, err)
	}
	if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != damaged {
		t.Errorf("aside: %q, %v; want the file as it was", kept, err)
	}
	a.put("railgate.GZQ.A07.e1\n1\n", []byte("note"))
	if err := a.write(); err != nil {
		t.Fatal(err)
	}
	if again, err := openAnchors(path, slog.New(slog.DiscardHandler)); err != nil || string(again.all["railgate.GZQ.A07.e1"]) != "note" {
		t.Errorf("%v, %v; want the new one", again, err)
	}
}

// Where the disk does not answer nothing is begun again.
func TestAFileOfReceiptsThatCannotBeReadStays(t *testing.T) {
	t.Parallel()
	path := t.TempDir() // a folder
	if _, err := openAnchors(path, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a folder is taken for a file of receipts")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
