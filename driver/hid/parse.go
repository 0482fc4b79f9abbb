package hid

import (
	"errors"
	"fmt"
)

// What a descriptor may hold. The kernel's own limits are the first and the second (HID_MAX_DESCRIPTOR_SIZE,
// HID_MAX_BUFFER_SIZE).
const (
	maxDescriptor = 4096
	maxReport     = 16384 * 8 // bits
	maxUsages     = 4096
	maxNesting    = 32
)

// A parser walks the items of a descriptor (HID 1.11, section 6.2.2.2).
type parser struct {
	layout *Layout
	sizes  map[byte]int // of the input reports, in bits

	global globals
	pushed []globals

	usages  []uint32 // of the next main item; their page is theirs, or 0: the global one
	least   uint32   // the begin of a range of usages
	ranged  bool
	nesting []bool // of the collections: it is a bar code scanner's, or in one
}

type globals struct {
	page        uint32
	size, count int
	id          byte
}

// The items' tags with their type, without their size.
const (
	input, output, feature         = 0x80, 0x90, 0xB0
	collection, endCollection      = 0xA0, 0xC0
	usagePage                      = 0x04
	reportSize, reportID           = 0x74, 0x84
	reportCount, push, pop         = 0x94, 0xA4, 0xB4
	usage, usageMin, usageMax      = 0x08, 0x18, 0x28
	longItem                       = 0xFE
	application                    = 0x01
	constant, variable        byte = 0x01, 0x02
)

func (p *parser) parse(d []byte) error {
	if len(d) > maxDescriptor {
		return fmt.Errorf("it has %d bytes; want at most %d", len(d), maxDescriptor)
	}
	p.sizes = map[byte]int{}
	for at := 0; at < len(d); {
		if d[at] == longItem {
			return fmt.Errorf("byte %d: a long item, which HID does not use", at)
		}
		n := int(d[at] & 3)
		if n == 3 {
			n = 4
		}
		if at+1+n > len(d) {
			return fmt.Errorf("byte %d: an item without its end", at)
		}
		var value uint32
		for i := n - 1; i >= 0; i-- {
			value = value<<8 | uint32(d[at+1+i])
		}
		if err := p.item(d[at]&^3, n, value); err != nil {
			return fmt.Errorf("byte %d: %w", at, err)
		}
		at += 1 + n
	}
	if len(p.nesting) > 0 {
		return errors.New("a collection without its end")
	}
	return nil
}

func (p *parser) item(tag byte, n int, value uint32) error {
	switch tag & 0x0C {
	case 0x00:
		err := p.main(tag, value)
		p.usages, p.ranged = nil, false
		return err
	case 0x04:
		return p.globalItem(tag, value)
	case 0x08:
		return p.local(tag, n, value)
	}
	return fmt.Errorf("item %#02x is reserved", tag)
}

func (p *parser) globalItem(tag byte, value uint32) error {
	g := &p.global
	switch tag {
	case usagePage:
		if value == 0 || value > 0xFFFF {
			return fmt.Errorf("usage page %#x", value)
		}
		g.page = value
	case reportSize:
		if value > maxReport {
			return fmt.Errorf("fields of %d bits", value)
		}
		g.size = int(value)
	case reportCount:
		if value > maxReport {
			return fmt.Errorf("%d fields", value)
		}
		g.count = int(value)
	case reportID:
		if value == 0 || value > 255 {
			return fmt.Errorf("report number %d", value)
		}
		if len(p.sizes) > 0 && !p.layout.numbered {
			return errors.New("some reports have a number, and some have none")
		}
		p.layout.numbered, g.id = true, byte(value)
	case push:
		if len(p.pushed) == maxNesting {
			return errors.New("too many pushes")
		}
		p.pushed = append(p.pushed, *g)
	case pop:
		if len(p.pushed) == 0 {
			return errors.New("a pop without its push")
		}
		*g, p.pushed = p.pushed[len(p.pushed)-1], p.pushed[:len(p.pushed)-1]
	}
	return nil // the others say what numbers mean: limits, units
}

func (p *parser) local(tag byte, n int, value uint32) error {
	if n < 4 && (tag == usage || tag == usageMin || tag == usageMax) {
		value &= 0xFFFF // the page is the one at the main item
	}
	switch tag {
	case usage:
		return p.addUsage(value)
	case usageMin:
		p.least, p.ranged = value, true
	case usageMax:
		if !p.ranged || value < p.least || value-p.least >= maxUsages {
			return fmt.Errorf("usages from %#x to %#x", p.least, value)
		}
		p.ranged = false
		for u := p.least; ; u++ {
			if err := p.addUsage(u); err != nil || u == value {
				return err
			}
		}
	}
	return nil // designators and strings
}

func (p *parser) addUsage(u uint32) error {
	if len(p.usages) == maxUsages {
		return errors.New("too many usages")
	}
	p.usages = append(p.usages, u)
	return nil
}

// full is a usage with its page.
func (p *parser) full(u uint32) uint32 {
	if u>>16 == 0 {
		u |= p.global.page << 16
	}
	return u
}

func (p *parser) main(tag byte, value uint32) error {
	switch tag {
	case collection:
		if len(p.nesting) == maxNesting {
			return errors.New("collections too deep in each other")
		}
		inside := len(p.nesting) > 0 && p.nesting[len(p.nesting)-1]
		if value == application && len(p.usages) > 0 && p.full(p.usages[0])>>16 == pageScanner {
			inside = true
		}
		p.nesting = append(p.nesting, inside)
	case endCollection:
		if len(p.nesting) == 0 {
			return errors.New("an end of no collection")
		}
		p.nesting = p.nesting[:len(p.nesting)-1]
	case input:
		return p.input(byte(value))
	case output, feature: // what the scanner is told
	default:
		return fmt.Errorf("item %#02x is reserved", tag)
	}
	return nil
}

// input adds fields to the input report.
func (p *parser) input(flags byte) error {
	if len(p.nesting) == 0 {
		return errors.New("an input outside of a collection")
	}
	g := p.global
	if total := int64(p.sizes[g.id]) + int64(g.size)*int64(g.count); total > maxReport {
		return fmt.Errorf("report %d has %d bits", g.id, total)
	}
	at := p.sizes[g.id]
	p.sizes[g.id] += g.size * g.count
	if !p.nesting[len(p.nesting)-1] || flags&constant != 0 || flags&variable == 0 || len(p.usages) == 0 {
		return nil
	}
	r := p.layout.reports[g.id]
	if r == nil {
		r = new(report)
		p.layout.reports[g.id] = r
	}
	return r.add(p, at)
}

// add notes the fields of an input that mean something. The last usage is that of all the fields that are left.
func (r *report) add(p *parser, at int) error {
	g := p.global
	for i := 0; i < min(g.count, len(p.usages)); i++ {
		u, field := p.full(p.usages[i]), span{at + i*g.size, g.size}
		place := r.place(u)
		if place == nil || g.size == 0 {
			continue
		}
		if place.bits != 0 {
			return fmt.Errorf("report %d has usage %#x twice", g.id, u)
		}
		if u == decodedData {
			if i != len(p.usages)-1 || g.size != 8 {
				return errors.New("decoded data are not bytes in a row")
			}
			field.bits *= g.count - i
		}
		*place = field
	}
	return nil
}

// place is where a report's field of a usage is kept; nil for one that means nothing here.
func (r *report) place(u uint32) *span {
	switch {
	case u == decodedData:
		return &r.data
	case u == byteCount:
		return &r.count
	case u >= identifier1 && u <= identifier3:
		return &r.aim[u-identifier1]
	case u == continued:
		return &r.more
	}
	return nil
}
