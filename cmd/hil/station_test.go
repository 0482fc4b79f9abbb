package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/loopback"
	"railgate/driver/drivertest"
)

// A station is a real one, on this machine: the guest reaches this machine's loopback as
// 10.0.2.2, by QEMU's own network (no other interface is touched).
type station struct {
	t        testing.TB
	program  string
	dir      string
	web, bus string // ports
	log      *drivertest.Log
}

// thisMachine is what the guest calls the machine that QEMU runs on.
const thisMachine = "10.0.2.2"

// newStation makes a station, and has it serve.
func newStation(t testing.TB) *station {
	t.Helper()
	s := &station{t: t, program: filepath.Join(folder(t), "here/station"), dir: t.TempDir(), web: freePort(t), bus: freePort(t), log: new(drivertest.Log)}
	s.write("passphrase", "correct horse battery\n")
	s.do("", "init", "--station", "GZQ", "--online", "--server", "tls://"+net.JoinHostPort(thisMachine, s.bus))
	s.serve()
	return s
}

func (s *station) write(name, text string) (path string) {
	s.t.Helper()
	path = filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// publish publishes a keyset.
func (s *station) publish(keys string) {
	s.t.Helper()
	s.do("", "publish", "keyset", s.write("keys.json", keys))
}

func freePort(t testing.TB) string {
	t.Helper()
	address, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	return port
}

func (s *station) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, s.program, append(args, "--dir", s.dir, "--passphrase-file", filepath.Join(s.dir, "passphrase"), "--work-factor", "10")...)
}

// do runs one of the station's commands.
func (s *station) do(in string, args ...string) string {
	s.t.Helper()
	cmd := s.command(s.t.Context(), args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("station %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// serve starts the station, which ends with the test.
func (s *station) serve() {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := s.command(ctx, "serve", "--listen", "127.0.0.1:"+s.web, "--bus", "127.0.0.1:"+s.bus)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		stop()
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		stop()
		cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("the station:\n%s", s.log)
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		text := s.log.String()
		if strings.Contains(text, "collects") && strings.Contains(text, "HTTPS listens") && strings.Contains(text, "the bus listens") {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the station does not get ready:\n%s", text)
		}
	}
}

// files is where a gate finds both repositories.
func (s *station) files() string { return "https://" + net.JoinHostPort(thisMachine, s.web) }

// config is that of a gate of this station's.
func (s *station) config() string {
	files := s.files()
	return strings.Replace(demanding, `keys = "`+keysPath+`"`, `keys = ""`, 1) +
		fmt.Sprintf("[sync]\nnation = %q\nstation = %q\nroots = %q\n", files+"/nation", files+"/station", rootsPath)
}

const rootsPath = "/etc/railgate/roots"

// root is where a gate begins.
func (s *station) root() string { return filepath.Join(s.dir, "nation/public/1.root.json") }

// wire gives a machine a network that leads here.
func (s *station) wire(m *setup) {
	m.modules = append(m.modules, "virtio_net")
	m.words = append(m.words, "net.ifnames=0")
	m.flags = append(m.flags, "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,id=cable,romfile=")
}

// enroll has the station know a gate.
func (s *station) enroll(g *gate) { s.do(g.run("railgate", "identity", "--json"), "enroll", "-") }

// online turns the guest's network on.
func (m *machine) online() {
	m.t.Helper()
	m.ask("Network", Interface{Name: "eth0", Address: "10.0.2.15/24"}, new(struct{}))
}

// cable plugs the network's cable in, or pulls it out, and says when.
func (m *machine) cable(in bool) time.Time {
	m.t.Helper()
	m.story.tell("hand", "%s", map[bool]string{true: "plugs the network in", false: "pulls the network out"}[in])
	m.monitor.do(m.t, "set_link", map[string]any{"name": "cable", "up": in})
	return time.Now()
}
