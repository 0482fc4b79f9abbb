package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// The inspector gets the time and the nation's keyset from its station; before one is published it
// is told that there is none.
func TestAStationServesTheInspector(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	issuer := newRegistry(t)
	list := issuer.sign(time.Minute, "cert-one")
	issuer.serves(list)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	get := func(path string) (int, []byte) {
		t.Helper()
		response, err := client.Get("https://" + r.web + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, body
	}
	if code, body := get("/inspect/now"); code != http.StatusOK || !strings.Contains(string(body), `"now"`) {
		t.Errorf("now: %d %s", code, body)
	}
	if code, _ := get("/inspect/revocations"); code != http.StatusNotFound {
		t.Errorf("revocations of a station that was told of none: %d; want 404", code)
	}
	if code, _ := get("/inspect/keys.json"); code != http.StatusServiceUnavailable {
		t.Errorf("keys before any are published: %d; want 503", code)
	}
	f := mint.NewKeyFile("test")
	f.Version = 1
	if err := f.AddKey(verify.EdDSA, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), verify.Temporary); err != nil {
		t.Fatal(err)
	}
	keys, err := f.KeysetJSON()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	r.must("publish", "keyset", path)
	if code, body := get("/inspect/keys.json"); code != http.StatusOK || !bytes.Equal(body, keys) {
		t.Errorf("keys: %d %.200s; want what was published", code, body)
	}
	issuer.publish(r)
	r.stop()
	r.serve("--revocations", issuer.url)
	until(t, "the list is there", func() bool {
		code, body := get("/inspect/revocations")
		return code == http.StatusOK && bytes.Equal(body, list)
	})
	if code, body := get("/inspect/revokers.json"); code != http.StatusOK || !strings.Contains(string(body), `"keys"`) {
		t.Errorf("revokers: %d %s", code, body)
	}
}
