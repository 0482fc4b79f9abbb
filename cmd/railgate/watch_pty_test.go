package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A screen is railgate on a terminal.
type screen struct {
	t       *testing.T
	site    *site
	pty     *os.File
	tty     *os.File // kept open, to look at its settings
	command *exec.Cmd
	before  *unix.Termios
	ended   chan struct{} // the terminal's output has been read to its end

	mu  sync.Mutex
	out strings.Builder
}

// onScreen runs railgate on a terminal of 100 by 30.
func (s *site) onScreen(env []string, args ...string) *screen {
	s.t.Helper()
	bin, err := programs()
	if err != nil {
		s.t.Fatal(err)
	}
	c := &screen{t: s.t.(*testing.T), site: s, ended: make(chan struct{})}
	if c.pty, c.tty, err = pty.Open(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.tty.Close(); c.pty.Close() })
	c.resize(100, 30)
	c.before = c.settings()
	c.command = exec.Command(filepath.Join(bin, "railgate"), append(args, "--config", s.path("gate.toml"))...)
	c.command.Env = append(append(os.Environ(), "TERM=xterm-256color", "NO_COLOR="), env...)
	c.command.Stdin, c.command.Stdout, c.command.Stderr = c.tty, c.tty, c.tty
	c.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	go c.read()
	return c
}

func (c *screen) read() {
	defer close(c.ended)
	for buf := make([]byte, 4096); ; {
		n, err := c.pty.Read(buf)
		c.mu.Lock()
		c.out.Write(buf[:n])
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *screen) settings() *unix.Termios {
	c.t.Helper()
	s, err := unix.IoctlGetTermios(int(c.tty.Fd()), unix.TCGETS)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func (c *screen) resize(width, height uint16) {
	c.t.Helper()
	if err := pty.Setsize(c.pty, &pty.Winsize{Cols: width, Rows: height}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *screen) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.String()
}

// wants waits until a screen that is drawn whole, as after each new size, has a text.
func (c *screen) wants(text string) {
	c.t.Helper()
	from, width := len(c.text()), uint16(100)
	c.site.until("the screen says "+text, func() bool {
		width = 201 - width
		c.resize(width, 30)
		return strings.Contains(c.text()[from:], text)
	})
}

// ends waits for the program, and finds the terminal as it was.
func (c *screen) ends(status int) {
	c.t.Helper()
	err := c.command.Wait()
	if got := c.command.ProcessState.ExitCode(); got != status {
		c.t.Errorf("it ends with %d, %v; want %d", got, err, status)
	}
	if after := c.settings(); *after != *c.before {
		c.t.Errorf("the terminal is %+v; it was %+v", after, c.before)
	}
	c.tty.Close()
	<-c.ended
}

func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	stop := s.start()
	for _, end := range []func(c *screen){
		func(c *screen) { c.pty.WriteString("q") },
		func(c *screen) { c.pty.WriteString("\x03") },
		func(c *screen) { c.command.Process.Signal(unix.SIGTERM) },
	} {
		c := s.onScreen(nil, "watch")
		c.wants("healthy")
		c.wants("fire loop")
		end(c)
		c.ends(0)
		text := c.text()
		if !strings.Contains(text, "\x1b[?1049h") || strings.LastIndex(text, "\x1b[?1049l") < strings.LastIndex(text, "\x1b[?1049h") || strings.LastIndex(text, "\x1b[?25h") < strings.LastIndex(text, "\x1b[?25l") {
			t.Errorf("the screen or the cursor is not given back: %q", text[max(0, len(text)-200):])
		}
	}
	c := s.onScreen(nil, "watch")
	c.wants("healthy")
	s.tool("service", "closed")
	c.wants("service_begin")
	stop()
	c.wants("does not answer")
	s.start()
	c.wants("\x1b[32mhealthy")
	s.tool("service", "diagnosis")
	c.wants("diagnosis on the screen")
	c.pty.WriteString("q")
	c.ends(0)
}

// A terminal that obeys nothing, and one whose person wants no colours.
func TestWatchOnAPoorTerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	colours := regexp.MustCompile("\x1b\\[[0-9;]*3[0-9][;m]")
	c := s.onScreen([]string{"NO_COLOR=1"}, "watch")
	c.wants("healthy")
	c.pty.WriteString("q")
	c.ends(0)
	if got := colours.FindString(c.text()); got != "" {
		t.Errorf("NO_COLOR: it has %q", got)
	}
	for name, run := range map[string]func() *screen{
		"TERM=dumb": func() *screen { return s.onScreen([]string{"TERM=dumb", "NO_COLOR=1"}, "watch") },
		"--plain":   func() *screen { return s.onScreen([]string{"NO_COLOR=1"}, "watch", "--plain") },
	} {
		c := run()
		s.until(name+" says what happens", func() bool {
			s.tool("service", "closed")
			return strings.Contains(c.text(), "service_begin")
		})
		c.pty.WriteString("\x03")
		c.ends(0)
		if strings.Contains(strings.ReplaceAll(c.text(), "^C", ""), "\x1b") {
			t.Errorf("%s: %q", name, c.text())
		}
	}
}
