package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiledSchema(t *testing.T) (*jsonschema.Schema, table) {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("railgated.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("railgated.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw table
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	return s, raw
}

// validate is what the schema says of a configuration.
func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	var values map[string]any
	if err := toml.Unmarshal(text, &values); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	data, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(document)
}

// Its keys are the checker's, neither more nor less, each with what it is for.
func TestTheSchemaHasEveryKey(t *testing.T) {
	_, raw := compiledSchema(t)
	found := map[string]table{}
	for name, v := range raw["properties"].(map[string]any) {
		key := table(v.(map[string]any))
		if items, ok := key["items"].(map[string]any); ok && items["properties"] != nil {
			key = items
		}
		inner, isSection := key["properties"].(map[string]any)
		for last, v := range inner {
			found[name+"."+last] = v.(map[string]any)
		}
		if !isSection {
			found[name] = key
		}
	}
	if keys := slices.Sorted(maps.Keys(found)); !slices.Equal(keys, Keys()) {
		t.Errorf("%v; want %v", keys, Keys())
	}
	for name, key := range found {
		text, _ := key["description"].(string)
		if !strings.Contains(text, everyKind()[name].sentence()) || len(text) < len(everyKind()[name].sentence())+5 {
			t.Errorf("%s: %q; want what it is for, and what it may be", name, text)
		}
		if usual := Usual(name); usual != nil && !equalJSON(key["default"], usual) {
			t.Errorf("%s: default %v; want %v", name, key["default"], usual)
		}
	}
}

func equalJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return errors.Join(err1, err2) == nil && bytes.Equal(x, y)
}

// All configurations that come with railgate are right by the schema, too.
func TestTheSchemaTakesOurConfigurations(t *testing.T) {
	s, _ := compiledSchema(t)
	paths, err := filepath.Glob("boards/*/railgated.toml")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, path := range append(paths, "railgated.toml") {
		text, err := readFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if first, _, _ := strings.Cut(string(text), "\n"); first != "#:schema file://"+SchemaPath {
			t.Errorf("%s: %s; want its first line to lead editors to the schema", path, first)
		}
	}
	for _, text := range []string{standIn, bench} {
		if err := validate(t, s, []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// With each key at its limits, and beyond them, schema and checker say the same; of what only the checker knows, the
// schema is the one that takes more.
func TestTheSchemaAgreesWithTheChecker(t *testing.T) {
	s, _ := compiledSchema(t)
	d := newDocument("", Reference)
	tried := map[string]int{}
	for _, name := range Keys() {
		key := name
		if last, ok := strings.CutPrefix(name, "scanner."); ok {
			if key = "scanner[0]." + last; slices.Contains([]string{"device", "size", "frames", "fps", "exposure", "focus", "k1"}, last) {
				key = "scanner[1]." + last
			}
		}
		for _, p := range probes(everyKind()[name].form) {
			text, err := Edit(Reference, []Change{{key, p.value}})
			if err != nil {
				t.Fatalf("%s = %v: %v (%v)", key, p.value, err, d.values[key])
			}
			schema, checker := validate(t, s, text), complains(text, key)
			if schema == nil != p.good {
				t.Errorf("%s = %v: the schema says %v; want good: %v", key, p.value, schema, p.good)
			}
			if !p.good && checker == "" || p.sure && checker != "" {
				t.Errorf("%s = %v: the schema takes it: %v; the checker says %q", key, p.value, p.good, checker)
			}
			tried[name]++
		}
	}
	for _, name := range Keys() {
		if tried[name] < 2 {
			t.Errorf("%s: %d values were tried; want more", name, tried[name])
		}
	}
}

// A probe is a value, whether the schema takes it, and whether the checker is sure to take it then.
type probe struct {
	value      any
	good, sure bool
}

func probes(f form) (all []probe) {
	switch f.Type {
	case "boolean":
		return []probe{{true, true, true}, {false, true, true}, {"true", false, false}, {int64(1), false, false}}
	case "integer", "number":
		least, most := int64(math.Ceil(*f.Least)), int64(*f.Most)
		return []probe{{least, true, true}, {most, true, true}, {least - 1, false, false}, {most + 1, false, false}, {"1", false, false}}
	case "array":
		all = []probe{{"x", false, false}, {[]any{true}, false, false}}
		if f.Items == "integer" {
			return append(all, probe{[]any{int64(*f.Least), int64(*f.Most)}, true, true}, probe{[]any{int64(*f.Most) + 1}, false, false}, probe{[]any{int64(*f.Least) - 1}, false, false})
		}
		for _, option := range f.Options {
			all = append(all, probe{[]any{option}, true, true}, probe{[]any{option, option}, false, false}, probe{[]any{option + "x"}, false, false})
		}
		return append(all, probe{[]any{}, true, false})
	}
	all = []probe{{int64(5), false, false}, {true, false, false}}
	for _, option := range f.Options {
		all = append(all, probe{option, true, false}, probe{option + "x", false, false}, probe{strings.ToUpper(option), false, false})
	}
	if f.Chars > 0 {
		all = append(all, probe{strings.Repeat("!", f.Chars), true, true}, probe{strings.Repeat("!", f.Chars+1), false, false})
	}
	for _, p := range strings.Split(f.Pattern, "|^")[0:1] {
		switch {
		case strings.Contains(p, "ms"):
			all = append(all, probe{"1h30m", true, false}, probe{"1.5s", true, false}, probe{"soon", false, false}, probe{"5", false, false}, probe{"5 s", false, false})
		case strings.Contains(p, "KMGT"):
			all = append(all, probe{"1GiB", true, true}, probe{"1.5 GB", true, true}, probe{"many", false, false}, probe{"5", false, false})
		case strings.HasPrefix(p, "^(/"):
			all = append(all, probe{"/x/y", true, false}, probe{"", true, false}, probe{"x/y", false, false})
		case strings.Contains(p, "x[0-9]"):
			all = append(all, probe{"640x480", true, true}, probe{"big", false, false})
		}
	}
	return all
}

// complains is what the checker says of one key.
func complains(text []byte, key string) string {
	_, err := Parse("f", text)
	var several interface{ Unwrap() []error }
	if !errors.As(err, &several) {
		return ""
	}
	for _, e := range several.Unwrap() {
		if p, ok := errors.AsType[*Problem](e); ok && p.Key == key {
			return fmt.Sprint(p.Text)
		}
	}
	return ""
}

// What must be there, and what there is not.
func TestTheSchemaRefuses(t *testing.T) {
	s, _ := compiledSchema(t)
	for name, text := range map[string]string{
		"no scanner":                 "gate = \"A\"\n",
		"an unknown key":             standIn + "[lane]\ndirecion = \"exit\"\n",
		"an unknown section":         standIn + "[lain]\n",
		"a scanner without a driver": "[[scanner]]\nport = \"/dev/x\"\n",
		"one scanner in a section":   "[scanner]\ndriver = \"serial\"\n",
	} {
		if validate(t, s, []byte(text)) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		if _, err := Parse("f", []byte(text)); err == nil {
			t.Errorf("%s: the checker takes it", name)
		}
	}
}
