package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"rsc.io/qr"

	"railgate/cmd/control"
	"railgate/driver/drivertest"
	"railgate/driver/turnstile"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

func TestFreshCodesOpenTheGateOnceEach(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	var codes []string
	for n := range 5 {
		codes = append(codes, d.code())
		d.scan(codes[n])
		d.waitFor(n+1, kind(journal.Passage))
	}
	stale := d.claims()
	stale.IssuedAt, stale.Live = stale.IssuedAt-71, stale.Live-71
	d.scan(d.mint(stale))
	d.waitFor(1, decided("denied", "code_expired"))
	d.scan("WIFI:T:WPA;S:HALL;;")
	d.waitFor(1, decided("denied", "malformed"))
	time.Sleep(lane.HeldFor) // the codes have left the glass
	for _, code := range codes {
		d.scan(code)
	}
	d.waitFor(5, decided("denied", "already_used"))
	d.wantPulses(5)
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d after SIGTERM; want %d", status, exitOK)
	}
	if strings.Contains(d.log.String(), "RG1:") || strings.Contains(d.log.String(), codes[0][10:40]) {
		t.Error("a code is in the log")
	}
}

// Camera and serial scanner feed one lane: whichever reads first opens it, and what the
// other reads of the same code is nothing new.
func TestCameraAndSerialScannerAreOneLane(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	frames := s.path("frames")
	if err := os.Mkdir(frames, 0o700); err != nil {
		t.Fatal(err)
	}
	s.config += fmt.Sprintf("[[scanner]]\nname = \"eye\"\ndriver = \"camera\"\nframes = %q\nfps = 30.0\n", frames)
	s.write("gate.toml", s.config)
	d := s.start()
	code := d.code()
	picture, err := qr.Encode(code, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(frames, "phone.png"), picture.PNG(), 0o600); err != nil {
		t.Fatal(err)
	}
	d.waitFor(1, decided("granted", "ok"))
	d.scan(code)
	next := d.code()
	d.scan(next)
	d.waitFor(2, decided("granted", "ok"))
	d.wantPulses(2)
	for _, r := range d.records() {
		if r.Decision == "denied" {
			t.Errorf("denied: %+v", r)
		}
	}
}

func TestSpentCodeStaysSpentThroughKill(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	code := d.code()
	d.scan(code)
	d.waitFor(1, decided("granted", "ok"))
	d.wantPulses(1)
	d.kill()
	d = s.start()
	d.scan(code)
	d.waitFor(1, decided("denied", "already_used"))
	d.wantPulses(1)
}

func TestBacklogOfAClosedGateOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.scan(s.code()) // nobody listens yet
	s.scan(s.code())
	d := s.start()
	d.scan(d.code())
	d.waitFor(1, decided("granted", "ok"))
	d.wantPulses(1)
}

func TestStopInMidPulseReleasesTheRelay(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", func(c string) string { return strings.Replace(c, `pulse = "50ms"`, `pulse = "5s"`, 1) })
	d := s.start()
	d.scan(d.code())
	d.until("open", func() bool { _, active := d.pulses(); return active })
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
	if _, active := s.pulses(); active {
		t.Error("the relay is active after SIGTERM")
	}
}

func TestOutputsSafeReleasesWhatAKilledDaemonLeftActive(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", func(c string) string { return strings.Replace(c, `pulse = "50ms"`, `pulse = "5s"`, 1) })
	d := s.start()
	d.scan(d.code())
	d.until("open", func() bool { _, active := d.pulses(); return active })
	d.kill()
	if _, active := s.pulses(); !active {
		t.Fatal("SIGKILL released the relay; this simulates a board that keeps its level")
	}
	s.makeSafe()
	if _, active := s.pulses(); active {
		t.Error("the relay is active after outputs-safe")
	}
}

func (s *site) makeSafe() {
	s.t.Helper()
	cmd := s.command(s.path("data/" + turnstile.OutputsName))
	cmd.Env = append(cmd.Env, "RAILGATED_TEST=outputs-safe")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("outputs-safe: %v: %s", err, out)
	}
}

func TestScannerUnpluggedInMidFrame(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	d.scan(d.code())
	d.waitFor(1, decided("granted", "ok"))
	half := d.code()
	d.port.WriteString(half[:100])
	time.Sleep(50 * time.Millisecond)
	s.unplug()
	d.until("out of service", func() bool { return d.status().Health == control.OutOfService })
	s.plug()
	d.until("in service", func() bool { return d.status().Health == control.Healthy })
	d.scan(half) // the same passenger shows it again
	d.waitFor(2, decided("granted", "ok"))
	d.wantPulses(2)
}

func TestKeysetIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	old := d.signer
	d.makeKeys() // another key under the same kid
	d.scan(d.code())
	d.until("decided", func() bool { return d.count(kind(journal.Decision)) > 0 })
	if d.count(decided("granted", "ok")) == 0 {
		d.cmd.Process.Signal(unix.SIGHUP)
		d.until("read again", func() bool { return strings.Count(d.log.String(), "keyset in use") == 2 })
		d.scan(d.code())
		d.until("granted", func() bool { return d.count(decided("granted", "ok")) == 1 })
	}
	s.write("keys.json", `{"version": 2`)
	d.cmd.Process.Signal(unix.SIGHUP)
	d.until("complained", func() bool { return strings.Contains(d.log.String(), "the old one stays in use") })
	granted := d.count(decided("granted", "ok"))
	d.scan(d.code())
	d.waitFor(granted+1, decided("granted", "ok"))
	d.signer = old
	d.scan(d.code())
	d.until("denied", func() bool { return d.count(decided("denied", "bad_signature")) > 0 })
	if h := d.status(); h.Health != control.Degraded {
		t.Errorf("health = %s; want degraded, for the keyset cannot be read", h.Health)
	}
}

func TestDamagedStoreClosesTheLane(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	code, paper := d.code(), d.claims()
	paper.Class = verify.Paper
	certificate := d.mint(paper)
	d.scan(code)
	d.waitFor(1, kind(journal.Passage))
	d.scan(certificate)
	d.waitFor(2, kind(journal.Passage))
	d.stop()
	if err := os.Truncate(s.path("data/gate.db"), 5000); err != nil {
		t.Fatal(err)
	}
	d = s.start()
	st := d.status()
	if st.Health != control.OutOfService || !strings.Contains(strings.Join(st.Problems, " "), "spent_codes_lost") {
		t.Errorf("status = %s %v; want out of service, for the memory is lost", st.Health, st.Problems)
	}
	d.until("the log tells of a file that was set aside", func() bool { return strings.Contains(d.log.String(), "set aside") })
	d.scan(code)
	d.scan(certificate)
	d.until("dropped", func() bool { return d.status().Counts.Dropped["out_of_service"] >= 2 })
	d.wantPulses(2)
}

func TestEmergencyThroughTheSocket(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	if err := d.client().Sim(t.Context(), "emergency", true); err != nil {
		t.Fatal(err)
	}
	d.waitFor(1, kind(journal.EmergencyBegin))
	d.scan(d.code())
	d.until("dropped", func() bool { return d.status().Counts.Dropped["emergency"] >= 1 })
	d.wantPulses(0)
	if err := d.client().Sim(t.Context(), "emergency", false); err != nil {
		t.Fatal(err)
	}
	d.waitFor(1, kind(journal.EmergencyEnd))
	d.scan(d.code())
	d.waitFor(1, kind(journal.Passage))
}

func TestBenchMovesTheTime(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	code := d.code()
	if err := d.client().Pretend(t.Context(), -time.Minute); err == nil {
		t.Error("time runs backwards")
	}
	if err := d.client().Pretend(t.Context(), 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	d.scan(code)
	d.waitFor(1, decided("denied", "code_expired"))
	d.waitFor(1, kind(journal.ClockStep))
	d.kill()
	d = d.start() // the time is right again
	d.scan(code)
	d.waitFor(1, decided("denied", "already_used"))
	d.scan(d.code())
	d.wantPulses(1)
}

func TestTechnicianTakesTheLaneOver(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	for _, tt := range []struct{ mode, why string }{{"party", ""}, {"free", ""}, {"free", " "}, {"free", "\xff"}, {"closed", "\xff"}, {"free", strings.Repeat("x", maxWhy+1)}, {"free", "two\nlines"}} {
		if _, err := d.client().Service(t.Context(), tt.mode, tt.why); err == nil {
			t.Errorf("service %s because of %q is taken", tt.mode, tt.why)
		}
	}
	answer, err := d.client().Service(t.Context(), "closed", "a coffee")
	if left := time.Until(*answer.Until); err != nil || answer.Service != "closed" || left < 9*time.Minute || left > lane.ServiceFor+time.Second {
		t.Fatalf("answer %+v, %v; want closed for ten minutes", answer, err)
	}
	me, _ := user.Current()
	d.waitFor(1, func(r *journal.Record) bool { return r.Detail == "closed for 10m0s, by "+me.Username+": a coffee" })
	if s := d.status(); s.Service != "closed" || s.ServiceUntil == nil || s.ServiceUntil.Sub(*answer.Until).Abs() > 2*time.Second {
		t.Errorf("status: service %q until %v; want closed until %v", s.Service, s.ServiceUntil, answer.Until)
	}
	d.waitFor(1, kind(journal.ServiceBegin))
	d.scan(d.code())
	d.waitFor(1, decided("denied", "out_of_service"))
	d.wantPulses(0)
	d.until("the log has the takeover", func() bool { return strings.Contains(d.log.String(), "closed for 10m0s, by "+me.Username) })
	if strings.Contains(d.log.String(), "a coffee") { // it may name a passenger, and logs are sent away
		t.Errorf("the reason is in the log: %s", d.log.String())
	}
}

// Free passage whose record cannot be written has not begun, and nobody is told so.
func TestTakeoverIsNotToldBeforeItsRecord(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	client, lock := d.client(), d.path("data/gate.lock")
	err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o700), os.Remove(d.path("data/gate.db"))) // no store can be opened
	if err != nil {
		t.Fatal(err)
	}
	d.until("out of service", func() bool { return d.status().Mode == "out_of_service" })
	if answer, err := client.Service(t.Context(), "free", "a test"); err == nil || !strings.Contains(err.Error(), "not on the disk (data folder") {
		t.Errorf("free: %+v, %v; want that its record is not on the disk", answer, err)
	}
	if answer, err := client.Service(t.Context(), "closed", "a test"); err != nil || answer.Service != "closed" || len(answer.OutOfService) == 0 {
		t.Errorf("closed: %+v, %v; want closed, and why the lane is out of service", answer, err)
	}
	if answer, err := client.Service(t.Context(), "none", ""); err != nil || answer.Service != "none" || answer.Until != nil {
		t.Errorf("none: %+v, %v; want none", answer, err)
	}
	d.wantPulses(0)
}

func TestEventsAreFollowed(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	seen := make(chan control.Event, 100)
	go d.client().Events(t.Context(), func(e control.Event) bool { seen <- e; return true })
	first := <-seen // what is shown now
	if first.Show == nil || first.Show.Reason != "idle" {
		t.Errorf("first event = %+v; want the idle face", first)
	}
	d.scan(d.code())
	var record, show, times bool
	for !record || !show || !times {
		select {
		case e := <-seen:
			record = record || e.Record != nil && e.Record.Decision == "granted"
			show = show || e.Show != nil && e.Show.Reason == "ok" && len(e.Show.Words) == 2
			times = times || e.Timings != nil && e.Timings.Total > 0
		case <-time.After(20 * time.Second):
			t.Fatalf("record %v, show %v, timings %v", record, show, times)
		}
	}
}

func newTestLog(b *drivertest.Log) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }
