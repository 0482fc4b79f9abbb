package configs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every board's configuration is one, and its config.txt makes of each pin, until railgated starts, what
// railgated makes of it.
func TestBoards(t *testing.T) {
	files, err := filepath.Glob("boards/*.toml")
	if err != nil || len(files) != 5 {
		t.Fatalf("boards: %v, %v; want five", files, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(path, data)
			if err != nil {
				t.Fatal(err)
			}
			boot, err := os.ReadFile(strings.TrimSuffix(path, ".toml") + ".config.txt")
			if os.IsNotExist(err) && strings.Contains(path, "industrial") {
				return // a PC has no config.txt
			}
			if err != nil {
				t.Fatal(err)
			}
			checkBoot(t, c, bootPins(t, string(boot)))
			for _, want := range []string{"dtparam=strict_gpiod\n", "dtparam=watchdog=on\n", "rtc"} {
				if !strings.Contains(string(boot), want) {
					t.Errorf("config.txt has no %q", want)
				}
			}
		})
	}
}

// bootPins reads config.txt's gpio directive: what each pin is set to.
func bootPins(t *testing.T, text string) map[string]string {
	t.Helper()
	pins := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || strings.HasPrefix(line, "dtparam=") || strings.HasPrefix(line, "dtoverlay=") {
			continue
		}
		parts := strings.Split(line, "=")
		if len(parts) != 3 || parts[0] != "gpio" {
			t.Errorf("config.txt: %q is not understood", line)
			continue
		}
		for pin := range strings.SplitSeq(parts[1], ",") {
			pins["GPIO"+pin] = parts[2]
		}
	}
	return pins
}

func checkBoot(t *testing.T, c *Config, pins map[string]string) {
	t.Helper()
	output := func(line string, low bool) {
		want := "op,dl"
		if low {
			want = "op,dh"
		}
		wantPin(t, pins, line, want)
	}
	low := func(name string) bool { return slices.Contains(c.Turnstile.ActiveLow, name) }
	output(c.Turnstile.Open, low("open"))
	for name, line := range map[string]string{"green": c.Panel.Green, "red": c.Panel.Red, "buzzer": c.Panel.Buzzer} {
		output(line, slices.Contains(c.Panel.ActiveLow, name))
	}
	bias := map[bool]string{true: "ip,pu", false: "ip,pd"}
	wantPin(t, pins, c.Turnstile.Passage, bias[low("passage")])      // pulled to inactive
	wantPin(t, pins, c.Turnstile.Emergency, bias[!low("emergency")]) // pulled to active
}

func wantPin(t *testing.T, pins map[string]string, line, want string) {
	t.Helper()
	_, name, _ := strings.Cut(line, ":")
	if pins[name] != want {
		t.Errorf("config.txt makes of %s %q; want %q", name, pins[name], want)
	}
}
