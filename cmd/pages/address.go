// Package pages is what the web servers of this module have in common: who calls, and what a
// browser may do with a page.
package pages

import (
	"net/http"
	"net/netip"
	"strings"
)

// Address is where a request comes from, for counting: an IPv4 address, or a network
// of /64 for IPv6, in which one caller has as many addresses as it likes. Behind a
// proxy (proxied) it is what that proxy has added to X-Forwarded-For: the last entry, in
// whatever line. What is before it, the caller may have written.
func Address(r *http.Request, proxied bool) string {
	host := r.RemoteAddr
	if entries := r.Header.Values("X-Forwarded-For"); proxied && len(entries) > 0 {
		last := entries[len(entries)-1]
		if entry := strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]); parseAddress(entry).IsValid() {
			host = entry
		}
	}
	ip := parseAddress(host)
	switch {
	case !ip.IsValid():
		return host
	case ip.Is6():
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}

// parseAddress reads an address with or without a port; it is not valid where there is
// none.
func parseAddress(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	ip, _ := netip.ParseAddr(strings.Trim(text, "[]"))
	return ip.Unmap().WithZone("")
}
