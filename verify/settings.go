package verify

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Settings are what makes a gate one of its station's: what a provisioning code sets, or a
// technician by hand.
type Settings struct {
	Station   string // 1 to 32 letters, digits, - and _
	Gate      string // likewise
	Direction string // entry, exit, check

	Nation      string // the URL of the nation's repository
	NationRoot  []byte // SHA-256 of its first root.json
	Repository  string // of the station's; "": it has none
	StationRoot []byte // of that, where the nation does not say which it is; nil: it does

	Network Network
}

// A Network is how a gate gets its address. The zero value says nothing of it.
type Network struct {
	Address string   // dhcp, or an address with its prefix: 10.1.2.3/24
	Gateway string   // with an address
	DNS     []string // at most three
}

// DHCP is the address of a gate that asks its network for one.
const DHCP = "dhcp"

const (
	maxSettingsName = 32
	maxSettingsURL  = 120
	maxDNS          = 3
)

// directions are those of lanes, by their numbers in a code.
var directions = []string{"", "entry", "exit", "check"}

type wireSettings struct {
	Station     string   `cbor:"1,keyasint"`
	Gate        string   `cbor:"2,keyasint"`
	Direction   uint8    `cbor:"3,keyasint"`
	Nation      string   `cbor:"4,keyasint"`
	NationRoot  []byte   `cbor:"5,keyasint"`
	Repository  string   `cbor:"6,keyasint,omitempty"`
	StationRoot []byte   `cbor:"7,keyasint,omitempty"`
	Address     string   `cbor:"8,keyasint,omitempty"`
	Gateway     string   `cbor:"9,keyasint,omitempty"`
	DNS         []string `cbor:"10,keyasint,omitempty"`
}

func (s *Settings) wire() wireSettings {
	return wireSettings{
		s.Station, s.Gate, uint8(max(0, slices.Index(directions, s.Direction))), s.Nation, s.NationRoot, s.Repository, s.StationRoot,
		s.Network.Address, s.Network.Gateway, s.Network.DNS,
	}
}

func (w *wireSettings) settings() (Settings, error) {
	s := Settings{
		Station: w.Station, Gate: w.Gate, Nation: w.Nation, NationRoot: w.NationRoot, Repository: w.Repository, StationRoot: w.StationRoot,
		Network: Network{w.Address, w.Gateway, w.DNS},
	}
	if int(w.Direction) < len(directions) {
		s.Direction = directions[w.Direction]
	}
	return s, s.Check()
}

// Check says what is wrong with settings, in words for whoever wrote them; nil: nothing is.
func (s *Settings) Check() error {
	for _, n := range []struct{ what, name string }{{"station", s.Station}, {"gate", s.Gate}} {
		if !goodName(n.name) {
			return fmt.Errorf("%s %q; want 1 to %d letters, digits, - and _", n.what, cutTo(n.name), maxSettingsName)
		}
	}
	if s.Direction == "" || !slices.Contains(directions, s.Direction) {
		return fmt.Errorf("direction %q; want entry, exit or check", cutTo(s.Direction))
	}
	if err := checkURL("nation", s.Nation); err != nil {
		return err
	}
	if len(s.NationRoot) != sha256.Size {
		return fmt.Errorf("nation's root: a fingerprint of %d bytes; want %d", len(s.NationRoot), sha256.Size)
	}
	if s.Repository != "" {
		if err := checkURL("station's repository", s.Repository); err != nil {
			return err
		}
	}
	if s.StationRoot != nil && (s.Repository == "" || len(s.StationRoot) != sha256.Size) {
		return fmt.Errorf("station's root: want a fingerprint of %d bytes, and the station's repository", sha256.Size)
	}
	return s.Network.Check()
}

// Check says what is wrong with a network, in words; nil: nothing is.
func (n *Network) Check() error {
	if n.Address == "" || n.Address == DHCP {
		if n.Gateway != "" || len(n.DNS) > 0 {
			return fmt.Errorf("network: gateway and dns are for a fixed address, such as 10.1.2.3/24")
		}
		return nil
	}
	prefix, err := netip.ParsePrefix(n.Address)
	if err != nil || prefix.String() != n.Address || prefix.Addr().Is4In6() {
		return fmt.Errorf("network %q; want dhcp, or an address with its prefix, such as 10.1.2.3/24", cutTo(n.Address))
	}
	if gateway, ok := goodAddress(n.Gateway); n.Gateway != "" && (!ok || gateway.Is4() != prefix.Addr().Is4()) {
		return fmt.Errorf("gateway %q; want an address of the network's kind, such as 10.1.2.1", cutTo(n.Gateway))
	}
	if len(n.DNS) > maxDNS {
		return fmt.Errorf("%d name servers; want %d at most", len(n.DNS), maxDNS)
	}
	for _, server := range n.DNS {
		if _, ok := goodAddress(server); !ok {
			return fmt.Errorf("name server %q; want an address, such as 10.1.2.1", cutTo(server))
		}
	}
	return nil
}

// goodAddress takes an address of a machine, in its usual spelling.
func goodAddress(text string) (a netip.Addr, ok bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.String() == text && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified()
}

// checkURL takes a web server's folder, in ASCII.
func checkURL(what, text string) error {
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
	if ok && len(text) <= maxSettingsURL && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
		return nil
	}
	return fmt.Errorf("%s %q; want a URL of up to %d characters, such as https://rail.example/nation", what, cutTo(text), maxSettingsURL)
}

// goodName tells whether a text can name a station or a gate: it becomes a part of paths and of subjects.
func goodName(s string) bool {
	return len(s) >= 1 && len(s) <= maxSettingsName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// cutTo is a text of a length that fits a line.
func cutTo(s string) string { return s[:min(len(s), 60)] }

// Equal tells whether two settings say the same.
func (s *Settings) Equal(t *Settings) bool {
	return s.Station == t.Station && s.Gate == t.Gate && s.Direction == t.Direction && s.Nation == t.Nation && bytes.Equal(s.NationRoot, t.NationRoot) &&
		s.Repository == t.Repository && bytes.Equal(s.StationRoot, t.StationRoot) &&
		s.Network.Address == t.Network.Address && s.Network.Gateway == t.Network.Gateway && slices.Equal(s.Network.DNS, t.Network.DNS)
}
