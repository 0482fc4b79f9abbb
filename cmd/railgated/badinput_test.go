package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/driver/drivertest"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// runOnce runs a daemon that is expected to end by itself.
func (s *site) runOnce(args ...string) (status int, output string) {
	s.t.Helper()
	cmd := s.command(args...)
	var out bytes.Buffer
	cmd.Stderr, cmd.Stdout = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	hung := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer hung.Stop()
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String()
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.write("shut.toml", strings.Replace(s.config, s.path("keys.json"), "", 1))
	for _, tt := range []struct {
		args   []string
		status int
		words  string
	}{
		{[]string{"--config", s.path("gate.toml"), "--check"}, exitOK, "good"},
		{[]string{"--config", s.path("shut.toml"), "--check"}, exitUsage, "shut.toml:5: keys: is empty and there is no station"},
		{[]string{"--version"}, exitOK, "railgated"},
		{[]string{"--help"}, exitOK, "-config"},
		{[]string{"--nonsense"}, exitUsage, "nonsense"},
		{[]string{"start"}, exitUsage, `"start" is not understood`},
		{[]string{"--config", s.path("none.toml")}, exitUsage, "none.toml"},
	} {
		status, out := s.runOnce(tt.args...)
		if status != tt.status || !strings.Contains(out, tt.words) {
			t.Errorf("railgated %v: status %d, %q; want %d, %q", tt.args, status, out, tt.status, tt.words)
		}
	}
}

// A configuration that is wrong, or that names what is not there, ends the daemon
// with one line: file, line, key, fix. So does --check, without starting.
func TestWrongConfigurationIsOneLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, tt := range []struct{ name, old, new, words string }{
		{"an unknown key", `gate = "A07"`, `gaet = "A07"`, "gaet: unknown key"},
		{"a bad value", `open_for = "1s"`, `open_for = "soon"`, "lane.open_for"},
		{"a missing scanner", s.path("scanner"), "/dev/serial/by-id/none", "scanner[0].port"},
		{"a missing keyset", s.path("keys.json"), s.path("other.json"), "keys: "},
		{"a data folder that is a file", s.path("data"), s.path("gate.toml"), "data: "},
		{"a line that no chip has", `driver = "sim"` + "\ntrace = " + fmt.Sprintf("%q", s.path("trace.ndjson")), "driver = \"gpio\"\nopen = \"NOPE1\"\npassage = \"nochip:3\"", "turnstile.open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(s.config, tt.old, tt.new, 1)
			if text == s.config {
				t.Fatal("the test changes nothing")
			}
			s.write("wrong.toml", text)
			for _, args := range [][]string{{"--config", s.path("wrong.toml")}, {"--config", s.path("wrong.toml"), "--check"}} {
				status, out := s.runOnce(args...)
				first, _, _ := strings.Cut(out, "\n")
				if status != exitUsage || !strings.Contains(first, "wrong.toml:") || !strings.Contains(out, tt.words) || strings.Count(out, "\n") > 2 {
					t.Errorf("railgated %v: status %d, %q; want %d and a line with %q", args[2:], status, out, exitUsage, tt.words)
				}
			}
		})
	}
}

// What is missing from a configuration that has worked is broken, not wrong: the
// gate starts without it and says so.
func TestConfigurationThatWorkedStartsWithoutItsScanner(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	d.until("noted", func() bool { _, err := os.Stat(s.path("data/" + workedName)); return err == nil })
	d.stop()
	s.unplug()
	d = s.start()
	if st := d.status(); st.Health != control.OutOfService || !strings.Contains(strings.Join(st.Problems, " "), "front") {
		t.Errorf("status = %s, %v; want out of service for its scanner", st.Health, st.Problems)
	}
	if status, _ := s.runOnce("--config", s.path("gate.toml"), "--check"); status != exitUsage {
		t.Errorf("--check gives %d; want %d: the scanner is missing", status, exitUsage)
	}
	s.plug()
	d.until("healthy", func() bool { return d.status().Health == control.Healthy })
}

// The lane is ready when one scanner is. The configuration has worked when the other is, too.
func TestConfigurationThatWorksLaterIsNoted(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	if err := os.Mkdir(s.path("frames"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.config += fmt.Sprintf("[[scanner]]\nname = \"eye\"\ndriver = \"camera\"\nframes = %q\nfps = 0.5\n", s.path("frames"))
	s.write("gate.toml", s.config)
	d := s.start()
	d.until("noted", func() bool { _, err := os.Stat(s.path("data/" + workedName)); return err == nil })
}

// A gate may be up before it works, as one whose scanner another program has: from then on its configuration has worked.
func TestConfigurationHasWorkedOnceItDoes(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	other, err := os.Open(s.path("scanner"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	if _, err := os.Stat(s.path("data/" + workedName)); err == nil || d.status().Mode != string(lane.ModeOutOfService) {
		t.Errorf("a gate without its scanner is %s, and its configuration has worked: %v", d.status().Mode, err == nil)
	}
	other.Close()
	d.until("noted", func() bool { _, err := os.Stat(s.path("data/" + workedName)); return err == nil })
}

func TestLockedStoreIsOneLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	status, out := s.runOnce("--config", s.path("gate.toml"))
	if status != exitFailed || !strings.Contains(out, "is railgated running already?") || !strings.Contains(out, fmt.Sprint(d.cmd.Process.Pid)) {
		t.Errorf("a second daemon: status %d, %q; want %d and the first one's pid", status, out, exitFailed)
	}
	d.scan(d.code())
	d.waitFor(1, decided("granted", "ok"))
}

// mount mounts something for a test; only root may.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("mounting %s: %v (this test needs root)", kind, err)
	}
	t.Cleanup(func() { unix.Unmount(target, unix.MNT_DETACH) })
}

func TestFullDiskDeniesAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=3m")
	s := newSite(t, "")
	s.config = strings.Replace(s.config, s.path("data"), filepath.Join(dir, "data"), 1)
	s.write("gate.toml", s.config)
	if err := os.Symlink(filepath.Join(dir, "data"), s.path("data")); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	first := d.code()
	d.scan(first)
	d.waitFor(1, kind(journal.Passage))
	filler := fill(t, filepath.Join(dir, "filler"))
	for n := 0; d.status().Mode != string(lane.ModeOutOfService); n++ { // until the file has no room left inside
		if n == 500 {
			t.Fatalf("a full disk is not noticed; log:\n%s", d.log)
		}
		d.scan(d.code())
		d.until("decided", func() bool {
			c := d.status().Counts
			return c.Decided["ok"]+c.Decided["out_of_service"] >= uint64(n+2)
		})
		d.until("passed", func() bool { return d.status().Mode != string(lane.ModeGranted) })
		d.until("at rest", func() bool { _, active := d.pulses(); return !active })
		time.Sleep(100 * time.Millisecond) // or the next pulse waits behind this one, and the full disk ends it
	}
	granted := int(d.status().Counts.Decided["ok"])
	d.wantPulses(granted)
	// The emergency exit works with a full disk.
	d.client().Sim(t.Context(), "emergency", true)
	d.until("in emergency", func() bool { return d.status().Mode == string(lane.ModeEmergency) })
	d.client().Sim(t.Context(), "emergency", false)
	if n := strings.Count(d.log.String(), "level=ERROR"); n > 3 {
		t.Errorf("%d lines about one full disk:\n%s", n, d.log)
	}
	os.Remove(filler)
	d.until("in service", func() bool { return d.status().Health == control.Healthy })
	time.Sleep(lane.HeldFor)
	d.scan(first)
	d.waitFor(1, decided("denied", "already_used"))
	d.scan(d.code())
	d.waitFor(granted+1, decided("granted", "ok"))
	d.waitFor(1, kind(journal.EmergencyBegin)) // it waited for room
}

// fill fills a file system.
func fill(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
	return path
}

func TestReadOnlyDataFolderIsOneLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	if err := os.Mkdir(s.path("data"), 0o700); err != nil {
		t.Fatal(err)
	}
	mount(t, "tmpfs", s.path("data"), "tmpfs", unix.MS_RDONLY, "")
	status, out := s.runOnce("--config", s.path("gate.toml"))
	if status != exitUsage || strings.Count(out, "\n") != 1 || !strings.Contains(out, "data: ") || !strings.Contains(out, "read-only") {
		t.Errorf("status %d, %q; want %d and one line about the data folder", status, out, exitUsage)
	}
}

// Garbage as fast as a line carries it neither fills the journal nor hides a code, and each
// reading of it is accounted for.
func TestGarbageFlood(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	garbage := bytes.Repeat([]byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ\x00\xff $%*+-./:"), 20)
	began := time.Now()
	const rounds, lines = 6, 250
	sent := uint64(0)
	for round := range uint64(rounds) {
		for range lines {
			fmt.Fprintf(d.port, "%d%s\r", sent, garbage)
			sent++
		}
		for granted := false; !granted; { // it may be too old when its turn comes, on a slow machine
			before := lost(d.status())
			d.scan(d.code())
			sent++
			d.until("granted or dropped", func() bool {
				st := d.status()
				granted = st.Counts.Decided["ok"] > round
				return granted || st.Counts.Readings["front"] == sent && lost(st) > before
			})
		}
	}
	d.until("accounted for", func() bool {
		st, records, counted := d.status(), d.records(), uint64(0)
		if len(records) == 1000 { // there are more
			return true
		}
		for _, r := range records {
			if r.Kind == journal.Decision {
				counted += uint64(max(1, r.Count))
			}
		}
		return st.Counts.Readings["front"] == sent && counted+lost(st) == sent
	})
	const burst, perSecond = 100, 10 // denials of garbage that are journaled one by one
	most := burst + 10*rounds + (perSecond+4)*uint64(1+time.Since(began)/lane.CountEvery)
	if st := d.status(); st.Store.Seq > most || st.Counts.Decided["malformed"]+lost(st) < rounds*lines {
		t.Errorf("%d records of %d readings, %d of them malformed; want them counted, in %d records", st.Store.Seq, sent, st.Counts.Decided["malformed"], most)
	}
}

// lost counts the readings that were not decided.
func lost(st *control.Status) (n uint64) {
	for _, dropped := range st.Counts.Dropped {
		n += dropped
	}
	return n
}

func TestSystemdHearsOfTheGate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	heard := make(chan string, 1000)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := socket.Read(buf)
			if err != nil {
				return
			}
			heard <- string(buf[:n])
		}
	}()
	d := newSite(t, "").start("NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "WATCHDOG_USEC=3000000")
	want := func(what string) {
		t.Helper()
		for {
			select {
			case got := <-heard:
				if strings.Contains(got, what) {
					return
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("systemd never hears %s; log:\n%s", what, d.log)
			}
		}
	}
	want("READY=1")
	want("WATCHDOG=1")
	want("WATCHDOG=1")
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
	want("STOPPING=1")
}

func TestWatchdogStarvesWhenALoopHangs(t *testing.T) {
	t.Parallel()
	var fed, turning, standing uint64
	log := new(drivertest.Log)
	w := &watchdog{every: time.Millisecond, log: newTestLog(log), feed: func() { fed++ }, pulses: []pulse{
		{"lane", func() uint64 { turning++; return turning }},
		{"scanner front", func() uint64 { return standing }},
	}}
	standing = 1
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	w.Run(ctx)
	if fed != 1 || !strings.Contains(log.String(), "scanner front") {
		t.Errorf("fed %d times; want once, and the loop named:\n%s", fed, log)
	}
}
