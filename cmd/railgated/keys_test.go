package main

import (
	"os"
	"strings"
	"testing"

	"railgate/cmd/control"
)

// The socket tells of the keyset and takes another.
func TestKeysOverTheSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	keys, err := d.client().Keys(t.Context())
	if err != nil || keys.Path != s.path("keys.json") || keys.InUse.Keys[0].KeyID != "6b696431" || keys.InUse.Issuers[0] != "test" || len(keys.InUse.Keys[0].Classes) != 3 {
		t.Fatalf("keys = %+v, %v", keys, err)
	}
	s.write("keys.json", readFile(t, "keyring/testdata/keys-1.json"))
	if _, err := d.client().TakeKeys(t.Context(), false); err == nil || !strings.Contains(err.Error(), "shares no key") {
		t.Errorf("another issuer's keyset: %v; want it refused", err)
	}
	st := d.status()
	if st.Health != control.Degraded || st.Keyset.Issuers[0] != "test" || !strings.Contains(strings.Join(st.Problems, " "), "railgate keys install --force") || st.Causes[0].Cause != control.KeysetForeign {
		t.Errorf("status = %s %q %+v of issuers %q; want degraded, and what to do", st.Health, st.Problems, st.Causes, st.Keyset.Issuers)
	}
	if keys, err = d.client().TakeKeys(t.Context(), true); err != nil || keys.InUse.Issuers[0] != "bench" || keys.Foreign {
		t.Errorf("with force: %+v, %v; want bench's", keys, err)
	}
	d.until("healthy", func() bool { return d.status().Health == control.Healthy })
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
