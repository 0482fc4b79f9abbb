package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"railgate/cmd/control"
)

// A diagnosis is what the gate's screen shows to staff who asked for it. It names nobody, and it
// opens nothing.
type diagnosis struct {
	Health control.Health   `json:"health"`
	Causes []diagnosedCause `json:"causes"` // the worst first
	Facts  [][2]string      `json:"facts"`  // a name and what there is to say, in the page's order
}

// A diagnosedCause is what is wrong, and what hands do about it.
type diagnosedCause struct {
	Cause    string         `json:"cause"`
	Severity control.Health `json:"severity"`
	What     string         `json:"what"`
	Do       string         `json:"do"` // by hand; the command, where only that mends it
}

// diagnose makes a diagnosis of a status. addresses are the machine's.
func diagnose(s *control.Status, addresses []string) *diagnosis {
	d := &diagnosis{Health: s.Health, Causes: []diagnosedCause{}}
	for _, c := range s.Causes {
		m, _ := control.MeaningOf(c.Cause)
		what, do := m.What, c.Hands
		if what == "" {
			what = c.Why
		}
		if c.About != "" {
			what = c.About + ": " + what
		}
		if do == "" {
			do = c.Remedy
		}
		d.Causes = append(d.Causes, diagnosedCause{c.Cause, c.Severity, what, do})
	}
	slices.SortStableFunc(d.Causes, func(a, b diagnosedCause) int { return rank(a.Severity) - rank(b.Severity) })
	for _, device := range s.Devices {
		d.Facts = append(d.Facts, [2]string{device.Kind + " " + device.Name, deviceWords(&device)})
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil || s.Zone == "Asia/Shanghai" {
		zone = time.FixedZone("", 8*60*60)
	}
	return d.add("clock", s.Clock.Time.In(zone).Format("2006-01-02 15:04:05 -07:00")+", "+clockWords(&s.Clock)).
		add("keys", keyWords(s, zone)).
		add("station", stationWords(s)).
		add("network", strings.Join(addresses, "  ")).
		add("version", s.Version)
}

// rank orders by severity, the worst first.
func rank(h control.Health) int {
	if h == control.OutOfService {
		return 0
	}
	return 1
}

func (d *diagnosis) add(name, text string) *diagnosis {
	if text == "" {
		text = "none"
	}
	d.Facts = append(d.Facts, [2]string{name, text})
	return d
}

func deviceWords(d *control.Device) string {
	text := "works"
	if !d.Up {
		text = "does not work: " + d.Error
	}
	for _, l := range d.Lines {
		name := map[string]string{"open": "relay", "passage": "sensor", "emergency": "fire loop"}[l.Name]
		if l.Active {
			text += ", " + name + " active"
		}
	}
	if d.Note != "" {
		text += "; " + d.Note
	}
	return text
}

func clockWords(c *control.Clock) string {
	if !c.Trusted {
		return "not trusted: " + c.Why
	}
	return string(c.Source)
}

func keyWords(s *control.Status, zone *time.Location) string {
	k := &s.Keyset
	if !k.Loaded {
		return ""
	}
	text := fmt.Sprintf("version %d, read %v ago, the last ends %s", k.Version, max(0, s.Clock.Time.Sub(k.Since)).Round(time.Minute), k.Expires.In(zone).Format(time.DateOnly))
	if s.Sync != nil {
		text += ", repository " + s.Sync.State
	}
	return text
}

func stationWords(s *control.Status) string {
	b := s.Bus
	switch {
	case b == nil:
		return ""
	case b.InTouch:
		return fmt.Sprintf("in touch, %d records unsent", b.Unsent)
	case b.Connected:
		return "connected, out of touch with the other gates"
	}
	return "not connected"
}

// addresses are this machine's, but for its own loop.
func addresses() (all []string) {
	found, _ := net.InterfaceAddrs() // none where the kernel does not say
	for _, a := range found {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			all = append(all, ip.String())
		}
	}
	return all
}
