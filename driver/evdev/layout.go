package evdev

import "strings"

// A layout is another keyboard's characters on the keys of Plain and Shifted. What is beyond 0x7f
// matters only in that it is no character of a code.
type layout struct{ name, plain, shifted string }

// layouts are those that scanners offer most. British, Dutch and others whose digits, letters and $%*+-./: are where
// those of the US layout are need no entry.
var layouts = []layout{
	{"German", "^1234567890ß´qwertzuiopü+#asdfghjklöäyxcvbnm,.-", "°!\"§$%&/()=?`QWERTZUIOPÜ*'ASDFGHJKLÖÄYXCVBNM;:_"},
	{"French", "²&é\"'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!", "~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§"},
	{"Spanish", "º1234567890'¡qwertyuiop`+çasdfghjklñ´zxcvbnm,.-", "ª!\"·$%&/()=?¿QWERTYUIOP^*ÇASDFGHJKLÑ¨ZXCVBNM;:_"},
	{"Italian", "\\1234567890'ìqwertyuiopè+ùasdfghjklòàzxcvbnm,.-", "|!\"£$%&/()=?^QWERTYUIOPé*§ASDFGHJKLç°ZXCVBNM;:_"},
	{"Japanese", "\u30001234567890-^qwertyuiop@[]asdfghjkl;:zxcvbnm,./", "\u3000!\"#$%&'()\u3000=~QWERTYUIOP`{}ASDFGHJKL+*ZXCVBNM<>?"},
}

// Letters are the characters that a code is made of: base45's (RFC 9285).
const Letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// As is what a keyboard of a layout meant that typed a text; ok is false where it cannot have typed it.
func (l *layout) as(text string) (meant string, ok bool) {
	var b strings.Builder
	plain, shifted := []rune(l.plain), []rune(l.shifted)
	for _, c := range text {
		switch i, j := strings.IndexRune(Plain, c), strings.IndexRune(Shifted, c); {
		case c == ' ':
			b.WriteRune(c)
		case i >= 0:
			b.WriteRune(plain[i])
		case j >= 0:
			b.WriteRune(shifted[j])
		default:
			return "", false
		}
	}
	return b.String(), true
}

// Layouts are the names of the keyboards by which a text that was read by the US layout is one of
// codes' letters that begins with prefix. A text that begins so by the US layout needs no other.
func Layouts(text, prefix string) (names []string) {
	if prefix == "" || strings.HasPrefix(text, prefix) {
		return nil
	}
	for i := range layouts {
		meant, ok := layouts[i].as(text)
		if ok && strings.HasPrefix(meant, prefix) && strings.Trim(meant, Letters) == "" {
			names = append(names, layouts[i].name)
		}
	}
	return names
}

// Meant is what a keyboard of a layout means by a text that was read by the US layout.
func Meant(text, name string) (string, bool) {
	for i := range layouts {
		if layouts[i].name == name {
			return layouts[i].as(text)
		}
	}
	return "", false
}

// Typed is what the US layout reads of a text that a keyboard of a layout types; ok is false where
// it has no key for a character.
func Typed(text, name string) (typed string, ok bool) {
	for i := range layouts {
		if layouts[i].name == name {
			return layouts[i].typed(text)
		}
	}
	return "", false
}

func (l *layout) typed(text string) (string, bool) {
	var b strings.Builder
	plain, shifted := []rune(l.plain), []rune(l.shifted)
	for _, c := range text {
		switch i, j := index(plain, c), index(shifted, c); {
		case c == ' ':
			b.WriteRune(c)
		case i >= 0:
			b.WriteByte(Plain[i])
		case j >= 0:
			b.WriteByte(Shifted[j])
		default:
			return "", false
		}
	}
	return b.String(), true
}

func index(row []rune, c rune) int {
	for i, r := range row {
		if r == c {
			return i
		}
	}
	return -1
}

// LayoutsOf are the names of the keyboards by which a text that was read by the US layout was meant as
// another one.
func LayoutsOf(text, meant string) (names []string) {
	names = []string{}
	for i := range layouts {
		if got, ok := layouts[i].as(text); ok && got == meant && text != meant {
			names = append(names, layouts[i].name)
		}
	}
	return names
}

// SwapCase tells whether a text begins with prefix once its small letters are capitals: the scanner,
// or its Caps Lock, changes their case.
func SwapCase(text, prefix string) bool {
	return !strings.HasPrefix(text, prefix) && len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}
