package configs

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// This file finds the key that a person means, and makes its value of what was typed at a shell.

// everyKind is what each key may be; the keys of all scanners are those of one.
var everyKind = sync.OnceValue(referenceKinds)

// Keys are the names of all keys, in order; a scanner's as scanner.port.
func Keys() []string { return slices.Sorted(maps.Keys(everyKind())) }

// Want says in words what a key may be.
func Want(key string) string { return everyKind()[withoutIndex(key)].want }

// Options are the words that a key may have; nil: others too.
func Options(key string) []string { return everyKind()[withoutIndex(key)].form.Options }

// Usual is a key's value in a configuration that does not have it; nil: none.
func Usual(key string) any { return everyKind()[withoutIndex(key)].usualValue() }

func (k kind) usualValue() any {
	value, err := parseTOML(k.usual)
	if err != nil {
		return nil
	}
	return value
}

// FindKey is the full name of the key that a person means in a configuration's text: "scanner.front.port" is
// scanner[0].port where the first scanner's name is front, and "scanner.port" where there is one.
func FindKey(text []byte, key string) (string, error) {
	d := newDocument("", text)
	name, rest, isScanner := strings.Cut(strings.TrimSpace(key), ".")
	if !isScanner || name != "scanner" {
		return key, known(key)
	}
	if scanner, last, ok := cutLast(rest); ok {
		i, err := d.scannerNamed(scanner)
		if err != nil {
			return "", err
		}
		key = scannerName(i) + "." + last
		return key, known(key)
	}
	if d.scanners > 1 {
		return "", fmt.Errorf("%s: there are %d scanners; say which: scanner.%s.%s", quote(key), d.scanners, d.scannerNames()[0], rest)
	}
	key = scannerName(0) + "." + rest
	return key, known(key)
}

// cutLast cuts a name at its last dot: a scanner's own name may have some.
func cutLast(name string) (before, last string, ok bool) {
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return "", name, false
	}
	return name[:dot], name[dot+1:], true
}

// scannerNames are those of the document's scanners, as railgated calls them.
func (d *document) scannerNames() (names []string) {
	for i := range d.scanners {
		name, _ := d.values[scannerName(i)+".name"].(string)
		if name == "" {
			name = fmt.Sprintf("scanner%d", i+1)
		}
		names = append(names, name)
	}
	return names
}

func (d *document) scannerNamed(name string) (int, error) {
	names := d.scannerNames()
	if i := slices.Index(names, name); i >= 0 {
		return i, nil
	}
	if len(names) == 0 {
		return 0, fmt.Errorf("there is no scanner yet; begin with scanner[0]")
	}
	return 0, fmt.Errorf("no scanner has the name %s; %sthere are %s", quote(name), meant(name, names), strings.Join(names, ", "))
}

// known refuses a key that there is not, and names the one that was meant.
func known(key string) error {
	if _, ok := everyKind()[withoutIndex(key)]; ok {
		return nil
	}
	near := likeKey(withoutIndex(key))
	if near == "" {
		return fmt.Errorf("%s is not a key; railgate config lists all of them", quote(key))
	}
	return fmt.Errorf("%s is not a key; is it %s?", quote(key), near)
}

// likeKey is the key that is most like a name: of one section first, then by its last part alone.
func likeKey(name string) string {
	near, least := "", 4
	section, last := split(name)
	for _, key := range Keys() {
		s, k := split(key)
		n := changes(strings.ToLower(name), key)
		if short := changes(strings.ToLower(last), k); section == "" || s == section {
			n = min(n, short)
		} else if short == 0 {
			n = min(n, 3) // the right key of a wrong section
		}
		if n < least && n < len(last) {
			near, least = key, n
		}
	}
	return near
}

// ParseValue makes a key's value of what was typed: text needs no quotes, a list is several words, one with
// commas, or TOML's. What is in quotes or brackets is TOML.
func ParseValue(key string, words []string) (any, error) {
	k, ok := everyKind()[withoutIndex(key)]
	if !ok {
		return nil, known(key)
	}
	if slices.ContainsFunc(words, func(w string) bool { return !utf8.ValidString(w) }) {
		return nil, fmt.Errorf("%s: the value is not UTF-8 text", key)
	}
	if k.form.Type == "array" {
		return k.parseList(key, words)
	}
	if len(words) != 1 {
		return nil, fmt.Errorf("%s takes one value; want %s", key, k.want)
	}
	return k.form.parse(key, words[0], k.form.Type, k.want)
}

func (k kind) parseList(key string, words []string) (any, error) {
	if len(words) == 1 && strings.HasPrefix(words[0], "[") {
		value, err := parseTOML(words[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %s is not a list; want %s", key, quote(words[0]), k.want)
		}
		return value, nil
	}
	list := []any{}
	for _, word := range words {
		for item := range strings.SplitSeq(word, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			value, err := k.form.parse(key, item, k.form.Items, k.want)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
	}
	return list, nil
}

// parse makes one value.
func (f form) parse(key, word, kind, want string) (any, error) {
	if kind == "" || kind == "string" {
		return parseText(key, word)
	}
	value, err := parseTOML(word)
	switch v := value.(type) {
	case int64:
		if err == nil && (kind == "integer" || kind == "number") {
			return v, nil
		}
	case float64:
		if err == nil && kind == "number" {
			return v, nil
		}
	case bool:
		if err == nil && kind == "boolean" {
			return v, nil
		}
	}
	near := ""
	if kind == "boolean" {
		near = meant(word, []string{"true", "false"})
	}
	return nil, fmt.Errorf("%s: %s is of the wrong kind; %swant %s", key, quote(word), near, want)
}

// parseText makes text of a word: of one in quotes what TOML makes of it, and of one with a \ too, for at a shell
// '\r' is the scanner's carriage return.
func parseText(key, word string) (any, error) {
	text := word
	switch {
	case strings.HasPrefix(word, `"`), strings.HasPrefix(word, "'"):
	case strings.Contains(word, `\`):
		text = `"` + word + `"`
	default:
		return word, nil
	}
	value, err := parseTOML(text)
	if s, ok := value.(string); ok && err == nil {
		return s, nil
	}
	return nil, fmt.Errorf(`%s: %s is not text as TOML writes it; want such as '"\r"'`, key, quote(word))
}

// parseTOML reads one value as a document has it.
func parseTOML(text string) (any, error) {
	d := newDocument("", []byte("v = "+text))
	if len(d.problems) > 0 {
		return nil, d.problems[0]
	}
	value, ok := d.values["v"]
	if !ok || len(d.values) != 1 || value == any(unreadable{}) {
		return nil, fmt.Errorf("%s is not a value", quote(text))
	}
	return value, nil
}

// tomlOf is a value as a document has it, on one line.
func tomlOf(value any) string {
	switch v := value.(type) {
	case string:
		return quoteTOML(v)
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = tomlOf(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	text, err := toml.Marshal(map[string]any{"v": value})
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(strings.TrimPrefix(string(text), "v = "))
}

// quoteTOML is text in TOML's double quotes (toml.io, "Basic strings").
func quoteTOML(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// Meant asks whether the word that is most like a value was meant, "is it free? "; "" if none is.
func Meant(value string, options []string) string { return meant(value, options) }

// Values are the keys of a text with their values, whether these are right or not; none where it is not TOML.
func Values(text []byte) map[string]any {
	return newDocument("", bytes.TrimPrefix(text, []byte("\ufeff"))).values
}

// Shown is a value as a configuration has it.
func Shown(value any) string { return tomlOf(value) }

// ReadFile reads a configuration's text, if it is a file of a length that a configuration may have.
func ReadFile(path string) ([]byte, error) { return readFile(path) }
