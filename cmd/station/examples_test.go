package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
	"railgate/store/identity"
)

// The configurations under configs/ are examples that people copy: their own programs read
// them here, and they do what they say.

// certificate writes a key and a certificate for this machine.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "nation-ca.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// example copies an example's text to a folder, with what is of this machine in the place
// of what is of theirs.
func example(t *testing.T, name, dir string, pairs ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../configs", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(data), pairs[i]) {
			t.Fatalf("%s has no %q", name, pairs[i])
		}
	}
	path := filepath.Join(dir, filepath.Base(name))
	if err := os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(string(data))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// natsExample reads an example as nats-server does.
func natsExample(t *testing.T, name string, pairs ...string) *server.Options {
	t.Helper()
	dir := t.TempDir()
	certificate(t, dir)
	nation := identity.FromSeed([32]byte{4})
	key, err := nation.NKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATION_LEAF_SEED", string(seed))
	folder := "/etc/railgate-station/"
	if strings.Contains(name, "nation") {
		folder = "/etc/railgate-nation/"
	}
	o, err := server.ProcessConfigFile(example(t, name, dir, append([]string{folder, dir + "/", "/var/lib/nats", filepath.Join(dir, "jetstream")}, pairs...)...))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return o
}

func TestNatsServerReadsTheExamples(t *testing.T) {
	files, err := filepath.Glob("../../configs/nats/*.conf")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v; want three", files, err)
	}
	gate := bus.Permissions("GZQ", "A07")
	for _, path := range files {
		name := filepath.Base(path)
		o := natsExample(t, "nats/"+name)
		if !o.SyncAlways || !o.JetStream || o.JetStreamDomain == "" {
			t.Errorf("%s: sync always %v, streams %v, domain %q; want what is acknowledged on the disk", name, o.SyncAlways, o.JetStream, o.JetStreamDomain)
		}
		if name == "nation.conf" {
			continue
		}
		gates := 0
		for _, u := range o.Nkeys {
			if p := u.Permissions; p != nil {
				gates++
				if !reflect.DeepEqual(p.Publish.Allow, gate.Publish) || !reflect.DeepEqual(p.Subscribe.Allow, gate.Subscribe) || p.Publish.Deny != nil {
					t.Errorf("%s: a gate may publish %q and subscribe %q; want %+v", name, p.Publish.Allow, p.Subscribe.Allow, gate)
				}
			}
		}
		if gates != 1 || o.TLSConfig == nil || o.PingInterval != 2*time.Second || int(o.MaxPayload) < bus.MaxRecord {
			t.Errorf("%s: %d gates, TLS %v, ping %v, payload %d", name, gates, o.TLSConfig != nil, o.PingInterval, o.MaxPayload)
		}
	}
}

func runServer(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.HTTPHost, o.HTTPPort, o.NoSigs, o.NoLog = "", 0, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not get ready")
	}
	return s
}

func dialAs(t *testing.T, s *server.Server, secure bool, seed byte, inbox string) *nats.Conn {
	t.Helper()
	key, err := identity.FromSeed([32]byte{seed}).NKey()
	if err != nil {
		t.Fatal(err)
	}
	name, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	options := []nats.Option{nats.Nkey(name, key.Sign), nats.CustomInboxPrefix(inbox)}
	if secure {
		options = append(options, nats.Secure(&tls.Config{InsecureSkipVerify: true}))
	}
	c, err := nats.Connect(s.ClientURL(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A gate's record goes from the station's server to the nation's, as the examples have it;
// the nation says nothing at the station.
func TestARecordReachesTheNation(t *testing.T) {
	nation := natsExample(t, "nats/nation.conf", `"127.0.0.1:4222"`, `"127.0.0.1:-1"`, `"0.0.0.0:7422"`, `"127.0.0.1:-1"`)
	nation.TLSConfig = nil
	hub := runServer(t, nation)
	leaf := natsExample(t, "nats/station-leaf.conf", "0.0.0.0:4222", "127.0.0.1:-1", "tls://bus.nation.example:7422", fmt.Sprintf("tls://127.0.0.1:%d", nation.LeafNode.Port))
	// Each server of a test has its own certificate: the hub's is the leaf's authority.
	trust(t, leaf, nation)
	station := runServer(t, leaf)

	ctx := t.Context()
	own := dialAs(t, station, true, 1, "_INBOX")
	js, err := jetstream.New(own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: bus.JournalStream("GZQ"), Subjects: []string{"rg.GZQ.*.journal"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	gate := dialAs(t, station, true, 2, bus.Inbox("GZQ", "A07"))
	from, err := jetstream.New(gate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := from.Publish(ctx, bus.JournalSubject("GZQ", "A07"), []byte("a record")); err != nil {
		t.Fatal(err)
	}

	top := dialAs(t, hub, false, 1, "_INBOX")
	copies, err := jetstream.New(top)
	if err != nil {
		t.Fatal(err)
	}
	s, err := copies.CreateStream(ctx, jetstream.StreamConfig{Name: bus.JournalStream("GZQ"), Sources: []*jetstream.StreamSource{{Name: bus.JournalStream("GZQ"), Domain: "GZQ"}}})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		m, err := s.GetMsg(ctx, 1)
		if err == nil && string(m.Data) == "a record" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the nation never has the record: %v", err)
		}
	}

	if err := errors.Join(top.Publish(bus.JournalSubject("GZQ", "A07"), []byte("forged")), top.Flush()); err != nil {
		t.Fatal(err)
	}
	// A question that takes the same way is answered after it; what comes then stands behind it.
	there, err := jetstream.NewWithDomain(top, "GZQ")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.Stream(ctx, bus.JournalStream("GZQ")); err != nil {
		t.Fatal(err)
	}
	if ack, err := js.Publish(ctx, bus.JournalSubject("GZQ", "A08"), []byte("another record")); err != nil || ack.Sequence != 2 {
		t.Errorf("the station's second record: %+v, %v; want it the second, without one of the nation's", ack, err)
	}
}

func trust(t *testing.T, leaf, hub *server.Options) {
	t.Helper()
	pool := x509.NewCertPool()
	c, err := x509.ParseCertificate(hub.LeafNode.TLSConfig.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(c)
	leaf.LeafNode.Remotes[0].TLSConfig.RootCAs = pool
}

// nginx runs with an example, and returns its address; it ends with the test.
func nginx(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("skipped: it needs nginx (apt install nginx-light)")
	}
	dir := t.TempDir()
	certificate(t, dir)
	address := freeAddress(t)
	site := example(t, name, dir, append([]string{"/etc/railgate-station/", dir + "/", "listen 443 ssl;", "listen " + address + " ssl;", "    listen [::]:443 ssl;\n", ""}, pairs...)...)
	text := fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log stderr; user root;
events { worker_connections 64; }
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e; include %[2]s; }
`, dir, site)
	if os.Getuid() != 0 {
		text = strings.Replace(text, "user root;", "", 1)
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "-t", "-c", conf, "-e", "stderr").CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	var said strings.Builder
	cmd := exec.Command(path, "-c", conf, "-e", "stderr")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "https://" + address
		}
	}
	t.Fatalf("nginx does not listen:\n%s", said.String())
	return ""
}

func TestNginxServesARepository(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	hash := strings.Repeat("0a", 32)
	for name, text := range map[string]string{"nation/timestamp.json": "{}", "nation/1.root.json": "{}", "nation/7.snapshot.json": "{}", "nation/targets/" + hash + ".keys.json": "{}", "nation/.git": "secret"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	base := nginx(t, "nginx/railgate-repository.conf", "/srv/railgate;", root+";")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	const forever = "public, max-age=31536000, immutable"
	for _, tt := range []struct {
		method, path string
		want         int
		cache        string
	}{
		{"GET", "/nation/timestamp.json", 200, "public, max-age=30, must-revalidate"},
		{"HEAD", "/nation/timestamp.json", 200, "public, max-age=30, must-revalidate"},
		{"GET", "/nation/1.root.json", 200, forever},
		{"GET", "/nation/7.snapshot.json", 200, forever},
		{"GET", "/nation/targets/" + hash + ".keys.json", 200, forever},
		{"GET", "/nation/2.root.json", 404, "no-store"},
		{"GET", "/nation/", 404, "no-store"},
		{"GET", "/nation/.git", 404, ""},
		{"POST", "/nation/timestamp.json", 403, ""},
		{"PUT", "/nation/9.root.json", 403, ""},
		{"DELETE", "/nation/1.root.json", 403, ""},
	} {
		r, err := http.NewRequest(tt.method, base+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.want || tt.cache != "" && resp.Header.Get("Cache-Control") != tt.cache {
			t.Errorf("%s %s: %d, Cache-Control %q; want %d, %q", tt.method, tt.path, resp.StatusCode, resp.Header.Values("Cache-Control"), tt.want, tt.cache)
		}
		if tag := resp.Header.Get("Etag"); tt.want == 200 && tag == "" {
			t.Errorf("%s %s: no entity tag", tt.method, tt.path)
		}
	}
}
