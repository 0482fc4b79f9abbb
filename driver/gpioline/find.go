package gpioline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// find is Find among the chips that there are. A PC's chips have colons in their labels ("INT34C5:00"),
// and some boards' lines in their names.
func find(chips []chip, spec string) (*Line, error) {
	colon := strings.LastIndexByte(spec, ':')
	if colon < 0 || slices.ContainsFunc(chips, func(c chip) bool { return slices.Contains(c.lines, spec) }) {
		return byName(chips, spec, spec)
	}
	label, name := spec[:colon], spec[colon+1:]
	where := slices.DeleteFunc(slices.Clone(chips), func(c chip) bool { return c.label != label && c.name != label })
	if len(where) == 0 {
		return nil, fmt.Errorf("GPIO line %q: chip %q is not there (there are %s): %w", spec, label, describe(chips), ErrNoChip)
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return byOffset(where, spec, n)
	}
	return byName(where, spec, name)
}

func byOffset(chips []chip, spec string, n uint64) (*Line, error) {
	c := chips[0]
	if len(chips) > 1 {
		return nil, fmt.Errorf("GPIO line %q: there are two such chips, %s; say which by its name: it changes with the order in which they are plugged in", spec, describe(chips))
	}
	if n >= uint64(len(c.lines)) {
		return nil, fmt.Errorf("GPIO line %q: %s has lines 0 to %d: %w", spec, c.label, len(c.lines)-1, ErrNotFound)
	}
	return c.line(int(n)), nil
}

func byName(chips []chip, spec, name string) (*Line, error) {
	var found *Line
	for i := range chips {
		for offset, given := range chips[i].lines {
			if given != name || name == "" {
				continue
			}
			if found != nil {
				return nil, fmt.Errorf("GPIO line %q: both %s:%d and %s:%d have that name; say which as chip:offset", spec, found.Chip, found.Offset, chips[i].label, offset)
			}
			found = chips[i].line(offset)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("GPIO line %q: no line has that name (there are %s): %w", spec, describe(chips), ErrNotFound)
	}
	return found, nil
}

func (c *chip) line(offset int) *Line {
	l := &Line{Chip: c.label, Offset: offset, Given: c.lines[offset], path: c.path, where: c.label, kernel: linux{}}
	if c.shared {
		l.where = c.name
	}
	return l
}

func describe(chips []chip) string {
	var words []string
	for _, c := range chips {
		words = append(words, fmt.Sprintf("%s (%s, %d lines)", c.label, c.name, len(c.lines)))
	}
	return strings.Join(words, ", ")
}
