// Package configs reads what a technician edits: railgated.toml. The reference
// file beside this one has every key, with its default or an example.
package configs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"railgate/verify"
	"railgate/verify/lane"
)

// Reference is the reference configuration.
//
//go:embed railgated.toml
var Reference []byte

// DefaultPath is where the configuration is looked for.
const DefaultPath = "/etc/railgate/railgated.toml"

// DefaultData is the folder of the store where the configuration names none.
const DefaultData = "/var/lib/railgate"

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
	Sync      Sync
	Bus       Bus
	Journal   Journal
	Update    Update
	Provision Provision
	Network   verify.Network

	lines    map[string]int // of each key and section that the file has
	columns  map[string]int // of each value
	source   []byte         // the file's content
	layered  *document      // what was provisioned, over it; nil: nothing was
	policy   *document      // the station's over both; nil: none
	settings []Setting
}

// Lane is what the lane is for.
type Lane struct {
	Direction   string // entry, exit, check
	Classes     []int
	Staff       string // what a staff code does, where Classes has 3: takeover, diagnosis
	Passback    string // off, soft, hard
	PassbackFor time.Duration
	OpenFor     time.Duration
	Tickets     bool // the day's manifest must have a ticket for whoever enters
	Hours       lane.Hours
	PerDay      int // passages of a holder in a day; 0: any number
}

// Scanner is one scanner.
type Scanner struct {
	Name   string
	Driver string // serial, hid, keyboard, camera

	Port   string // serial
	Baud   int
	Suffix string // and of a keyboard

	Device   string // hid, keyboard: a path, or VENDOR:PRODUCT; camera: a path
	Width    int
	Height   int
	Exposure time.Duration // 0: the camera's choice
	Focus    *int          // nil: the camera's choice
	K1       float64       // how much the lens bends; 0: not known
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
	Service            string // the service light
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

// Sync is where the keyset comes from, where it is not a local file, and a station's policy.
type Sync struct {
	Nation      string        // the base URL of the nation's TUF repository, or a folder; "": none
	Station     string        // of the station's; "": none
	Roots       string        // the folder of the first root of each repository
	NationRoot  string        // SHA-256 of the nation's first root in hexadecimal digits, where Roots does not have it; "": it must
	StationRoot string        // likewise of the station's; "": the nation says which it is
	Every       time.Duration // how often they are asked
	OfflineFor  time.Duration // without it for longer the gate is degraded
	OfflineStop time.Duration // and after this it closes

	Revocations    string        // a URL or a file of what is revoked; "": it comes with the station
	Revokers       string        // the file of the keys that sign it, where keys is a file; "": revokers.json beside that
	RevocationsFor time.Duration // one that is older is said to be
}

// RevokersFile is the file of the keys that sign revocations; "": the nation's repository has
// them.
func (c *Config) RevokersFile() string {
	if c.Keys == "" || c.Sync.Revokers != "" {
		return c.Sync.Revokers
	}
	return filepath.Join(filepath.Dir(c.Keys), "revokers.json")
}

// Bus is the station's messages.
type Bus struct {
	Servers []string // in the place of station.json's; none: those
	Cut     string   // open, closed: what an entry lane does that is out of touch with the station's other gates
}

// Root is the file of a repository's first root.
func (s *Sync) Root(repository string) string {
	return filepath.Join(s.Roots, repository+".root.json")
}

// Journal is how much of it is kept.
type Journal struct {
	Days     int
	MaxBytes int64
}

// Load reads and checks a file, and what was provisioned over it. Its error joins a [Problem] for
// each thing that is wrong.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, Unread(err, "name another with --config, or begin with what railgate config prints")
	}
	c, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	return c.provisioned()
}

// Unread is the error of a configuration that cannot be read. What to begin with, start, is for where there is
// none: who may not read a file must not be told to put another in its place.
func Unread(err error, start string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("configuration: %w; %s", err, start)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("configuration: %w; try as root: sudo", err)
	}
	return fmt.Errorf("configuration: %w; name another with --config", err)
}

// maxFile bounds a configuration file.
const maxFile = 64 << 10

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", quote(path))
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes; a configuration has at most %d", quote(path), info.Size(), maxFile)
	}
	return os.ReadFile(path)
}

// Parse checks a configuration; path is for its errors. They are in the order of the
// file's lines.
func Parse(path string, data []byte) (*Config, error) { return parse(path, data, nil, nil) }

// parse checks a file with what was provisioned, and a station's policy, over it; nil: none.
func parse(path string, data []byte, layered, policy *document) (*Config, error) {
	d := newDocument(path, bytes.TrimPrefix(data, []byte("\ufeff"))) // editors elsewhere begin a file with it
	c := &Config{Path: path, Sum: fmt.Sprintf("%x", sha256.Sum256(data)), lines: d.lines, columns: d.columns, source: data, layered: layered, policy: policy}
	if layered != nil {
		c.Sum = fmt.Sprintf("%x", sha256.Sum256(slices.Concat(data, layered.data)))
	}
	if d.parser.Error() == nil {
		d.lay(layered)
		d.lay(policy)
		(&checker{Config: c, document: d}).check()
		d.checkUnknown()
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, byLine)
		return nil, errors.Join(d.problems...)
	}
	return c, nil
}

// byLine orders problems; those of no line are the last.
func byLine(a, b error) int {
	line := func(err error) uint {
		var p *Problem
		errors.As(err, &p)
		return uint(p.Line) - 1
	}
	return cmp.Compare(line(a), line(b))
}
