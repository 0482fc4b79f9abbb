package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// portName is the virtio port that leads to the tests.
const portName = "agent"

// greeting is the first that a terminal says once it is a mere wire.
const greeting = "agent\n"

// serve obeys the tests for as long as the machine runs.
func serve() error {
	port, err := openPort()
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Guest", &Guest{running: map[string]*process{}, usb: map[string]*usbScanner{}}); err != nil {
		return err
	}
	server.ServeCodec(jsonrpc.NewServerCodec(port))
	return errors.New("the tests hung up")
}

// portWait is how long a machine may take to find its port: an emulated one whose host is busy takes many minutes.
const portWait = time.Hour

func openPort() (*os.File, error) {
	if path := argument("agent"); path != "" {
		return openTerminal(path)
	}
	err := fmt.Errorf("there is no virtio port named %q", portName)
	for began := time.Now(); time.Since(began) < portWait; time.Sleep(250 * time.Millisecond) {
		names, _ := filepath.Glob("/sys/class/virtio-ports/*/name") // the pattern is good
		for _, path := range names {
			if name, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(name)) == portName {
				var port *os.File
				if port, err = os.OpenFile(filepath.Join("/dev", filepath.Base(filepath.Dir(path))), os.O_RDWR, 0); err == nil {
					return port, nil
				} // udev may be late
			}
		}
	}
	return nil, err
}

// openTerminal opens a serial port as the wire that it is, for a board without virtio.
func openTerminal(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	raw := &unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200}
	raw.Cc[unix.VMIN] = 1
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETSF, raw); err != nil {
		return nil, err
	}
	_, err = io.WriteString(f, greeting)
	return f, err
}

// Guest is what the tests can ask of the machine. Its methods are net/rpc's.
type Guest struct {
	times timeServer

	mu      sync.Mutex // guards the fields below
	running map[string]*process
	usb     map[string]*usbScanner
}

// process is a program that runs beside the agent.
type process struct {
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when it has ended
	end  string
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Command is a program with its arguments.
type Command struct {
	Name string // of a program that runs beside: how it is called from then on
	Args []string
	Env  []string
}

// Result is what became of a program.
type Result struct {
	Output string
	End    string // "" while it runs; else "exit status 0", "signal: killed"
}

// File is a file's content.
type File struct {
	Path string
	Data []byte
	Mode uint32
}

// Signal is a signal for a program that runs beside, or for a process by number.
type Signal struct {
	Name   string
	PID    int
	Number int
}

func (c *Command) command() *exec.Cmd {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	return cmd
}

// Time sets the clock to the tests'.
func (g *Guest) Time(now time.Time, _ *struct{}) error {
	t := unix.NsecToTimeval(now.UnixNano())
	return unix.Settimeofday(&t)
}

// Now is the guest's clock.
func (g *Guest) Now(_ struct{}, now *time.Time) error {
	*now = time.Now()
	return nil
}

// Run runs a program to its end.
func (g *Guest) Run(c Command, r *Result) error {
	cmd := c.command()
	out, err := cmd.CombinedOutput()
	r.Output, r.End = string(out), "exit status 0"
	if err != nil {
		r.End = err.Error()
	}
	return nil
}

// Start runs a program beside the agent.
func (g *Guest) Start(c Command, pid *int) error {
	p := &process{cmd: c.command(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return err
	}
	*pid = p.cmd.Process.Pid
	g.mu.Lock()
	g.running[c.Name] = p
	g.mu.Unlock()
	go func() {
		p.cmd.Wait()
		p.end = p.cmd.ProcessState.String()
		close(p.done)
	}()
	return nil
}

func (g *Guest) find(name string) (*process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.running[name]
	if p == nil {
		return nil, fmt.Errorf("no program was started as %q", name)
	}
	return p, nil
}

// Look tells how a program that was started is.
func (g *Guest) Look(name string, r *Result) error {
	p, err := g.find(name)
	if err != nil {
		return err
	}
	r.Output = p.out.String()
	select {
	case <-p.done:
		r.End = p.end
	default:
	}
	return nil
}

// Kill sends a signal.
func (g *Guest) Kill(s Signal, _ *struct{}) error {
	if s.Name != "" {
		p, err := g.find(s.Name)
		if err != nil {
			return err
		}
		s.PID = p.cmd.Process.Pid
	}
	return unix.Kill(s.PID, unix.Signal(s.Number))
}

// Read reads a file.
func (g *Guest) Read(path string, data *[]byte) (err error) {
	*data, err = os.ReadFile(path)
	return err
}

// Exists tells whether there is a file.
func (g *Guest) Exists(path string, there *bool) error {
	_, err := os.Stat(path)
	*there = err == nil
	return nil
}

// Write writes a file, and the folder that it is in.
func (g *Guest) Write(f File, _ *struct{}) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.Path, f.Data, os.FileMode(f.Mode))
}

// Off turns the machine off, without a word to anyone.
func (g *Guest) Off(struct{}, *struct{}) error {
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
