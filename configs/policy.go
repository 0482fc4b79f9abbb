package configs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Policy is gates/GATE.toml: what a gate's station says of its lane, in the words of
// railgated.toml. It lies over that file key by key.
type Policy struct {
	Name    string // for errors, such as gates/A07.toml
	Version int64  // of the station's list of files that brought it
	Data    []byte
}

// policyKeys are those that a station may set: what a lane is for. Devices, folders and
// where things come from are the technician's.
var policyKeys = []string{
	"lane.direction", "lane.classes", "lane.staff", "lane.tickets", "lane.passback", "lane.passback_for", "lane.open_for", "lane.hours", "lane.per_day", "bus.cut",
}

// WithPolicy is the configuration with a station's policy over it, checked as a whole. c
// stays as it is, and must not have a policy itself.
func (c *Config) WithPolicy(p Policy) (*Config, error) {
	if len(p.Data) > maxFile {
		return nil, fmt.Errorf("%s has %d bytes; a policy has at most %d", quote(p.Name), len(p.Data), maxFile)
	}
	d := newDocument(p.Name, p.Data)
	d.version = p.Version
	for _, name := range d.names {
		if _, isKey := d.values[name]; isKey && !slices.Contains(policyKeys, name) {
			d.wrong(name, d.lines[name], "is not a station's to set; want some of %s", strings.Join(policyKeys, ", "))
		} else if !isKey && name != "lane" && name != "bus" {
			d.wrong(name, d.lines[name], "is not a station's to set; want [lane] and [bus]")
		}
	}
	if len(d.problems) > 0 {
		return nil, errors.Join(d.problems...)
	}
	return parse(c.Path, c.source, c.layered, d)
}

// standIn is a gate of a station with every device, for a policy that is checked without
// its gate.
const standIn = `station = "STATION"
gate = "GATE"
[[scanner]]
driver = "serial"
port = "/dev/scanner"
[turnstile]
driver = "sim"
[sync]
nation = "/nation"
station = "/station"
`

// CheckPolicy checks a policy as far as that can be done without its gate's own file.
func CheckPolicy(p Policy) error {
	c, err := Parse("a gate's file", []byte(standIn))
	if err != nil {
		return err
	}
	_, err = c.WithPolicy(p)
	return err
}

// lay puts the values of another document over this one's: what was provisioned, a policy.
func (d *document) lay(over *document) {
	if over == nil {
		return
	}
	for _, name := range over.names {
		if _, ok := d.lines[name]; !ok {
			d.lines[name], d.names = 0, append(d.names, name)
		}
		if value, isKey := over.values[name]; isKey {
			d.values[name] = value
		}
	}
}

// A Setting is one key of a configuration, its value and where that comes from.
type Setting struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	From  string `json:"from"` // "default", FILE:LINE (railgated.toml's, or provisioned.toml's) or "station policy VERSION"
}

// Settings are the configuration's keys, in the order of its sections.
func (c *Config) Settings() []Setting { return slices.Clone(c.settings) }

// set notes a key's value as it is used.
func (c *checker) set(key string, value any) {
	name := c.name(key)
	if !slices.ContainsFunc(c.settings, func(s Setting) bool { return s.Key == name }) {
		c.settings = append(c.settings, Setting{Key: name, Value: value, From: c.from(name)})
	}
}

// from says where a key's value comes from.
func (c *checker) from(name string) string {
	if c.policy != nil {
		if _, ok := c.policy.values[name]; ok {
			return fmt.Sprintf("station policy %d", c.policy.version)
		}
	}
	if c.layered != nil {
		if _, ok := c.layered.values[name]; ok {
			return fmt.Sprintf("%s:%d", c.layered.path, c.layered.lines[name])
		}
	}
	if _, ok := c.values[name]; ok {
		return fmt.Sprintf("%s:%d", c.Path, c.document.lines[name])
	}
	return "default"
}
