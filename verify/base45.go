package verify

import "errors"

// base45 is RFC 9285: two bytes become three characters of QR's alphanumeric
// mode, least significant first; a single last byte becomes two.
const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var errBase45 = errors.New("not base45")

// base45Value gives a character's value, or 0xff for one outside the alphabet.
var base45Value = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i := range len(base45Alphabet) {
		table[base45Alphabet[i]] = byte(i)
	}
	return table
}()

// appendBase45 appends the base45 text of src to dst.
func appendBase45(dst, src []byte) []byte {
	for len(src) >= 2 {
		v := uint(src[0])<<8 | uint(src[1])
		dst = append(dst, base45Alphabet[v%45], base45Alphabet[v/45%45], base45Alphabet[v/(45*45)])
		src = src[2:]
	}
	if len(src) == 1 {
		v := uint(src[0])
		dst = append(dst, base45Alphabet[v%45], base45Alphabet[v/45])
	}
	return dst
}

// appendBase45Decoded appends the bytes that text stands for to dst. Each byte
// string has one text: a group above its range, or a lone last character, is
// errBase45.
func appendBase45Decoded(dst []byte, text string) ([]byte, error) {
	for len(text) >= 3 {
		a, b, c := base45Value[text[0]], base45Value[text[1]], base45Value[text[2]]
		v := uint(a) + uint(b)*45 + uint(c)*45*45
		if a|b|c == 0xff || v > 0xffff {
			return nil, errBase45
		}
		dst = append(dst, byte(v>>8), byte(v))
		text = text[3:]
	}
	switch len(text) {
	case 1:
		return nil, errBase45
	case 2:
		a, b := base45Value[text[0]], base45Value[text[1]]
		v := uint(a) + uint(b)*45
		if a|b == 0xff || v > 0xff {
			return nil, errBase45
		}
		dst = append(dst, byte(v))
	}
	return dst, nil
}
