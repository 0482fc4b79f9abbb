package mint

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"railgate/verify"
)

func TestEveryWalletIsGrantedInItsSlot(t *testing.T) {
	f := newFile(t, noon, verify.EdDSA, verify.ES256, verify.SM2)
	keys := keyset(t, f)
	for _, tt := range []struct {
		rotation verify.Rotation
		alg      verify.Algorithm
		slot     uint8
	}{
		{verify.ByIssuer, verify.EdDSA, 0},
		{verify.Static, verify.ES256, 0},
		{verify.ByChain, verify.SM2, 29},
		{verify.ByDevice, verify.EdDSA, 7},
	} {
		o := NewOrder(tt.rotation, tt.alg, noon)
		w, err := NewWallet(f, o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := w.Code(tt.slot)
		if err != nil {
			t.Fatal(err)
		}
		v := verify.Decide(text, keys, everyClass, w.Begins(tt.slot))
		if !v.Granted() || v.Rotation != tt.rotation || v.Slot != tt.slot || v.Holder != o.Holder || v.Certificate != o.Certificate || v.KeyID != w.KeyID {
			t.Errorf("%v, slot %d: %+v; want granted, of %+v", tt.rotation, tt.slot, v, o)
		}
		if v := verify.Decide(text, keys, everyClass, w.Begins(tt.slot).Add(-10*time.Second)); v.Reason != verify.NotYetValid {
			t.Errorf("%v, slot %d, ten seconds early: %s; want %s", tt.rotation, tt.slot, v.Reason, verify.NotYetValid)
		}
	}
}

func TestNoCodeOutsideTheSlots(t *testing.T) {
	f := newFile(t, noon, verify.EdDSA)
	for rotation, slot := range map[verify.Rotation]uint8{verify.ByIssuer: 1, verify.Static: 1, verify.ByChain: 30} {
		w, err := NewWallet(f, NewOrder(rotation, verify.EdDSA, noon))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := w.Code(slot); err == nil {
			t.Errorf("%v, slot %d: %q; want an error", rotation, slot, text)
		}
	}
}

func TestSignerIsTheNewestThatMaySign(t *testing.T) {
	f := newFile(t, noon, verify.EdDSA, verify.EdDSA, verify.ES256)
	older, newer := &f.Keys[0], &f.Keys[1]
	signs := func(class verify.Class, at time.Time) string {
		s, err := f.Signer(verify.EdDSA, class, at)
		if err != nil {
			return ""
		}
		return s.ID.String()
	}
	if got := signs(verify.Paper, noon); got != newer.KeyID {
		t.Errorf("key %q signs; want the newer, %q", got, newer.KeyID)
	}
	newer.Classes = []uint{1, 3}
	if got := signs(verify.Paper, noon); got != older.KeyID {
		t.Errorf("key %q signs paper; want %q", got, older.KeyID)
	}
	older.RevokedAt = &noon
	if got := signs(verify.Paper, noon); got != "" {
		t.Errorf("key %q signs paper; want none, the older is revoked", got)
	}
	for at, want := range map[time.Duration]string{-time.Hour: newer.KeyID, -time.Hour - 1: "", time.Hour: newer.KeyID, time.Hour + 1: ""} {
		if got := signs(verify.Temporary, noon.Add(at)); got != want {
			t.Errorf("%v from noon key %q signs; want %q", at, got, want)
		}
	}
}

func TestKeyFileSurvivesItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "issuer")
	if _, err := LoadKeyFile(dir); !errors.Is(err, ErrNoKeys) {
		t.Fatalf("LoadKeyFile of an empty folder: %v; want %v", err, ErrNoKeys)
	}
	f := newFile(t, noon, verify.EdDSA, verify.ES256, verify.SM2)
	if err := f.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := LoadKeyFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, KeysetName))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.SM2} {
		w, err := NewWallet(again, NewOrder(verify.ByIssuer, alg, noon))
		if err != nil {
			t.Fatal(err)
		}
		text, err := w.Code(0)
		if err != nil {
			t.Fatal(err)
		}
		if v := verify.Decide(text, keys, everyClass, noon); !v.Granted() {
			t.Errorf("%v, by the key file, decided by the keyset file: %s", alg, v.Reason)
		}
	}
}

// FuzzKeyFile: whatever private.json holds, it is a key file, or an error.
func FuzzKeyFile(f *testing.F) {
	file := NewKeyFile("bench")
	if err := file.AddKey(verify.EdDSA, noon, noon.Add(time.Hour), verify.Temporary); err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	path := filepath.Join(dir, KeyFileName)
	if err := file.Save(dir); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"keys":[{"kid":"00","alg":"EdDSA","classes":[1],"d":"AA"}]}`))
	f.Add([]byte(`{"issuer":{"period":0,"liveness":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parseKeyFile(data)
		if (file == nil) == (err == nil) {
			t.Fatalf("parseKeyFile = %v, %v", file, err)
		}
		if err != nil {
			return
		}
		if w, err := NewWallet(file, NewOrder(verify.ByChain, verify.EdDSA, noon)); err == nil {
			w.Code(0)
		}
	})
}
