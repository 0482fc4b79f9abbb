package office

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestVault(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, vaultKeyName)
	v, err := openVault(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := v.seal([]byte("a name"), "register")
	again, err := openVault(path)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.open(sealed, "register"); err != nil || string(plain) != "a name" {
		t.Errorf("after a restart: %q, %v", plain, err)
	}
	if _, err := v.open(sealed, "check"); !errors.Is(err, errSealed) {
		t.Errorf("opened for another purpose: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := v.open(bad, "register"); err == nil {
			t.Errorf("byte %d was changed, and it opened", i)
		}
	}
	other, err := openVault(filepath.Join(dir, "another.key"))
	if err != nil {
		t.Fatal(err)
	}
	if v.holder("resident_id", "1") != again.holder("resident_id", "1") || v.holder("resident_id", "1") == other.holder("resident_id", "1") {
		t.Error("a holder's pseudonym must go by the key")
	}
	if n := len(v.holder("resident_id", "1")); n != 12 || v.holder("resident_id", "1") == v.holder("resident_id1", "") {
		t.Errorf("a pseudonym of %d bytes, or one for two documents; want 12 bytes", n)
	}
	for _, size := range []int{0, 31, 33} {
		short := filepath.Join(dir, "short.key")
		if err := os.WriteFile(short, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openVault(short); err == nil {
			t.Errorf("a key of %d bytes was taken", size)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openVault(path); err == nil {
		t.Error("a key that others can read was taken")
	}
}
