package configs

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// This file is about keys that nothing asked for: the file has them, and railgated does not
// know them.

// checkUnknown reports each of them, with the key that was meant where that can be told. Of an
// unknown section it reports the section alone.
func (d *document) checkUnknown() {
	unknown := ""
	for _, name := range d.names {
		if d.asked[name] || d.holdsAsked(name) || unknown != "" && strings.HasPrefix(name, unknown+".") {
			continue
		}
		unknown = name
		d.wrong(name, d.lines[name], "%s", d.unknownText(name))
	}
}

// holdsAsked tells whether a name is that of a section with keys that were asked for.
func (d *document) holdsAsked(name string) bool {
	_, isKey := d.values[name]
	return !isKey && d.isSection(name)
}

func (d *document) isSection(name string) bool {
	for key := range d.asked {
		if strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

func (d *document) unknownText(name string) string {
	switch {
	case name == "scanner":
		return "is a list of scanners; begin each with [[scanner]] on a line of its own"
	case d.isSection(name):
		return "is a section; write [" + name + "] on a line of its own, and its keys below"
	}
	section, key := split(name)
	if near := d.nearest(section, key); near != "" {
		return "unknown key; is it " + near + "? Keys are exact, in lower case"
	}
	for _, asked := range slices.SortedFunc(maps.Keys(d.asked), byDepth) { // the file's own keys first
		if s, k := split(asked); k == key && s != section {
			return "unknown key here; it belongs " + place(s)
		}
	}
	return "unknown key; take it out, or see all keys with: railgate config"
}

// byDepth puts the keys of no section first, and each in order.
func byDepth(a, b string) int {
	return cmp.Or(cmp.Compare(strings.Count(a, "."), strings.Count(b, ".")), cmp.Compare(a, b))
}

func place(section string) string {
	switch {
	case section == "":
		return "before the first [section]"
	case strings.HasPrefix(section, "scanner["):
		return "in [[scanner]]"
	}
	return "in [" + section + "]"
}

// nearest is the key or section that is most like a name; "" if none is.
func (d *document) nearest(section, name string) string {
	near, least := "", 3 // changes that a typing error may need
	for asked := range d.asked {
		s, key := split(asked)
		if section == "" && s != "" {
			key, _, _ = strings.Cut(s, "[") // a section's own name
		} else if s != section {
			continue
		}
		if n := changes(strings.ToLower(name), key); n < least || n == least && key < near {
			near, least = key, n
		}
	}
	return near
}

// meant asks whether the word that is most like a value was meant; "" if none is.
func meant(value string, options []string) string {
	near, least := "", 3
	for _, option := range options {
		if n := changes(strings.ToLower(value), option); n < least && n < len(option) {
			near, least = option, n
		}
	}
	if near == "" {
		return ""
	}
	return "is it " + near + "? "
}

func split(name string) (section, key string) {
	if dot := strings.LastIndex(name, "."); dot >= 0 {
		return name[:dot], name[dot+1:]
	}
	return "", name
}

// changes is how many characters must be changed, put in or taken out to make b of a; two
// neighbours that change places are one.
func changes(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
