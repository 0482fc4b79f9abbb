package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Each field at its limits, and one past them.
func TestSettingsAtTheirLimits(t *testing.T) {
	const site = "https://rail.example/"
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		good   bool
	}{
		{"as they should be", func(*Settings) {}, true},
		{"a station of one letter", func(s *Settings) { s.Station = "a" }, true},
		{"a station of 32 letters", func(s *Settings) { s.Station = strings.Repeat("Z", 32) }, true},
		{"a station of 33 letters", func(s *Settings) { s.Station = strings.Repeat("Z", 33) }, false},
		{"a gate without a name", func(s *Settings) { s.Gate = "" }, false},
		{"a gate of all that a name may have", func(s *Settings) { s.Gate = "az-AZ_09" }, true},
		{"a gate with a folder", func(s *Settings) { s.Gate = "a/b" }, false},
		{"a gate with a space", func(s *Settings) { s.Gate = "a b" }, false},
		{"a gate with an accent", func(s *Settings) { s.Gate = "é" }, false},
		{"entry", func(s *Settings) { s.Direction = "entry" }, true},
		{"check", func(s *Settings) { s.Direction = "check" }, true},
		{"no direction", func(s *Settings) { s.Direction = "" }, false},
		{"another direction", func(s *Settings) { s.Direction = "both" }, false},
		{"a root of 31 bytes", func(s *Settings) { s.NationRoot = make([]byte, 31) }, false},
		{"a root of 33 bytes", func(s *Settings) { s.NationRoot = make([]byte, 33) }, false},
		{"a URL of 120 characters", func(s *Settings) { s.Nation = site + strings.Repeat("a", 120-len(site)) }, true},
		{"a URL of 121 characters", func(s *Settings) { s.Nation = site + strings.Repeat("a", 121-len(site)) }, false},
		{"http", func(s *Settings) { s.Nation = "http://rail.example/" }, true},
		{"another scheme", func(s *Settings) { s.Nation = "ftp://rail.example/" }, false},
		{"a URL that is none", func(s *Settings) { s.Nation = "https://rail.example/%" }, false},
		{"no host", func(s *Settings) { s.Nation = "https:///nation" }, false},
		{"a user", func(s *Settings) { s.Nation = "https://me@rail.example/" }, false},
		{"a query", func(s *Settings) { s.Nation = site + "?a=b" }, false},
		{"a fragment", func(s *Settings) { s.Nation = site + "#a" }, false},
		{"a space", func(s *Settings) { s.Nation = site + "a b" }, false},
		{"the last of ASCII", func(s *Settings) { s.Nation = site + "~" }, true},
		{"DEL", func(s *Settings) { s.Nation = site + "\x7f" }, false},
		{"no ASCII", func(s *Settings) { s.Nation = site + "é" }, false},
		{"no ASCII, and no UTF-8", func(s *Settings) { s.Nation = site + "\x80" }, false},
		{"the first that is no ASCII", func(s *Settings) { s.Nation = site + "\u0080" }, false},
		{"a quote", func(s *Settings) { s.Nation = site + `"` }, false},
		{"a backslash", func(s *Settings) { s.Nation = site + `\` }, false},
		{"no repository of the station's", func(s *Settings) { s.Repository = "" }, true},
		{"a repository of the station's that is no URL", func(s *Settings) { s.Repository = "tuf" }, false},
		{"a station's root", func(s *Settings) { s.StationRoot = make([]byte, 32) }, true},
		{"a station's root of 31 bytes", func(s *Settings) { s.StationRoot = make([]byte, 31) }, false},
		{"a station's root of no bytes", func(s *Settings) { s.StationRoot = []byte{} }, false},
		{"a station's root without a repository", func(s *Settings) { s.Repository, s.StationRoot = "", make([]byte, 32) }, false},
		{"a network that is none", func(s *Settings) { s.Network.Address = "10.1.2.3" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := goodSettings()
			tt.change(&s)
			if err := s.Check(); (err == nil) != tt.good {
				t.Errorf("Check of %+v = %v; want good: %v", s, err, tt.good)
			}
		})
	}
}

func TestNetworksAtTheirLimits(t *testing.T) {
	const four, six = "10.1.2.3/24", "2001:db8::3/64"
	for _, tt := range []struct {
		name string
		n    Network
		good bool
	}{
		{"nothing", Network{}, true},
		{"dhcp", Network{Address: DHCP}, true},
		{"dhcp with a gateway", Network{Address: DHCP, Gateway: "10.1.2.1"}, false},
		{"dhcp with a name server", Network{Address: DHCP, DNS: []string{"10.1.2.1"}}, false},
		{"a gateway alone", Network{Gateway: "10.1.2.1"}, false},
		{"a name server alone", Network{DNS: []string{"10.1.2.1"}}, false},
		{"an address alone", Network{Address: four}, true},
		{"an address of IPv6", Network{Address: six, Gateway: "2001:db8::1"}, true},
		{"no address", Network{Address: "gate"}, false},
		{"what an address that is none is printed as", Network{Address: "invalid Prefix"}, false},
		{"no prefix", Network{Address: "10.1.2.3"}, false},
		{"a prefix of 33 bits", Network{Address: "10.1.2.3/33"}, false},
		{"another spelling", Network{Address: "2001:DB8::3/64"}, false},
		{"IPv4 in IPv6", Network{Address: "::ffff:10.1.2.3/120"}, false},
		{"a zone", Network{Address: "fe80::3%eth0/64"}, false},
		{"a gateway of IPv6 for IPv4", Network{Address: four, Gateway: "2001:db8::1"}, false},
		{"a gateway of IPv4 for IPv6", Network{Address: six, Gateway: "10.1.2.1"}, false},
		{"a gateway that is no address", Network{Address: four, Gateway: "10.1.2"}, false},
		{"a gateway in another spelling", Network{Address: six, Gateway: "2001:db8::0:1"}, false},
		{"three name servers of both kinds", Network{Address: four, DNS: []string{"10.1.2.1", "10.1.2.2", "2001:db8::1"}}, true},
		{"four name servers", Network{Address: four, DNS: []string{"10.1.2.1", "10.1.2.2", "10.1.2.4", "10.1.2.5"}}, false},
		{"a name server that is no address", Network{Address: four, DNS: []string{"10.1.2.1", "dns.example"}}, false},
		{"what a name server that is none is printed as", Network{Address: four, DNS: []string{"invalid IP"}}, false},
		{"a name server in another spelling", Network{Address: four, DNS: []string{"2001:DB8::1"}}, false},
		{"a name server of IPv4 in IPv6", Network{Address: four, DNS: []string{"::ffff:10.1.2.1"}}, false},
		{"a name server with a zone", Network{Address: four, DNS: []string{"fe80::1%eth0"}}, false},
		{"no machine's address", Network{Address: four, DNS: []string{"0.0.0.0"}}, false},
		{"no machine's address of IPv6", Network{Address: six, Gateway: "::"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.n.Check(); (err == nil) != tt.good {
				t.Errorf("Check of %+v = %v; want good: %v", tt.n, err, tt.good)
			}
		})
	}
}

// What a text was is told in its first 60 characters.
func TestALongSettingIsToldInShort(t *testing.T) {
	s := goodSettings()
	s.Station = strings.Repeat("a", 61)
	err := s.Check()
	if want := `station "` + strings.Repeat("a", 60) + `"; want 1 to 32 letters, digits, - and _`; err == nil || err.Error() != want {
		t.Errorf("Check = %v; want %s", err, want)
	}
}

// Each row changes one field, and nothing else.
func TestSettingsDifferInEachField(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"station":        func(s *Settings) { s.Station = "x" },
		"gate":           func(s *Settings) { s.Gate = "x" },
		"direction":      func(s *Settings) { s.Direction = "entry" },
		"nation":         func(s *Settings) { s.Nation += "x" },
		"nation's root":  func(s *Settings) { s.NationRoot[31] ^= 1 },
		"repository":     func(s *Settings) { s.Repository += "x" },
		"station's root": func(s *Settings) { s.StationRoot = bytes.Clone(s.NationRoot) },
		"address":        func(s *Settings) { s.Network.Address = "10.1.2.4/24" },
		"gateway":        func(s *Settings) { s.Network.Gateway = "" },
		"name servers":   func(s *Settings) { slices.Reverse(s.Network.DNS) },
	} {
		t.Run(name, func(t *testing.T) {
			was, is := goodSettings(), goodSettings()
			if !was.Equal(&is) {
				t.Fatal("settings are not equal to themselves")
			}
			change(&is)
			if was.Equal(&is) || is.Equal(&was) {
				t.Errorf("%+v and %+v are equal", was, is)
			}
		})
	}
}
