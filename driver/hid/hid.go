// Package hid reads USB bar code scanners that are HID point-of-sale devices (HID-POS): their report
// descriptor says where in a report the text is.
//
// The words are those of the Device Class Definition for HID 1.11, section 6.2.2 (report descriptors),
// and of the HID Point of Sale Usage Tables 1.02, section 4 (usage page 0x8C, bar code scanners). Most
// scanners send the report of the tables' example:
//
//	byte 0       report 2
//	byte 1       byte count (generic desktop 0x3B)
//	bytes 2-4    symbology identifiers 1 to 3: "]Q1"
//	bytes 5-60   decoded data, filled up with zeros
//	bytes 61-62  the maker's
//	byte 63      bit 0: the data are continued in the next report
//
// but the descriptor counts, not the example.
package hid

import (
	"bytes"
	"errors"
	"fmt"
)

// The usages that matter, with their page before them.
const (
	pageScanner = 0x8C
	byteCount   = 0x01_003B
	identifier1 = 0x8C_00FB
	identifier3 = 0x8C_00FD
	decodedData = 0x8C_00FE
	continued   = 0x8C_00FF
)

// A Layout says where the texts are in a scanner's reports.
type Layout struct {
	numbered bool // a report begins with its number
	reports  map[byte]*report
}

// A report is one that has decoded data. Places are in bits, from the first after the number.
type report struct {
	size  int // bits
	data  span
	count span    // of the byte count; zero: there is none
	aim   [3]span // of the symbology identifier; zero: there is none
	more  span    // of the flag that data are continued; zero: there is none
}

// A span is a field's place and size, in bits.
type span struct{ at, bits int }

// A Part is what one report says of a text.
type Part struct {
	Text      string
	AIM       string // the symbology identifier, such as "]Q1"; "": the scanner gives none
	Continued bool   // the text goes on in the next report
}

// ErrNotScanner is a descriptor of something that is no HID-POS bar code scanner.
var ErrNotScanner = errors.New("it is not a HID-POS bar code scanner: set it to HID-POS, or use the driver of what it is (keyboard, serial)")

// Parse reads a report descriptor. What HID 1.11 does not allow is an error, and so is a descriptor
// without decoded data.
func Parse(descriptor []byte) (*Layout, error) {
	p := parser{layout: &Layout{reports: map[byte]*report{}}}
	if err := p.parse(descriptor); err != nil {
		return nil, fmt.Errorf("report descriptor: %w", err)
	}
	l := p.layout
	for id, r := range l.reports {
		if r.data.bits == 0 {
			delete(l.reports, id)
			continue
		}
		r.size = p.sizes[id]
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("report descriptor: report %d: %w", id, err)
		}
	}
	if len(l.reports) == 0 {
		return nil, ErrNotScanner
	}
	return l, nil
}

// check refuses fields that Decode would not know how to read.
func (r *report) check() error {
	for name, s := range map[string]span{"byte count": r.count, "symbology identifier 1": r.aim[0], "symbology identifier 2": r.aim[1], "symbology identifier 3": r.aim[2]} {
		if s.bits != 0 && (s.bits != 8 || s.at%8 != 0) {
			return fmt.Errorf("%s is not a byte of its own", name)
		}
	}
	if r.data.at%8 != 0 || r.data.bits%8 != 0 {
		return errors.New("decoded data are not whole bytes")
	}
	if r.more.bits > 8 {
		return errors.New("decode data continued is no flag")
	}
	return nil
}

// Decode reads a report as hidraw gives it. ok is false for reports that have no text. A report that
// its descriptor does not allow is an error.
func (l *Layout) Decode(data []byte) (part Part, ok bool, err error) {
	id := byte(0)
	if l.numbered {
		if len(data) == 0 {
			return Part{}, false, errors.New("an empty report")
		}
		id, data = data[0], data[1:]
	}
	r := l.reports[id]
	if r == nil {
		return Part{}, false, nil
	}
	if len(data)*8 < r.size {
		return Part{}, false, fmt.Errorf("report %d has %d bytes; its descriptor says %d", id, len(data), (r.size+7)/8)
	}
	text := data[r.data.at/8:][:r.data.bits/8]
	if r.count.bits > 0 {
		n := int(data[r.count.at/8])
		if n > len(text) {
			return Part{}, false, fmt.Errorf("report %d says %d bytes of data in a field of %d", id, n, len(text))
		}
		text = text[:n]
	} else {
		text = bytes.TrimRight(text, "\x00")
	}
	return Part{Text: string(text), AIM: r.identifier(data), Continued: r.more.bits > 0 && data[r.more.at/8]>>(r.more.at%8)&1 == 1}, true, nil
}

// identifier is a report's symbology identifier. Scanners that send none leave zeros.
func (r *report) identifier(data []byte) string {
	var aim []byte
	for _, s := range r.aim {
		if s.bits > 0 && data[s.at/8] != 0 {
			aim = append(aim, data[s.at/8])
		}
	}
	if len(aim) != 3 || aim[0] != ']' {
		return ""
	}
	return string(aim)
}
