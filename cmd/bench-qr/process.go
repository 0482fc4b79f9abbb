package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// errStuck is a reader that did not answer in time.
var errStuck = errors.New("no answer in time")

// A process is an engine at work: a child that answers paths of pictures, on one core.
// After errStuck or another error it is dead.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string // closed when the child ends
}

// start starts a command on a core.
func start(command []string, core int) (*process, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...), answers: make(chan string)}
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(p.cmd, core); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.answers)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.answers <- lines.Text()
		}
	}()
	return p, nil
}

// startOn starts a command whose threads all stay on one core: a child has the
// affinity of the thread that made it.
func startOn(cmd *exec.Cmd, core int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var usual, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &usual); err != nil {
		return err
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("staying on core %d: %w", core, err)
	}
	err := cmd.Start()
	return errors.Join(err, unix.SchedSetaffinity(0, &usual))
}

// lastCore is the last one that this process may run on.
func lastCore() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, err
	}
	for core := 1023; core >= 0; core-- {
		if set.IsSet(core) {
			return core, nil
		}
	}
	return 0, errors.New("no core to run on")
}

// An answered picture is what an engine made of one picture.
type answered struct {
	cpu    time.Duration
	allocs int // -1: not counted
	texts  []string
}

// ask shows a picture and waits so long for the answer.
func (p *process) ask(path string, patience time.Duration) (answered, error) {
	if _, err := fmt.Fprintln(p.in, path); err != nil {
		return answered{}, p.died(path)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case line, ok := <-p.answers:
		if !ok {
			return answered{}, p.died(path)
		}
		return parseAnswer(line)
	case <-late.C:
		return answered{}, errors.Join(errStuck, p.kill())
	}
}

// died says how a child ended that was not to end.
func (p *process) died(path string) error {
	return &endedError{p.cmd.Path, path, p.cmd.Wait()}
}

// An endedError is an engine that ended over a picture.
type endedError struct {
	program, picture string
	how              error // nil if it took its leave politely
}

func (e *endedError) Error() string {
	return fmt.Sprintf("%s ended at %s: %v", e.program, e.picture, e.how)
}

// kill ends a child that does not listen.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait()      // killed: that is its error
	for range p.answers { // one may have come too late
	}
	return nil
}

// close ends a child that listens.
func (p *process) close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

func parseAnswer(line string) (answered, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return answered{}, fmt.Errorf("answer %q: want nanoseconds, allocations and texts", line)
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return answered{}, err
	}
	a := answered{cpu: time.Duration(ns)}
	if a.allocs, err = strconv.Atoi(fields[1]); err != nil {
		return answered{}, err
	}
	for _, field := range fields[2:] {
		text, err := hex.DecodeString(strings.TrimPrefix(field, "x"))
		if err != nil {
			return answered{}, err
		}
		a.texts = append(a.texts, string(text))
	}
	return a, nil
}
