package configs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A document is a TOML file with each key under its full name: "lane.direction" or
// "scanner[0].port".
type document struct {
	path     string
	data     []byte
	values   map[string]any // string, int64, float64, bool, []any, unreadable; something else is a date or a time
	lines    map[string]int // of keys and sections
	places   map[string]span
	columns  map[string]int // of values
	names    []string       // of keys and sections, in their order
	asked    map[string]bool
	kinds    map[string]kind // of the keys that were asked for
	scanners int
	problems []error
	version  int64 // of a policy

	parser unstable.Parser
	ends   []uint32       // of its lines
	tables map[string]int // how many of each array of tables
}

func newDocument(path string, data []byte) *document {
	d := &document{path: path, data: data, values: map[string]any{}, lines: map[string]int{}, places: map[string]span{}, columns: map[string]int{}, asked: map[string]bool{}, kinds: map[string]kind{}, tables: map[string]int{}}
	d.parser.Reset(data)
	for i, b := range data {
		if b == '\n' {
			d.ends = append(d.ends, uint32(i))
		}
	}
	section := ""
	for d.parser.NextExpression() {
		switch e := d.parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			section = d.table(e)
		case unstable.KeyValue:
			d.keyValue(section, e)
		}
	}
	d.scanners = d.tables["scanner"]
	if err := toml.Unmarshal(data, &map[string]any{}); err != nil && (d.parser.Error() != nil || len(d.problems) == 0) {
		d.problems = append(d.problems, d.syntaxProblem(data, err))
	}
	return d
}

// table notes a section and returns its name.
func (d *document) table(e *unstable.Node) string {
	name, line := "", 0
	for it := e.Key(); it.Next(); {
		if n := d.tables[name]; n > 0 {
			name = fmt.Sprintf("%s[%d]", name, n-1)
		}
		name, line = join(name, it.Node().Data), d.line(it.Node())
	}
	if e.Kind == unstable.ArrayTable {
		d.tables[name]++
		name = fmt.Sprintf("%s[%d]", name, d.tables[name]-1)
	}
	if _, again := d.lines[name]; !again {
		d.places[name] = span{key: d.start(e.Key())}
	}
	d.note(name, line)
	return name
}

// A span is where a document has a key, in bytes from its beginning: the key, its value, and what follows.
// Of a section it has the name alone.
type span struct{ key, value, end int }

func (d *document) span(e *unstable.Node) span {
	p := span{key: d.start(e.Key()), end: int(e.Raw.Offset + e.Raw.Length)}
	for it := e.Key(); it.Next(); {
		p.value = int(it.Node().Raw.Offset + it.Node().Raw.Length)
	}
	data := d.parser.Data()
	for p.value < p.end && strings.IndexByte(" \t=", data[p.value]) >= 0 {
		p.value++
	}
	return p
}

// column is a place's in its line, in characters.
func (d *document) column(at int) int {
	text := d.parser.Data()[:at]
	return utf8.RuneCount(text[bytes.LastIndexByte(text, '\n')+1:]) + 1
}

func (d *document) start(key unstable.Iterator) int {
	key.Next()
	return int(key.Node().Raw.Offset)
}

func (d *document) keyValue(section string, e *unstable.Node) {
	name, line := section, 0
	for it := e.Key(); it.Next(); {
		name, line = join(name, it.Node().Data), d.line(it.Node())
	}
	if e.Value().Kind != unstable.InlineTable && !d.isTables(e.Value()) {
		if _, again := d.lines[name]; !again {
			d.places[name] = d.span(e)
			d.columns[name] = d.column(d.places[name].value)
		}
		d.note(name, line)
		d.values[name] = d.value(e.Value())
		return
	}
	if e.Value().Kind == unstable.InlineTable {
		d.inline(name, line, e.Value())
		return
	}
	for it := e.Value().Children(); it.Next(); {
		d.tables[name]++
		d.inline(fmt.Sprintf("%s[%d]", name, d.tables[name]-1), line, it.Node())
	}
}

func (d *document) inline(name string, line int, table *unstable.Node) {
	d.note(name, line)
	for it := table.Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			d.keyValue(name, it.Node())
		}
	}
}

// isTables tells whether a value is a list of tables.
func (d *document) isTables(v *unstable.Node) bool {
	if v.Kind != unstable.Array || v.Child() == nil {
		return false
	}
	for it := v.Children(); it.Next(); {
		if it.Node().Kind != unstable.InlineTable {
			return false
		}
	}
	return true
}

// note takes down a key or a section, each once.
func (d *document) note(name string, line int) {
	if first, ok := d.lines[name]; ok {
		d.wrong(name, line, "is here a second time, after line %d; take one of the two out", first)
		return
	}
	d.lines[name] = line
	d.names = append(d.names, name)
}

func (d *document) wrong(key string, line int, format string, args ...any) {
	p := &Problem{Path: d.path, Line: line, Key: key, Text: fmt.Sprintf(format, args...)}
	if s, ok := d.places[key]; ok {
		p.Column = d.column(s.key)
	}
	d.problems = append(d.problems, p)
}

func (d *document) line(key *unstable.Node) int {
	i, _ := slices.BinarySearch(d.ends, key.Raw.Offset)
	return i + 1
}

// unreadable stands for a value that the decoder refuses; it says why.
type unreadable struct{}

// value is a value that is not a table. A number is the decoder's to understand.
func (d *document) value(v *unstable.Node) any {
	switch v.Kind {
	case unstable.String:
		return string(v.Data)
	case unstable.Bool:
		return string(v.Data) == "true"
	case unstable.Array:
		list := []any{}
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				list = append(list, d.value(it.Node()))
			}
		}
		return list
	}
	var number struct{ V any }
	if toml.Unmarshal(append([]byte("V = "), v.Data...), &number) != nil {
		return unreadable{}
	}
	return number.V
}

// join is the full name of a key in a section. A key with other characters than TOML's
// bare keys have stays in quotes.
func join(section string, key []byte) string {
	name := string(key)
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		name = strconv.Quote(name)
	}
	if section == "" {
		return name
	}
	return section + "." + name
}

// syntaxProblem says where a document is not TOML.
func (d *document) syntaxProblem(data []byte, err error) error {
	if bytes.ContainsRune(data, 0) { // as UTF-16 has it
		return &Problem{Path: d.path, Text: "is not a text of UTF-8: save it as UTF-8 in the editor"}
	}
	p := &Problem{Path: d.path, Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var e *toml.DecodeError
	if errors.As(err, &e) {
		p.Line, p.Column = e.Position()
		p.Key = keyAt(data, p.Line)
	}
	p.Text += "; want KEY = VALUE, with text in quotes"
	return p
}

// keyAt is the key on a line of a document that is not TOML, with its section, as
// well as can be told.
func keyAt(data []byte, line int) string {
	section := ""
	for i, text := range bytes.Split(data, []byte("\n")) {
		name, _, isKey := strings.Cut(string(text), "=")
		name = strings.TrimSpace(name)
		switch {
		case i+1 == line && isKey && section != "":
			return section + "." + name
		case i+1 == line && isKey:
			return name
		case i+1 >= line:
			return section
		case strings.HasPrefix(name, "["):
			section, _, _ = strings.Cut(strings.TrimLeft(name, "["), "]")
		}
	}
	return ""
}
