package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"railgate/cmd/control"
	"railgate/cmd/railgate/guide"
)

// A visit is a person at a gate who runs railgate init, in a terminal. The scanner is a pty, the turnstile is
// simulated, and systemctl is a script that starts and stops this gate's railgated.
type visit struct {
	*site
	scanner *os.File // where the scanner writes
	plain   bool     // a dumb terminal
	args    []string

	tty  *os.File
	cmd  *exec.Cmd
	gone chan struct{}

	mu   sync.Mutex // guards the fields below
	seen string     // what the terminal shows, without its commands
	raw  string
	at   int // what was expected up to now
}

func newVisit(t *testing.T, more ...string) *visit {
	t.Helper()
	v := &visit{site: newSite(t, more...), plain: true}
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	v.mkdirs("dev/serial/by-id", "tools", "boards/test-board")
	v.plug("usb-Test_Scanner-if00")
	v.write("tools/systemctl", strings.NewReplacer("DIR", v.dir, "BIN", bin).Replace(`#!/bin/sh
echo "$@" >> DIR/calls
stop() { if [ -e DIR/pid ]; then kill "$(cat DIR/pid)" 2>/dev/null; while kill -0 "$(cat DIR/pid)" 2>/dev/null; do sleep 0.02; done; rm -f DIR/pid; fi; }
case $1 in
stop) stop;;
start|restart) [ ! -e DIR/broken ] || exit 1; stop
	setsid sh -c 'echo $$ > DIR/pid; exec BIN/railgated --config DIR/gate.toml' >>DIR/log 2>&1 </dev/null &
	while [ ! -s DIR/pid ]; do sleep 0.02; done;; # before, it hears of the end of this terminal
*) exit 1;;
esac
`))
	if err := os.Chmod(v.path("tools/systemctl"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.systemctl("stop") })
	return v
}

func (v *visit) mkdirs(names ...string) {
	v.t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(v.path(name), 0o755); err != nil {
			v.t.Fatal(err)
		}
	}
}

// plug gives the gate a scanner at a serial port.
func (v *visit) plug(name string) {
	v.t.Helper()
	master, slave, err := pty.Open()
	if err == nil {
		_, err = term.MakeRaw(int(slave.Fd()))
	}
	if err == nil {
		err = os.Symlink(slave.Name(), v.path("dev/serial/by-id/"+name))
	}
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { master.Close(); slave.Close() })
	v.scanner = master
}

// scan holds something to the scanner.
func (v *visit) scan(text string) {
	v.t.Helper()
	if _, err := v.scanner.WriteString(text + "\r\n"); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visit) systemctl(verb string) {
	exec.Command(v.path("tools/systemctl"), verb).Run() // what it does is seen
}

// come begins railgate init, and go on with it.
func (v *visit) come() {
	v.t.Helper()
	v.runs(append([]string{"init", "--config", v.path("gate.toml"), "--dev", v.path("dev"), "--boards", v.path("boards"), "--wait", "5m"}, v.args...)...)
}

// runs begins a railgate in the terminal.
func (v *visit) runs(args ...string) {
	v.t.Helper()
	bin, err := programs()
	if err != nil {
		v.t.Fatal(err)
	}
	v.cmd = exec.Command(filepath.Join(bin, "railgate"), args...)
	v.cmd.Env = append(os.Environ(), "PATH="+v.path("tools")+":"+os.Getenv("PATH"), "USER=wang", "SUDO_USER=", "TERM=xterm-256color", "NO_COLOR=1", "ACCESSIBLE=")
	if v.plain {
		v.cmd.Env = append(v.cmd.Env, "TERM=dumb")
	}
	v.tty, err = pty.StartWithSize(v.cmd, &pty.Winsize{Rows: 50, Cols: 150})
	if err != nil {
		v.t.Fatal(err)
	}
	v.seen, v.raw, v.at, v.gone = "", "", 0, make(chan struct{})
	go func() {
		defer close(v.gone)
		buf := make([]byte, 4096)
		for {
			n, err := v.tty.Read(buf)
			v.mu.Lock()
			v.raw += string(buf[:n])
			v.seen = terminalCommands.ReplaceAllString(v.raw, "")
			v.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	cmd, tty := v.cmd, v.tty
	v.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); tty.Close() })
}

var terminalCommands = regexp.MustCompile("\x1b\\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)|\x1b[()][0-9A-B]|\x1b[=>78M]|\r")

// sees waits for words behind those that were seen before.
func (v *visit) sees(words string) {
	v.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		v.mu.Lock()
		i := strings.Index(v.seen[min(v.at, len(v.seen)):], words)
		if i >= 0 {
			v.at += i + len(words)
		}
		seen := v.seen
		v.mu.Unlock()
		if i >= 0 {
			return
		}
		if time.Now().After(end) {
			v.t.Fatalf("%q does not come; the terminal has:\n%s\nlog:\n%s", words, seen, v.logged())
		}
	}
}

// shown is all that the terminal has.
func (v *visit) shown() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen
}

func (v *visit) logged() string {
	data, _ := os.ReadFile(v.path("log"))
	return string(data[max(0, len(data)-3000):])
}

// types types keys.
func (v *visit) types(keys string) {
	v.t.Helper()
	if _, err := v.tty.WriteString(keys); err != nil {
		v.t.Fatal(err)
	}
}

// text waits for a question and answers it; "" takes what is proposed.
func (v *visit) text(question, answer string) {
	v.t.Helper()
	v.sees(question)
	if !v.plain && answer != "" {
		answer = "\x15" + answer // what is proposed is deleted
	}
	v.types(answer + "\r")
}

// choose takes one of the options, the first is 1.
func (v *visit) choose(question string, option int) {
	v.t.Helper()
	v.sees(question)
	if v.plain {
		v.types(fmt.Sprint(option) + "\r")
		return
	}
	v.types("g" + strings.Repeat("j", option-1) + "\r")
}

// confirm says yes or no.
func (v *visit) confirm(question string, yes bool) {
	v.t.Helper()
	v.sees(question)
	key := map[bool]string{true: "y", false: "n"}[yes]
	if v.plain {
		key += "\r"
	}
	v.types(key)
}

// leaves waits for the end, and returns its status.
func (v *visit) leaves() int {
	v.t.Helper()
	<-v.gone
	v.cmd.Wait()
	return v.cmd.ProcessState.ExitCode()
}

func (v *visit) reports() []string {
	found, _ := filepath.Glob(v.path("acceptance-*.txt"))
	return found
}

// walks has somebody walk through the simulated turnstile.
func (v *visit) walks() {
	v.t.Helper()
	if err := control.NewClient(v.path("data")).Sim(v.t.Context(), "walk", true); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visit) fire(active bool) {
	v.t.Helper()
	if err := control.NewClient(v.path("data")).Sim(v.t.Context(), "emergency", active); err != nil {
		v.t.Fatal(err)
	}
}

// A whole set-up, from no scanner to the report, in forms and in plain lines.
func TestInitFromBeginToEnd(t *testing.T) {
	for name, plain := range map[string]bool{"forms": false, "lines": true} {
		t.Run(name, func(t *testing.T) { setUp(t, plain) })
	}
}

func setUp(t *testing.T, plain bool) {
	v := newVisit(t, "# our own words")
	v.plain = plain
	old := v.read("gate.toml")
	v.come()
	v.text("Your name", "")
	v.choose("begin with?", 1)
	v.text("telegraph code", "GZQ")
	v.text("gate's name", "A07")
	v.choose("What is the lane for?", 1)
	v.choose("The test card", 1)
	v.sees("Hold the test card")
	v.scan(guide.Card)
	v.sees("was read by Test Scanner")
	v.confirm("another scanner?", false)
	v.sees("no lines")
	v.sees("scanner[0].driver = \"serial\"")
	v.confirm("Write ", true)
	v.sees("railgated runs")
	v.confirm("open once", true)
	v.choose("Did the relay click", 1)
	v.confirm("free until you have walked", true)
	v.sees("Walk through now")
	v.walks()
	v.sees("Seen.")
	v.confirm("fire loop: its button", true)
	v.sees("Press the fire button")
	v.fire(true)
	v.sees("Put it back")
	v.fire(false)
	v.sees("Seen.")
	for i := range guide.Tests {
		v.choose(fmt.Sprintf("%2d. ", i+1), 1)
	}
	v.sees("Everything is right.")
	if status := v.leaves(); status != 0 {
		t.Errorf("status %d, %s; want 0", status, v.shown())
	}
	text := v.read("gate.toml")
	for _, want := range []string{"# our own words", "gate    = \"A07\"", "driver = \"serial\"", "port   = \"" + v.path("dev/serial/by-id/usb-Test_Scanner-if00") + "\"", "baud   = 115200", `suffix = "\r"`, "# frames = "} {
		if !strings.Contains(text, want) {
			t.Errorf("%s; want %s", text, want)
		}
	}
	if v.read("gate.toml.old") != old {
		t.Error("the old file is not kept")
	}
	reports := v.reports()
	if len(reports) != 1 {
		t.Fatalf("%v; want one report", reports)
	}
	report, _ := os.ReadFile(reports[0])
	for _, want := range []string{"gate A07, station GZQ", "by        wang", "[x] relay: opens the turnstile once", "[x] 13. echo c", "Everything is right."} {
		if !strings.Contains(string(report), want) {
			t.Errorf("%s; want %s", report, want)
		}
	}
	if _, err := os.Stat(v.path("init.json")); err == nil {
		t.Error("an unfinished set-up is left")
	}
	_, journal, _ := v.tool("journal", "export", "--json")
	begun, opened := strings.Index(journal, `"service_begin"`), strings.Index(v.read("trace.ndjson"), `"open"`)
	if begun < 0 || opened < 0 || !strings.Contains(journal, "by root: railgate init: the relay is tried") || strings.Contains(journal, "wang") {
		t.Errorf("%s; want that the turnstile was opened and why, and nobody's name", journal)
	}
}
