package configs

import (
	"errors"
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
	dangling, link := filepath.Join(dir, "dangling"), filepath.Join(dir, "link")
	if err := errors.Join(os.Symlink(filepath.Join(dir, "nothing"), dangling), os.Symlink("/dev/null", link)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, key, words string }{
		{"a serial port", "[[scanner]]\ndriver = \"serial\"\nport = \"/dev/serial/by-id/nothing\"\n", "scanner[0].port", "plugged in"},
		{"a HID scanner", "[[scanner]]\ndriver = \"hid\"\ndevice = \"ffff:fffe\"\n", "scanner[0].device", "no HID-POS scanner ffff:fffe"},
		{"a HID scanner by its path", "[[scanner]]\ndriver = \"hid\"\ndevice = \"/dev/railgate/none\"\n", "scanner[0].device", "/dev/hidraw*"},
		{"a keyboard", "[[scanner]]\ndriver = \"keyboard\"\ndevice = \"ffff:fffe\"\n", "scanner[0].device", "/dev/input/by-id"},
		{"a camera", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/video99\"\n", "scanner[0].device", "plugged in"},
		{"a folder of frames", "[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "/none\"\n", "scanner[0].frames", "make the folder"},
		{"a data folder that is a file", "data = \"" + file + "\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "not a folder"},
		{"a keyset", "keys = \"" + dir + "/keys.json\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "keys", "keys.json from the issuer there"},
		{"a keyset that is a folder", "keys = \"" + dir + "\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "keys", "not a file"},
		{"a data folder in a file", "data = \"" + file + "/data\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "not a directory"},
		{"a data folder where none can be made", "data = \"/proc/railgate/data\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "cannot be made"},
		{"a data folder that is a link to nothing", "data = \"" + dangling + "\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "link to nothing"},
		{"a data folder in a link to nothing", "data = \"" + dangling + "/data\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "link to nothing"},
		{"a data folder with too long a name", "data = \"" + dir + "/" + strings.Repeat("x", 300) + "\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "name too long"},
		{"a data folder in one with too long a name", "data = \"" + dir + "/new/" + strings.Repeat("x", 300) + "/y\"\n[[scanner]]\ndriver = \"camera\"\nframes = \"" + dir + "\"\n", "data", "name too long"},
		{"one port by two names", "[[scanner]]\ndriver = \"serial\"\nport = \"/dev/null\"\n[[scanner]]\ndriver = \"serial\"\nport = \"" + link + "\"\n", "scanner[1].port", "scanner1"},
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
			if !strings.Contains(head, "data =") {
				head += fmt.Sprintf("data = %q\n", dir+"/data")
			}
			c, err := Parse("gate.toml", []byte(head+text+inTurnstile+"[["+rest))
			if err != nil {
				t.Fatal(err)
			}
			_, noKeys := c.CheckKeyset()
			err = errors.Join(noKeys, c.CheckDevices())
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

// A check leaves nothing behind, where the data folder is yet to be made.
func TestACheckMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := checkFolder(filepath.Join(dir, "not", "yet")); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v; want nothing", entries, err)
	}
}

func TestAConfigurationThatCanNeverOpen(t *testing.T) {
	for keys, want := range map[string]string{"": "gate.toml:1: keys: is empty and there is no station", "/etc/railgate/keys.json": ""} {
		c, err := Parse("gate.toml", fmt.Appendf(nil, "keys = %q\n%s", keys, bench))
		if err != nil {
			t.Fatal(err)
		}
		err = c.CheckOpens()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("keys = %q: %v; want %q", keys, err, want)
		}
	}
}

// What the system says of a path has the whole path in it; it is shown cut.
func TestProblemsWithLongPathsAreReadable(t *testing.T) {
	long := strings.Repeat("/folder", 500)
	c, err := Parse("gate.toml", fmt.Appendf(nil, "data = %q\nkeys = %q\n[turnstile]\ndriver = \"sim\"\ntrace = %q\n[[scanner]]\ndriver = \"serial\"\nport = %q\n",
		"/dev/null"+long, long, long+"/trace", long))
	if err != nil {
		t.Fatal(err)
	}
	_, noKeys := c.CheckKeyset()
	err = errors.Join(noKeys, c.CheckDevices())
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Fatalf("CheckDevices = %v; want four lines", err)
	}
	wantReadable(t, err)
}
