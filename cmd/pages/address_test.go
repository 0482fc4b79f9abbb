package pages

import (
	"net/http"
	"testing"
)

func TestCallersAreCountedByTheirNetwork(t *testing.T) {
	for _, tt := range []struct {
		name      string
		remote    string
		forwarded []string
		proxied   bool
		want      string
	}{
		{"IPv4", "192.0.2.7:4711", nil, false, "192.0.2.7"},
		{"IPv4, another port", "192.0.2.7:4712", nil, false, "192.0.2.7"},
		{"IPv6", "[2001:db8:1:2:3:4:5:6]:4711", nil, false, "2001:db8:1:2::/64"},
		{"another address of the same /64", "[2001:db8:1:2:ffff::1]:80", nil, false, "2001:db8:1:2::/64"},
		{"another /64", "[2001:db8:1:3::1]:80", nil, false, "2001:db8:1:3::/64"},
		{"IPv4 written as IPv6", "[::ffff:192.0.2.7]:4711", nil, false, "192.0.2.7"},
		{"a socket without addresses", "@", nil, false, "@"},
		{"with a zone", "[fe80::1%eth0]:4711", nil, false, "fe80::/64"},
		{"without a proxy, a line of the caller's own", "192.0.2.7:4711", []string{"198.51.100.1"}, false, "192.0.2.7"},
		{"behind a proxy", "127.0.0.1:4711", []string{"198.51.100.1"}, true, "198.51.100.1"},
		{"behind a proxy, IPv6", "127.0.0.1:4711", []string{"2001:db8:1:2::9"}, true, "2001:db8:1:2::/64"},
		{"the proxy adds to the caller's line", "127.0.0.1:4711", []string{"203.0.113.5, 198.51.100.1"}, true, "198.51.100.1"},
		{"the proxy adds a line of its own", "127.0.0.1:4711", []string{"203.0.113.5", "198.51.100.1"}, true, "198.51.100.1"},
		{"the caller's second line", "127.0.0.1:4711", []string{"203.0.113.5", "203.0.113.6, 198.51.100.1"}, true, "198.51.100.1"},
		{"the proxy adds a port", "127.0.0.1:4711", []string{"198.51.100.1:9000"}, true, "198.51.100.1"},
		{"the proxy adds brackets and a port", "127.0.0.1:4711", []string{"[2001:db8:1:2::9]:9000"}, true, "2001:db8:1:2::/64"},
		{"what the proxy adds is no address", "127.0.0.1:4711", []string{"203.0.113.5, unknown"}, true, "127.0.0.1"},
		{"the proxy adds nothing", "127.0.0.1:4711", nil, true, "127.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
		if got := Address(r, tt.proxied); got != tt.want {
			t.Errorf("%s: counted as %q; want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"192.0.2.7:80", "[2001:db8::1%eth0]:80", "203.0.113.5, 198.51.100.1", "", ",", "[", "::ffff:1.2.3.4"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		if got := Address(r, false); len(got) > len(remote)+len("/64")+40 {
			t.Errorf("%q is counted as %q", remote, got)
		}
		Address(r, true)
	})
}
