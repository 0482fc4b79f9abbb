package evdev

// This file is what keys mean: one map, that of a US keyboard, whatever the system's own is.

// The keys that do more than type (linux/input-event-codes.h).
const (
	key1          = 2
	keyTab        = 15
	keyEnter      = 28
	keyLeftCtrl   = 29
	keyA          = 30
	keyLeftShift  = 42
	keyRightShift = 54
	keyLeftAlt    = 56
	keyCapsLock   = 58
	keyNumLock    = 69
	keyScrollLock = 70
	keyPadEnter   = 96
	keyRightCtrl  = 97
	keyRightAlt   = 100
	keyLeftMeta   = 125
	keyRightMeta  = 126
)

// Unknown stands where a key has no character, and where the kernel lost some: a code with it in it
// is no code, and is answered as one that cannot be read.
const Unknown = "\ufffd"

// Plain and Shifted are the characters of a US keyboard without and with Shift, in the order of the
// keys: the row of digits, then those below.
const (
	Plain   = "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./"
	Shifted = "~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>?"
)

// codes are the codes of the keys of Plain, in its order.
var codes = [...]uint16{
	41, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 43,
	30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	44, 45, 46, 47, 48, 49, 50, 51, 52, 53,
}

// pad are the keys of the number pad, which have one character each.
var pad = map[uint16]string{
	55: "*", 71: "7", 72: "8", 73: "9", 74: "-", 75: "4", 76: "5", 77: "6", 78: "+", 79: "1", 80: "2", 81: "3", 82: "0", 83: ".", 98: "/",
	keyPadEnter: "\r", keyEnter: "\r", keyTab: "\t", 57: " ",
}

// Stroke is the key that types a character on a US keyboard, and whether with Shift. ok is false
// where none does.
func Stroke(c byte) (code uint16, shift, ok bool) {
	switch c {
	case ' ':
		return 57, false, true
	case '\r':
		return keyEnter, false, true
	case '\t':
		return keyTab, false, true
	}
	for i, code := range codes {
		if Plain[i] == c || Shifted[i] == c {
			return code, Shifted[i] == c, true
		}
	}
	return 0, false, false
}

// character is what a key types.
func character(code uint16, shift bool) string {
	for i, c := range codes {
		if c == code && shift {
			return Shifted[i : i+1]
		} else if c == code {
			return Plain[i : i+1]
		}
	}
	return pad[code]
}

// take is what an event types; "" for most.
func (k *Keyboard) take(e Event) string {
	switch {
	case e.Type == evSyn && e.Code == synDropped:
		k.skip = true
		k.strange.Lost++
		return Unknown
	case e.Type == evSyn && e.Code == synReport && k.skip:
		k.skip = false
		k.ask()
		return ""
	case k.skip || e.Type != evKey:
		return ""
	}
	if down := k.modifier(e.Code); down != nil {
		*down = e.Value != released
		return ""
	}
	if e.Value != pressed { // a key that stays down repeats, by the bus's fault or the scanner's: it is one character
		return ""
	}
	return k.press(e.Code)
}

// modifier is where it is kept whether a key is down that changes others.
func (k *Keyboard) modifier(code uint16) *bool {
	switch code {
	case keyLeftShift:
		return &k.shift[0]
	case keyRightShift:
		return &k.shift[1]
	}
	for i, other := range [...]uint16{keyLeftCtrl, keyRightCtrl, keyLeftAlt, keyRightAlt, keyLeftMeta, keyRightMeta} {
		if code == other {
			return &k.other[i]
		}
	}
	return nil
}

func (k *Keyboard) press(code uint16) string {
	if k.other != [6]bool{} {
		k.strange.Chords++
		return Unknown
	}
	text := character(code, k.shift != [2]bool{})
	switch {
	case text != "":
		return text
	case code == keyCapsLock || code == keyNumLock || code == keyScrollLock:
		return "" // they change nothing here: the map is fixed
	}
	k.strange.Keys, k.strange.Code = k.strange.Keys+1, code
	return Unknown
}

// ask asks which keys are down, after events about them were lost.
func (k *Keyboard) ask() {
	keys, err := k.held()
	if err != nil {
		return // the next read says so too
	}
	for code := range uint16(keyRightMeta + 1) {
		if down := k.modifier(code); down != nil {
			*down = has(keys, code)
		}
	}
}
