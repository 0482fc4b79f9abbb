package mint

import (
	"slices"
	"testing"
	"time"

	"railgate/verify"
)

// For two months, at every third hour: a key signs that gates have known for a day, and
// what it signs is granted, paper still a day later.
func TestKeysRotateWithoutAGap(t *testing.T) {
	f := NewKeyFile("bench")
	published := map[string]time.Time{}
	signers := map[string]bool{}
	for now := noon; now.Before(noon.AddDate(0, 2, 0)); now = now.Add(3 * time.Hour) {
		rotate(t, f, now)
		for _, k := range f.Keys {
			if _, ok := published[k.KeyID]; !ok {
				published[k.KeyID] = now
			}
		}
		id := wantGranted(t, f, verify.ByIssuer, now, now)
		if !signers[id] && len(signers) > 0 && now.Sub(published[id]) < keyPublished {
			t.Errorf("at %v a key signs that was published %v ago", now, now.Sub(published[id]))
		}
		signers[id] = true
		next := &KeyFile{Version: f.Version, Issuer: f.Issuer, Keys: slices.Clone(f.Keys)}
		wantGranted(t, next, verify.Static, now, now.Add(23*time.Hour))
	}
	if len(signers) < 8 || len(f.Keys) > 6 {
		t.Errorf("%d keys have signed in two months, %d are kept; want one a week, and old ones dropped", len(signers), len(f.Keys))
	}
}

func rotate(t *testing.T, f *KeyFile, now time.Time) {
	t.Helper()
	if _, err := f.Rotate(verify.EdDSA, now); err != nil {
		t.Fatal(err)
	}
}

// wantGranted issues a credential, rotates the keys to the time at which it is shown,
// and returns the kid that signed it.
func wantGranted(t *testing.T, f *KeyFile, rotation verify.Rotation, issued, shown time.Time) string {
	t.Helper()
	w, err := NewWallet(f, NewOrder(rotation, verify.EdDSA, issued))
	if err != nil {
		t.Fatal(err)
	}
	text, err := w.Code(0)
	if err != nil {
		t.Fatal(err)
	}
	rotate(t, f, shown)
	if v := verify.Decide(text, keyset(t, f), everyClass, shown); !v.Granted() {
		t.Errorf("%v of %v, shown at %v: %s", rotation, issued, shown, v.Reason)
	}
	return w.KeyID.String()
}
