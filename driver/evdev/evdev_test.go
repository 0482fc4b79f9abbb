package evdev

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// events lays events out as the kernel does.
func events(list ...Event) (b []byte) {
	for _, e := range list {
		b = append(b, make([]byte, eventSize-8)...)
		b = binary.NativeEndian.AppendUint16(b, e.Type)
		b = binary.NativeEndian.AppendUint16(b, e.Code)
		b = binary.NativeEndian.AppendUint32(b, uint32(e.Value))
	}
	return b
}

func key(code uint16, value int32) []Event {
	return []Event{{evKey, code, value}, {evSyn, synReport, 0}}
}

const repeated = 2 // of a key that stays down

// strokes types a text as a scanner does: Shift down and up around each capital.
func strokes(t testing.TB, text string) (list []Event) {
	t.Helper()
	for _, c := range []byte(text) {
		code, shift, ok := Stroke(c)
		if !ok {
			t.Fatalf("no key types %q", c)
		}
		if shift {
			list = append(list, key(keyLeftShift, pressed)...)
		}
		list = append(append(list, key(code, pressed)...), key(code, released)...)
		if shift {
			list = append(list, key(keyLeftShift, released)...)
		}
	}
	return list
}

// typed is what a keyboard reads of events.
func typed(t testing.TB, list []Event, held ...uint16) (string, Strange) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		w.Write(events(list...))
		w.Close()
	}()
	k := newKeyboard(r)
	defer k.Close()
	k.held = func() ([]byte, error) {
		keys := make([]byte, maxKey/8+1)
		for _, code := range held {
			keys[code/8] |= 1 << (code % 8)
		}
		return keys, nil
	}
	var text strings.Builder
	for buf := make([]byte, 7); ; {
		n, err := k.Type(buf, time.Now().Add(20*time.Second))
		text.Write(buf[:n])
		if err != nil {
			return text.String(), k.Strange()
		}
	}
}

func TestEveryCharacterOfACodeIsTyped(t *testing.T) {
	text := "RG1:" + Letters + "]Q1\\000026\t\r"
	if got, strange := typed(t, strokes(t, text)); got != text || strange != (Strange{}) {
		t.Errorf("typed %q, %+v; want %q", got, strange, text)
	}
}

func TestKeys(t *testing.T) {
	join := func(lists ...[]Event) (all []Event) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	const alt, f1, ctrl = keyLeftAlt, 59, keyRightCtrl
	lost := []Event{{evSyn, synDropped, 0}}
	for _, tt := range []struct {
		name    string
		list    []Event
		held    []uint16
		want    string
		strange Strange
	}{
		{"a key that stays down", join(key(keyA, pressed), key(keyA, repeated), key(keyA, repeated), key(keyA, released)), nil, "a", Strange{}},
		{"the right Shift", join(key(keyRightShift, pressed), key(keyA, pressed)), nil, "A", Strange{}},
		{"both, one let go", join(key(keyRightShift, pressed), key(keyLeftShift, pressed), key(keyLeftShift, released), key(keyA, pressed)), nil, "A", Strange{}},
		{"a Shift that repeats", join(key(keyLeftShift, pressed), key(keyLeftShift, repeated), key(keyA, pressed)), nil, "A", Strange{}},
		{"the number pad", join(key(79, pressed), key(83, pressed), key(keyPadEnter, pressed)), nil, "1.\r", Strange{}},
		{"Caps Lock changes nothing", join(key(keyCapsLock, pressed), key(keyCapsLock, released), key(keyA, pressed)), nil, "a", Strange{}},
		{"a key without a character", key(f1, pressed), nil, Unknown, Strange{Keys: 1, Code: f1}},
		{"Alt with digits", join(key(alt, pressed), key(79, pressed), key(79, released), key(alt, released), key(keyA, pressed)), nil, Unknown + "a", Strange{Chords: 1}},
		{"Ctrl with a letter", join(key(ctrl, pressed), key(keyA, pressed)), nil, Unknown, Strange{Chords: 1}},
		{"lost events", join(key(keyA, pressed), lost, key(keyA, released), key(3, pressed)), nil, "a" + Unknown + "2", Strange{Lost: 1}},
		{"lost events, a Shift's among them", join(lost, key(keyA, pressed), key(keyA, pressed)), []uint16{keyLeftShift}, Unknown + "A", Strange{Lost: 1}},
		{"lost events, a Shift's end among them", join(key(keyLeftShift, pressed), lost, key(keyA, pressed), key(keyA, pressed)), nil, Unknown + "a", Strange{Lost: 1}},
		{"what is no key", []Event{{4, 4, 0x70004}, {2, 0, 5}, {0x11, 1, 1}}, nil, "", Strange{}},
	} {
		if got, strange := typed(t, tt.list, tt.held...); got != tt.want || strange != tt.strange {
			t.Errorf("%s: %q, %+v; want %q, %+v", tt.name, got, strange, tt.want, tt.strange)
		}
	}
}

func TestTypeWaitsUntilItsDeadline(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	k := newKeyboard(r)
	defer k.Close()
	if _, err := w.Write(events(key(keyA, released)...)); err != nil { // no character
		t.Fatal(err)
	}
	if n, err := k.Type(make([]byte, 8), time.Now().Add(time.Millisecond)); n != 0 || err != nil {
		t.Errorf("Type = %d, %v; want nothing", n, err)
	}
}

func FuzzType(f *testing.F) {
	f.Add(events(strokes(f, "RG1:A\r")...))
	f.Add(events(Event{evSyn, synDropped, 0}, Event{evKey, 0xffff, pressed}))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		k := newKeyboard(nil)
		for len(data) >= eventSize {
			if text := k.take(decode(data)); len(text) > len(Unknown) {
				t.Errorf("one event types %q", text)
			}
			data = data[eventSize:]
		}
	})
}

func TestLayouts(t *testing.T) {
	const prefix = "RG1:"
	card := prefix + Letters
	for _, l := range layouts {
		if n := len([]rune(l.plain)); n != len(Plain) || len([]rune(l.shifted)) != n {
			t.Errorf("%s has %d and %d keys; want %d", l.name, n, len([]rune(l.shifted)), len(Plain))
			continue
		}
		text, ok := Typed(card, l.name)
		if !ok {
			t.Errorf("%s has no key for a character of a code", l.name)
		}
		names := Layouts(text, prefix)
		meant, _ := Meant(text, l.name)
		if !strings.Contains(strings.Join(names, " "), l.name) || meant != card {
			t.Errorf("%s types %q: taken for %q, meant %q", l.name, text, names, meant)
		}
	}
	if len(codes) != len(Plain) || len(Plain) != len(Shifted) {
		t.Errorf("%d codes, %d and %d characters; want as many", len(codes), len(Plain), len(Shifted))
	}
	for text, want := range map[string]string{
		card:      "",
		"RG1>AYZ": "German Spanish Italian",
		"RG!.WZ":  "French",
		"RG1'A":   "Japanese",
		"RG1>A\"": "", // no layout has a letter of codes there
		"HELLO":   "",
		"RG":      "",
		"RG1>é":   "",
	} {
		if got := strings.Join(Layouts(text, prefix), " "); got != want {
			t.Errorf("Layouts(%q) = %q; want %q", text, got, want)
		}
	}
	if !SwapCase("rg1:ab", prefix) || SwapCase("RG1:ab", prefix) || SwapCase("rg", prefix) {
		t.Error("SwapCase tells small letters wrongly")
	}
}

func TestFind(t *testing.T) {
	sys := t.TempDir()
	plug := func(node, vendor, product, keys string) {
		dir := filepath.Join(sys, "class/input", node, "device")
		err := errors.Join(os.MkdirAll(dir+"/id", 0o755), os.MkdirAll(dir+"/capabilities", 0o755),
			os.WriteFile(dir+"/id/vendor", []byte(vendor+"\n"), 0o644), os.WriteFile(dir+"/id/product", []byte(product+"\n"), 0o644),
			os.WriteFile(dir+"/capabilities/key", []byte(keys+"\n"), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	board := "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"
	if wordSize == 4 {
		board = "10000 7 ff9f207a c14057ff febeffdf ffefffff ffffffff fffffffe"
	}
	plug("event0", "0c2e", "0b61", board)
	plug("event1", "0c2e", "0b61", "3f000303ff 0 0 483ffff17aff32d bfd4444600000000") // its media keys
	plug("event2", "1eab", "0003", board)
	if got, err := Find(sys, "/dev", 0x0c2e, 0x0b61); got != "/dev/input/event0" {
		t.Errorf("Find = %q, %v; want event0", got, err)
	}
	if _, err := Find(sys, "/dev", 0x0c2e, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("one that is not there: %v; want that it does not exist", err)
	}
	plug("event3", "1eab", "0003", board)
	if _, err := Find(sys, "/dev", 0x1eab, 3); err == nil || !strings.Contains(err.Error(), "event2, /dev/input/event3") {
		t.Errorf("two of a kind: %v; want both named", err)
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	if _, err := Open("/dev/null"); err == nil || !strings.Contains(err.Error(), "not an input device") {
		t.Errorf("/dev/null: %v; want that it is not an input device", err)
	}
	if _, err := Open("/dev/input/event-none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no device: %v; want that it does not exist", err)
	}
}
