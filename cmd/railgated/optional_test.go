package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"railgate/cmd/control"
	"railgate/configs"
)

// The tests of this file take from a gate, one after the other, other parts that it works without.

// The screen is optional: a port that is taken is tried again, on a gate that has never
// worked too.
func TestHTTPPortThatIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	s := newSite(t, "", func(c string) string { return c + "[http]\nlisten = \"" + addr + "\"\n" })
	if status, out := s.runOnce("--check", "--config", s.path("gate.toml")); status != exitUsage || !strings.Contains(out, "http.listen") || !strings.Contains(out, "address already in use") {
		t.Errorf("--check: status %d, %q; want %d and the key", status, out, exitUsage)
	}
	d := s.start()
	d.scan(d.code())
	d.wantPulses(1)
	st := d.status()
	if st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != control.HTTPPortTaken || !strings.Contains(st.Causes[0].Remedy, "ss -ltnp") {
		t.Errorf("health %s, causes %+v; want degraded, for the port", st.Health, st.Causes)
	}
	taken.Close()
	d.until("healthy", func() bool { return d.status().Health == control.Healthy })
	if status, _, _ := get(t, "http://"+addr+"/healthz"); status != 200 {
		t.Errorf("healthz = %d", status)
	}
	if status, out := s.runOnce("--check", "--config", s.path("gate.toml")); status != exitOK {
		t.Errorf("--check beside its own daemon: status %d, %q; want %d", status, out, exitOK)
	}
}

// An address that this machine does not have yet: RFC 5737 keeps it for documents.
func TestHTTPAddressThatIsNotUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", func(c string) string { return c + "[http]\nlisten = \"192.0.2.1:8080\"\n" })
	d := s.start()
	d.scan(d.code())
	d.wantPulses(1)
	if st := d.status(); st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != control.HTTPNoAddress {
		t.Errorf("health %s, causes %+v; want degraded, for the address", st.Health, st.Causes)
	}
}

// Of two scanners one is enough, at the start too.
func TestOneOfTwoScannersIsEnough(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	frames := s.path("frames")
	if err := os.Mkdir(frames, 0o700); err != nil {
		t.Fatal(err)
	}
	s.config += fmt.Sprintf("[[scanner]]\nname = \"eye\"\ndriver = \"camera\"\nframes = %q\nfps = 30.0\n", frames)
	s.write("gate.toml", s.config)
	s.work()
	if err := os.Rename(frames, frames+" away"); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	d.scan(d.code())
	d.wantPulses(1)
	if st := d.status(); st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != control.ScannerDown {
		t.Errorf("health %s, causes %+v; want degraded, for the camera", st.Health, st.Causes)
	}
	if err := os.Rename(frames+" away", frames); err != nil {
		t.Fatal(err)
	}
	d.until("healthy", func() bool { return d.status().Health == control.Healthy })
}

// work starts a daemon, and stops it when its configuration is known to work.
func (s *site) work() {
	s.t.Helper()
	d := s.start()
	d.until("a configuration that worked", func() bool { return worked(s.loaded()) })
	d.stop()
}

// loaded is the site's configuration.
func (s *site) loaded() *configs.Config {
	s.t.Helper()
	cfg, err := configs.Load(s.path("gate.toml"))
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg
}

// The way out works with no keyset and no store.
func TestEmergencyWithNothingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.work()
	s.forgetKeys()
	for _, err := range []error{os.Remove(s.path("keys.json")), os.Remove(s.path("data/gate.db")), os.MkdirAll(s.path("data/gate.db/in the way"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d := s.start()
	if st := d.status(); st.Health != control.OutOfService {
		t.Errorf("health %s; want out of service", st.Health)
	}
	for _, active := range []bool{true, false} {
		if err := d.client().Sim(t.Context(), "emergency", active); err != nil {
			t.Fatal(err)
		}
		d.until(fmt.Sprint("emergency ", active), func() bool { return (d.status().Mode == "emergency") == active })
	}
	d.wantPulses(0)
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
}

// Each row of docs/architecture.md's list of what a gate works without names its tests, and
// they are there.
func TestEachPartHasItsTest(t *testing.T) {
	text := readFile(t, "../../docs/architecture.md")
	_, section, _ := strings.Cut(text, "\n## What a gate does without each part\n")
	section, _, found := strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("docs/architecture.md has no such section")
	}
	tests := map[string]bool{}
	for _, pattern := range []string{"../../*/*_test.go", "../../*/*/*_test.go", "../../*/*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(readFile(t, file), -1) {
				tests[m[1]] = true
			}
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (.*) \| .* \| .* \| (.*) \|$`).FindAllStringSubmatch(section, -1)
	if len(rows) < 15 {
		t.Fatalf("%d rows; want every part", len(rows))
	}
	for _, row := range rows[1:] {
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(row[2], -1)
		if row[1] == "---" {
			continue
		}
		if len(names) == 0 {
			t.Errorf("%s: no test", row[1])
		}
		for _, m := range names {
			if !tests[m[1]] {
				t.Errorf("%s: there is no %s", row[1], m[1])
			}
		}
	}
}
