package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

func TestACameraHasItsLens(t *testing.T) {
	c, err := Parse("gate.toml", []byte("[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nexposure = \"2.5ms\"\nfocus = -3\nk1 = 0.35\n[turnstile]\ndriver = \"sim\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Scanners[0]; s.Exposure != 2500*time.Microsecond || s.Focus == nil || *s.Focus != -3 || s.K1 != 0.35 {
		t.Errorf("scanner %+v; want an exposure of 2.5 ms a focus of -3 and a k1 of 0.35", s)
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
	usb, err := Parse("usb.toml", []byte("[[scanner]]\ndriver = \"hid\"\ndevice = \"0c2e:0b61\"\n[[scanner]]\ndriver = \"keyboard\"\ndevice = \"/dev/railgate/keyboard\"\nsuffix = \"\\t\"\n[turnstile]\ndriver = \"sim\"\n"))
	if err != nil || usb.Scanners[0].Device != "0c2e:0b61" || usb.Scanners[1].Suffix != "\t" {
		t.Errorf("scanners on USB: %+v, %v", usb, err)
	}
	check, err := Parse("check.toml", []byte("[lane]\ndirection = \"check\"\n[[scanner]]\ndriver = \"serial\"\nport = \"/dev/p\"\nsuffix = \"\"\n"))
	if err != nil || check.Turnstile.Driver != "" || check.Scanners[0].Suffix != "" {
		t.Errorf("a lane that opens nothing: %v; want no turnstile needed", err)
	}
}

// Each row is a document and the one problem it has: line, key, and words.
func TestEveryKeyIsChecked(t *testing.T) {
	const serial = "[[scanner]]\ndriver = \"serial\"\nport = \"/dev/p\"\n"
	const sim = "[turnstile]\ndriver = \"sim\"\n"
	const rest = serial + sim
	const named = "station = \"GZQ\"\ngate = \"A07\"\n" + rest
	for _, tt := range []struct {
		name, text string
		line       int
		key, words string
	}{
		{"not TOML", "station = \n", 1, "station", "KEY = VALUE"},
		{"a text of UTF-16", "\xff\xfeg\x00=\x00", 0, "", "save it as UTF-8"},
		{"not TOML in a section", rest + "[lane]\nclasses = [1]\ndirection = entry\n", 8, "lane.direction", "text in quotes"},
		{"an unknown key", "statoin = \"GZQ\"\n" + rest, 1, "statoin", "unknown key"},
		{"an unknown section", rest + "[lnae]\nx = 1\n", 6, "lnae", "unknown key"},
		{"a key of another section", rest + "[lane]\npulse = \"1s\"\n", 7, "lane.pulse", "belongs in [turnstile]"},
		{"a number for a name", "station = 7\n" + rest, 1, "station", "want text in quotes"},
		{"text for a number", serial + "baud = \"fast\"\n" + sim, 4, "scanner[0].baud", "want a whole number"},
		{"text for a list of numbers", rest + "[lane]\nclasses = \"1\"\n", 7, "lane.classes", "want a list of numbers"},
		{"text for a list of texts", rest + "active_low = \"open\"\n", 6, "turnstile.active_low", "want a list of texts"},
		{"text for a rate", rest + "[clock]\ndrift_ppm = \"x\"\n", 7, "clock.drift_ppm", "want a number"},
		{"a section twice", rest + "[turnstile]\npulse = \"1s\"\n", 6, "turnstile", "a second time, after line 4"},
		{"a key in capitals beside itself", rest + "[lane]\npassback = \"hard\"\nPassback = \"off\"\n", 8, "lane.Passback", "is it passback?"},
		{"a key in capitals", rest + "[lane]\nOPEN_FOR = \"5s\"\n", 7, "lane.OPEN_FOR", "is it open_for?"},
		{"a key twice", rest + "[lane]\npassback = \"hard\"\npassback = \"off\"\n", 8, "lane.passback", "after line 7"},
		{"a key twice, once dotted", "lane.passback = \"hard\"\nlane.passback = \"off\"\n" + rest, 2, "lane.passback", "after line 1"},
		{"a key of the file in a section", rest + "[lane]\nstation = \"GZQ\"\n", 7, "lane.station", "before the first [section]"},
		{"an unknown section in capitals", rest + "[Lane]\npassback = \"hard\"\n", 6, "Lane", "is it lane?"},
		{"an unknown key in quotes", rest + "\"lane.passback\" = \"hard\"\n", 6, "turnstile.\"lane.passback\"", "unknown key"},
		{"a section's name as a key", "lane = 3\n" + rest, 1, "lane", "write [lane]"},
		{"one scanner without a list", "[scanner]\ndriver = \"serial\"\n" + sim, 1, "scanner", "[[scanner]]"},
		{"a key of a scanner in a line", "scanner = [{driver = \"serial\", port = \"/dev/p\", Baud = 9600}]\n" + sim, 1, "scanner[0].Baud", "is it baud?"},
		{"a number too large", serial + "baud = 99999999999999999999\n" + sim, 4, "scanner.baud", "too large"},
		{"a date", "station = 1979-05-27\n" + rest, 1, "station", "want text in quotes"},
		{"relative data", "data = \"data\"\n" + rest, 1, "data", "is relative"},
		{"relative keys", "keys = \"./keys.json\"\n" + rest, 1, "keys", "is relative"},
		{"a relative port", "[[scanner]]\ndriver = \"serial\"\nport = \"ttyUSB0\"\n" + sim, 3, "scanner[0].port", "is relative"},
		{"a relative trace", rest + "trace = \"trace\"\n", 6, "turnstile.trace", "is relative"},
		{"a relative interlock", rest + "interlock = \"lock\"\n", 6, "turnstile.interlock", "is relative"},
		{"data that is everything", "data = \"/\"\n" + rest, 1, "data", "want a folder of the store's own"},
		{"a trace in the keyset's place", "keys = \"/k/keys.json\"\n" + rest + "trace = \"/k/keys.json\"\n", 7, "turnstile.trace", "is the keyset's file"},
		{"data on two lines", "data = \"/var/lib/rail\\ngate\"\n" + rest, 1, "data", `/var/lib/rail\ngate" has a control character`},
		{"one port for two scanners", serial + serial + sim, 6, "scanner[1].port", `the device of scanner "scanner1" already`},
		{"a scanner's name of 5,000 characters", serial + "name = \"" + strings.Repeat("n", 5000) + "\"\n" + sim, 4, "scanner[0].name", "(5000 bytes)"},
		{"a scanner's name on two lines", serial + "name = \"a\\nb\"\n" + sim, 4, "scanner[0].name", `"a\nb" is not a name`},
		{"a suffix that a code may hold", serial + "suffix = \"A\"\n" + sim, 4, "scanner[0].suffix", "part of a code"},
		{"less than a frame a second of a camera", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nfps = 0.5\n" + sim, 4, "scanner[0].fps", "of a camera"},
		{"one line for the relay and a light", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\npassage = \"b\"\n[panel]\ndriver = \"gpio\"\ngreen = \"a\"\n", 10, "panel.green", "turnstile.open already"},
		{"an address with a bad host", rest + "[http]\nlisten = \"300.1.1.1:80\"\n", 7, "http.listen", "HOST:PORT"},
		{"station", "station = \"a/b\"\n" + rest, 1, "station", "not a name"},
		{"gate", "gate = \"\\u0007\"\n" + rest, 1, "gate", "not a name"},
		{"data", "data = \"\"\n" + rest, 1, "data", "is empty"},
		{"lane.direction", rest + "[lane]\ndirection = \"sideways\"\n", 7, "lane.direction", "want entry, exit or check"},
		{"lane.classes empty", rest + "[lane]\nclasses = []\n", 7, "lane.classes", "nobody could pass"},
		{"lane.classes", rest + "[lane]\nclasses = [1, 4]\n", 7, "lane.classes", "4 is not a class"},
		{"lane.classes twice", rest + "[lane]\nclasses = [1, 1]\n", 7, "lane.classes", "in the list twice"},
		{"lane.tickets", rest + "[lane]\ntickets = \"maybe\"\n", 7, "lane.tickets", "want off or required"},
		{"lane.tickets without a station", rest + "[lane]\ntickets = \"required\"\n", 7, "lane.tickets", "comes from sync.station"},
		{"lane.hours", rest + "[lane]\nhours = \"5:30-23:45\"\n", 7, "lane.hours", "want such as"},
		{"lane.per_day", rest + "[lane]\nper_day = -1\n", 7, "lane.per_day", "0 to 1000"},
		{"hours of an exit", rest + "[lane]\nhours = \"05:30-23:45\"\ndirection = \"exit\"\n", 7, "lane.hours", "no other lane may keep anybody in"},
		{"per_day of an exit", rest + "[lane]\nper_day = 2\ndirection = \"exit\"\n", 7, "lane.per_day", "no other lane"},
		{"tickets of an exit", named + "[lane]\ntickets = \"required\"\ndirection = \"exit\"\n[sync]\nnation = \"/n\"\nstation = \"/s\"\n", 9, "lane.tickets", "no other lane"},
		{"hours of a check", serial + "[lane]\ndirection = \"check\"\nhours = \"05:30-23:45\"\n", 6, "lane.hours", "no other lane"},
		{"lane.passback", rest + "[lane]\npassback = \"firm\"\n", 7, "lane.passback", "want off, soft or hard"},
		{"lane.passback_for", rest + "[lane]\npassback_for = \"2 hours\"\n", 7, "lane.passback_for", "not a duration"},
		{"lane.open_for", rest + "[lane]\nopen_for = \"1h\"\n", 7, "lane.open_for", "out of range"},
		{"no scanner", sim, 0, "", "no [[scanner]]"},
		{"scanner.driver", "[[scanner]]\ndriver = \"serail\"\n" + sim, 2, "scanner[0].driver", "want serial, hid, keyboard or camera"},
		{"scanner.driver missing", "[[scanner]]\nport = \"/dev/p\"\n" + sim, 1, "scanner[0].driver", "want serial, hid, keyboard or camera"},
		{"scanner.driver by another name", "[[scanner]]\ndriver = \"HID-POS\"\n" + sim, 2, "scanner[0].driver", "is it hid?"},
		{"scanner.driver by a keyboard's other name", "[[scanner]]\ndriver = \"wedge\"\n" + sim, 2, "scanner[0].driver", "is it keyboard?"},
		{"a HID scanner without a device", "[[scanner]]\ndriver = \"hid\"\n" + sim, 1, "scanner[0].device", "is missing; want /dev/railgate/hid"},
		{"a HID scanner's device by half a name", "[[scanner]]\ndriver = \"hid\"\ndevice = \"c2e:b61\"\n" + sim, 3, "scanner[0].device", "four hexadecimal digits"},
		{"a keyboard by a relative path", "[[scanner]]\ndriver = \"keyboard\"\ndevice = \"event0\"\n" + sim, 3, "scanner[0].device", "is not a device; want /dev/railgate/keyboard"},
		{"a keyboard by a number", "[[scanner]]\ndriver = \"keyboard\"\ndevice = 3\n" + sim, 3, "scanner[0].device", "want text"},
		{"a suffix of a HID scanner", "[[scanner]]\ndriver = \"hid\"\ndevice = \"0c2e:0b61\"\nsuffix = \"\"\n" + sim, 4, "scanner[0].suffix", "not for driver"},
		{"a suffix of a keyboard", "[[scanner]]\ndriver = \"keyboard\"\ndevice = \"/dev/k\"\nsuffix = \"A\"\n" + sim, 4, "scanner[0].suffix", "part of a code"},
		{"one keyboard for two", "[[scanner]]\ndriver = \"keyboard\"\ndevice = \"/dev/k\"\n[[scanner]]\ndriver = \"keyboard\"\ndevice = \"/dev/k\"\n" + sim, 6, "scanner[1].device", "already"},
		{"scanner.name twice", "[[scanner]]\nname = \"a\"\ndriver = \"serial\"\nport = \"/dev/p\"\n[[scanner]]\nname = \"a\"\ndriver = \"serial\"\nport = \"/dev/q\"\n" + sim, 6, "scanner[1].name", "another scanner's"},
		{"scanner.port missing", "[[scanner]]\ndriver = \"serial\"\n" + sim, 1, "scanner[0].port", "is missing"},
		{"scanner.baud", serial + "baud = 7\n" + sim, 4, "scanner[0].baud", "want 1200 to 4000000"},
		{"scanner.suffix", serial + "suffix = \"123456789\"\n" + sim, 4, "scanner[0].suffix", "too long"},
		{"a camera's key on a serial scanner", serial + "fps = 30.0\n" + sim, 4, "scanner[0].fps", "not for driver"},
		{"a serial scanner's key on a camera", "[[scanner]]\ndriver = \"camera\"\nframes = \"/f\"\nbaud = 9600\n" + sim, 4, "scanner[0].baud", "not for driver"},
		{"scanner.device missing", "[[scanner]]\ndriver = \"camera\"\n" + sim, 1, "scanner[0].device", "is missing"},
		{"scanner.frames and device", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nframes = \"/f\"\n" + sim, 4, "scanner[0].frames", "one of them"},
		{"scanner.size", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nsize = \"720p\"\n" + sim, 4, "scanner[0].size", "WIDTHxHEIGHT"},
		{"scanner.size with more behind it", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nsize = \"1280x720p\"\n" + sim, 4, "scanner[0].size", "WIDTHxHEIGHT"},
		{"scanner.exposure", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nexposure = \"5 ms\"\n" + sim, 4, "scanner[0].exposure", "not a duration"},
		{"scanner.exposure of a minute", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nexposure = \"1m\"\n" + sim, 4, "scanner[0].exposure", "out of range"},
		{"scanner.focus", "[[scanner]]\ndriver = \"camera\"\ndevice = \"/dev/d\"\nfocus = \"near\"\n" + sim, 4, "scanner[0].focus", "want a whole number"},
		{"exposure of a serial scanner", serial + "exposure = \"5ms\"\n" + sim, 4, "scanner[0].exposure", "not for driver"},
		{"scanner.fps", "[[scanner]]\ndriver = \"camera\"\nframes = \"/f\"\nfps = 0.0\n" + sim, 4, "scanner[0].fps", "want 0.1 to 240"},
		{"scanner.fps not a number", "[[scanner]]\ndriver = \"camera\"\nframes = \"/f\"\nfps = nan\n" + sim, 4, "scanner[0].fps", "want 0.1 to 240"},
		{"turnstile missing", serial, 0, "turnstile.driver", "is missing"},
		{"turnstile.driver", serial + "[turnstile]\ndriver = \"relay\"\n", 5, "turnstile.driver", "want gpio or sim"},
		{"turnstile.open", serial + "[turnstile]\ndriver = \"gpio\"\npassage = \"b\"\n", 4, "turnstile.open", "is missing"},
		{"turnstile.passage", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\n", 4, "turnstile.passage", "is missing"},
		{"turnstile lines that are one", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\npassage = \"b\"\nemergency = \"a\"\n", 8, "turnstile.emergency", "already"},
		{"turnstile.active_low", rest + "active_low = [\"relay\"]\n", 6, "turnstile.active_low", "want some of open, passage, emergency"},
		{"turnstile.pulse too short", rest + "pulse = \"49ms\"\n", 6, "turnstile.pulse", "want 50ms to 5s"},
		{"turnstile.pulse too long", rest + "pulse = \"5001ms\"\n", 6, "turnstile.pulse", "want 50ms to 5s"},
		{"turnstile.pulse", rest + "pulse = \"long\"\n", 6, "turnstile.pulse", "not a duration"},
		{"turnstile.trace", serial + "[turnstile]\ndriver = \"gpio\"\nopen = \"a\"\npassage = \"b\"\ntrace = \"/t\"\n", 8, "turnstile.trace", "sim"},
		{"turnstile.passage_after", rest + "passage_after = \"soon\"\n", 6, "turnstile.passage_after", "not a duration"},
		{"panel.driver", rest + "[panel]\ndriver = \"led\"\n", 7, "panel.driver", "want gpio or sim"},
		{"panel.driver missing", rest + "[panel]\ngreen = \"a\"\n", 6, "panel.driver", "want gpio or sim"},
		{"panel lines that are one", rest + "[panel]\ndriver = \"gpio\"\ngreen = \"a\"\nred = \"a\"\n", 9, "panel.red", "already"},
		{"panel.active_low", rest + "[panel]\ndriver = \"gpio\"\nactive_low = [\"blue\"]\n", 8, "panel.active_low", "want some of"},
		{"panel.languages", rest + "[panel]\ndriver = \"sim\"\nlanguages = [\"fr\"]\n", 8, "panel.languages", "want some of zh, en"},
		{"panel.languages empty", rest + "[panel]\ndriver = \"sim\"\nlanguages = []\n", 8, "panel.languages", "is empty"},
		{"http.listen", rest + "[http]\nlisten = \"8080\"\n", 7, "http.listen", "HOST:PORT"},
		{"clock.drift_ppm", rest + "[clock]\ndrift_ppm = -1.0\n", 7, "clock.drift_ppm", "want 0 to 1000"},
		{"clock.require_sync", rest + "[clock]\nrequire_sync = \"no\"\n", 7, "clock.require_sync", "want true or false"},
		{"sync.url", rest + "[sync]\nurl = \"https://station.example/tuf\"\n", 7, "sync.url", "nation = URL"},
		{"sync.station alone", "station = \"GZQ\"\ngate = \"A07\"\n" + rest + "[sync]\nstation = \"https://station.example/tuf\"\n", 9, "sync.station", "set nation too"},
		{"sync.station", "station = \"GZQ\"\ngate = \"A07\"\n" + rest + "[sync]\nnation = \"https://rail.example/nation\"\nstation = \"station.example\"\n", 10, "sync.station", "a URL nor a folder"},
		{"a gate of a station without a name", "station = \"GZQ\"\n" + rest + "[sync]\nnation = \"https://rail.example/nation\"\nstation = \"https://station.example/tuf\"\n", 0, "gate", "cannot name a gate"},
		{"sync.nation that is no URL", rest + "[sync]\nnation = \"rail.example\"\n", 7, "sync.nation", "neither a URL nor a folder"},
		{"sync.nation with a password", rest + "[sync]\nnation = \"https://a:b@rail.example\"\n", 7, "sync.nation", "neither a URL nor a folder"},
		{"sync.nation beside keys", "keys = \"/k\"\n" + rest + "[sync]\nnation = \"https://rail.example\"\n", 8, "sync.nation", "one source of keys"},
		{"sync.every", rest + "[sync]\nevery = \"0s\"\n", 7, "sync.every", "out of range"},
		{"sync.offline_for", rest + "[sync]\noffline_for = \"x\"\n", 7, "sync.offline_for", "not a duration"},
		{"sync.offline_stop", rest + "[sync]\noffline_stop = \"1h\"\n", 7, "sync.offline_stop", "before offline_for"},
		{"bus.credentials", rest + "[bus]\ncredentials = \"f\"\n", 7, "bus.credentials", "its own key"},
		{"bus.servers", named + "[bus]\nservers = [\"nats://a\"]\n[sync]\nnation = \"/n\"\nstation = \"/s\"\n", 9, "bus.servers", "tls://station.example"},
		{"bus.servers without a station", rest + "[bus]\nservers = [\"tls://a:1\"]\n", 7, "bus.servers", "sync.station"},
		{"bus.cut", rest + "[bus]\ncut = \"maybe\"\n", 7, "bus.cut", "want open or closed"},
		{"bus.cut without a station", rest + "[bus]\ncut = \"closed\"\n", 7, "bus.cut", "sync.station"},
		{"bus.cut of an exit", named + "[lane]\ndirection = \"exit\"\n[bus]\ncut = \"closed\"\n[sync]\nnation = \"/n\"\nstation = \"/s\"\n", 11, "bus.cut", "no other lane"},
		{"journal.days", rest + "[journal]\ndays = 0\n", 7, "journal.days", "1 to 3650"},
		{"journal.max_bytes", rest + "[journal]\nmax_bytes = \"2 gigs\"\n", 7, "journal.max_bytes", "not a size"},
		{"journal.max_bytes too small", rest + "[journal]\nmax_bytes = \"10KB\"\n", 7, "journal.max_bytes", "not a size"},
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

// Whatever is wrong, of every kind, is told at once, from the first line to the last.
// Editors elsewhere begin a file with a byte order mark, and end its lines in their way.
func TestAConfigurationFromAnotherEditor(t *testing.T) {
	text := "\ufeff" + strings.ReplaceAll("keys = \"/k\"\n"+bench, "\n", "\r\n")
	if c, err := Parse("gate.toml", []byte(text)); err != nil || c.Keys != "/k" {
		t.Errorf("%v; want it read", err)
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := Parse("gate.toml", []byte(`station = 7
lane.open_for = "x"
Gate = "A07"
gate = "A07"
gate = "A08"
data = "data"
[[scanner]]
driver = "serial"
[[scanner]]
driver = "serail"
fps = 30
[lnae]
passback = "off"
`))
	want := []string{"gate.toml:1: station:", "gate.toml:2: lane.open_for:", "gate.toml:3: Gate:", "gate.toml:5: gate:", "gate.toml:6: data:",
		"gate.toml:7: scanner[0].port:", "gate.toml:10: scanner[1].driver:", "gate.toml:12: lnae:", "gate.toml: turnstile.driver:"}
	got := strings.Split(fmt.Sprint(err), "\n")
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("problems:\n%v\nwant lines that begin\n%s", err, strings.Join(want, "\n"))
		}
	}
}

// A value may be of any length and hold any character; what is said of it is a line that
// can be read.
func TestProblemsAreReadable(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, text := range []string{
		bench + "[lane]\ndirection = \"" + long + "\"\n",
		bench + "[lane]\n" + long + " = 1\n",
		bench + "[lane]\ndirection = \"a\\nb\\u001b[2J\\u202e\"\n",
		bench + "[lane]\n\"a\\nb\" = 1\n",
		bench + "[" + long + "]\n",
		bench + long + "\n",
		bench + "[panel]\ndriver = \"sim\"\nlanguages = [\"" + long + "\"]\n",
		bench + "[http]\nlisten = \"" + long + "\"\n",
		"data = \"" + long + "\"\n" + bench,
	} {
		_, err := Parse("gate.toml", []byte(text))
		if err == nil {
			t.Errorf("%.60q is taken", text)
			continue
		}
		wantReadable(t, err)
	}
}

func wantReadable(t *testing.T, err error) {
	t.Helper()
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSuffix(line, "\n")
		if n := len([]rune(line)); n > 600 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%d characters: %.700q; want a line that can be read", n, line)
		}
	}
}

// The reference has every key, and what it says of a range is true.
func TestReferenceHasEveryKey(t *testing.T) {
	d := newDocument("railgated.toml", Reference)
	(&checker{Config: &Config{}, document: d}).check()
	text := string(Reference)
	for name := range d.asked {
		section, key := split(name)
		section, _, isScanner := strings.Cut(section, "[")
		head := "\n[" + section + "]"
		if isScanner {
			head = "\n[[scanner]]"
		}
		if section == "" {
			head = ""
		}
		if _, under, ok := strings.Cut(text, head); !ok || !strings.Contains(under, "\n"+key+" ") && !strings.Contains(under, "\n# "+key+" ") && !strings.Contains(under, " "+key+" = ") {
			t.Errorf("the reference does not have %s", name)
		}
	}
	for _, k := range []duration{exposure, pulse} {
		if _, line, _ := strings.Cut(text, k.key+" "); !strings.Contains(strings.SplitN(line, "\n", 2)[0], short(k.least)+" to "+short(k.most)) {
			t.Errorf("the reference does not say %s to %s of %s", short(k.least), short(k.most), k.key)
		}
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
	pipe, large := filepath.Join(dir, "pipe"), filepath.Join(dir, "large")
	if err := errors.Join(unix.Mkfifo(pipe, 0o600), os.WriteFile(large, nil, 0o600), os.Truncate(large, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	for path, words := range map[string]string{dir: "is not a file", pipe: "is not a file", large: "has 65537 bytes"} {
		if c, err := Load(path); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("Load(%s) = %v, %v; want %q", path, c, err, words)
		}
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
	f.Add([]byte("scanner = [{driver = 1}, {\"a.b\" = [1, \"x\"]}]\nlane = {open_for = \"1s\", open_for = \"2s\"}\n"))
	f.Add([]byte("lane.direction = \"exit\"\n[scanner]\nx = 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.toml", data)
		if (c == nil) == (err == nil) {
			t.Errorf("Parse = %v, %v", c, err)
		}
		if err != nil {
			wantReadable(t, err)
		}
	})
}

// Who may not read the file is not told to put another one in its place.
func TestWhoMayNotReadAConfigurationIsTold(t *testing.T) {
	for _, tt := range []struct {
		err       error
		want, not string
	}{
		{&fs.PathError{Op: "open", Path: "/g.toml", Err: fs.ErrPermission}, "try as root", "cp BOARD"},
		{&fs.PathError{Op: "stat", Path: "/g.toml", Err: fs.ErrNotExist}, "cp BOARD", "root"},
		{errors.New("\"/etc\" is not a file"), "name another with --config", "cp BOARD"},
	} {
		if got := Unread(tt.err, "begin with: cp BOARD").Error(); !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) {
			t.Errorf("%q; want %q in it, and not %q", got, tt.want, tt.not)
		}
	}
}
