package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each row names a device or a file that the machine does not have.
func TestMissingDevicesAreNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, key, words string }{
		{"a serial port", "[[scanner]]\ndriver = \"serial\"\nport = \"/dev/serial/by-id/nothing\"\n", "scanner[0].port", "plugged in"},
		{"a camera", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/video99\"\n", "scanner[0].device", "plugged in"},
		{"a folder of frames", "[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "/none\"\n", "scanner[0].frames", "make the folder"},
		{"a data folder that is a file", "data = \"" + file + "\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "not a folder"},
		{"a keyset", "keys = \"" + dir + "/keys.json\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "keys", "keys.json there"},
		{"the trace's folder", "trace = \"" + dir + "/none/trace\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "turnstile.trace", "make the folder"},
		{"the interlock's folder", "interlock = \"" + dir + "/none/lock\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "turnstile.interlock", "make the folder"},
		{"a GPIO line", "[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n[panel]\ndriver = \"gpio\"\ngreen = \"NO-SUCH-LINE\"\n", "panel.green", "gpioinfo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const text = "[turnstile]\ndriver = \"sim\"\n"
			head, rest, _ := strings.Cut(tt.text, "[[")
			inTurnstile := ""
			if strings.HasPrefix(head, "trace") || strings.HasPrefix(head, "interlock") {
				head, inTurnstile = "", head
			}
			if !strings.HasPrefix(head, "data") {
				head += fmt.Sprintf("data = %q\n", dir+"/data")
			}
			c, err := Parse("gate.toml", []byte(head+text+inTurnstile+"[["+rest))
			if err != nil {
				t.Fatal(err)
			}
			err = c.CheckDevices()
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "gate.toml:") || !strings.Contains(err.Error(), tt.key+": ") || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("CheckDevices = %v; want one line with file, line, %s and %q", err, tt.key, tt.words)
			}
		})
	}
}

func TestDevicesThatAreThere(t *testing.T) {
	dir := t.TempDir()
	c, err := Parse("gate.toml", fmt.Appendf(nil, "data = %q\n[turnstile]\ndriver = \"sim\"\n[[scanner]]\ndriver = \"serial\"\nport = \"/dev/null\"\n[[scanner]]\ndriver = \"camera\"\nframes = %q\n", dir+"/not/yet", dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckDevices(); err != nil {
		t.Errorf("CheckDevices = %v; want nil", err)
	}
}
