package configs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"railgate/verify"
)

func someSettings() *verify.Settings {
	return &verify.Settings{
		Station: "GZQ", Gate: "A07", Direction: "exit", Nation: "https://rail.example/nation", NationRoot: bytes.Repeat([]byte{0xab}, 32),
		Repository: "https://gzq.example/tuf", StationRoot: bytes.Repeat([]byte{0xcd}, 32),
		Network: verify.Network{Address: "10.1.2.3/24", Gateway: "10.1.2.1", DNS: []string{"10.1.2.1", "10.1.2.2"}},
	}
}

func TestSettingsAreReadAsTheyAreWritten(t *testing.T) {
	few := someSettings()
	few.Repository, few.StationRoot, few.Network = "", nil, verify.Network{}
	for _, want := range []*verify.Settings{someSettings(), few} {
		got, err := ParseSettings("provisioned.toml", FormatSettings(want))
		if err != nil || !got.Equal(want) {
			t.Errorf("%s\nis read as %+v, %v; want %+v", FormatSettings(want), got, err, want)
		}
	}
}

// waiting is a gate's file on a read-only disk, with its data folder elsewhere.
func waiting(t *testing.T, more string) (path, data string) {
	t.Helper()
	data = t.TempDir()
	path = filepath.Join(t.TempDir(), "railgated.toml")
	text := "station = \"X\"\ndata = \"" + data + "\"\n" + more + bench + "[provision]\nwait = true\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

func TestWhatWasProvisionedLiesOverTheFile(t *testing.T) {
	path, data := waiting(t, "")
	c, err := Load(path)
	if err != nil || !c.Provision.Waiting || c.Provision.Damaged != nil {
		t.Fatalf("a gate that waits: %+v, %v", c, err)
	}
	if err := os.WriteFile(filepath.Join(data, ProvisionedName), FormatSettings(someSettings()), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Provision.Waiting || whole.Station != "GZQ" || whole.Gate != "A07" || whole.Lane.Direction != "exit" || whole.Sync.Nation != "https://rail.example/nation" ||
		whole.Sync.NationRoot != strings.Repeat("ab", 32) || whole.Network.Gateway != "10.1.2.1" {
		t.Errorf("%+v; want what was provisioned", whole)
	}
	if whole.Sum == c.Sum {
		t.Error("another configuration has the same sum: that the one worked does not say that the other does")
	}
	for _, s := range whole.Settings() {
		if s.Key == "station" && s.From != filepath.Join(data, ProvisionedName)+":2" {
			t.Errorf("station comes from %s", s.From)
		}
	}
	merged, err := whole.WithPolicy(Policy{Name: "gates/A07.toml", Version: 3, Data: []byte("[lane]\ndirection = \"entry\"\n")})
	if err != nil || merged.Lane.Direction != "entry" || merged.Gate != "A07" {
		t.Errorf("with a policy: %+v, %v; want its direction, and the gate's name", merged, err)
	}
}

// A gate whose own file says all does not look at what somebody left in its data folder.
func TestOnlyAGateThatWaitsIsProvisioned(t *testing.T) {
	path, data := waiting(t, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(path, bytes.Replace(text, []byte("wait = true"), []byte("wait = false"), 1), 0o600)
	os.WriteFile(filepath.Join(data, ProvisionedName), FormatSettings(someSettings()), 0o600)
	if c, err := Load(path); err != nil || c.Station != "X" || c.Provision.Waiting {
		t.Errorf("%+v, %v; want the file alone", c, err)
	}
}

func TestADamagedProvisionedFileLeavesAGateThatWaits(t *testing.T) {
	path, data := waiting(t, "")
	whole := FormatSettings(someSettings())
	for n := range whole[:len(whole)-1] {
		os.WriteFile(filepath.Join(data, ProvisionedName), whole[:n], 0o600)
		c, err := Load(path)
		if err != nil {
			t.Fatalf("cut after %d bytes, it does not start: %v", n, err)
		}
		if !c.Provision.Waiting && c.Sync.NationRoot == "" {
			t.Fatalf("cut after %d bytes, it is half a gate: %+v", n, c)
		}
		if c.Provision.Waiting && c.Provision.Damaged == nil {
			t.Fatalf("cut after %d bytes, it is as if there had been none", n)
		}
	}
}

func TestProvisioningSetsItsKeysAlone(t *testing.T) {
	good := string(FormatSettings(someSettings()))
	for _, tt := range []struct{ name, text, words string }{
		{"the data folder", "data = \"/\"\n" + good, "is not set when a gate is provisioned"},
		{"the relay", good + "[turnstile]\nopen = \"GPIO1\"\n", "is not set when a gate is provisioned"},
		{"free for all", strings.Replace(good, "[lane]\n", "[lane]\nclasses = [1, 2, 3]\n", 1), "lane.classes"},
		{"no direction", strings.Replace(good, `direction = "exit"`, "", 1), "want entry, exit or check"},
		{"a number", strings.Replace(good, `"A07"`, "7", 1), "wrong kind"},
		{"a short fingerprint", strings.Replace(good, "abab", "ab", 1), "is not a fingerprint"},
		{"a folder", strings.Replace(good, "https://rail.example/nation", "/media/usb", 1), "want a URL"},
		{"not TOML", "station = \n", "KEY = VALUE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := ParseSettings("x.toml", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("ParseSettings = %+v, %v; want %q", s, err, tt.words)
			}
		})
	}
}

// Editors elsewhere begin a file with a byte order mark, and end its lines their way.
func TestProvisioningTakesAFileOfAnotherEditor(t *testing.T) {
	text := "\ufeff" + strings.ReplaceAll(string(FormatSettings(someSettings())), "\n", "\r\n")
	if s, err := ParseSettings("x.toml", []byte(text)); err != nil || !s.Equal(someSettings()) {
		t.Errorf("ParseSettings = %+v, %v", s, err)
	}
}

// What the gate's own file forbids is said before a code is spent on it.
func TestSettingsThatTheFileContradicts(t *testing.T) {
	path, _ := waiting(t, "lane.hours = \"05:30-23:45\"\n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WithSettings(someSettings()); err == nil || !strings.Contains(err.Error(), "lane.hours") {
		t.Errorf("an exit with hours: %v; want an error that names lane.hours", err)
	}
	entry := someSettings()
	entry.Direction = "entry"
	if next, err := c.WithSettings(entry); err != nil || next.Gate != "A07" || c.Gate != "" {
		t.Errorf("an entry with hours: %+v, %v", next, err)
	}
}

func TestSignersAreALineEach(t *testing.T) {
	a, b := strings.Repeat("ab", 32), strings.Repeat("0C", 32)
	keys, err := ParseSigners([]byte("# who signs\n\n" + a + " the nation\n" + b + "\n"))
	if err != nil || len(keys) != 2 || keys[1][0] != 0x0c {
		t.Errorf("ParseSigners = %x, %v", keys, err)
	}
	for _, text := range []string{"", "# none\n", a[1:], a + "\nnonsense\n"} {
		if keys, err := ParseSigners([]byte(text)); err == nil {
			t.Errorf("%q is taken: %x", text, keys)
		}
	}
	c := &Config{Provision: Provision{Signers: filepath.Join(t.TempDir(), "none")}}
	if keys, err := c.ReadSigners(); keys != nil || err != nil {
		t.Errorf("no file: %x, %v; want none", keys, err)
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add(FormatSettings(someSettings()))
	f.Add([]byte("station = \"GZQ\"\n"))
	f.Add([]byte("network = { dns = [\"1.1.1.1\", 2] }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSettings("x.toml", data)
		if err != nil {
			return
		}
		again, err := ParseSettings("x.toml", FormatSettings(s))
		if err != nil || !again.Equal(s) {
			t.Errorf("%q is read as %+v, which is written and read as %+v (%v)", data, s, again, err)
		}
	})
}

func FuzzParseSigners(f *testing.F) {
	f.Add([]byte(strings.Repeat("ab", 32) + " the nation\n"))
	f.Add([]byte("#\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := ParseSigners(data)
		if err == nil && len(keys) == 0 {
			t.Errorf("%q: no error and no key", data)
		}
	})
}
