package configs

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// checker collects problems, so that a technician sees all of them at once.
type checker struct {
	*Config
	problems []error
}

func (c *checker) wrong(key, format string, args ...any) {
	c.problems = append(c.problems, c.Problem(key, format, args...))
}

// check fills in the configuration from the document, or says what is wrong.
func (c *Config) check(raw *file) error {
	ch := &checker{Config: c}
	ch.checkNames(raw)
	ch.checkLane(raw)
	ch.checkScanners(raw)
	ch.checkTurnstile(raw)
	ch.checkPanel(raw)
	ch.checkRest(raw)
	return errors.Join(ch.problems...)
}

func (c *checker) checkNames(raw *file) {
	c.Station, c.Gate, c.Data, c.Keys = raw.Station, raw.Gate, raw.Data, raw.Keys
	c.name("station", raw.Station)
	c.name("gate", raw.Gate)
	if raw.Data == "" {
		c.wrong("data", "is empty; want the store's folder, such as /var/lib/railgate")
	}
}

func (c *checker) name(key, name string) {
	if len(name) > 32 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '/' }) {
		c.wrong(key, "%q is no name; want up to 32 printable characters and no slash", name)
	}
}

func (c *checker) checkLane(raw *file) {
	l := raw.Lane
	c.Lane = Lane{Direction: l.Direction, Classes: l.Classes, Passback: l.Passback}
	c.choice("lane.direction", l.Direction, "entry", "exit", "check")
	c.choice("lane.passback", l.Passback, "off", "soft", "hard")
	c.choice("lane.tickets", l.Tickets, "off", "required")
	if l.Tickets == "required" {
		c.wrong("lane.tickets", "%q needs the day's ticket manifest, which only a station's sync brings; this version has none: use \"off\"", l.Tickets)
	}
	if len(l.Classes) == 0 {
		c.wrong("lane.classes", "is empty, so nobody could pass; want some of 1 (temporary ID), 2 (paper), 3 (staff)")
	}
	seen := map[int]bool{}
	for _, class := range l.Classes {
		if class < 1 || class > 3 || seen[class] {
			c.wrong("lane.classes", "%d is no class, or comes twice; want some of 1 (temporary ID), 2 (paper), 3 (staff)", class)
		}
		seen[class] = true
	}
	c.Lane.PassbackFor = c.duration("lane.passback_for", l.PassbackFor, time.Minute, 7*24*time.Hour)
	c.Lane.OpenFor = c.duration("lane.open_for", l.OpenFor, 50*time.Millisecond, 5*time.Minute)
}

func (c *checker) checkScanners(raw *file) {
	if len(raw.Scanner) == 0 {
		c.wrong("", "there is no [[scanner]]; a lane needs one at least")
	}
	names := map[string]bool{}
	for i := range raw.Scanner {
		s := c.checkScanner(raw, i)
		if names[s.Name] {
			c.wrong(scannerKey(i, "name"), "%q is another scanner's name too", s.Name)
		}
		names[s.Name] = true
		c.Scanners = append(c.Scanners, s)
	}
}

func scannerKey(i int, key string) string { return fmt.Sprintf("scanner[%d].%s", i, key) }

func (c *checker) checkScanner(raw *file, i int) Scanner {
	r := &raw.Scanner[i]
	key := func(name string) string { return scannerKey(i, name) }
	s := Scanner{Name: r.Name, Driver: r.Driver, Port: r.Port, Device: r.Device, Frames: r.Frames}
	if s.Name == "" {
		s.Name = fmt.Sprintf("scanner%d", i+1)
	}
	switch r.Driver {
	case "serial":
		c.foreign("serial", key, "device", "size", "exposure", "focus", "frames", "fps")
		c.checkSerial(&s, key, r.Baud, r.Suffix)
	case "camera":
		c.foreign("camera", key, "port", "baud", "suffix")
		c.checkCamera(&s, key, r.Size, r.FPS)
		c.checkLens(&s, key, r.Exposure, r.Focus)
	default:
		c.wrong(key("driver"), "%q is no scanner's driver; want serial or camera", r.Driver)
	}
	return s
}

// foreign refuses keys that a driver does not have.
func (c *checker) foreign(driver string, key func(string) string, names ...string) {
	for _, name := range names {
		if c.Has(key(name)) {
			c.wrong(key(name), "is not for driver = %q; take it out", driver)
		}
	}
}

func (c *checker) checkSerial(s *Scanner, key func(string) string, baud *int, suffix *string) {
	s.Baud, s.Suffix = 115200, "\r"
	if baud != nil {
		s.Baud = *baud
	}
	if suffix != nil {
		s.Suffix = *suffix
	}
	if s.Port == "" {
		c.wrong(key("port"), "is missing; want a device, best a link of /dev/serial/by-id")
	}
	if s.Baud < 1200 || s.Baud > 4_000_000 {
		c.wrong(key("baud"), "%d is no speed; want 9600, 115200 or what the scanner is set to", s.Baud)
	}
	if len(s.Suffix) > 8 {
		c.wrong(key("suffix"), "%q is too long; want up to 8 characters, mostly \"\\r\"; \"\" where the scanner sends none", s.Suffix)
	}
}

func (c *checker) checkCamera(s *Scanner, key func(string) string, size *string, fps *float64) {
	s.Width, s.Height, s.FPS = 1280, 720, 30
	if fps != nil {
		s.FPS = *fps
	}
	if size != nil {
		if _, err := fmt.Sscanf(*size+"\n", "%dx%d\n", &s.Width, &s.Height); err != nil || s.Width < 160 || s.Height < 120 || s.Width > 8192 || s.Height > 8192 {
			c.wrong(key("size"), "%q is no size; want WIDTHxHEIGHT, such as \"1280x720\"", *size)
		}
	}
	if !(s.FPS >= 0.1 && s.FPS <= 240) {
		c.wrong(key("fps"), "%v is no rate; want frames a second from 0.1 to 240", s.FPS)
	}
	switch {
	case s.Device == "" && s.Frames == "":
		c.wrong(key("device"), "is missing; want a camera such as /dev/video0, or frames = a folder of pictures")
	case s.Device != "" && s.Frames != "":
		c.wrong(key("frames"), "goes without device; take one of them out")
	}
}

// checkLens checks what only a real camera has.
func (c *checker) checkLens(s *Scanner, key func(string) string, exposure string, focus *int) {
	if exposure != "" {
		s.Exposure = c.duration(key("exposure"), exposure, 100*time.Microsecond, time.Second)
	}
	s.Focus = focus
	if focus != nil && (*focus < -1<<31 || *focus > 1<<31-1) {
		c.wrong(key("focus"), "%d is no focus; want a number in the camera's units", *focus)
	}
}

func (c *checker) checkTurnstile(raw *file) {
	t := raw.Turnstile
	c.Turnstile = Turnstile{Driver: t.Driver, Open: t.Open, Passage: t.Passage, Emergency: t.Emergency, ActiveLow: t.ActiveLow, Trace: t.Trace, Interlock: t.Interlock}
	switch t.Driver {
	case "gpio":
		c.needed("turnstile.open", t.Open, "GPIO17")
		c.needed("turnstile.passage", t.Passage, "GPIO27")
		c.distinct("turnstile", map[string]string{"open": t.Open, "passage": t.Passage, "emergency": t.Emergency})
		if c.Has("turnstile.trace") && t.Trace != "" {
			c.wrong("turnstile.trace", "is for driver = \"sim\"; take it out")
		}
	case "sim":
	case "":
		if raw.Lane.Direction != "check" {
			c.wrong("turnstile.driver", "is missing; want gpio, or sim for a bench")
		}
	default:
		c.wrong("turnstile.driver", "%q is no turnstile's driver; want gpio or sim", t.Driver)
	}
	c.names("turnstile.active_low", t.ActiveLow, "open", "passage", "emergency")
	if t.Pulse != "hold" {
		c.Turnstile.Pulse = c.duration("turnstile.pulse", t.Pulse, 50*time.Millisecond, 5*time.Second)
	}
	if t.PassageAfter != "never" {
		c.Turnstile.PassageAfter = c.duration("turnstile.passage_after", t.PassageAfter, time.Millisecond, time.Hour)
	}
}

func (c *checker) checkPanel(raw *file) {
	c.Panel = Panel{Driver: "sim", Languages: []string{"zh", "en"}}
	if raw.Panel == nil {
		return
	}
	p := raw.Panel
	c.Panel.Green, c.Panel.Red, c.Panel.Buzzer, c.Panel.ActiveLow = p.Green, p.Red, p.Buzzer, p.ActiveLow
	c.choice("panel.driver", p.Driver, "gpio", "sim")
	c.Panel.Driver = p.Driver
	c.names("panel.active_low", p.ActiveLow, "green", "red", "buzzer")
	if p.Driver == "gpio" {
		c.distinct("panel", map[string]string{"green": p.Green, "red": p.Red, "buzzer": p.Buzzer})
	}
	if c.Has("panel.languages") {
		c.Panel.Languages = p.Languages
		c.names("panel.languages", p.Languages, "zh", "en")
		if len(p.Languages) == 0 {
			c.wrong("panel.languages", "is empty; want some of zh, en")
		}
	}
}

func (c *checker) checkRest(raw *file) {
	c.HTTP.Listen = raw.HTTP.Listen
	if l := raw.HTTP.Listen; l != "" {
		if _, port, err := net.SplitHostPort(l); err != nil || !isPort(port) {
			c.wrong("http.listen", "%q is no address; want HOST:PORT, such as \"127.0.0.1:8080\"", l)
		}
	}
	c.Clock = Clock{DriftPPM: raw.Clock.DriftPPM, RequireSync: raw.Clock.RequireSync}
	if !(raw.Clock.DriftPPM >= 0 && raw.Clock.DriftPPM <= 1000) {
		c.wrong("clock.drift_ppm", "%v is no drift; want parts per million from 0 to 1000 (a crystal has 20 to 50)", raw.Clock.DriftPPM)
	}
	c.checkStation(raw)
	c.Journal.Days = raw.Journal.Days
	if raw.Journal.Days < 1 || raw.Journal.Days > 3650 {
		c.wrong("journal.days", "%d is out of range; want 1 to 3650", raw.Journal.Days)
	}
	var err error
	if c.Journal.MaxBytes, err = parseBytes(raw.Journal.MaxBytes); err != nil || c.Journal.MaxBytes < 1e6 || c.Journal.MaxBytes > 1e12 {
		c.wrong("journal.max_bytes", "%q is no size; want 1MB to 1TB, such as \"2GB\"", raw.Journal.MaxBytes)
	}
}

// checkStation checks what a gate would need a station for.
func (c *checker) checkStation(raw *file) {
	every := c.duration("sync.every", raw.Sync.Every, time.Second, 24*time.Hour)
	offline := c.duration("sync.offline_for", raw.Sync.OfflineFor, time.Minute, 365*24*time.Hour)
	stop := c.duration("sync.offline_stop", raw.Sync.OfflineStop, time.Minute, 365*24*time.Hour)
	if every > 0 && offline > 0 && stop > 0 && stop < offline {
		c.wrong("sync.offline_stop", "%q is before offline_for; want later", raw.Sync.OfflineStop)
	}
	if raw.Sync.URL != "" {
		c.wrong("sync.url", "this version syncs with no station; leave it empty, and give the keyset as keys = FILE")
	}
	if len(raw.Bus.Servers) > 0 {
		c.wrong("bus.servers", "this version talks to no bus; leave it empty")
	}
	if raw.Bus.Credentials != "" {
		c.wrong("bus.credentials", "this version talks to no bus; leave it empty")
	}
}

func (c *checker) choice(key, value string, options ...string) {
	if !oneOf(options...)(value) {
		c.wrong(key, "%q is not known; want %s", value, or(options))
	}
}

func (c *checker) names(key string, values []string, options ...string) {
	seen := map[string]bool{}
	for _, v := range values {
		if !oneOf(options...)(v) || seen[v] {
			c.wrong(key, "%q is not known, or comes twice; want some of %s", v, strings.Join(options, ", "))
		}
		seen[v] = true
	}
}

func (c *checker) needed(key, value, example string) {
	if value == "" {
		c.wrong(key, "is missing; want a line's name, such as %q, or CHIP:OFFSET", example)
	}
}

// distinct refuses one line for two purposes.
func (c *checker) distinct(section string, lines map[string]string) {
	seen := map[string]string{}
	for _, name := range []string{"open", "passage", "emergency", "green", "red", "buzzer"} {
		line := lines[name]
		if other, ok := seen[line]; ok && line != "" {
			c.wrong(section+"."+name, "%q is the line of %s already", line, other)
		}
		seen[line] = name
	}
}

func or(options []string) string {
	last := len(options) - 1
	return strings.Join(options[:last], ", ") + " or " + options[last]
}

// duration parses a duration and says what is wrong with it: the zero duration
// has been complained about.
func (c *checker) duration(key, value string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil {
		c.wrong(key, "%q is no duration; want a number with ms, s, m or h", value)
		return 0
	}
	if d < least || d > most {
		c.wrong(key, "%q is out of range; want %v to %v", value, least, most)
		return 0
	}
	return d
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

// parseBytes parses "2GB" (decimal) or "2GiB" (binary).
func parseBytes(s string) (int64, error) {
	units := []struct {
		suffix string
		size   float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || !(n >= 0 && n*u.size <= 1e15) {
				return 0, errors.New("not a size")
			}
			return int64(n * u.size), nil
		}
	}
	return 0, errors.New("no unit")
}
