package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/turnstile"
	"railgate/store/journal"
)

// The tests of this file take from a gate, one after the other, what it works without.

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
	d = &process{site: s, log: new(lockedBuffer)}
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
	s := newSite(t, "")
	d, _ := s.unread()
	d.cmd.Process.Signal(unix.SIGTERM)
	if state := d.ended(); state.ExitCode() != exitOK {
		t.Errorf("%v; want exit status %d", state, exitOK)
	}
}

// Go's runtime prints a panic's stack itself, into the same pipe: the process dies all the same.
func TestPanicWithALogPipeThatNobodyReads(t *testing.T) {
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

// The screen is optional: a port that is taken is tried again, on a gate that has never
// worked too.
func TestHTTPPortThatIsTaken(t *testing.T) {
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
	s := newSite(t, "", func(c string) string { return c + "[http]\nlisten = \"192.0.2.1:8080\"\n" })
	d := s.start()
	d.scan(d.code())
	d.wantPulses(1)
	if st := d.status(); st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != control.HTTPNoAddress {
		t.Errorf("health %s, causes %+v; want degraded, for the address", st.Health, st.Causes)
	}
}

// asNobody has a daemon run as a user that may not write everywhere, where the test may.
func (s *site) asNobody(cmd *exec.Cmd) {
	s.t.Helper()
	const nobody = 65534
	if os.Getuid() != 0 {
		return
	}
	if err := os.Link(os.Args[0], s.path("railgated.test")); err != nil { // where nobody may go
		s.t.Fatal(err)
	}
	cmd.Path = s.path("railgated.test")
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	err := filepath.Walk(s.dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err := errors.Join(err, os.Chown(s.slave.Name(), nobody, nobody)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) startAsNobody(env ...string) *process {
	s.t.Helper()
	d := &process{site: s, log: new(lockedBuffer)}
	d.cmd = s.command("--config", s.path("gate.toml"))
	d.cmd.Env = append(d.cmd.Env, env...)
	d.cmd.Stderr = d.log
	s.asNobody(d.cmd)
	if err := d.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(d.kill)
	d.until("ready", func() bool { return strings.Contains(d.log.String(), "msg=ready") })
	return d
}

// A data folder that is read-only at the start, as a disk after an error, and writable
// later: everything that could not be written is.
func TestDataFolderThatIsReadOnlyAtStart(t *testing.T) {
	for _, runtime := range []bool{false, true} {
		t.Run(fmt.Sprintf("runtime folder %v", runtime), func(t *testing.T) {
			s := newSite(t, "")
			var env []string
			if runtime {
				if err := os.Mkdir(s.path("run"), 0o755); err != nil {
					t.Fatal(err)
				}
				env = append(env, "RUNTIME_DIRECTORY="+s.path("run"))
				t.Setenv("RUNTIME_DIRECTORY", s.path("run")) // for the client
			}
			s.start().stop() // a configuration that has worked
			data := s.path("data")
			for _, name := range []string{control.SocketName, turnstile.OutputsName, control.KeptKeysetName} {
				os.Remove(filepath.Join(data, name))
			}
			if err := os.Chmod(data, 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(data, 0o755) })
			d := s.startAsNobody(env...)
			_, err := d.client().Status(t.Context())
			switch {
			case !runtime && !errors.Is(err, control.ErrNotRunning):
				t.Errorf("status = %v; want %v", err, control.ErrNotRunning)
			case runtime && err != nil:
				t.Errorf("the socket in the runtime folder: %v\n%s", err, d.log)
			}
			if err := os.Chmod(data, 0o755); err != nil {
				t.Fatal(err)
			}
			// The store's file is there and can be written, so the lane works all along.
			d.until("healthy", func() bool {
				st, err := d.client().Status(t.Context())
				return err == nil && st.Health == control.Healthy
			})
			for _, name := range []string{control.SocketName, control.KeptKeysetName} {
				d.until("written: "+name, func() bool { _, err := os.Stat(filepath.Join(data, name)); return err == nil })
			}
			outputs := data
			if runtime {
				outputs = s.path("run")
			}
			d.until("outputs", func() bool { _, err := os.Stat(filepath.Join(outputs, turnstile.OutputsName)); return err == nil })
			d.scan(d.code())
			d.wantPulses(1)
		})
	}
}

// The mark that a configuration has worked is written when it can be.
func TestTheWorkedMarkIsTriedAgain(t *testing.T) {
	s := newSite(t, "")
	mark := s.path("data/" + workedName)
	if err := os.MkdirAll(mark+"/in the way", 0o755); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	d.until("told", func() bool { return strings.Contains(d.log.String(), partWorked.name) })
	if err := os.RemoveAll(mark); err != nil {
		t.Fatal(err)
	}
	d.until("marked", func() bool { info, err := os.Stat(mark); return err == nil && info.Mode().IsRegular() })
}

// What railgate outputs-safe reads is written again when it was lost, and until it can be.
func TestTheOutputsFileIsTriedAgain(t *testing.T) {
	s := newSite(t, "")
	file := s.path("data/" + turnstile.OutputsName)
	if err := os.MkdirAll(file+"/in the way", 0o755); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	if st := d.status(); st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != control.OutputsUnknown {
		t.Errorf("health %s, causes %+v; want degraded, for the outputs", st.Health, st.Causes)
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	d.until("written", func() bool { info, err := os.Stat(file); return err == nil && info.Mode().IsRegular() })
	d.until("healthy", func() bool { return d.status().Health == control.Healthy })
	s.makeSafe()
}

// A control socket that was removed, alone or with its folder, is opened again.
func TestTheControlSocketIsOpenedAgain(t *testing.T) {
	for _, runtime := range []bool{false, true} {
		t.Run(fmt.Sprintf("runtime folder %v", runtime), func(t *testing.T) {
			s := newSite(t, "")
			var env []string
			path := s.path("data/" + control.SocketName)
			if runtime {
				if err := os.Mkdir(s.path("run"), 0o755); err != nil {
					t.Fatal(err)
				}
				env = append(env, "RUNTIME_DIRECTORY="+s.path("run"))
			}
			d := s.start(env...)
			d.until("answering", func() bool { _, err := d.client().Status(t.Context()); return err == nil }) // by the link, where there is one
			os.Remove(path)
			if runtime {
				os.Remove(s.path("run/" + control.SocketName))
			}
			d.until("answering again", func() bool { _, err := d.client().Status(t.Context()); return err == nil })
			d.scan(d.code())
			d.waitFor(1, kind(journal.Passage))
		})
	}
}

// The socket is for the gate's group and nobody else.
func TestControlSocketMode(t *testing.T) {
	for _, runtime := range []string{"", "run"} {
		s := newSite(t, "")
		path := s.path("data/" + control.SocketName)
		var env []string
		if runtime != "" {
			path = s.path(runtime + "/" + control.SocketName)
			if err := os.Mkdir(s.path(runtime), 0o755); err != nil {
				t.Fatal(err)
			}
			env = append(env, "RUNTIME_DIRECTORY="+s.path(runtime)+":/elsewhere")
		}
		s.start(env...)
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != 0o660|os.ModeSocket {
			t.Errorf("%s: %v, %v; want srw-rw----", path, info, err)
		}
	}
}

// A gate's socket in a shared runtime folder does not answer for another gate.
func TestAnotherGatesSocketDoesNotAnswer(t *testing.T) {
	s := newSite(t, "")
	if err := os.Mkdir(s.path("run"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RUNTIME_DIRECTORY", s.path("run"))
	d := s.start()
	if _, err := control.NewClient(t.TempDir()).Service(t.Context(), "closed", ""); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("service of another gate: %v; want %v", err, control.ErrNotRunning)
	}
	if st := d.status(); st.Mode != "closed" || st.Service != "" {
		t.Errorf("mode %s, service %s; want it untouched", st.Mode, st.Service)
	}
	if err := os.Symlink(s.path("data"), s.path("same")); err != nil {
		t.Fatal(err)
	}
	if _, err := control.NewClient(s.path("same")).Status(t.Context()); err != nil {
		t.Errorf("the same folder by another name: %v", err)
	}
	// A second gate with the same runtime folder leaves the first one's socket alone.
	two := newSite(t, "")
	e := two.start()
	if _, err := os.Lstat(two.path("data/" + control.SocketName)); err != nil {
		t.Errorf("the second gate's socket: %v", err)
	}
	if st := e.status(); st.PID != e.cmd.Process.Pid {
		t.Errorf("%d answers for the second gate; want %d", st.PID, e.cmd.Process.Pid)
	}
	if st := d.status(); st.PID != d.cmd.Process.Pid {
		t.Errorf("%d answers for the first gate; want %d", st.PID, d.cmd.Process.Pid)
	}
}

// systemd's socket that is full delays nobody: READY is told when there is room.
func TestSystemdThatDoesNotListen(t *testing.T) {
	s := newSite(t, "")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	fill, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer fill.Close()
	for err = nil; err == nil; _, err = fill.Write([]byte("FILL=1")) {
		fill.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	}
	d := s.start("NOTIFY_SOCKET="+s.path("notify"), "WATCHDOG_USEC=3000000")
	d.scan(d.code())
	d.wantPulses(1)
	heard := func(what string) bool {
		buf := make([]byte, 4096)
		socket.SetReadDeadline(time.Now().Add(20 * time.Second))
		for {
			n, err := socket.Read(buf)
			if err != nil || strings.Contains(string(buf[:n]), what) {
				return err == nil
			}
		}
	}
	if !heard("READY=1") {
		t.Errorf("systemd never hears READY; log:\n%s", d.log)
	}
	for err = nil; err == nil; _, err = fill.Write([]byte("FILL=1")) {
		fill.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	}
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
}

// Of two scanners one is enough, at the start too.
func TestOneOfTwoScannersIsEnough(t *testing.T) {
	s := newSite(t, "")
	frames := s.path("frames")
	if err := os.Mkdir(frames, 0o700); err != nil {
		t.Fatal(err)
	}
	s.config += fmt.Sprintf("[[scanner]]\nname = \"eye\"\ndriver = \"camera\"\nframes = %q\nfps = 30.0\n", frames)
	s.write("gate.toml", s.config)
	d := s.start()
	d.until("a configuration that worked", func() bool { return worked(s.loaded()) })
	d.stop()
	if err := os.Rename(frames, frames+" away"); err != nil {
		t.Fatal(err)
	}
	d = s.start()
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
	s := newSite(t, "")
	d := s.start()
	d.until("a configuration that worked", func() bool { return worked(s.loaded()) })
	d.stop()
	s.forgetKeys()
	for _, err := range []error{os.Remove(s.path("keys.json")), os.Remove(s.path("data/gate.db")), os.MkdirAll(s.path("data/gate.db/in the way"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d = s.start()
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
