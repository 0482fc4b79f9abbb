package systemd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/turnstile"
	"railgate/store/update"
)

// A unit is a unit file: section.key, with its values in their order.
type unit map[string][]string

func parseUnit(t *testing.T, path string) unit {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for i, line := range strings.Split(string(data), "\n") {
		key, value, isKey := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
		case isKey && section != "" && key == strings.TrimSpace(key):
			u[section+"."+key] = append(u[section+"."+key], value)
		default:
			t.Errorf("%s:%d: %q is no line of a unit", path, i+1, line)
		}
	}
	return u
}

// last is the value that counts where a key has one.
func (u unit) last(key string) string {
	if values := u[key]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

func TestTheGatesUnit(t *testing.T) {
	u := parseUnit(t, "railgated.service")
	for key, want := range map[string]string{
		"Unit.StartLimitIntervalSec":      "0",
		"Service.Type":                    "notify",
		"Service.InaccessiblePaths":       "-/run/dbus", // on it is RAUC, which writes slots
		"Service.Restart":                 "always",
		"Service.RestartSec":              "1",
		"Service.ExecStart":               "/usr/bin/railgated --config " + configs.DefaultPath,
		"Service.ExecStopPost":            "/usr/bin/railgate outputs-safe",
		"Service.User":                    "railgate",
		"Service.DevicePolicy":            "closed",
		"Service.CapabilityBoundingSet":   "",
		"Service.RuntimeDirectory":        "railgate", // where outputs-safe looks without being told
		"Service.ProcSubset":              "all",      // driver/clock.BootID
		"Service.PrivateDevices":          "no",
		"Service.PrivateUsers":            "no",
		"Service.PrivateNetwork":          "no", // the browser reaches the screen
		"Service.RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
	} {
		if _, ok := u[key]; !ok || u.last(key) != want {
			t.Errorf("%s = %q; want %q", key, u.last(key), want)
		}
	}
	if got := u.last("Service.RuntimeDirectoryPreserve"); got != "yes" {
		t.Errorf("RuntimeDirectoryPreserve = %q: outputs.json would be gone with the daemon", got)
	}
	folders := strings.Fields(u.last("Service.StateDirectory"))
	if c, err := configs.Parse("reference", configs.Reference); err != nil || c.Data != "/var/lib/"+folders[0] {
		t.Errorf("StateDirectory = %q, the reference's data %v (%v); want the first to be that folder", folders, c, err)
	}
	if len(folders) != 2 {
		t.Errorf("StateDirectory = %q; want a second one, for the store's mark", folders)
	}
}

// The folders that others look into must let the group in, and nobody else.
func TestTheGroupReachesTheSocket(t *testing.T) {
	u := parseUnit(t, "railgated.service")
	for _, key := range []string{"StateDirectoryMode", "RuntimeDirectoryMode", "ConfigurationDirectoryMode"} {
		if got := u.last("Service." + key); got != "0750" {
			t.Errorf("%s = %q; want 0750", key, got)
		}
	}
	if path := filepath.Join("/var/lib", strings.Fields(u.last("Service.StateDirectory"))[0], control.SocketName); len(path) > 107 {
		t.Errorf("%s is longer than a socket's address", path)
	}
}

// Times of the unit against times of the daemon.
func TestTheUnitIsAsPatientAsTheDaemon(t *testing.T) {
	u := parseUnit(t, "railgated.service")
	seconds := func(key string) time.Duration {
		d, err := time.ParseDuration(strings.ReplaceAll(u.last("Service."+key), "min", "m") + unitOf(u.last("Service."+key)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return d
	}
	// Fed every third, so one missed turn leaves a third; the lane says three seconds is the most it waits for a disk.
	if w := seconds("WatchdogSec"); w/3 < 3*time.Second || w > 15*time.Second {
		t.Errorf("WatchdogSec = %v; want three seconds to turn, and a frozen gate seen within 15 s", w)
	}
	// stopAll is 12 s, and a second for the log.
	if s := seconds("TimeoutStopSec"); s < 13*time.Second {
		t.Errorf("TimeoutStopSec = %v; want more than railgated takes", s)
	}
	if s := seconds("TimeoutAbortSec"); s > time.Second {
		t.Errorf("TimeoutAbortSec = %v; want the relay released within a second", s)
	}
	if n := u.last("Service.LimitNOFILE"); n != "1024" {
		t.Errorf("LimitNOFILE = %s; the serial library panics from file 1024 on", n)
	}
}

func unitOf(value string) string {
	if strings.ContainsAny(value, "msh") {
		return ""
	}
	return "s"
}

// What the programs are told in units they must understand.
func TestTheProgramsKnowWhatTheyAreTold(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "../cmd/railgated", "../cmd/railgate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	u := parseUnit(t, "railgated.service")
	run := func(line string, env ...string) (string, int) {
		args := strings.Fields(line)
		cmd := exec.Command(filepath.Join(dir, filepath.Base(args[0])), args[1:]...)
		cmd.Env = append(os.Environ(), env...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	bad := filepath.Join(dir, "bad.toml")
	if err := os.WriteFile(bad, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := run(strings.ReplaceAll(u.last("Service.ExecStart"), configs.DefaultPath, bad) + " --check"); code != 2 || !strings.Contains(out, bad) {
		t.Errorf("ExecStart with a bad configuration: %d, %s; want it read, and 2", code, out)
	}
	// ExecStopPost with a configuration that cannot be read, and what the daemon left: the relay is released.
	trace := filepath.Join(dir, "trace")
	if err := os.WriteFile(trace, []byte(`{"t":"2026-11-23T04:00:00Z","line":"open","level":1}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	outputs, err := turnstile.Outputs{Trace: trace}.Marshal()
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, turnstile.OutputsName), outputs, 0o600)); err != nil {
		t.Fatal(err)
	}
	out, code := run(u.last("Service.ExecStopPost")+" --config "+bad, "RUNTIME_DIRECTORY="+dir)
	if code != 0 {
		t.Errorf("ExecStopPost: %d, %s; want 0", code, out)
	}
	if data, err := os.ReadFile(trace); err != nil || !strings.Contains(string(data), `"level":0`) {
		t.Errorf("trace %q, %v; want the relay inactive", data, err)
	}
}

// classes are the devices that the drivers open, as /proc/devices names them.
var classes = []string{"char-gpiochip", "char-ttyUSB", "char-ttyACM", "char-ttyAMA", "char-ttyS", "char-video4linux", "char-hidraw", "char-input"}

func TestDevicesGoByClass(t *testing.T) {
	var got []string
	for _, allow := range parseUnit(t, "railgated.service")["Service.DeviceAllow"] {
		class, mode, _ := strings.Cut(allow, " ")
		if mode != "rw" {
			t.Errorf("DeviceAllow=%s; want rw", allow)
		}
		got = append(got, class)
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(classes))
	if !slices.Equal(got, want) {
		t.Errorf("DeviceAllow %v; want %v: a class, for a name is resolved once", got, want)
	}
}

func TestTheScreen(t *testing.T) {
	u := parseUnit(t, "railgate-kiosk.service")
	c, err := configs.Load("../configs/boards/raspberry-pi-5/railgated.toml") // configs' tests hold the others to the same address
	if err != nil {
		t.Fatal(err)
	}
	screen := ""
	for _, env := range u["Service.Environment"] {
		if value, ok := strings.CutPrefix(env, "RAILGATE_SCREEN="); ok {
			screen = value
		}
	}
	if screen != "http://"+c.HTTP.Listen+"/" {
		t.Errorf("the browser looks at %q, the boards' configurations listen on %q", screen, c.HTTP.Listen)
	}
	for _, key := range []string{"ExecStart", "ExecStartPre"} {
		if !strings.HasSuffix(u.last("Service."+key), " ${RAILGATE_SCREEN}") {
			t.Errorf("%s = %q; want the screen's address at its end", key, u.last("Service."+key))
		}
	}
	if !slices.Contains(strings.Fields(u.last("Unit.After")), "railgated.service") || u["Unit.Requires"] != nil || u["Unit.BindsTo"] != nil {
		t.Error("want the screen after the gate, and not gone with it")
	}
	if u.last("Service.Restart") != "always" || u.last("Unit.StartLimitIntervalSec") != "0" {
		t.Error("want a browser that dies restarted, always")
	}
	if !slices.Contains(u["Service.Environment"], "WLR_LIBINPUT_NO_DEVICES=1") {
		t.Error("cage does not start where there is no keyboard and no mouse")
	}
	if !slices.Contains(strings.Fields(u.last("Service.ExecStart")), "--enable-features=NetworkServiceInProcess2") {
		t.Error("the browser's network may end without the browser, before the page is there: nobody loads it again")
	}
	_, script, _ := strings.Cut(u.last("Service.ExecStopPost"), "'")
	for result, want := range map[string]string{"core-dump": "WLR_RENDERER=pixman\n", "signal": "WLR_RENDERER=pixman\n", "success": "", "exit-code": "", "oom-kill": ""} {
		env := filepath.Join(t.TempDir(), "env")
		c := exec.Command("/bin/sh", "-c", strings.ReplaceAll(strings.TrimSuffix(script, "'"), strings.TrimPrefix(u.last("Service.EnvironmentFile"), "-"), env))
		c.Env = []string{"SERVICE_RESULT=" + result}
		out, err := c.CombinedOutput()
		if got, _ := os.ReadFile(env); err != nil || string(got) != want {
			t.Errorf("a screen that ended by %s: %v, %s, then %q; want %q", result, err, out, got, want)
		}
	}
	css, err := os.ReadFile("../cmd/railgated/face/face.css")
	if err != nil || !strings.Contains(string(css), "cursor: none") {
		t.Errorf("the page does not hide the pointer (%v); then the unit must", err)
	}
	page, err := os.ReadFile("../cmd/railgated/face/index.html")
	if err != nil || !strings.Contains(string(page), `<meta name="google" content="notranslate">`) {
		t.Errorf("the page lets the browser offer a translation, in a bar across it (%v)", err)
	}
	if u.last("Service.ProtectSystem") == "strict" || u["Service.ProtectHome"] != nil {
		t.Error("cage could not make its socket in /run/user")
	}
	target := parseUnit(t, "railgate.target")
	if target.last("Unit.Wants") != "railgated.service railgate-kiosk.service" || target.last("Unit.AllowIsolate") != "yes" || u.last("Install.WantedBy") != "railgate.target" {
		t.Errorf("target %v; want the gate and its screen", target)
	}
}

func TestTheHardwareWatchdog(t *testing.T) {
	u := parseUnit(t, "system.conf.d/railgate.conf")
	if got := u.last("Manager.RuntimeWatchdogSec"); got != "10" {
		t.Errorf("RuntimeWatchdogSec = %q; want 10: a Raspberry Pi counts to 15", got)
	}
}

// A release whose programs hang is left all the same: whatever a trial waits for, and the trial itself, ends.
func TestATrialEnds(t *testing.T) {
	minutes := func(path, key string) time.Duration {
		t.Helper()
		value := parseUnit(t, path).last("Service." + key)
		d, err := time.ParseDuration(strings.Replace(value, "min", "m", 1))
		if err != nil {
			t.Errorf("%s: %s=%s; want a time", path, key, value)
		}
		return d
	}
	trial := parseUnit(t, "railgate-trial.service")
	if !slices.Contains(strings.Fields(trial.last("Unit.After")), "railgated.service") || trial.last("Unit.OnFailure") != "railgate-trial-failed.service" {
		t.Errorf("the trial comes after %q, and its failure is %q's", trial.last("Unit.After"), trial.last("Unit.OnFailure"))
	}
	before := minutes("railgated.service", "TimeoutStartSec") + minutes("railgate-network.service", "TimeoutStartSec") // a start without a limit is a oneshot's
	if before > 4*time.Minute {
		t.Errorf("a trial may begin %v late; docs/testing.md says four minutes at most", before)
	}
	// RAUC's and systemd's answers take two minutes at most: four at the start, and nine at the end (the mark, for three minutes and once more, and the restart).
	if most, needs := minutes("railgate-trial.service", "RuntimeMaxSec"), update.ProofEnds+13*time.Minute; most < needs || most > 30*time.Minute {
		t.Errorf("RuntimeMaxSec=%v; want %v at least, and half an hour at most", most, needs)
	}
}

// lines are those of a file that are no comment.
func lines(t *testing.T, path string) (found [][]string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) > 0 && f[0][0] != '#' {
			found = append(found, f)
		}
	}
	return found
}

func TestUsersFoldersAndModules(t *testing.T) {
	users := map[string]bool{}
	for _, f := range lines(t, "sysusers.d/railgate.conf") {
		users[strings.Join(f[:min(3, len(f))], " ")] = true
	}
	for _, want := range []string{"u railgate -", "u railgate-kiosk -", "m railgate dialout", "m railgate gpio", "m railgate video"} {
		if !users[want] {
			t.Errorf("sysusers has no %q", want)
		}
	}
	for _, name := range []string{"railgated.service", "railgate-kiosk.service"} {
		if user := parseUnit(t, name).last("Service.User"); !users["u "+user+" -"] {
			t.Errorf("%s runs as %q, whom sysusers does not make", name, user)
		}
	}
	if u := parseUnit(t, "railgated.service"); u["Service.IPAddressDeny"] != nil || u.last("Service.RestrictAddressFamilies") != "AF_UNIX AF_INET AF_INET6" {
		t.Error("railgated is kept from its station: its address is known to the configuration alone")
	}
	interlock, chips := "", ""
	for _, f := range lines(t, "tmpfiles.d/railgate.conf") {
		if len(f) != 6 || (f[0] != "d" && f[0] != "z") || (strings.HasPrefix(f[1], "/etc") && f[4] != "railgate") {
			t.Errorf("tmpfiles: %v; want d or z PATH MODE USER GROUP -, and the configuration readable for railgated", f)
		} else if strings.HasPrefix(f[1], "/run/lock") {
			interlock = f[1]
		} else if strings.HasPrefix(f[1], "/dev/gpiochip") {
			chips = strings.Join(f, " ")
		}
	}
	if got := parseUnit(t, "railgated.service").last("Service.ReadWritePaths"); interlock == "" || got != "-"+interlock {
		t.Errorf("ReadWritePaths=%s, tmpfiles makes %q; want the interlock's folder", got, interlock)
	}
	if chips != "z /dev/gpiochip* 0660 root gpio -" { // as udev's rule has it
		t.Errorf("tmpfiles: %q; want the chips opened to railgated before udev comes to them", chips)
	}
	modules := fmt.Sprint(lines(t, "modules-load.d/railgate.conf"))
	for _, want := range []string{"ftdi_sio", "cp210x", "ch341", "pl2303", "cdc_acm", "uvcvideo"} {
		if !strings.Contains(modules, "["+want+"]") {
			t.Errorf("modules-load.d has no %s", want)
		}
	}
}

// What the card says of signers counts at a gate that waits, and at no other.
func TestTheCardsSignersAreForAGateThatWaits(t *testing.T) {
	u := parseUnit(t, "railgate-provision.service")
	if !slices.Contains(u["Unit.ConditionPathExists"], "!/var/lib/railgate/provisioned.toml") || !slices.Contains(u["Unit.ConditionPathExists"], "|/boot/railgate/provision/provision.keys") {
		t.Errorf("conditions %q", u["Unit.ConditionPathExists"])
	}
	if got := u.last("Service.ExecStartPre"); !strings.HasSuffix(got, " /boot/railgate/provision/provision.keys /etc/railgate/provision.keys") || u.last("Service.ReadWritePaths") != "-/etc/railgate" {
		t.Errorf("the signers are put in place by %q", got)
	}
}
