package configs

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Manual is railgated.toml(5), in roff: what the reference says of each key, and what the checker
// takes. Date is the day that it shows.
func Manual(version string, date time.Time) []byte {
	m := &manual{kinds: referenceKinds()}
	m.line(".TH RAILGATED.TOML 5 %q %q Railgate", date.UTC().Format("2006-01-02"), "railgate "+version)
	m.line(".SH NAME\nrailgated.toml \\- configuration of a railway gate")
	m.line(".SH SYNOPSIS\n.I " + roff(DefaultPath))
	intro, sections := readReference(string(Reference))
	m.line(".SH DESCRIPTION\n%s\n.PP", roff(intro))
	m.line("%s", roff(`It is a TOML file: KEY = VALUE, with text in quotes; a line that begins with # is a comment. A duration is text such as "300ms", "5s" or "2h"; a size is text such as "500MB" or "2GB".`))
	for _, s := range sections {
		m.section(s)
	}
	m.line(".SH FILES\n.TP\n.I " + roff(DefaultPath) + "\nThe configuration. \\fBrailgate config\\fR prints one with every key.")
	m.line(".TP\n.I /usr/share/doc/railgate/boards\nA configuration for each board.")
	m.line(".TP\n.I " + roff(SchemaPath) + "\nIts JSON Schema, for editors: \\fBrailgate config schema\\fR.")
	m.line(".SH SEE ALSO\n.BR railgated (8),\n.BR railgate (1)")
	return []byte(m.String())
}

// A manual is a page that is being written.
type manual struct {
	strings.Builder
	kinds map[string]kind // of keys as "scanner.port"
}

func (m *manual) line(format string, args ...any) {
	fmt.Fprintf(m, format+"\n", args...)
}

func (m *manual) section(s section) {
	m.line(".SH %s", cmp.Or(s.head, "THE GATE"))
	if s.text != "" {
		m.line("%s", roff(sentence(s.text)))
	}
	for _, e := range s.entries {
		m.line(".TP\n.B %s", roff(e.key+" = "+e.value))
		if e.text != "" {
			m.line("%s", roff(sentence(e.text)))
		}
		m.line("%s", roff(m.kinds[strings.TrimPrefix(s.name+"."+e.key, ".")].sentence()))
	}
}

func (k kind) sentence() string {
	if k.want == "" {
		return ""
	}
	text := strings.ToUpper(k.want[:1]) + k.want[1:] + "."
	if k.usual != "" {
		text += " Default: " + k.usual + "."
	}
	return text
}

// referenceKinds is what the checker says of each key while it reads the reference. The keys of all scanners are
// those of one.
func referenceKinds() map[string]kind {
	d := newDocument("railgated.toml", Reference)
	(&checker{Config: &Config{}, document: d}).check()
	kinds := map[string]kind{}
	for name, k := range d.kinds {
		kinds[withoutIndex(name)] = k
	}
	return kinds
}

// withoutIndex is "scanner.port" for "scanner[0].port".
func withoutIndex(name string) string {
	before, rest, ok := strings.Cut(name, "[")
	if !ok {
		return name
	}
	_, after, _ := strings.Cut(rest, "]")
	return before + after
}

// A section is one of the reference's, an entry a key of it.
type section struct {
	head, name, text string // "[[scanner]]", "scanner", its comment
	entries          []entry
}

type entry struct{ key, value, text string }

// readReference takes the reference apart: the comment at its head, and its sections in their order. Of
// a section that is there more than once, each key is told once.
func readReference(text string) (intro string, sections []section) {
	sections = []section{{}}
	at := &sections[0]
	for line := range strings.Lines(text) {
		content, comment := cutComment(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(line, "#:"): // for editors
		case content == "" && len(at.entries) == 0 && at.name == "":
			intro = strings.TrimSpace(intro + " " + comment)
		case strings.HasPrefix(content, "["):
			sections, at = enter(sections, content, comment)
		case content != "":
			at.add(content, comment)
		case unicode.IsSpace(rune(line[0])):
			at.more(comment)
		default:
			at.add(cutComment(comment)) // a key that is commented out
		}
	}
	return intro, sections
}

// enter is the section that a head begins, or goes on with.
func enter(sections []section, head, text string) ([]section, *section) {
	name := strings.Trim(head, "[]")
	for i := range sections {
		if sections[i].name == name {
			return sections, &sections[i]
		}
	}
	sections = append(sections, section{head: head, name: name, text: text})
	return sections, &sections[len(sections)-1]
}

// add takes a key with its value, unless the section has the key.
func (s *section) add(content, text string) {
	key, value, ok := strings.Cut(content, "=")
	e := entry{strings.TrimSpace(key), strings.TrimSpace(value), text}
	for i := range s.entries {
		if s.entries[i].key == e.key {
			return
		}
	}
	if ok {
		s.entries = append(s.entries, e)
	}
}

// more goes on with the comment of the line above.
func (s *section) more(text string) {
	if n := len(s.entries); n > 0 && text != "" {
		s.entries[n-1].text += " " + text
	}
}

// cutComment cuts a line at the # that is not in quotes.
func cutComment(line string) (content, comment string) {
	quoted := false
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '#' && !quoted:
			return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
		}
	}
	return line, ""
}

// sentence makes one of a comment: a capital, unless it begins with a value or a key, and a full stop.
func sentence(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if end := strings.IndexAny(text, " ,;:_="); end < 0 || text[end] == ' ' {
		text = string(unicode.ToUpper(r)) + text[size:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// roff is a text as roff takes it, with nothing in it that roff obeys.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
