package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/verify"
	"railgate/verify/mint"
)

// A site is a gate in a folder: a configuration, a keyset, and what a test makes of them.
// Its scanner is a folder of pictures, its turnstile is simulated.
type site struct {
	t       testing.TB
	dir     string
	signers []*mint.Signer
}

func newSite(t testing.TB, more ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	for _, dir := range []string{filepath.Dir(s.dir), s.dir} { // for the service's user
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"frames", "data"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.signers = []*mint.Signer{s.signer("kid1")}
	s.write("keys.json", s.keyset(1, month, s.signers...))
	s.configure(more...)
	return s
}

// configure writes the configuration, with more lines at its end.
func (s *site) configure(more ...string) {
	s.t.Helper()
	text := fmt.Sprintf(`data = %q
keys = %q
[[scanner]]
name = "eye"
driver = "camera"
frames = %q
[turnstile]
driver = "sim"
trace = %q
[clock]
require_sync = false
`, s.path("data"), s.path("keys.json"), s.path("frames"), s.path("trace.ndjson"))
	for _, m := range more {
		text += m + "\n"
	}
	s.write("gate.toml", text)
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

func (s *site) signer(kid verify.KeyID) *mint.Signer {
	s.t.Helper()
	signer, err := mint.GenerateSigner(kid, verify.EdDSA, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return signer
}

// keyset is a keyset of some keys that were made two days ago and are good for a while.
func (s *site) keyset(version uint64, goodFor time.Duration, signers ...*mint.Signer) string {
	s.t.Helper()
	f := mint.NewKeyFile("test")
	f.Version = version
	for _, signer := range signers {
		f.Add(signer, time.Now().Add(-48*time.Hour), time.Now().Add(goodFor), mint.Passengers()...)
	}
	data, err := f.KeysetJSON()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// tool runs railgate for this gate.
func (s *site) tool(args ...string) (status int, out, errOut string) {
	s.t.Helper()
	return tool(s.t, "", append(args, "--config", s.path("gate.toml"))...)
}

// programs builds what a device gets, once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "railgate-test-")
	if err != nil {
		return "", err
	}
	folderOfPrograms = dir
	build := exec.Command("go", "build", "-o", dir+"/", "../railgated", ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it ships, and as it is compiled already where the race detector has cgo on
	out, err := build.CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return dir, err
})

// folderOfPrograms is where programs has put them; owned by it and TestMain.
var folderOfPrograms string

func TestMain(m *testing.M) {
	if what := os.Getenv("RAILGATE_TEST_HOLD"); what != "" {
		hold(what)
	}
	flag.Parse()
	flag.Set("test.parallel", "6") // they wait for daemons more than they work; the flag is there
	status := m.Run()
	os.RemoveAll(folderOfPrograms)
	os.Exit(status)
}

// start runs railgated until the test ends, and returns when its lane works. end ends it before.
func (s *site) start() (end func()) {
	s.t.Helper()
	gone, end := s.launch()
	s.until("railgated answers", func() bool {
		select {
		case <-gone:
			s.t.Fatalf("railgated ended: %s", s.read("log"))
		default:
		}
		st, err := control.NewClient(s.path("data")).Status(s.t.Context())
		return err == nil && st.Mode != "out_of_service"
	})
	return end
}

// launch runs railgated until the test ends; gone is closed when it has ended.
func (s *site) launch() (gone chan struct{}, end func()) {
	s.t.Helper()
	bin, err := programs()
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.Create(s.path("log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command(filepath.Join(bin, "railgated"), "--config", s.path("gate.toml"))
	c.Stderr = log
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	gone = make(chan struct{})
	go func() { c.Wait(); close(gone) }()
	end = func() { c.Process.Signal(syscall.SIGTERM); <-gone }
	s.t.Cleanup(end)
	return gone, end
}

func (s *site) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not in time: %s", what)
		}
	}
}

const month = 30 * 24 * time.Hour
