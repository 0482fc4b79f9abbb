package configs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Problem is one thing that is wrong with a configuration.
type Problem struct {
	Path string
	Line int // 0: the file as a whole, or a section that it does not have
	Key  string
	Text string // what is wrong, and what to do

	Column int // in characters; 0: the line as a whole

	err error // behind it; nil: none
}

// Unwrap is the error behind the problem, if there is one.
func (p *Problem) Unwrap() error { return p.err }

// Error is one line of a readable length, whatever the file has in it.
func (p *Problem) Error() string {
	where := cut(p.Path, maxText)
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, p.Line)
	}
	if p.Key != "" {
		where += ": " + cut(p.Key, maxValue)
	}
	return where + ": " + cut(p.Text, maxText)
}

// Problem makes an error that names the file, the line and the key; for a key that
// the file does not have, its section's line. An error that is given as %w can be told by
// errors.Is.
func (c *Config) Problem(key, format string, args ...any) error {
	path, line, column := c.Path, c.lines[key], c.columns[key]
	if c.layered != nil && c.layered.lines[key] > 0 {
		path, line, column = c.layered.path, c.layered.lines[key], c.layered.columns[key]
	}
	if c.policy != nil && c.policy.lines[key] > 0 {
		path, line, column = c.policy.path, c.policy.lines[key], c.policy.columns[key]
	}
	if dot := strings.LastIndex(key, "."); line == 0 && dot > 0 {
		line = c.lines[key[:dot]]
	}
	err := fmt.Errorf(format, args...)
	return &Problem{Path: path, Line: line, Key: key, Text: err.Error(), Column: column, err: errors.Unwrap(err)}
}

// How many characters are shown of a value, and of what is said about it.
const (
	maxValue = 60
	maxText  = 400
)

// quote is a value in quotes, cut to a readable length.
func quote(value string) string {
	short := first(value, maxValue)
	text := strconv.Quote(short)
	if len(short) < len(value) {
		text += fmt.Sprintf("… (%d bytes)", len(value))
	}
	return text
}

// cut is a text on one line: characters that do not print are escaped, and what is too
// long ends in an ellipsis.
func cut(text string, most int) string {
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(text) {
		var b strings.Builder
		for _, r := range text {
			if unicode.IsPrint(r) {
				b.WriteRune(r)
			} else {
				b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
			}
		}
		text = b.String()
	}
	if short := first(text, most); len(short) < len(text) {
		return short + "…"
	}
	return text
}

// first is the beginning of a text, of so many characters at most.
func first(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return text[:i]
		}
	}
	return text
}
