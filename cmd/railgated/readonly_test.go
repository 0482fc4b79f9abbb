package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/driver/drivertest"
	"railgate/driver/turnstile"
	"railgate/store/journal"
)

// The tests of this file take from a gate what it writes to: its folders, its socket, systemd's.

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
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
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
	d := &process{site: s, log: new(drivertest.Log)}
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
			s.work()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
