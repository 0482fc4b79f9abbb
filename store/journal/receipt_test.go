package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func testCosigner(t *testing.T, name string) *torchwood.CosignatureSigner {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAReceiptIsSignedByBoth(t *testing.T) {
	const origin = "railgate.GZQ.A07.e1"
	gate, opens := testSigner(t, origin)
	station, other := testCosigner(t, "railgate.GZQ.receipts"), testCosigner(t, "railgate.GZQ.receipts")
	tree := tlog.Tree{N: 5, Hash: tlog.RecordHash([]byte("x"))}
	msg, err := SignHead(origin, tree, gate, station)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenReceipt(msg, origin, opens, station.Verifier())
	if err != nil || r.Tree() != tree || r.Origin() != origin || !bytes.Equal(r.Note(), msg) || time.Since(r.Time()).Abs() > time.Hour {
		t.Fatalf("OpenReceipt = %+v, %v", r, err)
	}
	plain, plainVerifier := testSigner(t, "railgate.GZQ.receipts")
	sign := func(origin string, tree tlog.Tree, by ...note.Signer) []byte {
		msg, err := SignHead(origin, tree, by...)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	notCosigned, err := SignHead(origin, tree, gate, plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() (Receipt, error){
		"not the station's": func() (Receipt, error) {
			return OpenReceipt(sign(origin, tree, gate), origin, opens, station.Verifier())
		},
		"another station's": func() (Receipt, error) { return OpenReceipt(msg, origin, opens, other.Verifier()) },
		"another log's": func() (Receipt, error) {
			return OpenReceipt(sign("railgate.GZQ.A08.e1", tree, gate, station), origin, opens, station.Verifier())
		},
		"of no leaves": func() (Receipt, error) {
			return OpenReceipt(sign(origin, tlog.Tree{}, gate, station), origin, opens, station.Verifier())
		},
		"of another size": func() (Receipt, error) {
			return OpenReceipt(bytes.Replace(msg, []byte("\n5\n"), []byte("\n6\n"), 1), origin, opens, station.Verifier())
		},
		"no cosignature": func() (Receipt, error) { return OpenReceipt(notCosigned, origin, opens, plainVerifier) },
		"the gate's own": func() (Receipt, error) { return OpenReceipt(msg, origin, opens, opens) },
		"nothing":        func() (Receipt, error) { return OpenReceipt(nil, origin, opens, station.Verifier()) },
	} {
		if r, err := try(); err == nil || r.Origin() != "" {
			t.Errorf("%s: %+v, %v; want an error", name, r, err)
		}
	}
	if zero := (Receipt{}); zero.Origin() != "" || zero.Tree().N != 0 {
		t.Error("the zero receipt proves something")
	}
}

// A station may have its gate's name: then the key tells their signatures apart. It signs in
// whole seconds.
func TestAReceiptOfAStationOfTheGatesName(t *testing.T) {
	const origin = "railgate.GZQ.A07.e1"
	gate, opens := testSigner(t, origin)
	station := testCosigner(t, origin)
	msg, err := SignHead(origin, tlog.Tree{N: 5, Hash: tlog.RecordHash([]byte("x"))}, gate, station)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenReceipt(msg, origin, opens, station.Verifier())
	if err != nil || time.Since(r.Time()).Abs() > time.Hour || r.Time().Nanosecond() != 0 {
		t.Errorf("OpenReceipt = %v, %v; want the station's time", r.Time(), err)
	}
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte("railgate.GZQ.A07.e1\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAAAA==\n"))
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	station, err := torchwood.NewCosignatureSigner("station", key)
	if err != nil {
		f.Fatal(err)
	}
	other, err := torchwood.NewCosignatureSigner("gate", key)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := OpenReceipt(data, "railgate.GZQ.A07.e1", other.Verifier(), station.Verifier()); err == nil {
			t.Error("a receipt that nobody signed is taken")
		}
	})
}
