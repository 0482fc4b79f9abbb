package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// A kind says in words what a key may be, and what it is in a file that does not have it ("": nothing,
// or what the reference says). The manual is made of what the checker says of each key that it reads.
type kind struct{ want, usual string }

// kind notes what a key of the section may be. What was said first holds.
func (c *checker) kind(key string, k kind) {
	if _, said := c.kinds[c.name(key)]; !said {
		c.kinds[c.name(key)] = k
	}
}

func (k duration) kind() kind {
	switch {
	case k.usual != 0:
		return kind{"duration, " + k.want(), shown(short(k.usual))}
	case k.word != "":
		return kind{"duration, " + k.want(), shown(k.word)}
	}
	return kind{want: "duration, " + k.want()}
}

// bounds are the limits of a number, and what it counts.
func (k whole) bounds() string { return fmt.Sprintf("%d to %d: %s", k.least, k.most, k.want) }

func (k whole) kind() kind {
	if k.usual == 0 {
		return kind{want: "whole number, " + k.bounds()}
	}
	return kind{"whole number, " + k.bounds(), strconv.Itoa(k.usual)}
}

func (k number) bounds() string { return fmt.Sprintf("%v to %v: %s", k.least, k.most, k.want) }

func (k number) kind() kind { return kind{"number, " + k.bounds(), fmt.Sprint(k.usual)} }

func (k word) kind() kind {
	usual := k.usual
	if usual != "" {
		usual = shown(usual)
	}
	return kind{or(quoted(k.options)), usual}
}

func (k words) kind() kind {
	return kind{"list of some of " + strings.Join(quoted(k.options), ", "), shown(k.usual)}
}

func (k path) kind() kind {
	if k.usual == "" {
		return kind{want: "path"}
	}
	return kind{"path", shown(k.usual)}
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
