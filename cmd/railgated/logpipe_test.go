package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/driver/drivertest"
)

// The tests of this file take the reader of its log from a gate, and send it signals.

// unread starts a daemon whose standard error is a pipe that nobody reads, as full as it
// gets; it gives the pipe's other end.
func (s *site) unread(env ...string) (d *process, out *os.File) {
	s.t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { out.Close() })
	fd := int(in.Fd())
	unix.SetNonblock(fd, true)
	for err = nil; err == nil; _, err = unix.Write(fd, make([]byte, 4096)) {
	}
	unix.SetNonblock(fd, false)
	d = &process{site: s, log: new(drivertest.Log)}
	d.cmd = s.command("--config", s.path("gate.toml"))
	d.cmd.Env = append(d.cmd.Env, env...)
	d.cmd.Stderr = in
	if err := d.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	in.Close()
	s.t.Cleanup(d.kill)
	d.until("in service", func() bool {
		st, err := d.client().Status(s.t.Context())
		return err == nil && st.Health != control.OutOfService
	})
	return d, out
}

// ended waits for a daemon's end, and fails the test where it does not come.
func (d *process) ended() *os.ProcessState {
	d.t.Helper()
	done := make(chan struct{})
	go func() { d.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		d.t.Fatal("it does not end")
	}
	return d.cmd.ProcessState
}

func TestALogPipeThatNobodyReads(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d, out := s.unread()
	d.until("dropping", func() bool {
		for range 100 {
			if _, err := d.client().TakeKeys(t.Context(), false); err != nil { // a line each
				t.Fatal(err)
			}
		}
		return d.status().Counts.LogDropped > 0
	})
	for n := range 3 {
		d.scan(d.code())
		d.waitForPulses(n + 1)
	}
	st := d.status()
	if st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != control.LogLinesDropped {
		t.Errorf("health %s, causes %+v; want degraded, for the log", st.Health, st.Causes)
	}
	if err := d.client().Sim(t.Context(), "emergency", true); err != nil {
		t.Fatal(err)
	}
	d.until("an emergency", func() bool { return d.status().Mode == "emergency" })
	if err := d.client().Sim(t.Context(), "emergency", false); err != nil {
		t.Fatal(err)
	}
	d.until("closed", func() bool { return d.status().Mode == "closed" })
	go io.Copy(d.log, out)
	d.until("told", func() bool { return strings.Contains(d.log.String(), "lines were dropped") })
	d.until("healthy", func() bool { return d.status().Health == control.Healthy })
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
}

// waitForPulses waits for the relay's nth activation.
func (d *process) waitForPulses(n int) {
	d.t.Helper()
	d.until(fmt.Sprint(n, " pulses"), func() bool { got, _ := d.pulses(); return got == n })
}

func TestStopWithALogPipeThatNobodyReads(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d, _ := s.unread()
	d.cmd.Process.Signal(unix.SIGTERM)
	if state := d.ended(); state.ExitCode() != exitOK {
		t.Errorf("%v; want exit status %d", state, exitOK)
	}
}

// Go's runtime prints a panic's stack itself, into the same pipe: the process dies all the same.
func TestPanicWithALogPipeThatNobodyReads(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", func(c string) string { return strings.Replace(c, `pulse = "50ms"`, `pulse = "5s"`, 1) })
	d, _ := s.unread("RAILGATED_TEST=panics")
	s.scan(s.code())
	d.ended()
	if n, active := s.pulses(); n != 1 || active {
		t.Errorf("%d pulses, the relay active: %v; want one, cut short", n, active)
	}
}

// A signal that Go's runtime dies of releases the relay first; then the runtime has its say.
func TestFatalSignalReleasesTheRelay(t *testing.T) {
	t.Parallel()
	for _, sig := range []unix.Signal{unix.SIGQUIT, unix.SIGABRT, unix.SIGSEGV, unix.SIGSTKFLT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := newSite(t, "", func(c string) string { return strings.Replace(c, `pulse = "50ms"`, `pulse = "5s"`, 1) })
			d := s.start()
			d.scan(d.code())
			d.until("open", func() bool { _, active := d.pulses(); return active })
			d.cmd.Process.Signal(sig)
			state := d.ended()
			if n, active := s.pulses(); n != 1 || active {
				t.Errorf("%d pulses, the relay active: %v; want one, cut short", n, active)
			}
			if state.ExitCode() != 2 || !strings.Contains(d.log.String(), "main.main") && !strings.Contains(d.log.String(), "gate).wait") {
				t.Errorf("%v; want exit status 2 and the goroutines:\n%s", state, d.log)
			}
		})
	}
}

// A journal that is restarted breaks the pipe to it.
func TestNoOtherSignalEndsOrStopsAGate(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	for sig := unix.Signal(1); sig <= 64; sig++ {
		switch sig {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGTERM, unix.SIGINT:
			continue
		case unix.SIGQUIT, unix.SIGABRT, unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSTKFLT, unix.SIGSYS:
			continue // TestFatalSignalReleasesTheRelay
		case 32, 33, 34:
			continue // the C library's
		}
		if err := d.cmd.Process.Signal(sig); err != nil {
			t.Fatalf("after %v: %v\n%s", sig-1, err, d.log)
		}
	}
	d.scan(d.code())
	d.wantPulses(1)
}

func TestABrokenLogPipe(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d, out := s.unread()
	out.Close()
	for n := range 3 {
		d.scan(d.code())
		d.waitForPulses(n + 1)
	}
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
}
