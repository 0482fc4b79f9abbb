// Package scanner holds the scanners: a serial one, and a camera's eye.
package scanner

import (
	"bytes"
	"strings"
)

// maxFrame is the longest frame in bytes. An RG1 code has at most 442; a longer
// frame is cut there, so that it is denied as malformed and not ignored.
const maxFrame = 1024

// A framer cuts a scanner's bytes into texts. It is pure: bytes in, texts out.
type framer struct {
	suffix []byte // ends a frame; empty: the idle gap alone does
	buf    []byte // the frame so far, cut at maxFrame
	tail   []byte // the last bytes, as many as the suffix has

	back    string // what came behind the last text, in its frame
	rest    string // and behind the one before, after its frame: the LF of CR LF
	pending string // the same behind the last, so far
}

func newFramer(suffix string) *framer {
	return &framer{suffix: []byte(suffix), buf: make([]byte, 0, maxFrame)}
}

// push takes bytes and hands each text that they complete to emit.
func (f *framer) push(data []byte, emit func(string)) {
	for _, b := range data {
		if len(f.buf) < maxFrame {
			f.buf = append(f.buf, b)
		}
		if n := len(f.suffix); n > 0 {
			f.tail = append(f.tail[max(0, len(f.tail)-n+1):], b)
			if bytes.Equal(f.tail, f.suffix) {
				f.end(emit)
			}
		}
	}
}

// idle ends a frame that no suffix ended: nothing came for the idle gap.
func (f *framer) idle(emit func(string)) { f.end(emit) }

// partial tells whether a frame has begun.
func (f *framer) partial() bool { return len(f.buf) > 0 }

// drop forgets a frame that has begun. It reports how many bytes it had.
func (f *framer) drop() int {
	n := len(f.buf)
	f.buf, f.tail = f.buf[:0], f.tail[:0]
	return n
}

func (f *framer) end(emit func(string)) {
	frame, complete := bytes.CutSuffix(f.buf, f.suffix)
	front, text, back := clean(frame)
	if complete {
		back += string(f.suffix)
	}
	f.drop()
	if text == "" {
		f.pending = first(f.pending + front + back)
		f.rest = f.pending
		return
	}
	if strings.Trim(front, "\r\n") != "" {
		front = "" // it is what begins this text
	}
	f.back, f.rest, f.pending = first(back), first(f.pending+front), ""
	emit(text)
}

// maxEnd bounds what is kept of the characters behind a text.
const maxEnd = 8

func first(s string) string { return s[:min(len(s), maxEnd)] }

// ends are the characters that the scanner puts behind a text. Of those after the suffix that
// ends a frame nothing is known yet: they are as they were behind the text before.
func (f *framer) ends() string { return first(f.back + f.rest) }

// clean parts a frame into its text and what a scanner puts around it. Spaces are base45's
// and stay in the text. So does another symbology's identifier, which makes the text
// malformed: a linear code must not pass for a QR code.
func clean(frame []byte) (front, text, back string) {
	text = string(frame)
	n := len(strings.TrimRightFunc(text, isEnd))
	text, back = text[:n], text[n:]
	body := strings.TrimLeftFunc(trimECI(trimAIM(trimBOM(text))), isControl)
	return text[:len(text)-len(body)], body, back
}

// isEnd tells whether scanners put a character behind a code: a line ending or another
// suffix that the configuration may not know. None of them is base45's.
func isEnd(r rune) bool { return isControl(r) || r == ';' }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// trimBOM takes off a byte order mark, and the control characters around it.
func trimBOM(s string) string {
	s = strings.TrimLeftFunc(s, isControl)
	return strings.TrimLeftFunc(strings.TrimPrefix(s, "\ufeff"), isControl)
}

// trimAIM takes off a QR code's identifier, once: ]Q0 to ]Q6, by model, ECI and FNC1
// (ISO/IEC 15424:2008, and annex F of ISO/IEC 18004:2015).
func trimAIM(s string) string {
	if len(s) >= 3 && s[:2] == "]Q" && s[2] >= '0' && s[2] <= '6' {
		return trimBOM(s[3:])
	}
	return s
}

// trimECI takes off extended channel interpretations, which some scanners write in clear: a
// backslash and six digits, \000026 for UTF-8.
func trimECI(s string) string {
	for len(s) >= 7 && s[0] == '\\' && isNumber(s[1:7]) {
		s = trimBOM(s[7:])
	}
	return s
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }
