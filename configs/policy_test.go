package configs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/verify/lane"
)

// local is a gate's file with a station: direction at line 5.
const local = `station = "GZQ"
gate = "A07"
[lane]
passback = "hard"
direction = "entry"
[[scanner]]
driver = "serial"
port = "/dev/p"
[turnstile]
driver = "sim"
[sync]
nation = "/srv/nation"
station = "/srv/station"
`

func parseLocal(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("gate.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func settingOf(c *Config, key string) (s Setting) {
	for _, s := range c.Settings() {
		if s.Key == key {
			return s
		}
	}
	return Setting{}
}

// Each key of a policy lies over the file's; each of the others stays the file's, or its default.
func TestAPolicyLiesOverTheFileKeyByKey(t *testing.T) {
	c := parseLocal(t, local)
	p, err := c.WithPolicy(Policy{Name: "gates/A07.toml", Version: 17, Data: []byte("[lane]\nhours = \"05:30-23:45\"\nper_day = 4\ntickets = \"required\"\nclasses = [1]\npassback_for = \"1h\"\ndirection = \"entry\"\n")})
	if err != nil {
		t.Fatal(err)
	}
	want := Lane{Direction: "entry", Classes: []int{1}, Passback: "hard", PassbackFor: time.Hour, OpenFor: 5 * time.Second, Tickets: true, Hours: lane.Hours{From: 330, Until: 1425}, PerDay: 4}
	if got := p.Lane; !slices.Equal(got.Classes, want.Classes) || got.Passback != want.Passback || got.PassbackFor != want.PassbackFor || got.OpenFor != want.OpenFor || !got.Tickets || got.Hours != want.Hours || got.PerDay != 4 {
		t.Errorf("lane = %+v; want %+v", got, want)
	}
	for key, from := range map[string]string{
		"lane.hours": "station policy 17", "lane.direction": "station policy 17", "lane.passback": "gate.toml:4", "lane.open_for": "default",
		"station": "gate.toml:1", "scanner[0].port": "gate.toml:8", "scanner[0].baud": "default", "lane.classes": "station policy 17",
	} {
		if got := settingOf(p, key); got.From != from {
			t.Errorf("%s = %v comes from %q; want %q", key, got.Value, got.From, from)
		}
	}
	if c.Lane.Tickets || settingOf(c, "lane.hours").From != "default" || p.Sum != c.Sum {
		t.Error("the file's own configuration has changed with the policy's")
	}
	if got := settingOf(p, "lane.passback_for"); got.Value != "1h" {
		t.Errorf("passback_for = %v; want 1h", got.Value)
	}
}

// A policy is checked as the file is, and names its own file and line; whatever is wrong refuses it whole.
func TestABadPolicyIsRefused(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"not TOML", "[lane\n", "gates/A07.toml:1"},
		{"a word that is not known", "[lane]\ndirection = \"sideways\"\n", "gates/A07.toml:2: lane.direction"},
		{"the wrong kind", "[lane]\n\nper_day = \"2\"\n", "gates/A07.toml:3: lane.per_day"},
		{"out of range", "[lane]\nopen_for = \"1ms\"\n", "gates/A07.toml:2: lane.open_for"},
		{"an unknown key", "[lane]\nhour = \"05:30-23:45\"\n", "gates/A07.toml:2: lane.hour: is not a station's"},
		{"a device", "[turnstile]\nopen = \"GPIO17\"\n", "is not a station's"},
		{"a scanner", "[[scanner]]\ndriver = \"serial\"\n", "is not a station's"},
		{"where keys come from", "keys = \"/tmp/keys.json\"\n", "gates/A07.toml:1: keys: is not a station's"},
		{"a repository", "[sync]\nnation = \"/tmp\"\n", "is not a station's"},
		{"a key twice", "[lane]\nper_day = 1\nper_day = 2\n", "gates/A07.toml:3"},
		{"an exit that asks for tickets", "[lane]\ndirection = \"exit\"\ntickets = \"required\"\n", "gates/A07.toml:3: lane.tickets"},
		{"a section in line", "lane = 1\n", "is not a station's"},
		{"too long", "#" + strings.Repeat("x", maxFile), "at most"},
	} {
		p, err := parseLocal(t, local).WithPolicy(Policy{Name: "gates/A07.toml", Data: []byte(tt.text)})
		if err == nil || p != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want an error with %q", tt.name, err, tt.want)
		}
	}
	noTurnstile := strings.Replace(local, "[turnstile]\ndriver = \"sim\"\n", "", 1)
	check := parseLocal(t, strings.Replace(noTurnstile, `"entry"`, `"check"`, 1))
	if _, err := check.WithPolicy(Policy{Name: "gates/A07.toml", Data: []byte("[lane]\ndirection = \"entry\"\n")}); err == nil || !strings.Contains(err.Error(), "turnstile") {
		t.Errorf("an entry without a turnstile: %v; want it refused", err)
	}
}

// What is wrong for any gate is wrong without one.
func TestAPolicyIsCheckedWithoutItsGate(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "[lane]\nhours = \"05:30-23:45\"\ntickets = \"required\"\n": true, "[lane]\ndirection = \"exit\"\n": true,
		"[lane]\ndirection = \"exit\"\nper_day = 1\n": false, "keys = \"\"\n": false, "[lane]\nhours = \"5\"\n": false,
	} {
		if err := CheckPolicy(Policy{Name: "p.toml", Data: []byte(text)}); (err == nil) != want {
			t.Errorf("%q: %v; want good %v", text, err, want)
		}
	}
}

// A policy that takes back what the file says is one: hours = "" is always.
func TestAPolicyMayTakeAwayALimit(t *testing.T) {
	c := parseLocal(t, strings.Replace(local, "[lane]\n", "[lane]\nhours = \"05:30-23:45\"\nper_day = 3\n", 1))
	p, err := c.WithPolicy(Policy{Name: "gates/A07.toml", Data: []byte("[lane]\nhours = \"\"\nper_day = 0\n")})
	if err != nil || p.Lane.Hours != (lane.Hours{}) || p.Lane.PerDay != 0 {
		t.Errorf("%+v, %v; want no limit", p, err)
	}
	if p, err := c.WithPolicy(Policy{Name: "gates/A07.toml"}); err != nil || p.Lane.PerDay != 3 {
		t.Errorf("an empty policy: %v; want the file's", err)
	}
}

func FuzzPolicy(f *testing.F) {
	for _, text := range []string{"", "[lane]\nhours = \"05:30-23:45\"\n", "[lane]\ndirection = \"exit\"\n", "[bus]\ncut = \"closed\"\n", "lane = {per_day = 1}\n", "[lane]\nclasses = [1, 2]\n", "[[lane]]\nper_day = 1\n", "lane.per_day = 1\nscanner = []\n"} {
		f.Add(text)
	}
	c := parseLocal(f, local)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := c.WithPolicy(Policy{Name: "gates/A07.toml", Data: []byte(text)})
		if err != nil {
			return
		}
		if p.Keys != c.Keys || p.Data != c.Data || p.Turnstile.Open != c.Turnstile.Open || p.Sync != c.Sync || len(p.Scanners) != 1 || p.Scanners[0].Port != "/dev/p" {
			t.Errorf("a policy changes what is not a station's: %q", text)
		}
		if p.Lane.Direction != "entry" && (p.Lane.Tickets || p.Lane.PerDay > 0 || p.Lane.Hours != lane.Hours{}) {
			t.Errorf("a policy keeps people in: %q", text)
		}
	})
}
