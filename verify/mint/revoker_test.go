package mint

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/verify"
)

// A revoker's file is its own: gates get the public half, and it is no file of keys that
// sign codes.
func TestRevokerFile(t *testing.T) {
	dir, now := t.TempDir(), time.Now().Truncate(time.Second)
	if _, err := LoadRevokers(dir); !errors.Is(err, ErrNoRevoker) {
		t.Errorf("an empty folder: %v; want %v", err, ErrNoRevoker)
	}
	f := new(RevokerFile)
	for _, a := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.SM2} {
		if err := f.Add("bench", a, now, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Save(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, RevokerFileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret: %v, %v; want mode 0600", info.Mode(), err)
	}
	public, err := os.ReadFile(filepath.Join(dir, RevokersName))
	if err != nil || strings.Contains(string(public), `"d"`) {
		t.Errorf("revokers.json: %s, %v", public, err)
	}
	keys, err := verify.ParseRevokers(public)
	if err != nil || len(keys.Keys) != 3 {
		t.Fatalf("revokers.json: %v, %v", keys, err)
	}
	again, err := LoadRevokers(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := again.Revoker("bench", now)
	if err != nil || r.KeyID() != keys.Keys[2].ID {
		t.Fatalf("the newest: %v", err)
	}
	data, err := r.Sign(verify.RevocationList{Expires: uint64(now.Unix()), IssuedAt: uint64(now.Unix())}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.OpenRevocations(data, keys, now); err != nil {
		t.Error(err)
	}
	for name, at := range map[string]time.Time{"before its time": now.Add(-time.Second), "after it": now.Add(time.Hour + time.Second)} {
		if _, err := again.Revoker("bench", at); err == nil {
			t.Errorf("%s: one may sign", name)
		}
	}
	if _, err := again.Revoker("other", now); err == nil {
		t.Error("one may sign for another issuer")
	}
	for i := range again.Keys {
		again.Keys[i].RevokedAt = &now
	}
	if _, err := again.Revoker("bench", now); err == nil {
		t.Error("one that is revoked may sign")
	}
	secret, _ := os.ReadFile(filepath.Join(dir, RevokerFileName))
	if _, err := parseKeyFile(secret); err == nil {
		t.Error("a revoker's file is taken for one of keys that sign codes")
	}
}
