package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestACameraHasItsLens(t *testing.T) {
	c, err := Parse("gate.toml", []byte("[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nexposure = \"2.5ms\"\nfocus = -3\n[turnstile]\ndriver = \"sim\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Scanners[0]; s.Exposure != 2500*time.Microsecond || s.Focus == nil || *s.Focus != -3 {
		t.Errorf("scanner %+v; want an exposure of 2.5 ms and a focus of -3", s)
	}
}

func TestReferenceIsAConfiguration(t *testing.T) {
	c, err := Parse("railgated.toml", Reference)
	if err != nil {
		t.Fatal(err)
	}
	if c.Lane.Direction != "entry" || c.Lane.OpenFor != 5*time.Second || c.Turnstile.Pulse != 300*time.Millisecond || c.Turnstile.PassageAfter != 0 {
		t.Errorf("lane %+v, turnstile %+v; want the reference's", c.Lane, c.Turnstile)
	}
	if len(c.Scanners) != 2 || c.Scanners[0].Suffix != "\r" || c.Scanners[1].Width != 1280 || c.Scanners[1].Height != 720 {
		t.Errorf("scanners %+v; want the reference's", c.Scanners)
	}
	if c.Journal.MaxBytes != 2e9 || c.Journal.Days != 90 || !c.Clock.RequireSync || c.Clock.DriftPPM != 50 {
		t.Errorf("journal %+v, clock %+v; want the reference's", c.Journal, c.Clock)
	}
}

// bench is the least that a configuration needs.
const bench = `
[[scanner]]
driver = "serial"
port = "/dev/ttyUSB0"

[turnstile]
driver = "sim"
`

func TestDefaults(t *testing.T) {
	c, err := Parse("bench.toml", []byte(bench))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Scanners[0]
	if s.Name != "scanner1" || s.Baud != 115200 || s.Suffix != "\r" || c.Data != "/var/lib/railgate" || c.Panel.Driver != "sim" || len(c.Panel.Languages) != 2 || c.Lane.Passback != "soft" {
		t.Errorf("%+v; want the defaults", c)
	}
	check, err := Parse("check.toml", []byte("[lane]\ndirection = \"check\"\n[[scanner]]\ndriver = \"serial\"\nport = \"p\"\nsuffix = \"\"\n"))
	if err != nil || check.Turnstile.Driver != "" || check.Scanners[0].Suffix != "" {
		t.Errorf("a lane that opens nothing: %v; want no turnstile needed", err)
	}
}

// Each row is a document and the one problem it has: line, key, and words.
func TestEveryKeyIsChecked(t *testing.T) {
	const serial = "[[scanner]]\ndriver = \"serial\"\nport = \"p\"\n"
	const sim = "[turnstile]\ndriver = \"sim\"\n"
	const rest = serial + sim
	for _, tt := range []struct {
		name, text string
		line       int
		key, words string
	}{
		{"not TOML", "station = \n", 1, "station", "KEY = VALUE"},
		{"not TOML in a section", rest + "[lane]\nclasses = [1]\ndirection = entry\n", 8, "lane.direction", "text in quotes"},
		{"an unknown key", "statoin = \"GZQ\"\n" + rest, 1, "statoin", "unknown key"},
		{"an unknown section", rest + "[lnae]\nx = 1\n", 6, "lnae", "unknown key"},
		{"a key of another section", rest + "[lane]\npulse = \"1s\"\n", 7, "lane.pulse", "unknown key"},
		{"a number for a name", "station = 7\n" + rest, 1, "station", "want text in quotes"},
		{"text for a number", serial + "baud = \"fast\"\n" + sim, 4, "scanner.baud", "want a whole number"},
		{"text for a list of numbers", rest + "[lane]\nclasses = \"1\"\n", 7, "lane.classes", "want a list of numbers"},
		{"text for a list of texts", rest + "active_low = \"open\"\n", 6, "turnstile.active_low", "want a list of texts"},
		{"text for a rate", rest + "[clock]\ndrift_ppm = \"x\"\n", 7, "clock.drift_ppm", "want a number"},
		{"a section twice", rest + "[turnstile]\npulse = \"1s\"\n", 6, "turnstile", "exists"},
		{"station", "station = \"a/b\"\n" + rest, 1, "station", "no name"},
		{"gate", "gate = \"\\u0007\"\n" + rest, 1, "gate", "no name"},
		{"data", "data = \"\"\n" + rest, 1, "data", "is empty"},
		{"lane.direction", rest + "[lane]\ndirection = \"sideways\"\n", 7, "lane.direction", "want entry, exit or check"},
		{"lane.classes empty", rest + "[lane]\nclasses = []\n", 7, "lane.classes", "nobody could pass"},
		{"lane.classes", rest + "[lane]\nclasses = [1, 4]\n", 7, "lane.classes", "4 is no class"},
		{"lane.classes twice", rest + "[lane]\nclasses = [1, 1]\n", 7, "lane.classes", "comes twice"},
		{"lane.tickets", rest + "[lane]\ntickets = \"maybe\"\n", 7, "lane.tickets", "want off or required"},
		{"lane.tickets without a station", rest + "[lane]\ntickets = \"required\"\n", 7, "lane.tickets", "manifest"},
		{"lane.passback", rest + "[lane]\npassback = \"firm\"\n", 7, "lane.passback", "want off, soft or hard"},
		{"lane.passback_for", rest + "[lane]\npassback_for = \"2 hours\"\n", 7, "lane.passback_for", "no duration"},
		{"lane.open_for", rest + "[lane]\nopen_for = \"1h\"\n", 7, "lane.open_for", "out of range"},
		{"no scanner", sim, 0, "", "no [[scanner]]"},
		{"scanner.driver", "[[scanner]]\ndriver = \"serail\"\n" + sim, 2, "scanner[0].driver", "want serial or camera"},
		{"scanner.driver missing", "[[scanner]]\nport = \"p\"\n" + sim, 1, "scanner[0].driver", "want serial or camera"},
		{"scanner.name twice", "[[scanner]]\nname = \"a\"\ndriver = \"serial\"\nport = \"p\"\n[[scanner]]\nname = \"a\"\ndriver = \"serial\"\nport = \"q\"\n" + sim, 6, "scanner[1].name", "another scanner's"},
		{"scanner.port missing", "[[scanner]]\ndriver = \"serial\"\n" + sim, 1, "scanner[0].port", "is missing"},
		{"scanner.baud", serial + "baud = 7\n" + sim, 4, "scanner[0].baud", "no speed"},
		{"scanner.suffix", serial + "suffix = \"123456789\"\n" + sim, 4, "scanner[0].suffix", "too long"},
		{"a camera's key on a serial scanner", serial + "fps = 30.0\n" + sim, 4, "scanner[0].fps", "not for driver"},
		{"a serial scanner's key on a camera", "[[scanner]]\ndriver = \"camera\"\nframes = \"f\"\nbaud = 9600\n" + sim, 4, "scanner[0].baud", "not for driver"},
		{"scanner.device missing", "[[scanner]]\ndriver = \"camera\"\n" + sim, 1, "scanner[0].device", "is missing"},
		{"scanner.frames and device", "[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nframes = \"f\"\n" + sim, 4, "scanner[0].frames", "one of them"},
		{"scanner.size", "[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nsize = \"720p\"\n" + sim, 4, "scanner[0].size", "WIDTHxHEIGHT"},
		{"scanner.size with more behind it", "[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nsize = \"1280x720p\"\n" + sim, 4, "scanner[0].size", "WIDTHxHEIGHT"},
		{"scanner.exposure", "[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nexposure = \"5 ms\"\n" + sim, 4, "scanner[0].exposure", "no duration"},
		{"scanner.exposure of a minute", "[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nexposure = \"1m\"\n" + sim, 4, "scanner[0].exposure", "out of range"},
		{"scanner.focus", "[[scanner]]\ndriver = \"camera\"\ndevice = \"d\"\nfocus = \"near\"\n" + sim, 4, "scanner.focus", "want a whole number"},
		{"exposure of a serial scanner", serial + "exposure = \"5ms\"\n" + sim, 4, "scanner[0].exposure", "not for driver"},
		{"scanner.fps", "[[scanner]]\ndriver = \"camera\"\nframes = \"f\"\nfps = 0.0\n" + sim, 4, "scanner[0].fps", "no rate"},
		{"scanner.fps not a number", "[[scanner]]\ndriver = \"camera\"\nframes = \"f\"\nfps = nan\n" + sim, 4, "scanner[0].fps", "no rate"},
		{"turnstile missing", serial, 0, "turnstile.driver", "is missing"},
		{"turnstile.driver", serial + "[turnstile]\ndriver = \"relay\"\n", 5, "turnstile.driver", "want gpio or sim"},
		{"turnstile.open", serial + "[turnstile]\ndriver = \"gpio\"\npassage = \"b\"\n", 4, "turnstile.open", "is missing"},
		{"turnstile.passage", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\n", 4, "turnstile.passage", "is missing"},
		{"turnstile lines that are one", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\npassage = \"b\"\nemergency = \"a\"\n", 8, "turnstile.emergency", "already"},
		{"turnstile.active_low", rest + "active_low = [\"relay\"]\n", 6, "turnstile.active_low", "want some of open, passage, emergency"},
		{"turnstile.pulse too short", rest + "pulse = \"49ms\"\n", 6, "turnstile.pulse", "want 50ms to 5s"},
		{"turnstile.pulse too long", rest + "pulse = \"5001ms\"\n", 6, "turnstile.pulse", "want 50ms to 5s"},
		{"turnstile.pulse", rest + "pulse = \"long\"\n", 6, "turnstile.pulse", "no duration"},
		{"turnstile.trace", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\npassage = \"b\"\ntrace = \"t\"\n", 8, "turnstile.trace", "sim"},
		{"turnstile.passage_after", rest + "passage_after = \"soon\"\n", 6, "turnstile.passage_after", "no duration"},
		{"panel.driver", rest + "[panel]\ndriver = \"led\"\n", 7, "panel.driver", "want gpio or sim"},
		{"panel.driver missing", rest + "[panel]\ngreen = \"a\"\n", 6, "panel.driver", "want gpio or sim"},
		{"panel lines that are one", rest + "[panel]\ndriver = \"gpio\"\ngreen = \"a\"\nred = \"a\"\n", 9, "panel.red", "already"},
		{"panel.active_low", rest + "[panel]\ndriver = \"gpio\"\nactive_low = [\"blue\"]\n", 8, "panel.active_low", "want some of"},
		{"panel.languages", rest + "[panel]\ndriver = \"sim\"\nlanguages = [\"fr\"]\n", 8, "panel.languages", "want some of zh, en"},
		{"panel.languages empty", rest + "[panel]\ndriver = \"sim\"\nlanguages = []\n", 8, "panel.languages", "is empty"},
		{"http.listen", rest + "[http]\nlisten = \"8080\"\n", 7, "http.listen", "HOST:PORT"},
		{"clock.drift_ppm", rest + "[clock]\ndrift_ppm = -1.0\n", 7, "clock.drift_ppm", "no drift"},
		{"clock.require_sync", rest + "[clock]\nrequire_sync = \"no\"\n", 7, "clock.require_sync", "want true or false"},
		{"sync.url", rest + "[sync]\nurl = \"https://station.example/tuf\"\n", 7, "sync.url", "keys = FILE"},
		{"sync.every", rest + "[sync]\nevery = \"0s\"\n", 7, "sync.every", "out of range"},
		{"sync.offline_for", rest + "[sync]\noffline_for = \"x\"\n", 7, "sync.offline_for", "no duration"},
		{"sync.offline_stop", rest + "[sync]\noffline_stop = \"1h\"\n", 7, "sync.offline_stop", "before offline_for"},
		{"bus.credentials", rest + "[bus]\ncredentials = \"f\"\n", 7, "bus.credentials", "no bus"},
		{"bus.servers", rest + "[bus]\nservers = [\"nats://a\"]\n", 7, "bus.servers", "no bus"},
		{"journal.days", rest + "[journal]\ndays = 0\n", 7, "journal.days", "1 to 3650"},
		{"journal.max_bytes", rest + "[journal]\nmax_bytes = \"2 gigs\"\n", 7, "journal.max_bytes", "no size"},
		{"journal.max_bytes too small", rest + "[journal]\nmax_bytes = \"10KB\"\n", 7, "journal.max_bytes", "no size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("gate.toml", []byte(tt.text))
			if err == nil {
				t.Fatalf("%+v; want a problem", c)
			}
			where := "gate.toml: "
			if tt.line > 0 {
				where = fmt.Sprintf("gate.toml:%d: ", tt.line)
			}
			got := err.Error()
			if strings.Contains(got, "\n") || !strings.HasPrefix(got, where) || !strings.Contains(got, tt.key) || !strings.Contains(got, tt.words) || strings.Contains(got, "struct") {
				t.Errorf("problem = %q; want one line that begins %q and says %q, %q", got, where, tt.key, tt.words)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := Parse("gate.toml", []byte("[lane]\ndirection = \"up\"\nopen_for = \"x\"\n"+bench))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("problems = %v; want two lines", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.toml")); err == nil || !strings.Contains(err.Error(), "none.toml") {
		t.Errorf("Load = %v; want an error that names the file", err)
	}
	path := filepath.Join(dir, "gate.toml")
	if err := os.WriteFile(path, []byte(bench), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); err != nil || c.Path != path {
		t.Errorf("Load = %+v, %v; want the file", c, err)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int64{"2GB": 2e9, "2GiB": 2 << 30, "1.5MB": 15e5, "100 KB": 1e5, "7B": 7} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Reference)
	f.Add([]byte(bench))
	f.Add([]byte("[[scanner]]\n[[scanner]]\na.b = {c = 1}\n"))
	f.Add([]byte("lane.direction = \"exit\"\n[scanner]\nx = 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.toml", data)
		if (c == nil) == (err == nil) {
			t.Errorf("Parse = %v, %v", c, err)
		}
	})
}
