package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const stationFolder = "/var/lib/railgate-station"

// stationUnits are the station's services, with how exposed each may be, ten times.
var stationUnits = map[string]string{"railgate-station.service": "12", "railgate-station-timestamp.service": "3"}

func TestTheStationsUnits(t *testing.T) {
	users := map[string]bool{}
	for _, f := range lines(t, "sysusers.d/railgate-station.conf") {
		users[strings.Join(f[:min(2, len(f))], " ")] = true
	}
	for name := range stationUnits {
		u := parseUnit(t, name)
		for key, want := range map[string]string{
			"Service.User": "railgate-station", "Service.Group": "railgate-station", "Service.StateDirectory": filepath.Base(stationFolder), "Service.StateDirectoryMode": "0750",
			"Unit.RequiresMountsFor": stationFolder, "Service.CapabilityBoundingSet": "", "Service.ProtectSystem": "strict", "Service.DevicePolicy": "closed", "Service.ProtectClock": "yes",
		} {
			if _, ok := u[key]; !ok || u.last(key) != want {
				t.Errorf("%s: %s = %q; want %q", name, key, u.last(key), want)
			}
		}
		if !users["u "+u.last("Service.User")] {
			t.Errorf("%s runs as %q, whom sysusers does not make", name, u.last("Service.User"))
		}
		if !strings.HasPrefix(u.last("Service.ExecStart"), "/usr/bin/station ") || !strings.HasSuffix(u.last("Service.ExecStart"), " --dir "+stationFolder) {
			t.Errorf("%s: ExecStart = %s; want the station's program, with its folder", name, u.last("Service.ExecStart"))
		}
	}
	if u := parseUnit(t, "railgate-station.service"); u.last("Service.Restart") != "always" || u.last("Unit.StartLimitIntervalSec") != "0" || !slices.Contains(strings.Fields(u.last("Unit.After")), "time-sync.target") {
		t.Error("want a station that is restarted always, and begins with the right time where it can")
	}
	if u := parseUnit(t, "railgate-station-timestamp.service"); u.last("Service.Type") != "oneshot" || u.last("Service.PrivateNetwork") != "yes" {
		t.Error("want a timestamp that is signed once, without a network")
	}
}

// The timestamp is good for 72 hours: the timer comes so often that it may miss some.
func TestTheTimestampsTimer(t *testing.T) {
	u := parseUnit(t, "railgate-station-timestamp.timer")
	for key, want := range map[string]string{"Timer.OnCalendar": "*-*-* 00/6:00:00", "Timer.Persistent": "yes", "Install.WantedBy": "timers.target"} {
		if u.last(key) != want {
			t.Errorf("%s = %q; want %q", key, u.last(key), want)
		}
	}
	if u["Timer.Unit"] != nil {
		t.Errorf("Unit = %v; want the service of its own name", u["Timer.Unit"])
	}
	if out, err := analyze(t, "calendar", u.last("Timer.OnCalendar")); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheStationIsShutOff(t *testing.T) {
	for name, most := range stationUnits {
		dir := t.TempDir()
		copyTo(t, dir, name, nil)
		if out, err := analyze(t, "security", "--offline=true", "--threshold="+most, filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v: more exposed than %s/10\n%s", name, err, most, out)
		}
		copyTo(t, dir, name, func(s string) string { return strings.ReplaceAll(s, "CapabilityBoundingSet=\n", "") })
		if out, err := analyze(t, "security", "--offline=true", "--threshold="+most, filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: capabilities for everything, and not refused:\n%s", name, out)
		}
	}
}

func TestTheStationsUnitsAreUnderstood(t *testing.T) {
	dir := t.TempDir()
	program, err := exec.LookPath("true")
	if err != nil {
		t.Skip("skipped: it needs true(1)")
	}
	programs := strings.NewReplacer("/usr/bin/station", program, "Documentation=", "# Documentation=")
	args := []string{"verify", "--man=no"}
	for _, name := range []string{"railgate-station.service", "railgate-station-timestamp.service", "railgate-station-timestamp.timer"} {
		copyTo(t, dir, name, programs.Replace)
		args = append(args, filepath.Join(dir, name))
	}
	if out, err := analyze(t, args...); err != nil || strings.Contains(out, dir) {
		t.Errorf("%v\n%s", err, out)
	}
	copyTo(t, dir, "railgate-station.service", func(s string) string {
		return programs.Replace(strings.ReplaceAll(s, "RestartSec=", "RestartSecs="))
	})
	if out, _ := analyze(t, args...); !strings.Contains(out, "RestartSecs") {
		t.Errorf("a misspelled key is not said:\n%s", out)
	}
}

// buildStation makes the station's program.
func buildStation(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "station")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../cmd/station").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// The station's program knows the commands and flags that the units give it, and each has
// its manual page.
func TestTheStationKnowsWhatItIsTold(t *testing.T) {
	program, manuals := buildStation(t), t.TempDir()
	if out, err := exec.Command(program, "man", manuals).CombinedOutput(); err != nil {
		t.Fatalf("station man: %v\n%s", err, out)
	}
	for name := range stationUnits {
		u := parseUnit(t, name)
		args := strings.Fields(u.last("Service.ExecStart"))[1:]
		out, err := exec.Command(program, append(args, "--help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "station "+args[0]+" [flags]") {
			t.Errorf("station %v --help: %v\n%s", args, err, out)
		}
		for page := range strings.FieldsSeq(u.last("Unit.Documentation")) {
			file := strings.NewReplacer("man:", "", "(1)", ".1").Replace(page)
			if info, err := os.Stat(filepath.Join(manuals, "man1", file)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %s: %v; want that page", name, page, err)
			}
		}
	}
}

func TestTheStationsUserAndFoldersAreMade(t *testing.T) {
	for _, program := range []string{"systemd-sysusers", "systemd-tmpfiles"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: it needs %s (apt install systemd)", program)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("skipped: it needs root: folders are given to users")
	}
	root := t.TempDir()
	key := filepath.Join(root, "etc/railgate-station/tls.key")
	if err := os.MkdirAll(filepath.Dir(key), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"systemd-sysusers", "--root=" + root, "sysusers.d/railgate-station.conf"}, {"systemd-tmpfiles", "--root=" + root, "--create", "tmpfiles.d/railgate-station.conf"}} {
		file, err := filepath.Abs(args[len(args)-1])
		if err != nil {
			t.Fatal(err)
		}
		args[len(args)-1] = file
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for path, want := range map[string]os.FileMode{key: 0o640, filepath.Dir(key): os.ModeDir | 0o750} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info, err, want)
		}
	}
}

func TestMakeInstallStation(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("skipped: it needs make (apt install make)")
	}
	dest := t.TempDir()
	cmd := exec.Command("make", "-C", "..", "--no-print-directory", "install-station", "DESTDIR="+dest, "PREFIX=/opt/station", "BIN=bin")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make install-station: %v\n%s", err, out)
	}
	names := []string{
		"bin/station", "lib/systemd/system/railgate-station-timestamp.timer", "lib/sysusers.d/railgate-station.conf", "lib/tmpfiles.d/railgate-station.conf",
		"share/man/man1/station.1", "share/doc/railgate-station/nats/station.conf", "share/doc/railgate-station/nginx/railgate-repository.conf",
	}
	for name := range stationUnits {
		names = append(names, "lib/systemd/system/"+name)
		u := parseUnit(t, filepath.Join(dest, "opt/station/lib/systemd/system", name))
		if got, _, _ := strings.Cut(u.last("Service.ExecStart"), " "); got != "/opt/station/bin/station" {
			t.Errorf("%s starts %s; want what was put in place", name, got)
		}
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dest, "opt/station", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v; want it, and not empty", name, err)
		}
	}
}
