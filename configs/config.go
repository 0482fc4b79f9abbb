// Package configs reads what a technician edits: railgated.toml. The reference
// file beside this one has every key, with its default or an example.
package configs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Reference is the reference configuration.
//
//go:embed railgated.toml
var Reference []byte

// DefaultPath is where the configuration is looked for.
const DefaultPath = "/etc/railgate/railgated.toml"

// Config is railgated.toml, checked.
type Config struct {
	Path string
	Sum  string // of the file's content: two configurations with one sum are one

	Station   string
	Gate      string
	Data      string
	Keys      string
	Lane      Lane
	Scanners  []Scanner
	Turnstile Turnstile
	Panel     Panel
	HTTP      HTTP
	Clock     Clock
	Journal   Journal

	lines map[string]int // of each key that the file has
}

// Lane is what the lane is for.
type Lane struct {
	Direction   string // entry, exit, check
	Classes     []int
	Passback    string // off, soft, hard
	PassbackFor time.Duration
	OpenFor     time.Duration
}

// Scanner is one scanner.
type Scanner struct {
	Name   string
	Driver string // serial, camera

	Port   string // serial
	Baud   int
	Suffix string

	Device   string // camera
	Width    int
	Height   int
	Exposure time.Duration // 0: as the camera likes
	Focus    *int          // nil: as the camera likes
	Frames   string
	FPS      float64
}

// Turnstile is the barrier.
type Turnstile struct {
	Driver       string // gpio, sim; "" where the lane opens nothing
	Open         string
	Passage      string
	Emergency    string
	ActiveLow    []string
	Pulse        time.Duration // 0: the relay is held
	Trace        string
	PassageAfter time.Duration // 0: never
	Interlock    string
}

// Panel is the lights and the buzzer.
type Panel struct {
	Driver             string // gpio, sim
	Green, Red, Buzzer string
	ActiveLow          []string
	Languages          []string
}

// HTTP is the screen, the metrics and the health.
type HTTP struct{ Listen string }

// Clock is how much is demanded of the time.
type Clock struct {
	DriftPPM    float64
	RequireSync bool
}

// Journal is how much of it is kept.
type Journal struct {
	Days     int
	MaxBytes int64
}

// A Problem is one thing that is wrong with a configuration.
type Problem struct {
	Path string
	Line int // 0: the file as a whole, or a section that it does not have
	Key  string
	Text string // what is wrong, and what to do
}

func (p *Problem) Error() string {
	where := p.Path
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.Path, p.Line)
	}
	if p.Key == "" {
		return where + ": " + p.Text
	}
	return where + ": " + p.Key + ": " + p.Text
}

// Problem makes an error that names the file, the line and the key; for a key that
// the file does not have, its section's line.
func (c *Config) Problem(key, format string, args ...any) error {
	line := c.lines[key]
	if dot := strings.LastIndex(key, "."); line == 0 && dot > 0 {
		line = c.lines[key[:dot]]
	}
	return &Problem{Path: c.Path, Line: line, Key: key, Text: fmt.Sprintf(format, args...)}
}

// Load reads and checks a file. Its error joins a [Problem] for each thing that is
// wrong.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w; name another with --config, or begin with what railgate config prints", err)
	}
	return Parse(path, data)
}

// Parse checks a configuration; path is for its errors.
func Parse(path string, data []byte) (*Config, error) {
	c := &Config{Path: path, Sum: fmt.Sprintf("%x", sha256.Sum256(data)), lines: map[string]int{}}
	raw := defaults()
	dec := toml.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(raw); err != nil {
		return nil, c.decodeProblem(data, err)
	}
	c.findLines(data)
	if err := c.check(raw); err != nil {
		return nil, err
	}
	return c, nil
}

// findLines notes the line of each section, as "lane" or "scanner[0]", and of each
// key, as "lane.direction" or "scanner[0].port".
func (c *Config) findLines(data []byte) {
	var p unstable.Parser
	p.Reset(data)
	section, scanners := "", 0
	for p.NextExpression() {
		e := p.Expression()
		name := keyName(e)
		switch e.Kind {
		case unstable.Table:
			section = name + "."
		case unstable.ArrayTable:
			name = fmt.Sprintf("%s[%d]", name, scanners)
			section = name + "."
			scanners++
		case unstable.KeyValue:
			name = section + name
		default:
			continue
		}
		key := e.Key()
		key.Next()
		c.lines[name] = p.Shape(p.Range(key.Node().Data)).Start.Line
	}
}

func keyName(e *unstable.Node) string {
	var parts []string
	for it := e.Key(); it.Next(); {
		parts = append(parts, string(it.Node().Data))
	}
	return strings.Join(parts, ".")
}

// file is the TOML document.
type file struct {
	Station string `toml:"station"`
	Gate    string `toml:"gate"`
	Data    string `toml:"data"`
	Keys    string `toml:"keys"`
	Lane    struct {
		Direction   string `toml:"direction"`
		Classes     []int  `toml:"classes"`
		Tickets     string `toml:"tickets"`
		Passback    string `toml:"passback"`
		PassbackFor string `toml:"passback_for"`
		OpenFor     string `toml:"open_for"`
	} `toml:"lane"`
	Scanner []struct {
		Name     string   `toml:"name"`
		Driver   string   `toml:"driver"`
		Port     string   `toml:"port"`
		Baud     *int     `toml:"baud"`
		Suffix   *string  `toml:"suffix"`
		Device   string   `toml:"device"`
		Size     *string  `toml:"size"`
		Exposure string   `toml:"exposure"`
		Focus    *int     `toml:"focus"`
		Frames   string   `toml:"frames"`
		FPS      *float64 `toml:"fps"`
	} `toml:"scanner"`
	Turnstile struct {
		Driver       string   `toml:"driver"`
		Open         string   `toml:"open"`
		Passage      string   `toml:"passage"`
		Emergency    string   `toml:"emergency"`
		ActiveLow    []string `toml:"active_low"`
		Pulse        string   `toml:"pulse"`
		Trace        string   `toml:"trace"`
		PassageAfter string   `toml:"passage_after"`
		Interlock    string   `toml:"interlock"`
	} `toml:"turnstile"`
	Panel *struct {
		Driver    string   `toml:"driver"`
		Green     string   `toml:"green"`
		Red       string   `toml:"red"`
		Buzzer    string   `toml:"buzzer"`
		ActiveLow []string `toml:"active_low"`
		Languages []string `toml:"languages"`
	} `toml:"panel"`
	HTTP struct {
		Listen string `toml:"listen"`
	} `toml:"http"`
	Clock struct {
		DriftPPM    float64 `toml:"drift_ppm"`
		RequireSync bool    `toml:"require_sync"`
	} `toml:"clock"`
	Sync struct {
		URL         string `toml:"url"`
		Every       string `toml:"every"`
		OfflineFor  string `toml:"offline_for"`
		OfflineStop string `toml:"offline_stop"`
	} `toml:"sync"`
	Bus struct {
		Servers     []string `toml:"servers"`
		Credentials string   `toml:"credentials"`
	} `toml:"bus"`
	Journal struct {
		Days     int    `toml:"days"`
		MaxBytes string `toml:"max_bytes"`
	} `toml:"journal"`
}

func defaults() *file {
	f := new(file)
	f.Data = "/var/lib/railgate"
	f.Lane.Direction, f.Lane.Classes, f.Lane.Tickets = "entry", []int{1, 2, 3}, "off"
	f.Lane.Passback, f.Lane.PassbackFor, f.Lane.OpenFor = "soft", "2h", "5s"
	f.Turnstile.Pulse, f.Turnstile.PassageAfter = "300ms", "never"
	f.Clock.DriftPPM, f.Clock.RequireSync = 50, true
	f.Sync.Every, f.Sync.OfflineFor, f.Sync.OfflineStop = "1m", "168h", "720h"
	f.Journal.Days, f.Journal.MaxBytes = 90, "2GB"
	return f
}

// Has tells whether the file has a key.
func (c *Config) Has(key string) bool { _, ok := c.lines[key]; return ok }

func oneOf(options ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(options, s) }
}
