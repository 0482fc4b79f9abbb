package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// A kind says in words what a key may be, and what it is in a file that does not have it ("": nothing,
// or what the reference says). The manual is made of what the checker says of each key that it reads.
type kind struct {
	want, usual string
	form        form
}

// A form says the same to programs, in the words of JSON Schema.
type form struct {
	Type    string   // string, integer, number, boolean, array; "": string
	Options []string // of a string; of an array: of its items
	Items   string   // of an array: the type of its items
	Least   *float64 // of a number, or of an array's numbers
	Most    *float64
	Chars   int    // the most that a string has; 0: any number
	Pattern string // of a string
	Needed  bool   // where the section is there
}

func between(kind string, least, most float64) form {
	return form{Type: kind, Least: &least, Most: &most}
}

// kind notes what a key of the section may be. What was said first holds.
func (c *checker) kind(key string, k kind) {
	if _, said := c.kinds[c.name(key)]; !said {
		c.kinds[c.name(key)] = k
	}
}

func (k duration) kind() kind {
	switch {
	case k.usual != 0:
		return kind{"duration, " + k.want(), shown(short(k.usual)), k.form()}
	case k.word != "":
		return kind{"duration, " + k.want(), shown(k.word), k.form()}
	}
	return kind{want: "duration, " + k.want(), form: k.form()}
}

// form is the shape of a duration: its range is not to be told by a pattern.
func (k duration) form() form {
	pattern := `\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)`
	if pattern = "^(" + pattern + ")+$"; k.word != "" {
		pattern += "|^" + k.word + "$"
	}
	return form{Pattern: pattern}
}

// bounds are the limits of a number, and what it counts.
func (k whole) bounds() string { return fmt.Sprintf("%d to %d: %s", k.least, k.most, k.want) }

func (k whole) kind() kind {
	form := between("integer", float64(k.least), float64(k.most))
	if k.usual == 0 {
		return kind{want: "whole number, " + k.bounds(), form: form}
	}
	return kind{"whole number, " + k.bounds(), strconv.Itoa(k.usual), form}
}

func (k number) bounds() string { return fmt.Sprintf("%v to %v: %s", k.least, k.most, k.want) }

func (k number) kind() kind {
	return kind{"number, " + k.bounds(), fmt.Sprint(k.usual), between("number", k.least, k.most)}
}

func (k word) kind() kind {
	usual := k.usual
	if usual != "" {
		usual = shown(usual)
	}
	return kind{or(quoted(k.options)), usual, form{Options: k.options, Needed: k.usual == ""}}
}

func (k words) kind() kind {
	return kind{"list of some of " + strings.Join(quoted(k.options), ", "), shown(k.usual), form{Type: "array", Items: "string", Options: k.options}}
}

func (k path) kind() kind {
	form := form{Pattern: "^(/.*)?$"}
	if k.usual == "" {
		return kind{want: "path", form: form}
	}
	return kind{"path", shown(k.usual), form}
}

func quoted(values []string) (all []string) {
	for _, s := range values {
		all = append(all, strconv.Quote(s))
	}
	return all
}

// shown is a value as a TOML file has it.
func shown(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case []int:
		return "[" + strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ", ") + "]"
	case []string:
		return "[" + strings.Join(quoted(v), ", ") + "]"
	}
	return fmt.Sprint(value)
}
