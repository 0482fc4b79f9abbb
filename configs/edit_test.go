package configs

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A change touches the lines of its key and no other.
func TestEditLeavesTheRestAlone(t *testing.T) {
	const head = "# my gate\n\nstation = \"GZQ\"   # of Guangzhou\n\n[lane] # what for\ndirection = \"entry\"    # entry or exit\n\n# the front one\n[[scanner]]\nname = \"front\"\n# baud = 9600 # as it is set\ndriver = \"serial\"\n\n[turnstile]\ndriver = \"sim\"\n"
	for _, tt := range []struct {
		name, text, key string
		value           any
		old, new        string // the only lines that differ
	}{
		{"a value", head, "lane.direction", "exit", "direction = \"entry\"    # entry or exit", "direction = \"exit\"     # entry or exit"},
		{"a longer value", head, "station", "GUANGZHOU", "station = \"GZQ\"   # of Guangzhou", "station = \"GUANGZHOU\" # of Guangzhou"},
		{"a list over several lines", "[lane]\nclasses = [\n  1,\n  2,\n] # whose\n", "lane.classes", []any{int64(3)}, "classes = [\n  1,\n  2,\n] # whose", "classes = [3] # whose"},
		{"a key that is new in its section", head, "lane.per_day", int64(2), "", "per_day   = 2\n"},
		{"a key that was commented out", head, "scanner[0].baud", int64(115200), "# baud = 9600 # as it is set", "baud = 115200 # as it is set"},
		{"a key of the gate", head, "gate", "A07", "", "gate    = \"A07\"\n"},
		{"a key of the gate in a file that has none", "# my gate\n\n[lane]\ndirection = \"exit\"\n", "gate", "A07", "# my gate\n", "# my gate\ngate = \"A07\"\n"},
		{"a section that is new", head, "journal.days", int64(30), "", "\n[journal]\ndays = 30\n"},
		{"a section that is empty", "[lane]\n[turnstile]\ndriver = \"sim\"\n", "lane.per_day", int64(1), "[lane]\n", "[lane]\nper_day = 1\n"},
		{"another scanner", head, "scanner[1].driver", "camera", "driver = \"serial\"\n", "driver = \"serial\"\n\n[[scanner]]\ndriver = \"camera\"\n"},
		{"the first scanner", "gate = \"A07\"", "scanner[0].driver", "serial", "gate = \"A07\"", "gate = \"A07\"\n\n[[scanner]]\ndriver = \"serial\"\n"},
		{"a file that is empty", "", "lane.direction", "exit", "", "[lane]\ndirection = \"exit\"\n"},
		{"a key that is taken out", head, "lane.direction", nil, "direction = \"entry\"", "# direction = \"entry\""},
		{"a list that is taken out", "[lane]\nclasses = [\n  1,\n]\n", "lane.classes", nil, "classes = [\n  1,\n]", "# classes = [\n#   1,\n# ]"},
		{"a key that is not there is taken out", head, "lane.hours", nil, "", ""},
		{"another system's ends of lines", "[lane]\r\ndirection = \"exit\"\r\n", "lane.per_day", int64(0), "direction = \"exit\"\r\n", "direction = \"exit\"\r\nper_day   = 0\r\n"},
		{"another system's first bytes", "\ufeffgate = \"A\"\n", "gate", "B", "gate = \"A\"", "gate = \"B\""},
		{"indented keys", "[lane]\n  direction = \"exit\"\n", "lane.per_day", int64(1), "  direction = \"exit\"\n", "  direction = \"exit\"\n  per_day   = 1\n"},
		{"a key behind comments that look like it", "# see gate = \"B\" below\ngate = \"A\"\n", "gate", "C", "gate = \"A\"", "gate = \"C\""},
		{"text that needs escapes", "gate = \"A\"\n", "gate", "\"\\\r\x01", "\"A\"", `"\"\\\r\u0001"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Edit([]byte(tt.text), []Change{{tt.key, tt.value}})
			if err != nil {
				t.Fatal(err)
			}
			if tt.old == "" {
				before, after := strings.SplitAfter(tt.text, "\n"), strings.SplitAfter(string(got), "\n")
				if added := less(after, before); strings.Join(added, "") != tt.new {
					t.Errorf("%q\nwas added, in\n%s; want %q", added, got, tt.new)
				}
			} else if want := strings.Replace(tt.text, tt.old, tt.new, 1); string(got) != want {
				t.Errorf("%q;\nwant %q", got, want)
			}
		})
	}
}

// less is a list of lines without those of another, which it has all in their order.
func less(all, of []string) (rest []string) {
	for _, line := range all {
		if len(of) > 0 && line == of[0] {
			of = of[1:]
			continue
		}
		rest = append(rest, line)
	}
	if len(of) > 0 {
		return append(rest, "and without "+strings.Join(of, ""))
	}
	return rest
}

// Each key of the reference can be taken out and put in again: all comments stay, and the file means the same.
func TestEveryKeyIsTakenOutAndPutBack(t *testing.T) {
	before := newDocument("", Reference)
	for _, name := range before.names {
		value, isKey := before.values[name]
		if !isKey {
			continue
		}
		without, err := Edit(Reference, []Change{{name, nil}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := newDocument("", without); len(d.values) != len(before.values)-1 {
			t.Errorf("%s: %d keys are left; want one less than %d", name, len(d.values), len(before.values))
		}
		back, err := Edit(without, []Change{{name, value}})
		if err != nil || string(back) != string(Reference) {
			t.Errorf("%s: %v, %q; want the reference again", name, err, less(strings.SplitAfter(string(back), "\n"), strings.SplitAfter(string(Reference), "\n")))
		}
	}
}

// What Edit does not edit it refuses, and says who can.
func TestEditRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		text, key string
		value     any
	}{
		"a section in braces":          {"lane = { direction = \"exit\" }\n", "lane.per_day", int64(1)},
		"a key in braces, taken out":   {"lane = { direction = \"exit\", per_day = 1 }\n", "lane.direction", nil},
		"a section of dotted keys":     {"lane.direction = \"exit\"\n", "lane.per_day", int64(1)},
		"comments within a list":       {"[lane]\nclasses = [\n 1, # passengers\n]\n", "lane.classes", []any{int64(2)}},
		"scanners in brackets":         {"scanner = [{ driver = \"serial\" }]\n", "scanner[1].driver", "serial"},
		"a scanner after one too many": {"[[scanner]]\n", "scanner[2].driver", "serial"},
	} {
		if got, err := Edit([]byte(tt.text), []Change{{tt.key, tt.value}}); !errors.Is(err, errWrittenOtherwise) {
			t.Errorf("%s: %q, %v; want that it is edited by hand", name, got, err)
		}
	}
	if got, err := Edit([]byte("lane = { direction = \"exit\" } # why\n"), []Change{{"lane.direction", "entry"}}); err != nil || string(got) != "lane = { direction = \"entry\" } # why\n" {
		t.Errorf("%q, %v; want a value in braces replaced", got, err)
	}
	if _, err := Edit([]byte("gate = \n"), []Change{{"gate", "A"}}); err == nil || !strings.Contains(err.Error(), "KEY = VALUE") {
		t.Errorf("%v; want that it is not TOML", err)
	}
}

func TestFindKey(t *testing.T) {
	const one, two = "[[scanner]]\nname = \"front\"\n", "[[scanner]]\nname = \"front.left\"\n[[scanner]]\ndriver = \"camera\"\n"
	for _, tt := range []struct{ text, key, want, err string }{
		{one, "lane.direction", "lane.direction", ""},
		{one, "scanner.front.port", "scanner[0].port", ""},
		{one, "scanner.port", "scanner[0].port", ""},
		{"", "scanner.port", "scanner[0].port", ""},
		{two, "scanner.front.left.port", "scanner[0].port", ""},
		{two, "scanner.scanner2.port", "scanner[1].port", ""},
		{two, "scanner[1].fps", "scanner[1].fps", ""},
		{two, "scanner.port", "", "say which: scanner.front.left.port"},
		{one, "scanner.fornt.port", "", "is it front?"},
		{one, "scanner.back.port", "", "there are front"},
		{"", "scanner.back.port", "", "begin with scanner[0]"},
		{one, "lane.direcion", "", "is it lane.direction?"},
		{one, "direction", "", "is it lane.direction?"},
		{one, "Lane.Direction", "", "is it lane.direction?"},
		{one, "panel.direction", "", "is it lane.direction?"},
		{one, "turnstyle.open", "", "is it turnstile.open?"},
		{one, "scanner.front.prot", "", "is it scanner.port?"},
		{one, "weather", "", "railgate config lists"},
	} {
		got, err := FindKey([]byte(tt.text), tt.key)
		if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %q, %v; want %q, %q", tt.key, got, err, tt.want, tt.err)
		}
	}
}

func TestParseValue(t *testing.T) {
	for _, tt := range []struct {
		key   string
		words []string
		want  any
		err   string
	}{
		{"lane.direction", []string{"exit"}, "exit", ""},
		{"lane.per_day", []string{"4"}, int64(4), ""},
		{"lane.per_day", []string{"four"}, nil, "0 to 1000"},
		{"lane.per_day", []string{"4.5"}, nil, "whole number"},
		{"clock.drift_ppm", []string{"20.5"}, 20.5, ""},
		{"clock.drift_ppm", []string{"20"}, int64(20), ""},
		{"clock.require_sync", []string{"false"}, false, ""},
		{"clock.require_sync", []string{"flase"}, nil, "is it false?"},
		{"lane.classes", []string{"1", "3"}, []any{int64(1), int64(3)}, ""},
		{"lane.classes", []string{"1,3"}, []any{int64(1), int64(3)}, ""},
		{"lane.classes", []string{"[1, 3]"}, []any{int64(1), int64(3)}, ""},
		{"lane.classes", []string{"one"}, nil, "some of 1"},
		{"panel.languages", []string{"en, zh"}, []any{"en", "zh"}, ""},
		{"turnstile.active_low", []string{"[]"}, []any{}, ""},
		{"turnstile.active_low", nil, []any{}, ""},
		{"turnstile.active_low", []string{"[open"}, nil, "not a list"},
		{"scanner[0].suffix", []string{`\r`}, "\r", ""},
		{"scanner[0].suffix", []string{`"\r\n"`}, "\r\n", ""},
		{"scanner[0].suffix", []string{`\q`}, nil, "as TOML writes it"},
		{"scanner[0].suffix", []string{""}, "", ""},
		{"gate", []string{"A", "07"}, nil, "one value"},
		{"turnstile.pulse", []string{"hold"}, "hold", ""},
		{"nothing", []string{"1"}, nil, "not a key"},
	} {
		got, err := ParseValue(tt.key, tt.words)
		if tt.err == "" && (err != nil || !reflect.DeepEqual(got, tt.want)) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s %q: %#v, %v; want %#v, %q", tt.key, tt.words, got, err, tt.want, tt.err)
		}
	}
}

// A wrong word of a few is answered with the one that was meant.
func TestTheWordThatWasMeant(t *testing.T) {
	for text, want := range map[string]string{
		"[lane]\npassback = \"sotf\"\n":               `"sotf" is not known; is it soft? want off, soft or hard`,
		"[turnstile]\nactive_low = [\"emergancy\"]\n": "is it emergency? want some of",
		"[[scanner]]\ndriver = \"seriel\"\n":          "is it serial? want",
		"[lane]\ndirection = \"sideways\"\n":          `"sideways" is not known; want entry, exit or check`,
		"[lane]\npassbakc = \"soft\"\n":               "is it passback?",
	} {
		if _, err := Parse("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func TestUsualIsWhatAnEmptyFileHas(t *testing.T) {
	c, err := Parse("f", []byte(standIn))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		usual := Usual(s.Key)
		if s.From != "default" || usual == nil {
			continue
		}
		if got := tomlOf(toDocument(s.Value)); got != tomlOf(usual) {
			t.Errorf("%s: %s, by default %s; want one", s.Key, got, tomlOf(usual))
		}
	}
}

// toDocument is a setting's value as a document has it.
func toDocument(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case []int:
		list := []any{}
		for _, n := range v {
			list = append(list, int64(n))
		}
		return list
	case []string:
		list := []any{}
		for _, s := range v {
			list = append(list, s)
		}
		return list
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

// Whatever the text: a change is refused, or it is the only one, and every comment of the lines that it does not touch stays.
func FuzzEdit(f *testing.F) {
	f.Add(string(Reference), "lane.direction", "exit")
	f.Add("[lane]\r\ndirection = \"exit\" # why\r\n# per_day = 3\r\n", "lane.per_day", "x")
	f.Add("a = [\n1, # one\n]\n[[scanner]]\n[lane]", "scanner[1].port", "/dev/x")
	f.Add("lane.direction = 'exit'\nx = {a = 1}\n\"q\" = 1", "lane.x", "y")
	f.Add("x = \"\"\"\n# gate = 1\n\"\"\"\n", "gate", "z")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		before := newDocument("", []byte(strings.TrimPrefix(text, "\ufeff")))
		got, err := Edit([]byte(text), []Change{{key, value}})
		if err != nil {
			return
		}
		after := newDocument("", []byte(strings.TrimPrefix(string(got), "\ufeff")))
		if len(after.problems) > 0 || after.values[key] != value {
			t.Fatalf("%q: %v, %q; want the value", got, after.problems, after.values[key])
		}
		delete(before.values, key)
		delete(after.values, key)
		if !reflect.DeepEqual(before.values, after.values) {
			t.Fatalf("%v became %v", before.values, after.values)
		}
		old, lines := strings.SplitAfter(text, "\n"), strings.SplitAfter(string(got), "\n")
		for _, line := range old {
			if strings.HasPrefix(line, "# ") && !strings.Contains(line, "=") && strings.HasSuffix(line, "\n") && !slices.Contains(lines, line) {
				t.Fatalf("%q: the comment %q is gone", got, line)
			}
		}
	})
}

// Whatever is typed for whatever key: it is refused, or a value that a document can have.
func FuzzParseValue(f *testing.F) {
	for _, seed := range [][2]string{{"lane.classes", "1,2"}, {"scanner.suffix", `\r`}, {"clock.drift_ppm", "1e3"}, {"gate", "\"A\nB"}, {"turnstile.active_low", `["open"] # x`}, {"lane.per_day", "0x10\nx=1"}, {"clock.require_sync", "true"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, key, word string) {
		value, err := ParseValue(key, []string{word})
		if err != nil {
			return
		}
		back, err := parseTOML(tomlOf(value))
		if err != nil || !reflect.DeepEqual(back, value) {
			t.Fatalf("%s = %q: %#v is written %s, which is %#v (%v)", key, word, value, tomlOf(value), back, err)
		}
	})
}
