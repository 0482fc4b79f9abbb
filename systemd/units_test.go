// Package systemd holds what a device boots: units, users, rules. Its tests read every file.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

// kinds says how each file of this folder is read. One that it does not know is an error.
var kinds = map[string]func(t *testing.T, path string){
	"railgated.service":      checkUnit,
	"railgate-kiosk.service": checkUnit,
	"railgate-kiosk.target":  checkUnit,
	"watchdog.conf":          checkUnit,
	"chrony.conf":            checkUnit,
	"sysusers.conf":          lines(`^(g\s+\S+\s+-|u\s+\S+\s+-\s+"[^"]+"\s+/\S+|m\s+\S+\s+\S+)$`),
	"tmpfiles.conf":          lines(`^[dz]\s+/\S+\s+0[0-7]{3}\s+\S+\s+\S+\s+-$`),
	"modules-load.conf":      lines(`^[a-z0-9_]+$`),
	"70-railgate.rules":      lines(`^([A-Z]+(\{\w+\})?(==|!=|=|\+=)"[^"]*", )*[A-Z]+(\{\w+\})?(==|!=|=|\+=)"[^"]*"$`),
}

func TestEveryFileIsRead(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".go" {
			continue
		}
		check := kinds[f.Name()]
		if check == nil {
			t.Errorf("%s: nobody reads it", f.Name())
			continue
		}
		seen++
		t.Run(f.Name(), func(t *testing.T) { check(t, f.Name()) })
	}
	if seen != len(kinds) {
		t.Errorf("%d files; want %d", seen, len(kinds))
	}
}

// lines checks every line that is neither empty nor a comment.
func lines(pattern string) func(*testing.T, string) {
	good := regexp.MustCompile(pattern)
	return func(t *testing.T, path string) {
		n := 0
		for line := range strings.Lines(read(t, path)) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			n++
			if !good.MatchString(line) {
				t.Errorf("%s: %q is not understood", path, line)
			}
		}
		if n == 0 {
			t.Errorf("%s says nothing", path)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// options are a unit's, by "Section.Name", in order.
func options(t *testing.T, path string) map[string][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := unit.DeserializeOptions(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	found := map[string][]string{}
	for _, o := range list {
		found[o.Section+"."+o.Name] = append(found[o.Section+"."+o.Name], o.Value)
	}
	return found
}

func checkUnit(t *testing.T, path string) {
	known := []string{"Unit", "Service", "Install", "Manager"}
	for key := range options(t, path) {
		if section, _, _ := strings.Cut(key, "."); !slices.Contains(known, section) {
			t.Errorf("%s: section %q", path, section)
		}
	}
}

// What the gate's safety rests on, and a later hand must not take out.
func TestGateUnit(t *testing.T) {
	got := options(t, "railgated.service")
	for key, want := range map[string]string{
		"Unit.StartLimitIntervalSec": "0",
		"Service.Type":               "notify",
		"Service.ExecStart":          "/usr/bin/railgated",
		"Service.ExecStopPost":       "/usr/bin/railgate outputs-safe",
		"Service.Restart":            "always",
		"Service.RestartSec":         "1",
		"Service.WatchdogSec":        "10",
		"Service.User":               "railgate",
		"Service.StateDirectory":     "railgate",
		"Service.RuntimeDirectory":   "railgate",
		"Service.DevicePolicy":       "closed",
	} {
		if v := got[key]; len(v) != 1 || v[0] != want {
			t.Errorf("%s is %q; want %q", key, v, want)
		}
	}
	for _, class := range []string{"gpiochip", "ttyUSB", "ttyACM", "ttyAMA", "ttyS", "video4linux"} {
		if !slices.Contains(got["Service.DeviceAllow"], "char-"+class+" rw") {
			t.Errorf("DeviceAllow %q; want %s", got["Service.DeviceAllow"], class)
		}
	}
}

// analyze is systemd-analyze, where it is.
func analyze(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here (apt install systemd)")
	}
	return path
}

// The exposure of the gate's unit is 1.6 at most.
func TestGateUnitIsLockedUp(t *testing.T) {
	out, err := exec.Command(analyze(t), "security", "--offline=true", "--no-pager", "--threshold=16", "./railgated.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "→") || err != nil && strings.HasPrefix(line, "✗") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// systemd itself finds nothing wrong, in a root folder that has the programs.
func TestUnitsVerify(t *testing.T) {
	analyze := analyze(t)
	root := t.TempDir()
	for _, program := range []string{"usr/bin/railgated", "usr/bin/railgate", "usr/bin/cage", "usr/bin/chromium", "bin/kill"} {
		put(t, filepath.Join(root, program), "#!/bin/sh\n", 0o755)
	}
	for _, name := range []string{"railgated.service", "railgate-kiosk.service", "railgate-kiosk.target"} {
		put(t, filepath.Join(root, "usr/lib/systemd/system", name), read(t, name), 0o644)
	}
	for _, name := range []string{"sysinit.target", "basic.target", "multi-user.target", "shutdown.target", "systemd-user-sessions.service", "getty@.service", "system.slice", "-.mount", "tmp.mount"} {
		text := "[Unit]\nDescription=" + name + "\n"
		if strings.HasSuffix(name, ".service") {
			text += "[Service]\nExecStart=/bin/kill\n"
		}
		put(t, filepath.Join(root, "usr/lib/systemd/system", name), text, 0o644)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", "--root="+root, "railgated.service", "railgate-kiosk.target", "railgate-kiosk.service").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "railgate") {
			t.Errorf("systemd-analyze verify (%v): %s", err, line)
		}
	}
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
