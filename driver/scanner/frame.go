// Package scanner holds the scanners: a serial one, and a camera's eye.
package scanner

import (
	"bytes"
	"strings"
)

// maxFrame is the longest frame in bytes. An RG1 code has at most 442; a longer
// frame is cut there, so that it is denied as malformed and not passed over.
const maxFrame = 1024

// A framer cuts a scanner's bytes into texts. It is pure: bytes in, texts out.
type framer struct {
	suffix []byte // ends a frame; empty: the idle gap alone does
	buf    []byte // the frame so far, cut at maxFrame
	tail   []byte // the last bytes, as many as the suffix has
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
	text := clean(bytes.TrimSuffix(f.buf, f.suffix))
	f.drop()
	if text != "" {
		emit(text)
	}
}

// eci is what some scanners print for a code's character set (ECI 26, UTF-8).
const eci = `\000026`

// clean takes off what scanners add around a code: line endings (a suffix that
// the configuration does not know), the AIM identifier of a QR code, an ECI
// printed in clear. Spaces are base45's and stay. Another symbology's identifier
// stays too, and makes the text malformed: a linear code must not pass for a QR.
func clean(frame []byte) string {
	text := strings.Trim(string(frame), "\r\n\x00\x02\x03")
	text = strings.TrimPrefix(text, "]Q1")
	return strings.TrimPrefix(text, eci)
}
