package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"railgate/store/bus"
	"railgate/verify"
	"railgate/verify/mint"
)

// A registry is an issuer's list in a test, over HTTP with an entity tag.
type registry struct {
	t    *testing.T
	file *mint.RevokerFile
	url  string

	mu   gosync.Mutex // guards the fields below
	list []byte
	sent int // how often it was sent whole
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{t: t, file: new(mint.RevokerFile)}
	if err := r.file.Add("test", verify.EdDSA, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	r.url = web.URL + "/v1/revocations"
	return r
}

func (r *registry) ServeHTTP(rw http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := sha256.Sum256(r.list)
	tag := `"` + hex.EncodeToString(sum[:]) + `"`
	if q.Header.Get("If-None-Match") == tag {
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	r.sent++
	rw.Header().Set("ETag", tag)
	rw.Write(r.list)
}

// sign is a list that was signed so long ago.
func (r *registry) sign(ago time.Duration, revoked ...string) []byte {
	r.t.Helper()
	key, err := r.file.Revoker("test", time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	at := uint64(time.Now().Add(-ago).Unix())
	l := verify.RevocationList{IssuedAt: at, Expires: at + 3600}
	for _, cti := range revoked {
		l.Entries = append(l.Entries, verify.Revocation{Certificate: verify.CertificateID(cti), Before: at, Until: at})
	}
	list, err := key.Sign(l, rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// serves has the issuer serve a list from now on.
func (r *registry) serves(list []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = list
}

// publish has a station publish the revoker's key.
func (r *registry) publish(s *running) {
	r.t.Helper()
	public, err := r.file.RevokersJSON()
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(r.t.TempDir(), "revokers.json")
	if err := os.WriteFile(path, public, 0o600); err != nil {
		r.t.Fatal(err)
	}
	if out := s.must("publish", "revokers", path); !strings.Contains(out, "1 keys") {
		r.t.Errorf("publish revokers says %q", out)
	}
}

// hears waits until a gate hears a list.
func (g *laneGate) hears(want []byte) {
	g.t.Helper()
	for deadline := time.After(time.Minute); ; {
		select {
		case list := <-g.heard:
			if string(list) == string(want) {
				return
			}
		case <-deadline:
			g.t.Fatalf("gate %s does not hear a list", g.name)
		}
	}
}

// A station brings the issuer's list to its gates: to those that are there, to one that comes
// later, and beside the metadata of its repository. It brings no older one, none of the future,
// and none of a stranger's, and says so.
func TestAStationBringsWhatIsRevoked(t *testing.T) {
	t.Parallel()
	issuer := newRegistry(t)
	r := newStation(t)
	issuer.publish(r)
	first := issuer.sign(time.Minute, "cert-one")
	issuer.serves(first)
	r.stop()
	r.serve("--revocations", issuer.url)
	r.enroll("A07")
	r.enroll("B02")
	a := r.gate("A07", t.TempDir())
	a.hears(first)
	second := issuer.sign(30*time.Second, "cert-one", "cert-two")
	issuer.serves(second)
	a.hears(second)
	r.gate("B02", t.TempDir()).hears(second)
	public := filepath.Join(r.dir, "station/public", revocationsFile)
	if put, err := os.ReadFile(public); err != nil || string(put) != string(second) {
		t.Errorf("beside the metadata lies %x, %v; want the second list", put, err)
	}

	stranger := newRegistry(t)
	issuer.serves(stranger.sign(0, "cert-three"))
	until(t, "the stranger's list is said", func() bool { return strings.Contains(r.health(), verify.ErrUnknownRevoker.Error()) })
	issuer.serves(issuer.sign(-30*time.Minute, "cert-four"))
	until(t, "a list of the future is said", func() bool { return strings.Contains(r.health(), errFutureList.Error()) })
	issuer.serves(issuer.sign(time.Hour))
	until(t, "an older list is no trouble", func() bool { return r.health() == "ok" })
	if put, err := os.ReadFile(public); err != nil || string(put) != string(second) {
		t.Errorf("beside the metadata lies %x, %v; want the second list still", put, err)
	}
	sent := func() int { issuer.mu.Lock(); defer issuer.mu.Unlock(); return issuer.sent }
	before := sent()
	third := issuer.sign(0, "cert-one")
	issuer.serves(third)
	a.hears(third)
	if n := sent() - before; n != 1 {
		t.Errorf("the third list was sent %d times; want once", n)
	}

	// After a restart without the issuer the last list is there for a gate that comes then.
	issuer.serves(nil)
	r.stop()
	r.serve("--revocations", issuer.url)
	r.enroll("C03")
	r.gate("C03", t.TempDir()).hears(third)
}

// A list that is too large for the bus is told of, and fetched.
func TestALargeListIsFetched(t *testing.T) {
	t.Parallel()
	issuer := newRegistry(t)
	r := newStation(t)
	issuer.publish(r)
	many := make([]string, bus.MaxRevoked/20)
	for i := range many {
		many[i] = fmt.Sprintf("certificate-%04d", i)
	}
	large := issuer.sign(0, many...)
	if len(large) <= bus.MaxRevoked {
		t.Fatalf("%d bytes; want more than %d", len(large), bus.MaxRevoked)
	}
	issuer.serves(large)
	r.stop()
	r.serve("--revocations", issuer.url)
	r.enroll("A07")
	r.gate("A07", t.TempDir()).hears(nil)
	if put, err := os.ReadFile(filepath.Join(r.dir, "station/public", revocationsFile)); err != nil || string(put) != string(large) {
		t.Errorf("beside the metadata lie %d bytes, %v; want the list", len(put), err)
	}
}

// health is what the station says of itself.
func (r *running) health() string {
	r.t.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + r.web + "/healthz")
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestWhatServeIsToldOfRevocations(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	bad := filepath.Join(r.dir, "bad.json")
	if err := os.WriteFile(bad, []byte(`{"keys":[{}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		say  string
	}{
		{[]string{"serve", "--revokers", "x"}, "needs --revocations"},
		{[]string{"serve", "--revocations", "https://x"}, "names no list"},
		{[]string{"publish", "revokers", bad}, "want 1 to 8 bytes"},
	} {
		if out, err := r.command(tt.args...); err == nil || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%v: %s, %v; want %q", tt.args, out, err, tt.say)
		}
	}
}
