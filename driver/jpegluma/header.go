package jpegluma

import "encoding/binary"

// Markers: T.81 table B.1.
const (
	markSOF0  = 0xc0 // baseline
	markSOF1  = 0xc1 // extended sequential, Huffman
	markSOF2  = 0xc2 // progressive, Huffman
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markSOF15 = 0xcf
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markDQT   = 0xdb
	markDNL   = 0xdc
	markDRI   = 0xdd
	markAPP14 = 0xee
	markTEM   = 0x01
)

// frame is what SOF and DRI say. B.2.2, B.2.4.4.
type frame struct {
	width, height int // pixels; 0 until SOF
	comps         [3]component
	nComps        int
	restart       int  // MCUs between restart markers, 0: none
	rgb           bool // by Adobe's APP14
}

type component struct {
	id   byte
	h, v int  // samples a MCU, in blocks of 8
	tq   byte // quantisation table
}

// scan is what SOS says. B.2.3.
type scan struct {
	parts         [3]scanPart
	nParts        int
	hasLuma       bool
	width, height int // of an MCU, in luma samples, if the scan has luma
}

// scanPart is one component's share of each MCU.
type scanPart struct {
	luma   bool
	blocks int
	dc, ac byte // Huffman tables
}

// quantTable holds, for each coefficient in zigzag order, its quantisation step times 64 and its
// place. The second half, where a damaged block's run may lead, stays 0.
type quantTable struct {
	defined bool
	coef    [128]uint32
}

// nextSegment finds the first marker from pos on: its code, its parameters (after the length) and
// where they end. Bytes that belong to no segment, such as a scan of colour, are stepped over.
func nextSegment(data []byte, pos int) (mark byte, seg []byte, next int, err error) {
	for ; pos+1 < len(data); pos++ {
		mark = data[pos+1]
		if data[pos] != 0xff || mark == 0 || mark == 0xff || mark == markTEM || mark >= markRST0 && mark <= markRST7 {
			continue
		}
		if mark == markSOI || mark == markEOI {
			return mark, nil, 0, damaged("ends or starts again before a scan of luma")
		}
		if pos+4 > len(data) {
			break
		}
		n := int(binary.BigEndian.Uint16(data[pos+2:]))
		if n < 2 || pos+2+n > len(data) {
			return mark, nil, 0, damaged("segment %#02x of %d bytes is cut short", mark, n)
		}
		return mark, data[pos+4 : pos+2+n], pos + 2 + n, nil
	}
	return 0, nil, 0, damaged("ends before a scan of luma")
}

// parse takes in one segment that is not SOS.
func (d *Decoder) parse(mark byte, seg []byte) error {
	switch {
	case mark == markDHT:
		return d.parseDHT(seg)
	case mark == markDQT:
		return d.parseDQT(seg)
	case mark == markDRI:
		return d.parseDRI(seg)
	case mark == markAPP14:
		d.parseAdobe(seg)
	case mark == markSOF0 || mark == markSOF1:
		return d.parseSOF(seg)
	case mark == markSOF2:
		return unsupported("progressive: set the camera to baseline")
	case mark >= markSOF0 && mark <= markSOF15 && mark != markJPG || mark == markDNL:
		return unsupported("neither baseline nor extended sequential (marker %#02x)", mark)
	}
	return nil // APPn, COM: nothing we need
}

func (d *Decoder) parseDRI(seg []byte) error {
	if len(seg) != 2 {
		return damaged("DRI of %d bytes", len(seg))
	}
	d.frame.restart = int(binary.BigEndian.Uint16(seg))
	return nil
}

// parseAdobe reads the transform flag of Adobe's APP14 segment (Adobe Technical Note 5116, p. 23):
// 0 in a frame of three components says that they are R, G and B.
func (d *Decoder) parseAdobe(seg []byte) {
	if len(seg) >= 12 && string(seg[:5]) == "Adobe" {
		d.frame.rgb = seg[11] == 0
	}
}

// parseDQT takes in quantisation tables. B.2.4.1.
func (d *Decoder) parseDQT(seg []byte) error {
	for len(seg) > 0 {
		wide, id := int(seg[0]>>4), seg[0]&15
		if wide > 1 || id > 3 || len(seg) < 1+64*(1+wide) {
			return damaged("quantisation table %#02x of %d bytes", seg[0], len(seg)-1)
		}
		t := &d.quant[id]
		t.defined = true
		for k := range 64 {
			if wide == 1 {
				t.coef[k] = uint32(binary.BigEndian.Uint16(seg[1+2*k:]))<<6 | uint32(zigzag[k])
			} else {
				t.coef[k] = uint32(seg[1+k])<<6 | uint32(zigzag[k])
			}
		}
		seg = seg[1+64*(1+wide):]
	}
	return nil
}

// parseSOF takes in the frame header. B.2.2.
func (d *Decoder) parseSOF(seg []byte) error {
	f := &d.frame
	if f.width != 0 {
		return damaged("two frame headers")
	}
	if len(seg) < 6 || len(seg) != 6+3*int(seg[5]) {
		return damaged("frame header of %d bytes", len(seg))
	}
	if seg[0] != 8 {
		return unsupported("%d bits a sample", seg[0])
	}
	w, h := int(binary.BigEndian.Uint16(seg[3:])), int(binary.BigEndian.Uint16(seg[1:]))
	if w == 0 || h == 0 {
		return unsupported("%dx%d, a size not said in the header", w, h)
	}
	if w > d.maxWidth || h > d.maxHeight {
		return unsupported("%dx%d is larger than the %dx%d asked for", w, h, d.maxWidth, d.maxHeight)
	}
	if n := seg[5]; n != 1 && n != 3 {
		return unsupported("%d components", n)
	}
	f.width, f.height, f.nComps = w, h, int(seg[5])
	for i := range f.nComps {
		c := seg[6+3*i:]
		f.comps[i] = component{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), tq: c[2]}
	}
	return f.check()
}

// check holds the components to what the rest of the package relies on.
func (f *frame) check() error {
	c := &f.comps
	for i := range f.nComps {
		if !oneTwoFour(c[i].h) || !oneTwoFour(c[i].v) {
			return unsupported("component %d sampled %dx%d", i, c[i].h, c[i].v)
		}
		if c[i].tq > 3 {
			return damaged("component %d wants quantisation table %d", i, c[i].tq)
		}
		if c[i].h > c[0].h || c[i].v > c[0].v {
			return unsupported("luma is sampled more coarsely than component %d", i)
		}
	}
	if f.nComps == 1 {
		c[0].h, c[0].v = 1, 1 // A.1.1: only the ratio to the others matters
		return nil
	}
	if c[0].id == c[1].id || c[0].id == c[2].id || c[1].id == c[2].id {
		return damaged("two components have one identifier")
	}
	if c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' {
		f.rgb = true
	}
	return nil
}

func oneTwoFour(n int) bool { return n == 1 || n == 2 || n == 4 }

// parseSOS takes in a scan header. B.2.3.
func (d *Decoder) parseSOS(seg []byte) error {
	f, s := &d.frame, &d.scan
	if f.width == 0 {
		return damaged("a scan before the frame header")
	}
	if f.nComps == 3 && f.rgb {
		return unsupported("RGB has no luma")
	}
	if len(seg) < 1 || int(seg[0]) < 1 || int(seg[0]) > f.nComps || len(seg) != 4+2*int(seg[0]) {
		return damaged("scan header of %d bytes", len(seg))
	}
	*s = scan{nParts: int(seg[0])}
	total, from := 0, 0 // components come in the frame's order
	for i := range s.nParts {
		sel := seg[1+2*i:]
		j := f.find(sel[0], from)
		if j < 0 || sel[1]>>4 > 3 || sel[1]&15 > 3 {
			return damaged("scan of component %#02x with tables %#02x", sel[0], sel[1])
		}
		from = j + 1
		h, v := f.comps[j].h, f.comps[j].v
		if s.nParts == 1 {
			h, v = 1, 1 // A.2.2: by block
		}
		s.parts[i] = scanPart{luma: j == 0, blocks: h * v, dc: sel[1] >> 4, ac: sel[1] & 15}
		if j == 0 {
			s.hasLuma, s.width, s.height = true, 8*h, 8*v
		}
		total += h * v
	}
	if total > 10 {
		return damaged("%d blocks a MCU, 10 are allowed", total)
	}
	return nil
}

// find returns the index, at least from, of the component called id, or -1.
func (f *frame) find(id byte, from int) int {
	for i := from; i < f.nComps; i++ {
		if f.comps[i].id == id {
			return i
		}
	}
	return -1
}
