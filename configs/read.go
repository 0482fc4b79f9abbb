package configs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// This file reads a key's value, and reports one of the wrong type or range. What it then returns is
// the usual value, for the rest of the check.

// A checker fills in a configuration from a document. It collects problems, so that a
// technician sees all of them at once.
type checker struct {
	*Config
	*document
	section string // whose keys are read
}

// in makes section the one whose keys are read.
func (c *checker) in(section string) { c.section = section }

// name is a key's full name.
func (c *checker) name(key string) string {
	if c.section == "" {
		return key
	}
	return c.section + "." + key
}

func (c *checker) wrong(key, format string, args ...any) {
	c.problems = append(c.problems, c.Problem(c.name(key), format, args...))
}

// has tells whether the document has a key of the section.
func (c *checker) has(key string) bool {
	_, ok := c.values[c.name(key)]
	return ok
}

// read is a key's value, if it is there and a T.
func read[T any](c *checker, key, want string) (value T, ok bool) {
	c.asked[c.name(key)] = true
	v, here := c.values[c.name(key)]
	if !here {
		return value, false
	}
	if v == any(unreadable{}) {
		return value, false
	}
	if value, ok = v.(T); !ok {
		c.wrong(key, "is of the wrong kind; want %s", want)
	}
	return value, ok
}

const wantText = "text in quotes"

// text is a key's text, "" if it is not there.
func (c *checker) text(key string) string {
	c.kind(key, kind{want: "text"})
	s, _ := read[string](c, key, wantText)
	c.set(key, s)
	return s
}

// label is a name that people read.
func (c *checker) label(key string) string {
	c.kind(key, kind{want: fmt.Sprintf("text of up to %d characters, without a slash", maxName), form: form{Chars: maxName, Pattern: "^[^/]*$"}})
	s := c.text(key)
	if len([]rune(s)) > maxName || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == '/' }) {
		c.wrong(key, "%s is not a name; want up to %d printable characters without a slash", quote(s), maxName)
		return ""
	}
	return s
}

func (c *checker) flag(key string, usual bool) bool {
	c.kind(key, kind{"true or false", strconv.FormatBool(usual), form{Type: "boolean"}})
	b, ok := read[bool](c, key, "true or false, without quotes")
	if !ok {
		b = usual
	}
	c.set(key, b)
	return b
}

func (c *checker) duration(k duration) time.Duration {
	v := c.readDuration(k)
	c.set(k.key, k.text(v))
	return v
}

func (c *checker) readDuration(k duration) time.Duration {
	c.kind(k.key, k.kind())
	s, ok := read[string](c, k.key, `a duration in quotes, such as "300ms"`)
	if !ok {
		return k.usual
	}
	if s == k.word && s != "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		c.wrong(k.key, "%s is not a duration; want %s, such as %q", quote(s), k.want(), short(k.least))
	case d < k.least || d > k.most:
		c.wrong(k.key, "%s is out of range; want %s", quote(s), k.want())
	default:
		return d
	}
	return k.usual
}

func (k duration) want() string {
	text := short(k.least) + " to " + short(k.most)
	if k.word != "" {
		text += " or " + strconv.Quote(k.word)
	}
	return text
}

// text is a value as the file has it.
func (k duration) text(d time.Duration) string {
	if d == 0 {
		return k.word
	}
	return short(d)
}

// short is a duration without units that are zero: 5m, not 5m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (c *checker) whole(k whole) int {
	v := c.readWhole(k)
	c.set(k.key, v)
	return v
}

func (c *checker) readWhole(k whole) int {
	c.kind(k.key, k.kind())
	n, ok := read[int64](c, k.key, "a whole number, without quotes")
	if !ok {
		return k.usual
	}
	if n < int64(k.least) || n > int64(k.most) {
		c.wrong(k.key, "%d is out of range; want %s", n, k.bounds())
		return k.usual
	}
	return int(n)
}

func (c *checker) number(k number) float64 {
	v := c.readNumber(k)
	c.set(k.key, v)
	return v
}

func (c *checker) readNumber(k number) float64 {
	c.kind(k.key, k.kind())
	var n float64
	if whole, isWhole := c.values[c.name(k.key)].(int64); isWhole {
		c.asked[c.name(k.key)] = true
		n = float64(whole)
	} else {
		var ok bool
		if n, ok = read[float64](c, k.key, "a number, without quotes"); !ok {
			return k.usual
		}
	}
	if !(n >= k.least && n <= k.most) { // nor what is not a number
		c.wrong(k.key, "%v is out of range; want %s", n, k.bounds())
		return k.usual
	}
	return n
}

func (c *checker) word(k word) string {
	v := c.readWord(k)
	c.set(k.key, v)
	return v
}

func (c *checker) readWord(k word) string {
	c.kind(k.key, k.kind())
	s, ok := read[string](c, k.key, wantText)
	switch {
	case !ok && k.usual == "" && !c.has(k.key):
		c.wrong(k.key, "is missing; want %s", or(k.options))
	case !ok:
		return k.usual
	case !slices.Contains(k.options, s):
		c.wrong(k.key, "%s is not known; %swant %s", quote(s), meant(s, k.options), or(k.options))
	default:
		return s
	}
	return k.usual
}

func or(options []string) string {
	last := len(options) - 1
	return strings.Join(options[:last], ", ") + " or " + options[last]
}

// list is a key's list, each of its values once.
func list[T comparable](c *checker, key, want string) (values []T, ok bool) {
	c.kind(key, kind{want: want, form: form{Type: "array", Items: "string"}})
	all, ok := read[[]any](c, key, want)
	for _, v := range all {
		value, isKind := v.(T)
		if !isKind {
			c.wrong(key, "is of the wrong kind; want %s", want)
			return nil, false
		}
		if slices.Contains(values, value) {
			c.wrong(key, "%s is in the list twice; take one of the two out", quote(fmt.Sprint(value)))
			continue
		}
		values = append(values, value)
	}
	return values, ok
}

const wantTexts = `a list of texts, such as ["a", "b"]`

func (c *checker) words(k words) []string {
	v := c.readWords(k)
	c.set(k.key, append([]string{}, v...))
	return v
}

func (c *checker) readWords(k words) []string {
	c.kind(k.key, k.kind())
	values, ok := list[string](c, k.key, wantTexts)
	if !ok {
		return k.usual
	}
	for _, s := range values {
		if !slices.Contains(k.options, s) {
			c.wrong(k.key, "%s is not known; %swant some of %s", quote(s), meant(s, k.options), strings.Join(k.options, ", "))
		}
	}
	return values
}

// path is a path from the root on: what a relative one means changes with the folder that
// the daemon, the technician's tool and systemd each start in.
func (c *checker) path(k path) string {
	v := c.readPath(k)
	c.set(k.key, v)
	return v
}

func (c *checker) readPath(k path) string {
	c.kind(k.key, k.kind())
	s, ok := read[string](c, k.key, wantText)
	switch {
	case !ok:
		return k.usual
	case s == "":
	case strings.ContainsFunc(s, unicode.IsControl):
		c.wrong(k.key, "%s has a control character; take it out", quote(s))
	case !filepath.IsAbs(s):
		c.wrong(k.key, "%s is relative; write it from the root on, such as %q", quote(s), k.example)
	}
	return s
}

const wantSize = "1MB to 1TB"

func (c *checker) size(k size) int64 {
	v, text := c.readSize(k)
	c.set(k.key, text)
	return v
}

// readSize is a size, and as the file has it.
func (c *checker) readSize(k size) (int64, string) {
	c.kind(k.key, kind{"size, " + wantSize, shown(k.usual), form{Pattern: `^ *[0-9.eE+]+ *([KMGT]i?)?B$`}})
	s, ok := read[string](c, k.key, fmt.Sprintf("a size in quotes, such as %q", k.usual))
	if !ok {
		s = k.usual
	}
	n, err := parseBytes(s)
	if err != nil || n < k.least || n > k.most {
		c.wrong(k.key, "%s is not a size; want %s, such as %q", quote(s), wantSize, k.usual)
	}
	return n, s
}

// parseBytes parses "2GB" (decimal) or "2GiB" (binary).
func parseBytes(s string) (int64, error) {
	units := []struct {
		suffix string
		size   float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || !(n >= 0 && n*u.size <= 1e15) {
				return 0, errors.New("not a size")
			}
			return int64(n * u.size), nil
		}
	}
	return 0, errors.New("no unit")
}
