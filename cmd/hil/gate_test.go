package main

import (
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/mint"
)

// A gate is a machine with railgated in it, and an issuer whose codes it takes.
type gate struct {
	*machine
	signer   *mint.Signer
	keys     string
	config   string
	holder   int
	launched bool
	card     string            // the disk that it boots from, where that is an image
	stick    string            // another disk; "": none
	given    map[string]string // more of what is in its /etc/railgate, where it is an image's

	networked bool   // its cable leads to this machine
	sshPort   string // of this machine: it leads to the gate's own; "": none does
}

const (
	daemon     = "railgated" // as the agent knows it
	configPath = "/etc/railgate/railgated.toml"
	keysPath   = "/etc/railgate/keys.json"
)

// wired is the configuration of a gate whose fire loop is wired normally closed.
const wired = `
station = "GZQ"
gate = "A07"
keys = "/etc/railgate/keys.json"
[lane]
passback = "off"
open_for = "10s"
[[scanner]]
name = "front"
driver = "serial"
port = "/dev/ttyUSB0"
[turnstile]
driver = "gpio"
open = "RELAY"
passage = "PASSAGE"
emergency = "EMERGENCY"
active_low = ["emergency"]
pulse = "300ms"
[panel]
driver = "gpio"
green = "GREEN"
red = "9030000.pl061:RED"
buzzer = "9030000.pl061:3"
[clock]
require_sync = false
`

const scannerPort = "/dev/ttyUSB0"

const pulse = 300 * time.Millisecond

// newGate boots a gate of which the initramfs is the whole system. railgated does not run yet.
func newGate(t testing.TB, config string, change ...func(*setup)) *gate {
	t.Helper()
	home := folder(t)
	g := &gate{config: config}
	g.makeKeys(t)
	s := setup{files: map[string]string{"bin/railgated": filepath.Join(home, "bin/railgated"), "bin/railgate": filepath.Join(home, "bin/railgate")}}
	for _, f := range change {
		f(&s)
	}
	g.machine = newMachine(t, s)
	g.plug()
	g.until("the scanner is there", func() bool { return g.exists(scannerPort) })
	t.Cleanup(g.tell)
	g.write(configPath, config, 0o644)
	g.write(keysPath, g.keys, 0o644)
	return g
}

// tell keeps what railgated wrote, for the story.
func (g *gate) tell() {
	var r Result
	if g.try("Look", daemon, &r) != nil {
		return // there is none, or no guest any more
	}
	g.wrote = r.Output
	if g.t.Failed() && r.End != "" {
		g.t.Logf("railgated has ended: %s", r.End)
	}
}

func (g *gate) makeKeys(t testing.TB) {
	t.Helper()
	var err error
	if g.signer, err = mint.GenerateSigner("kid1", verify.EdDSA, rand.Reader); err != nil {
		t.Fatal(err)
	}
	f := mint.NewKeyFile("hil")
	f.Version = 1
	f.Issuer.Late = 3600 // an hour: no code is refused for its age, however slow the machine
	f.Add(g.signer, time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour), verify.Temporary, verify.Paper, verify.Staff)
	data, err := f.KeysetJSON()
	if err != nil {
		t.Fatal(err)
	}
	g.keys = string(data)
}

// start starts railgated and waits until its lane is in service.
func (g *gate) start() {
	g.t.Helper()
	g.launch()
	g.serving()
}

// serving waits until the lane is in service. railgated says once that it is ready, after three seconds even if its
// lane is not: on a slow machine that comes later.
func (g *gate) serving() {
	g.t.Helper()
	g.until("ready", func() bool { return strings.Contains(g.said(), "msg=ready") })
	if !strings.Contains(g.said(), "mode=closed") {
		g.until("in service", func() bool { return g.status().Mode == "closed" })
	}
}

// launch starts railgated.
func (g *gate) launch() (pid int) {
	g.t.Helper()
	return g.launchProgram(Command{Args: []string{"/bin/railgated"}})
}

// launchProgram starts a build of railgated.
func (g *gate) launchProgram(c Command) (pid int) {
	g.t.Helper()
	if g.launched {
		g.said()
		g.story.log(g.wrote, slogTime)
		g.wrote = ""
	}
	g.launched = true
	g.story.tell("hand", "starts %s", filepath.Base(c.Args[0]))
	c.Name = daemon
	g.ask("Start", c, &pid)
	return pid
}

// said is railgated's log.
func (g *gate) said() string {
	g.t.Helper()
	var r Result
	g.ask("Look", daemon, &r)
	g.wrote = r.Output
	return r.Output
}

func (g *gate) signal(s unix.Signal) {
	g.t.Helper()
	g.story.tell("hand", "sends railgated %v", s)
	g.ask("Kill", Signal{Name: daemon, Number: int(s)}, new(struct{}))
}

// ended waits for railgated's end.
func (g *gate) ended() (r Result) {
	g.t.Helper()
	g.until("railgated's end", func() bool { g.ask("Look", daemon, &r); return r.End != "" })
	return r
}

func (g *gate) journal() (records []journal.Record) {
	g.t.Helper()
	for line := range strings.Lines(g.run("railgate", "journal", "export", "--json")) {
		var r journal.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			g.t.Fatalf("%s: %v", line, err)
		}
		records = append(records, r)
	}
	return records
}

// status is what railgate status says.
func (g *gate) status() (s control.Status) {
	g.t.Helper()
	r := g.attempt("railgate", "status", "--json")
	if err := json.Unmarshal([]byte(r.Output), &s); err != nil {
		g.t.Fatalf("%s: %v", r.Output, err)
	}
	return s
}

// quiet is as long as nothing must happen to say that it does not.
const quiet = 400 * time.Millisecond
