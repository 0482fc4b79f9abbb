package scanner

import (
	"fmt"
	"strconv"
	"strings"
)

// This file says in words what a scanner puts behind its codes.

// controls are the names of the characters below the space (ISO/IEC 646).
var controls = strings.Fields("NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US")

// NameSuffix names each character: "CR LF"; "none" where there is none.
func NameSuffix(suffix string) string {
	var names []string
	for _, b := range []byte(suffix) {
		switch {
		case int(b) < len(controls):
			names = append(names, controls[b])
		case b == 0x7f:
			names = append(names, "DEL")
		default:
			names = append(names, string(rune(b)))
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, " ")
}

// suffixNote is advice where the suffix that is configured is not the one that is seen: codes
// are read all the same, but each only after a silence.
func suffixNote(configured, seen string) string {
	switch {
	case configured == "" && seen != "":
		return fmt.Sprintf("it ends its codes with %s: with suffix = %s each is read %v sooner", NameSuffix(seen), quoteTOML(seen), gap)
	case !strings.Contains(seen, configured) && seen == "":
		return fmt.Sprintf("it sends nothing behind its codes, not %s: set it to %s, or each waits %v", NameSuffix(configured), NameSuffix(configured), lostSuffix)
	case !strings.Contains(seen, configured):
		return fmt.Sprintf("it ends its codes with %s, not %s: with suffix = %s each is read %v sooner", NameSuffix(seen), NameSuffix(configured), quoteTOML(seen), lostSuffix)
	}
	return ""
}

// quoteTOML is a suffix as the configuration writes it.
func quoteTOML(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch q := strconv.Quote(string(rune(c))); {
		case strings.HasPrefix(q, `"\x`) || strings.HasPrefix(q, `"\a`) || strings.HasPrefix(q, `"\v`):
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return `"` + b.String() + `"`
}
