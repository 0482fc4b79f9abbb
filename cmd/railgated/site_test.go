package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/driver/drivertest"
	"railgate/driver/turnstile"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/mint"
)

// The tests of this package run the daemon itself, as a process of its own, on real
// serial lines and files. The test's program is that process: see TestMain.

func TestMain(m *testing.M) {
	if os.Getenv("RAILGATED_TEST") != "" {
		go endWithTheTests(os.Getppid())
	}
	switch {
	case os.Getenv("RAILGATED_TEST") == "daemon":
		os.Exit(live(os.Args[1:], os.Stderr))
	case os.Getenv("RAILGATED_TEST") == "panics":
		os.Exit(extra(os.Args[2], func(*gate) { panic("words") })) // --config FILE
	case os.Getenv("RAILGATED_TEST") == "hangs":
		os.Exit(extra(os.Args[2], func(g *gate) { g.lane.hub.mu.Lock(); select {} }))
	case os.Getenv("RAILGATED_TEST") == "outputs-safe":
		outputs, err := turnstile.LoadOutputs(os.Args[1])
		if err == nil {
			err = outputs.MakeSafe()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	flag.Set("test.parallel", "6") // they wait for daemons more than they work; the flag is there
	os.Exit(m.Run())
}

// endWithTheTests kills this daemon when its tests are gone. PR_SET_PDEATHSIG would do it too early: it goes by the thread that started the daemon, and
// a thread ends with the goroutine that is locked to it.
func endWithTheTests(tests int) {
	for os.Getppid() == tests {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}

// site is where a gate stands: its folder, its serial line, its issuer.
type site struct {
	t      testing.TB
	dir    string
	signer *mint.Signer
	port   *os.File // the scanner's end of the line
	slave  *os.File
	config string
	holder int
}

// newSite makes a site in a folder (a temporary one if it is ""). change edits the
// configuration.
func newSite(t testing.TB, dir string, change ...func(string) string) *site {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	s := &site{t: t, dir: dir}
	s.makeKeys()
	s.plug()
	t.Cleanup(func() { s.port.Close(); s.slave.Close() })
	s.config = fmt.Sprintf(`
station = "GZQ"
gate = "A07"
data = %q
keys = %q
[lane]
open_for = "1s"
[[scanner]]
name = "front"
driver = "serial"
port = %q
[turnstile]
driver = "sim"
trace = %q
pulse = "50ms"
passage_after = "20ms"
[clock]
require_sync = false
`, s.path("data"), s.path("keys.json"), s.path("scanner"), s.path("trace.ndjson"))
	for _, f := range change {
		s.config = f(s.config)
	}
	s.write("gate.toml", s.config)
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) makeKeys() {
	s.t.Helper()
	var err error
	if s.signer, err = mint.GenerateSigner("kid1", verify.EdDSA, rand.Reader); err != nil {
		s.t.Fatal(err)
	}
	f := mint.NewKeyFile("test")
	f.Version = 1
	f.Add(s.signer, time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour), verify.Temporary, verify.Paper, verify.Staff)
	data, err := f.KeysetJSON()
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("keys.json", string(data))
}

// plug plugs a scanner in: a new line behind the old link.
func (s *site) plug() {
	s.t.Helper()
	port, slave, err := pty.Open()
	if err != nil {
		s.t.Fatal(err)
	}
	s.port, s.slave = port, slave
	os.Remove(s.path("scanner"))
	if err := os.Symlink(slave.Name(), s.path("scanner")); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) unplug() {
	os.Remove(s.path("scanner"))
	s.port.Close()
	s.slave.Close()
}

// claims are a new holder's, signed now.
func (s *site) claims() verify.Claims {
	s.holder++
	now := uint64(time.Now().Unix())
	return verify.Claims{
		Holder: verify.HolderID(fmt.Sprintf("holder-%06d", s.holder)), Certificate: verify.CertificateID(fmt.Sprintf("cert%06d", s.holder)),
		IssuedAt: now, Live: now, Expires: now + 3600, Class: verify.Temporary,
	}
}

func (s *site) mint(c verify.Claims) string {
	s.t.Helper()
	credential, err := s.signer.Issue(c, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return credential.Text()
}

// code is a new holder's fresh code.
func (s *site) code() string { return s.mint(s.claims()) }

func (s *site) scan(text string) {
	s.t.Helper()
	if _, err := s.port.WriteString(text + "\r"); err != nil {
		s.t.Fatal(err)
	}
}

// process is a railgated at a site.
type process struct {
	*site
	cmd *exec.Cmd
	log *drivertest.Log
}

func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RAILGATED_TEST=daemon")
	return cmd
}

// start starts a daemon and waits until it answers.
func (s *site) start(env ...string) *process {
	s.t.Helper()
	d := s.launch(env...)
	d.until("ready", func() bool { return strings.Contains(d.log.String(), "msg=ready") })
	return d
}

func (s *site) launch(env ...string) *process {
	s.t.Helper()
	d := &process{site: s, log: new(drivertest.Log)}
	d.cmd = s.command("--config", s.path("gate.toml"))
	d.cmd.Env = append(d.cmd.Env, env...)
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(d.kill)
	return d
}

func (d *process) kill() {
	d.cmd.Process.Kill()
	d.cmd.Wait()
}

// stop asks the daemon to stop, as systemd does, and gives its exit status.
func (d *process) stop() int {
	d.t.Helper()
	if err := d.cmd.Process.Signal(unix.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	d.cmd.Wait()
	return d.cmd.ProcessState.ExitCode()
}

// until waits for something, or fails the test with the log.
func (d *process) until(what string, is func() bool) {
	d.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(end) {
			d.t.Fatalf("never %s; log:\n%s", what, d.log)
		}
		time.Sleep(time.Millisecond)
	}
}

func (d *process) client() *control.Client { return control.NewClient(d.path("data")) }

func (d *process) status() *control.Status {
	d.t.Helper()
	s, err := d.client().Status(d.t.Context())
	if err != nil {
		d.t.Fatalf("%v; log:\n%s", err, d.log)
	}
	return s
}

// records are the journal, from the running daemon.
func (d *process) records() []journal.Record {
	d.t.Helper()
	records, err := d.client().Records(0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	return records
}

func (d *process) count(match func(*journal.Record) bool) (n int) {
	d.t.Helper()
	for _, r := range d.records() {
		if match(&r) {
			n++
		}
	}
	return n
}

func decided(decision, reason string) func(*journal.Record) bool {
	return func(r *journal.Record) bool { return string(r.Decision) == decision && r.Reason == reason }
}

func kind(k journal.Kind) func(*journal.Record) bool {
	return func(r *journal.Record) bool { return r.Kind == k }
}

// waitFor waits for n records.
func (d *process) waitFor(n int, match func(*journal.Record) bool) {
	d.t.Helper()
	d.until("journaled", func() bool { return d.count(match) >= n })
	if got := d.count(match); got != n {
		d.t.Errorf("%d records; want %d: %+v", got, n, d.records())
	}
}

// pulses counts the relay's activations in the trace, and tells whether it is active.
func (s *site) pulses() (n int, active bool) {
	s.t.Helper()
	data, err := os.ReadFile(s.path("trace.ndjson"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var l turnstile.TraceLine
		if json.Unmarshal(line, &l) == nil && l.Line == "open" {
			active = l.Level == 1
			if active {
				n++
			}
		}
	}
	return n, active
}

// wantPulses waits for the relay's activations: the last record is on the disk before
// the relay moves for it.
func (d *process) wantPulses(want int) {
	d.t.Helper()
	d.until(fmt.Sprintf("%d pulses", want), func() bool { n, _ := d.pulses(); return n >= want })
	if got, _ := d.pulses(); got != want {
		d.t.Errorf("the relay was active %d times; want %d; log:\n%s", got, want, d.log)
	}
}
