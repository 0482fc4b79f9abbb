package main

import (
	"bytes"
	"context"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/driver/clock"
)

// A host is the machine that a gate is on.
type host struct {
	root string // of its files; "" but in tests
	// run runs a program and returns what it prints.
	run   func(ctx context.Context, name string, args ...string) (string, error)
	clock func() clock.Sample
	self  int // who runs the doctor
}

func thisHost() *host { return &host{run: runProgram, clock: clock.ReadSystem, self: os.Geteuid()} }

func runProgram(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var out bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Stdout = &out
	err := c.Run()
	return out.String(), err
}

func (h *host) path(name string) string { return filepath.Join(h.root, name) }

// lines are a file's lines; none where it cannot be read.
func (h *host) lines(name string) iter.Seq[string] {
	data, _ := os.ReadFile(h.path(name))
	return func(yield func(string) bool) {
		for line := range strings.Lines(string(data)) {
			if !yield(strings.TrimRight(line, "\r\n")) {
				return
			}
		}
	}
}

const unitName = "railgated.service"

// unitDirs are where units are, the first first (systemd.unit(5)).
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// A unit is what railgated's unit says about whose rights it has, and what of the machine
// it sees (systemd.exec(5)).
type unit struct {
	user     string
	group    string
	groups   []string
	strict   bool     // ProtectSystem=strict: nothing may be written
	writable []string // except these folders
	home     bool     // ProtectHome: /home, /root and /run/user are not seen
	tmp      bool     // PrivateTmp: /tmp and /var/tmp are its own
}

// hides tells whether the unit does not see a file.
func (u *unit) hides(path string) bool {
	return u.home && within(path, "/home", "/root", "/run/user") || u.tmp && within(path, "/tmp", "/var/tmp")
}

// mayWrite tells whether the unit lets railgated write to a folder, if its owner and mode do.
func (u *unit) mayWrite(path string) bool { return !u.strict || within(path, u.writable...) }

// within tells whether a path is one of some folders, or below one.
func within(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rest, err := filepath.Rel(dir, path)
		return err == nil && rest != ".." && !strings.HasPrefix(rest, "../")
	})
}

// unit reads railgated's unit; nil where there is none.
func (h *host) unit() *unit {
	var u *unit
	for _, dir := range unitDirs {
		if data, err := os.ReadFile(h.path(filepath.Join(dir, unitName))); err == nil {
			u = new(unit)
			u.read(string(data))
			break
		}
	}
	if u == nil {
		return nil
	}
	for _, dropIn := range h.dropIns() {
		if data, err := os.ReadFile(dropIn); err == nil {
			u.read(string(data))
		}
	}
	if u.user == "" {
		u.user = "root"
	}
	return u
}

// dropIns are the files that add to the unit, in their order; of two with one name the
// one in the earlier folder counts.
func (h *host) dropIns() []string {
	files := map[string]string{}
	for _, dir := range slices.Backward(unitDirs) {
		found, _ := filepath.Glob(h.path(filepath.Join(dir, unitName+".d", "*.conf"))) // the pattern is good
		for _, path := range found {
			files[filepath.Base(path)] = path
		}
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = files[name]
	}
	return names
}

// read takes from a unit's text whose rights it gives.
func (u *unit) read(text string) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section != "[Service]" {
			continue
		}
		u.set(strings.TrimSpace(key), strings.TrimSpace(value))
	}
}

// set takes one setting. An empty one clears a list.
func (u *unit) set(key, value string) {
	words := strings.Fields(value)
	switch key {
	case "User":
		u.user = value
	case "Group":
		u.group = value
	case "SupplementaryGroups":
		u.groups = grown(u.groups, words)
	case "ProtectSystem":
		u.strict = value == "strict"
	case "ProtectHome":
		u.home = value == "yes" || value == "true" || value == "1" || value == "tmpfs"
	case "PrivateTmp":
		u.tmp = value != "no" && value != "false" && value != "0"
	case "ReadWritePaths":
		for i := range words {
			words[i] = strings.TrimLeft(words[i], "-+")
		}
		u.writable = grown(u.writable, words)
	case "StateDirectory":
		for i := range words {
			name, _, _ := strings.Cut(words[i], ":")
			words[i] = filepath.Join("/var/lib", name)
		}
		u.writable = grown(u.writable, words)
	}
}

// grown is a list with more; an empty setting empties it.
func grown(list, more []string) []string {
	if len(more) == 0 {
		return nil
	}
	return append(list, more...)
}

// service is what systemd says about railgated.service; nil where there is no systemd.
type service struct {
	Active string    // active, activating, inactive, failed
	Sub    string    // running, start, auto-restart, dead
	Result string    // success, exit-code, signal, watchdog
	Status string    // the last exit status
	PID    string    // of its process; "0": none
	Load   string    // loaded, not-found, masked
	Again  string    // how often systemd has started it by itself; "0": it has not
	Since  time.Time // it has not been active; zero: it never was, since this machine started
}

func (h *host) service(ctx context.Context) *service {
	out, err := h.run(ctx, "systemctl", "show", unitName, "-p", "LoadState,ActiveState,SubState,Result,ExecMainStatus,MainPID,NRestarts,ActiveExitTimestampMonotonic")
	if err != nil {
		return nil
	}
	s := new(service)
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "LoadState":
			s.Load = value
		case "NRestarts":
			s.Again = value
		case "ActiveState":
			s.Active = value
		case "SubState":
			s.Sub = value
		case "Result":
			s.Result = value
		case "ExecMainStatus":
			s.Status = value
		case "MainPID":
			s.PID = value
		case "ActiveExitTimestampMonotonic":
			s.Since = h.booted(value)
		}
	}
	if s.Active == "" {
		return nil
	}
	return s
}

// booted is the time of some microseconds of CLOCK_MONOTONIC; zero where there are none.
func (h *host) booted(text string) time.Time {
	us, err := strconv.ParseInt(text, 10, 64)
	var now unix.Timespec
	if err != nil || us <= 0 || unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return time.Time{}
	}
	return h.clock().Wall.Add(time.Duration(us)*time.Microsecond - time.Duration(now.Nano())).Round(time.Second)
}

// lastWords are the last lines of railgated's log, where there is a journal of systemd's.
func (h *host) lastWords(ctx context.Context) []string {
	out, err := h.run(ctx, "journalctl", "-u", "railgated", "-n", "5", "-o", "cat", "--no-pager", "-q")
	if err != nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
