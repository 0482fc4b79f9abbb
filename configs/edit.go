package configs

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// This file changes keys of a configuration's text and leaves the rest of it as a person wrote it: comments, order,
// spaces, ends of lines. It edits the text by the parser's positions, for an encoder would write the whole file in
// its own manner.

// A Change gives a key a value, as [ParseValue] makes them. Without one (nil) the key is commented out, so that its
// default applies and its comment stays.
type Change struct {
	Key   string // its full name: lane.direction, scanner[0].port
	Value any
}

// Edit makes changes in the text of a configuration, which must be TOML; it does not check the values. What
// it returns has exactly these changes. Where it is no TOML the errors are a [Problem] each, of no path.
func Edit(text []byte, changes []Change) ([]byte, error) {
	body := bytes.TrimPrefix(text, []byte("\ufeff"))
	mark := text[:len(text)-len(body)]
	for _, c := range changes {
		next, err := edit(body, c)
		if _, is := errors.AsType[*Problem](err); is { // of the text, and not of this change
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Key, err)
		}
		body = next
	}
	return append(slices.Clone(mark), body...), nil
}

// errWrittenOtherwise is a key in a place that Edit does not edit.
var errWrittenOtherwise = errors.New("this file writes its section in a way that is edited by hand ({ … }, dotted keys, comments in a list): railgate config edit")

func edit(text []byte, c Change) ([]byte, error) {
	e := editor{text: text, before: newDocument("", text), crlf: bytes.Contains(text, []byte("\r\n"))}
	if err := errors.Join(e.before.problems...); err != nil {
		return nil, err
	}
	var next []byte
	section, key := split(c.Key)
	_, isKey := e.before.values[c.Key]
	_, hasSection := e.before.lines[section]
	switch {
	case !isKey && c.Value == nil:
		return text, nil
	case isKey:
		next = e.change(e.before.places[c.Key], c.Value)
	case section == "" || hasSection:
		next = e.insert(section, key, tomlOf(c.Value))
	default:
		next = e.append(section, key, tomlOf(c.Value))
	}
	return next, e.verify(next, c)
}

// An editor makes one change.
type editor struct {
	text   []byte
	before *document
	crlf   bool
}

// verify refuses a text that has another change than c.
func (e *editor) verify(next []byte, c Change) error {
	after := newDocument("", next)
	want := map[string]any{}
	for name, value := range e.before.values {
		want[name] = value
	}
	if want[c.Key] = c.Value; c.Value == nil {
		delete(want, c.Key)
	}
	if len(after.problems) > 0 || !reflect.DeepEqual(after.values, want) {
		return errWrittenOtherwise
	}
	return nil
}

// change replaces a key's value, or comments the key out.
func (e *editor) change(s span, value any) []byte {
	old := e.text[s.value:s.end]
	if value != nil && bytes.ContainsAny(old, "\n") && bytes.ContainsAny(old, "#") {
		return nil // its comments would be lost
	}
	if value == nil {
		return e.commentOut(s)
	}
	return e.replace(s.value, s.end, tomlOf(value))
}

// replace puts a value in the place of another. A comment behind it stays in its column where there is room.
func (e *editor) replace(from, to int, value string) []byte {
	rest := e.text[to:]
	spaces := len(rest) - len(bytes.TrimLeft(rest, " "))
	if spaces > 0 && spaces < len(rest) && rest[spaces] == '#' && !bytes.Contains(e.text[from:to], []byte("\n")) {
		room := width(e.text[from:to]) + spaces - width([]byte(value))
		value += strings.Repeat(" ", max(room, 1))
		rest = rest[spaces:]
	}
	return slices.Concat(e.text[:from], []byte(value), rest)
}

func width(text []byte) int { return len([]rune(string(text))) }

// commentOut puts # before each line of a key that has its lines for itself.
func (e *editor) commentOut(s span) []byte {
	from := bytes.LastIndexByte(e.text[:s.key], '\n') + 1
	if len(bytes.TrimSpace(e.text[from:s.key])) > 0 {
		return nil // it is in { … }
	}
	lines := bytes.ReplaceAll(e.text[from:s.end], []byte("\n"), []byte("\n# "))
	return slices.Concat(e.text[:from], []byte("# "), lines, e.text[s.end:])
}

// insert puts a key into a section: in the place of a comment that has it, else below the section's last key.
func (e *editor) insert(section, key, value string) []byte {
	from, to, last := e.extent(section)
	if from < 0 {
		return nil
	}
	if next := e.uncomment(from, to, key, value); next != nil {
		return next
	}
	at, name := from, key
	if last != (span{}) {
		at = e.lineEnd(last.end)
		equals := last.key + bytes.IndexByte(e.text[last.key:last.value], '=')
		line := bytes.LastIndexByte(e.text[:last.key], '\n') + 1
		name = string(e.text[line:last.key]) + key
		name += strings.Repeat(" ", max(0, equals-line-1-len(name)))
	}
	return e.line(at, name+" = "+value)
}

// extent is where a section's keys may be, and its last one. from is -1 for a section that has no head.
func (e *editor) extent(section string) (from, to int, last span) {
	from, to = -1, len(e.text)
	if section == "" {
		from = e.headEnd()
	} else if s, ok := e.before.places[section]; ok {
		from = e.lineEnd(s.key)
	}
	for name, s := range e.before.places {
		_, isKey := e.before.values[name]
		if parent, _ := split(name); isKey && parent == section && s.key > last.key {
			last = s
		}
		if !isKey && s.key > from && s.key < to {
			to = bytes.LastIndexByte(e.text[:s.key], '\n') + 1
		}
	}
	return from, to, last
}

// headEnd is the end of the comments with which a text begins: to the first line that is none, an empty one or a key.
func (e *editor) headEnd() (at int) {
	for line := range bytes.Lines(e.text) {
		if !bytes.HasPrefix(line, []byte("#")) || e.commented(string(line)) {
			break
		}
		at += len(line)
	}
	return at
}

// commented tells whether a comment is a key that was taken out.
func (e *editor) commented(line string) bool {
	_, _, _, ok := commentedKey(line)
	return ok
}

// commentedKey takes a line such as "# fps = 30 # more" apart: its key, and where key and value begin and end
// behind the # and its spaces.
func commentedKey(line string) (key string, s span, mark int, ok bool) {
	content := strings.TrimLeft(line, " \t")
	if !strings.HasPrefix(content, "#") {
		return "", span{}, 0, false
	}
	content = strings.TrimLeft(content[1:], " \t")
	mark = len(line) - len(content)
	d := newDocument("", []byte(content))
	if len(d.problems) > 0 || len(d.values) != 1 || len(d.names) != 1 || d.places[d.names[0]].key != 0 {
		return "", span{}, 0, false
	}
	return d.names[0], d.places[d.names[0]], mark, true
}

// uncomment gives a value to a key that is there as a comment; nil: it is not there.
func (e *editor) uncomment(from, to int, key, value string) []byte {
	at := from
	for line := range bytes.Lines(e.text[from:to]) {
		name, s, mark, ok := commentedKey(strings.TrimRight(string(line), "\r\n"))
		if ok && name == key && !e.inValue(at) {
			fresh := editor{text: slices.Concat(e.text[:at], e.text[at+mark:])}
			return fresh.replace(at+s.value, at+s.end, value)
		}
		at += len(line)
	}
	return nil
}

// inValue tells whether a place is inside a value that has several lines.
func (e *editor) inValue(at int) bool {
	for _, s := range e.before.places {
		if s.value < at && at < s.end {
			return true
		}
	}
	return false
}

// append puts a section with one key at the text's end; a list's next one, scanner[1], behind the one before it.
func (e *editor) append(section, key, value string) []byte {
	name, rest, isList := strings.Cut(section, "[")
	head, at := "["+section+"]", len(e.text)
	if isList {
		head = "[[" + name + "]]"
		if n := e.before.tables[name]; rest != fmt.Sprintf("%d]", n) {
			return nil
		} else if n > 0 {
			at = e.listEnd(fmt.Sprintf("%s[%d]", name, n-1))
		}
	}
	head = e.newline() + head + e.newline() + key + " = " + value
	if at < len(e.text) {
		head += e.newline()
		return slices.Concat(e.text[:at], []byte(head), e.text[at:])
	}
	if at == 0 {
		head = strings.TrimPrefix(head, e.newline())
	}
	return e.line(at, head)
}

// listEnd is where the next of a list begins: below the last key of the one before, and the comments that
// go with it.
func (e *editor) listEnd(section string) int {
	from, to, last := e.extent(section)
	if from < 0 {
		return len(e.text)
	}
	at := from
	if last != (span{}) {
		at = e.lineEnd(last.end)
	}
	for line := range bytes.Lines(e.text[at:to]) {
		if !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("#")) {
			break
		}
		at += len(line)
	}
	return at
}

// line puts a line of its own into the text, at the beginning of a line.
func (e *editor) line(at int, line string) []byte {
	before := e.text[:at]
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		line = e.newline() + line
	}
	return slices.Concat(before, []byte(line+e.newline()), e.text[at:])
}

// lineEnd is the beginning of the line after a place.
func (e *editor) lineEnd(at int) int {
	if i := bytes.IndexByte(e.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(e.text)
}

func (e *editor) newline() string {
	if e.crlf {
		return "\r\n"
	}
	return "\n"
}
