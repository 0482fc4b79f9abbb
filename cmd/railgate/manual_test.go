package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"rsc.io/qr"

	"railgate/driver/scanset/scansettest"
)

// manualCommands are the commands of ours in docs/technician.md: lines of code, and code in
// a sentence. The table of causes has tests of its own.
func manualCommands(t *testing.T) (commands []string) {
	t.Helper()
	data, err := os.ReadFile("../../docs/technician.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	from, to := strings.Index(text, "| cause | "), strings.Index(text, "With chrony,")
	text = text[:from] + text[to:]
	span := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(text) {
		found := span.FindAllStringSubmatch(line, -1)
		if code, ok := strings.CutPrefix(line, "    "); ok {
			code, _, _ = strings.Cut(code, "  #")
			found = [][]string{{"", strings.TrimSpace(code)}}
		}
		for _, f := range found {
			command := strings.TrimPrefix(f[1], "sudo ")
			if name, rest, _ := strings.Cut(command, " "); (name == "railgate" || name == "railgated" || name == "bin/bench") && rest != "" {
				commands = append(commands, command)
			}
		}
	}
	return commands
}

// Each command of the manual does what it says, on a gate that runs.
func TestManualCommands(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{true, false} {
		s := newSite(t)
		if end := s.start(); !running {
			end()
		}
		s.write("new.json", s.keyset(2, month, s.signers[0], s.signer("kid2")))
		picture, err := filepath.Glob("../../docs/phone.png")
		if err != nil || len(picture) == 0 {
			t.Fatal("no picture")
		}
		s.write("lane-3.provision", someCode(t))
		s.write("disk", "")
		if err := os.Truncate(s.path("disk"), 60<<20); err != nil {
			t.Fatal(err)
		}
		names := strings.NewReplacer("railgate-raspberry-pi.img.zst", flashImage(t), "/dev/sdb", s.path("disk"), "lane-3.provision", s.path("lane-3.provision"),
			"/media/usb/keys.json", s.path("new.json"), "FOLDER/data", s.path("data"), "card.png", s.path("card.png"), "sheet.html", s.path("sheet.html"), "DIR view.png", s.path("stages")+" "+picture[0], "2026-11-23T04:00:00Z", "2020-01-01T00:00:00Z",
			"/dev/v4l/by-id/…", s.path("camera"))
		commands := manualCommands(t)
		if len(commands) < 18 {
			t.Fatalf("%d commands found: %q", len(commands), commands)
		}
		for _, command := range commands {
			s.runManual(command, names.Replace(command), running)
		}
	}
}

// needsDaemon are the commands that only a running railgated can answer.
var needsDaemon = []string{"status", "watch", "service", "clock"}

func (s *site) runManual(command, line string, running bool) {
	s.t.Helper()
	if strings.HasPrefix(line, "bin/bench") {
		return // which has tests of its own
	}
	bin, err := programs()
	if err != nil {
		s.t.Fatal(err)
	}
	word := strings.Fields(line)[1]
	if word == "--data" {
		word = strings.Fields(line)[3]
	} else {
		line += " --config " + s.path("gate.toml")
	}
	if word == "support-bundle" {
		line += " --output " + s.path("bundle.tar.gz")
	}
	if word == "clock" && strings.Contains(line, "accept") || word == "flash" && !strings.Contains(line, "--list") {
		line += " --yes"
	}
	if word == "scanner" || strings.Contains(line, "--card") && word == "doctor" {
		line = s.withScanner(line)
	}
	c := exec.Command("sh", "-c", "exec "+line)
	c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "VISUAL=true")
	if word == "watch" || strings.Contains(line, "--follow") {
		s.watch(c, running)
		return
	}
	out, err := c.CombinedOutput()
	status := c.ProcessState.ExitCode()
	switch {
	case strings.Contains(line, "--camera"): // there is none
		if status != exitFailed || !strings.Contains(string(out), s.path("camera")) {
			s.t.Errorf("%s: %v, %s; want an error that names the camera", command, err, out)
		}
	case strings.Contains(line, "--card"): // it asks no daemon
		if status != 0 {
			s.t.Errorf("%s: status %d, %s; want that the card is read", command, status, out)
		}
	case !running && (word == "doctor" || slices.Contains(needsDaemon, word)):
		if status == 0 || status == exitUsage {
			s.t.Errorf("%s, while railgated does not run: status %d, %s", command, status, out)
		}
	case running && strings.Contains(line, "journal verify"):
		if status != exitUndecided || !strings.Contains(string(out), "stop railgated") {
			s.t.Errorf("%s, while railgated runs: status %d, %s; want that it has the file", command, status, out)
		}
	case word == "provision", word == "identity": // this gate is set up by its file; TestManualOfAGateThatWaits
		if status == exitUsage || strings.Contains(string(out), "panic") {
			s.t.Errorf("%s: status %d, %s", command, status, out)
		}
	case word == "update", word == "sync": // this gate has no repository; the tests of these commands have
		if status != exitFailed || !strings.Contains(string(out), "update: ") && !strings.Contains(string(out), "railgated") {
			s.t.Errorf("%s: status %d, %s; want why it cannot", command, status, out)
		}
	case word == "init" && status == exitFailed && strings.Contains(string(out), "Interrupted"): // nobody answers here
	case word == "doctor" && status == exitDegraded: // the machine's disk
	case strings.Contains(line, "config diff --running") && !running && status == exitUndecided:
	case strings.Contains(line, "config diff") && status <= exitDenied: // this gate is none of the defaults
	case word == "clock" && strings.Contains(line, "accept") && strings.Contains(string(out), "nothing"): // is proven yet
	case status != 0:
		s.t.Errorf("%s: status %d, %s", command, status, out)
	}
}

// withScanner gives railgate scanner a scanner to set up, and one that reads the test card.
func (s *site) withScanner(line string) string {
	s.t.Helper()
	if strings.Contains(line, "scanner setup") {
		return line + " " + (&scansettest.Sim{Family: "honeywell", Baud: 115200}).Start(s.t).Path
	}
	code, err := qr.Encode(testCard, qr.M)
	if err != nil {
		s.t.Fatal(err)
	}
	frames := filepath.Join(s.t.TempDir(), "frames")
	if err := errors.Join(os.Mkdir(frames, 0o755), os.WriteFile(filepath.Join(frames, "card.png"), code.PNG(), 0o644)); err != nil {
		s.t.Fatal(err)
	}
	s.write("card.toml", "[[scanner]]\ndriver = \"camera\"\nframes = \""+frames+"\"\n[turnstile]\ndriver = \"sim\"\n")
	return strings.Replace(line, s.path("gate.toml"), s.path("card.toml"), 1)
}

// watch sees railgate watch say what happens, and ends it as Ctrl-C does.
func (s *site) watch(c *exec.Cmd, running bool) {
	s.t.Helper()
	out, err := c.StdoutPipe()
	if err == nil {
		c.Stderr = c.Stdout
		err = c.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Signal(unix.SIGINT)
	lines := make(chan string)
	go func() {
		for r := bufio.NewScanner(out); r.Scan(); {
			lines <- r.Text()
		}
		close(lines)
	}()
	for running {
		s.tool("service", "closed")
		select {
		case line := <-lines:
			if strings.Contains(line, "service") {
				running = false
			}
		case <-time.After(100 * time.Millisecond): // it has not asked yet
		}
	}
	go func() {
		for range lines {
		}
	}()
}
