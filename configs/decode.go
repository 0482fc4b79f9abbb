package configs

import (
	"bytes"
	"errors"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// This file puts what the TOML decoder says into a technician's words.

// decodeProblem locates what the decoder says of a document.
func (c *Config) decodeProblem(data []byte, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var all []error
		for i := range strict.Errors {
			e := &strict.Errors[i]
			line, _ := e.Position()
			all = append(all, &Problem{Path: c.Path, Line: line, Key: strings.Join(e.Key(), "."), Text: "unknown key: is it spelled right, and in the right section?"})
		}
		return errors.Join(all...)
	}
	var e *toml.DecodeError
	if !errors.As(err, &e) {
		return &Problem{Path: c.Path, Text: err.Error()}
	}
	line, _ := e.Position()
	p := &Problem{Path: c.Path, Line: line, Key: strings.Join(e.Key(), "."), Text: strings.TrimPrefix(e.Error(), "toml: ")}
	want := wanted(e.Key())
	switch {
	case p.Key == "":
		p.Key = keyAt(data, line)
		p.Text += "; want KEY = VALUE, with text in quotes"
	case want != "" && strings.HasPrefix(p.Text, "cannot decode"): // it goes on about Go's types
		p.Text = "is not of the right kind; want " + want
	}
	return p
}

// wanted says what kind of value a key has; "" for a section, and for no key of ours.
func wanted(key []string) string {
	t := reflect.TypeFor[file]()
	for _, name := range key {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return ""
		}
		field, ok := t.FieldByNameFunc(func(field string) bool {
			f, _ := t.FieldByName(field)
			return f.Tag.Get("toml") == name
		})
		if !ok {
			return ""
		}
		t = field.Type
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.String() {
	case "string":
		return `text in quotes`
	case "int":
		return "a whole number, without quotes"
	case "float64":
		return "a number, without quotes"
	case "bool":
		return "true or false, without quotes"
	case "[]string":
		return `a list of texts, such as ["a", "b"]`
	case "[]int":
		return "a list of numbers, such as [1, 2]"
	}
	return ""
}

// keyAt is the key on a line of a document that is no TOML, with its section, as
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
