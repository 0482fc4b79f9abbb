package update

import (
	"regexp"
	"strings"
)

var goodVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$`)

// GoodVersion tells whether a release may have this name; it becomes a path.
func GoodVersion(v string) bool { return goodVersion.MatchString(v) }

// Compare orders two versions as dpkg does (Debian Policy, section 5.6.12): numbers by their
// value, letters before other signs, and "~" before the end, so that 1.5.0~rc1 is before
// 1.5.0. A "v" before the first number counts for nothing.
func Compare(a, b string) int {
	a, b = strings.TrimPrefix(a, "v"), strings.TrimPrefix(b, "v")
	for a != "" || b != "" {
		var x, y string
		x, a = cutRun(a, false)
		y, b = cutRun(b, false)
		if c := compareSigns(x, y); c != 0 {
			return c
		}
		x, a = cutRun(a, true)
		y, b = cutRun(b, true)
		if c := compareNumbers(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// cutRun cuts what is digits, or is none, off the front.
func cutRun(s string, digits bool) (run, rest string) {
	n := 0
	for n < len(s) && digit(s[n]) == digits {
		n++
	}
	return s[:n], s[n:]
}

func compareNumbers(x, y string) int {
	x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	if len(x) != len(y) {
		return sign(len(x) - len(y))
	}
	return strings.Compare(x, y)
}

func compareSigns(x, y string) int {
	for i := range max(len(x), len(y)) {
		if d := weight(x, i) - weight(y, i); d != 0 {
			return sign(d)
		}
	}
	return 0
}

// weight is a sign's place in the order: ~, the end, letters, everything else.
func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'a' && s[i] <= 'z', s[i] >= 'A' && s[i] <= 'Z':
		return int(s[i])
	}
	return int(s[i]) + 256
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
