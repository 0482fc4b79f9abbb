package eye

import (
	"bytes"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// Modes of segments (ISO/IEC 18004, table 2; hanzi GB/T 18284).
const (
	modeEnd        = 0
	modeDigits     = 1
	modeLetters    = 2
	modeAppend     = 3
	modeBytes      = 4
	modeFNC1First  = 5
	modeECI        = 7
	modeKanji      = 8
	modeFNC1Second = 9
	modeHanzi      = 13
)

// countBits are the widths of a segment's count, for versions up to 9, 26 and 40
// (ISO/IEC 18004, table 3).
var countBits = map[int][3]int{
	modeDigits: {10, 12, 14}, modeLetters: {9, 11, 13}, modeBytes: {8, 16, 16},
	modeKanji: {8, 10, 12}, modeHanzi: {8, 10, 12},
}

// letters are the characters of alphanumeric mode (ISO/IEC 18004, table 5).
const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// sets are the character sets that an ECI may declare (AIM ITS/04-023). Under 1 and 3, which are
// what bytes are if nothing is declared, under 899, which is no character set, and under numbers
// that are not here, bytes are left as they are.
var sets = map[int]encoding.Encoding{
	0: charmap.CodePage437, 2: charmap.CodePage437,
	4: charmap.ISO8859_2, 5: charmap.ISO8859_3, 6: charmap.ISO8859_4, 7: charmap.ISO8859_5, 8: charmap.ISO8859_6,
	9: charmap.ISO8859_7, 10: charmap.ISO8859_8, 11: charmap.ISO8859_9, 12: charmap.ISO8859_10, 13: charmap.Windows874,
	15: charmap.ISO8859_13, 16: charmap.ISO8859_14, 17: charmap.ISO8859_15, 18: charmap.ISO8859_16,
	20: japanese.ShiftJIS,
	21: charmap.Windows1250, 22: charmap.Windows1251, 23: charmap.Windows1252, 24: charmap.Windows1256,
	25: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 26: unicode.UTF8,
	28: traditionalchinese.Big5, 29: simplifiedchinese.GB18030, 30: korean.EUCKR, 32: simplifiedchinese.GB18030,
	33: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
}

// A bitReader takes fields off data, most significant bit first.
type bitReader struct {
	data []byte
	at   int // bits taken
	bad  bool
}

func (b *bitReader) left() int { return 8*len(b.data) - b.at }

// take returns the next n bits, up to 24; if they are not there b is bad, and they are 0.
func (b *bitReader) take(n int) (v int) {
	if n > b.left() {
		b.bad, b.at = true, 8*len(b.data)
		return 0
	}
	for ; n > 0; n-- {
		v = v<<1 | int(b.data[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

// A stretch is a part of a code's bytes under one character set; nil: they are as they are.
type stretch struct {
	from, to int
	set      encoding.Encoding
}

// segments are a code's bytes while they are read.
type segments struct {
	bitReader
	out       []byte
	stretches []stretch
	set       encoding.Encoding // declared for byte segments
	declared  bool              // one was
	fnc1      bool
}

// textOf reads the segments (ISO/IEC 18004, 7.4). What is in byte segments comes out byte by
// byte, whatever the character set may be, and kanji and hanzi as the bytes that they stand
// for; if an ECI declares a character set, all is UTF-8. FNC1 in either position, and the
// indicator of the second, are not part of the text; a separator in letters is GS.
func textOf(data []byte, version *decoder.Version) (string, bool) {
	size := 0
	switch n := version.GetVersionNumber(); {
	case n > 26:
		size = 2
	case n > 9:
		size = 1
	}
	s := segments{bitReader: bitReader{data: data}, out: make([]byte, 0, len(data)*2)}
	for s.left() >= 4 {
		mode := s.take(4)
		if mode == modeEnd {
			break
		}
		if !s.segment(mode, size) || s.bad {
			return "", false
		}
	}
	if len(s.out) == 0 {
		return "", false
	}
	if s.declared {
		return s.inUTF8(), true
	}
	return string(s.out), true
}

// segment reads one, and says whether it is as it should be.
func (s *segments) segment(mode, size int) bool {
	from, set := len(s.out), encoding.Encoding(nil)
	switch mode {
	case modeAppend:
		s.take(16) // the place in the sequence, and its parity
		return true
	case modeFNC1First:
		s.fnc1 = true
		return true
	case modeFNC1Second:
		s.take(8) // the application's indicator
		s.fnc1 = true
		return true
	case modeECI:
		return s.eci()
	case modeHanzi:
		if s.take(4) != 1 { // the subset: GB 2312
			return false
		}
	}
	widths, ok := countBits[mode]
	if !ok {
		return false
	}
	n := s.take(widths[size])
	switch mode {
	case modeDigits:
		ok = s.digits(n)
	case modeLetters:
		ok = s.alphanumeric(n)
	case modeBytes:
		set = s.set
		ok = s.octets(n)
	case modeKanji:
		set = japanese.ShiftJIS
		ok = s.pairs(n, 0xc0, 0x1f00, 0x8140, 0xc140)
	case modeHanzi:
		set = simplifiedchinese.GBK
		ok = s.pairs(n, 0x60, 0x0a00, 0xa1a1, 0xa6a1)
	}
	s.stretches = append(s.stretches, stretch{from, len(s.out), set})
	return ok
}

// eci reads an ECI designator, of one to three bytes.
func (s *segments) eci() bool {
	number := s.take(8)
	switch {
	case number < 0x80:
	case number < 0xc0:
		number = number&0x3f<<8 | s.take(8)
	case number < 0xe0:
		number = number&0x1f<<16 | s.take(16)
	default:
		return false
	}
	s.set = sets[number]
	s.declared = s.declared || s.set != nil
	return true
}

func (s *segments) digits(n int) bool {
	for ; n > 0; n -= 3 {
		digits := min(n, 3)
		v := s.take([...]int{0, 4, 7, 10}[digits])
		if v >= [...]int{1, 10, 100, 1000}[digits] || s.bad {
			return false
		}
		for k := digits - 1; k >= 0; k-- {
			s.out = append(s.out, byte('0'+v/[...]int{1, 10, 100}[k]%10))
		}
	}
	return true
}

// alphanumeric reads n characters. After FNC1 % is GS, and %% is % (ISO/IEC 18004, 7.4.8.2).
func (s *segments) alphanumeric(n int) bool {
	from := len(s.out)
	for ; n > 1; n -= 2 {
		v := s.take(11)
		if v >= len(letters)*len(letters) || s.bad {
			return false
		}
		s.out = append(s.out, letters[v/len(letters)], letters[v%len(letters)])
	}
	if n == 1 {
		v := s.take(6)
		if v >= len(letters) || s.bad {
			return false
		}
		s.out = append(s.out, letters[v])
	}
	if !s.fnc1 {
		return true
	}
	const separator = 0x1d
	to := from
	for i := from; i < len(s.out); i++ {
		c := s.out[i]
		if c == '%' {
			if i+1 < len(s.out) && s.out[i+1] == '%' {
				i++
			} else {
				c = separator
			}
		}
		s.out[to] = c
		to++
	}
	s.out = s.out[:to]
	return true
}

func (s *segments) octets(n int) bool {
	if 8*n > s.left() {
		return false
	}
	for range n {
		s.out = append(s.out, byte(s.take(8)))
	}
	return true
}

// pairs reads n characters of two bytes, packed into 13 bits: the quotient and the remainder by
// so many, from low on, and from an index on from high on.
func (s *segments) pairs(n, by, from, low, high int) bool {
	if 13*n > s.left() {
		return false
	}
	for range n {
		v := s.take(13)
		v = v/by<<8 | v%by
		if v < from {
			v += low
		} else {
			v += high
		}
		s.out = append(s.out, byte(v>>8), byte(v))
	}
	return true
}

// inUTF8 is the text of a code that declares a character set. What is under none, or is not
// of the one that it is under, stays as it is.
func (s *segments) inUTF8() string {
	text := make([]byte, 0, 2*len(s.out))
	for _, p := range s.stretches {
		part := s.out[p.from:p.to]
		if p.set != nil && p.set != unicode.UTF8 {
			if converted, err := p.set.NewDecoder().Bytes(part); err == nil && !bytes.ContainsRune(converted, utf8.RuneError) {
				part = converted
			}
		}
		text = append(text, part...)
	}
	return string(text)
}
