package jpegluma

import "image"

// decodeScan decodes the entropy-coded data that follows a scan header. E.2.3, E.2.4.
func (d *Decoder) decodeScan(data []byte) (*image.Gray, error) {
	if err := d.checkTables(); err != nil {
		return nil, err
	}
	f, s := &d.frame, &d.scan
	across, down := (f.width+s.width-1)/s.width, (f.height+s.height-1)/s.height
	d.allocate(across*s.width, down*s.height)
	done, err := d.decodeMCUs(data, across, across*down)
	if err != nil {
		for i := done; i < across*down; i++ {
			d.blank(i%across, i/across)
		}
	}
	return &d.img, err
}

// checkTables makes sure that the scan's tables are there. A frame may leave out the usual Huffman
// tables.
func (d *Decoder) checkTables() error {
	if tq := d.frame.comps[0].tq; !d.quant[tq].defined {
		return damaged("no quantisation table %d", tq)
	}
	for _, p := range d.scan.parts[:d.scan.nParts] {
		if p.dc > 1 && !d.dc[p.dc].defined || p.ac > 1 && !d.ac[p.ac].defined {
			return damaged("no Huffman table %d or %d", p.dc, p.ac)
		}
		if err := d.usual(p); err != nil {
			return err
		}
	}
	return nil
}

// allocate makes img the frame's picture on a buffer of whole MCUs, width by height.
func (d *Decoder) allocate(width, height int) {
	if cap(d.pix) < width*height {
		d.pix = make([]byte, width*height)
	}
	d.pix = d.pix[:width*height]
	d.img = image.Gray{Pix: d.pix, Stride: width, Rect: image.Rect(0, 0, d.frame.width, d.frame.height)}
}

// decodeMCUs decodes total MCUs, across to a line, and returns how many it did.
func (d *Decoder) decodeMCUs(data []byte, across, total int) (done int, err error) {
	every := d.frame.restart
	if every == 0 {
		every = total
	}
	pos := 0
	for interval := 0; done < total; interval++ {
		if interval > 0 {
			mark := byte(markRST0 + (interval-1)%8)
			if pos = skipFill(data, pos); pos+2 > len(data) || data[pos] != 0xff || data[pos+1] != mark {
				return done, damaged("no restart marker after %d of %d MCUs", done, total)
			}
			pos += 2
		}
		pos += d.bits.load(data[pos:])
		var pred int32
		for last := min(done+every, total); done < last; done++ {
			if !d.decodeMCU(done%across, done/across, &pred) {
				return done, damaged("cut short or broken after %d of %d MCUs", done, total)
			}
		}
	}
	return done, nil
}

// skipFill returns the position of the marker's last 0xff: any number may go before it. B.1.1.2.
func skipFill(data []byte, pos int) int {
	for pos+1 < len(data) && data[pos] == 0xff && data[pos+1] == 0xff {
		pos++
	}
	return pos
}

// decodeMCU decodes the MCU in column x and line y. It returns false if the MCU breaks the code or
// the interval ends in it.
func (d *Decoder) decodeMCU(x, y int, pred *int32) bool {
	for i := range d.scan.nParts {
		p := &d.scan.parts[i]
		dc, ac := &d.dc[p.dc], &d.ac[p.ac]
		if p.luma {
			if !d.decodeLuma(dc, ac, x, y, pred) {
				return false
			}
			continue
		}
		for range p.blocks {
			if !d.bits.skip(dc, ac) || d.bits.overran() {
				return false
			}
		}
	}
	return true
}

// decodeLuma decodes the MCU's luma blocks, line by line (A.2.3).
func (d *Decoder) decodeLuma(dc, ac *huffTable, x, y int, pred *int32) bool {
	q := &d.quant[d.frame.comps[0].tq]
	w, h, stride := d.scan.width, d.scan.height, d.img.Stride
	for line := y * h * stride; line < (y+1)*h*stride; line += 8 * stride {
		for at := line + x*w; at < line+(x+1)*w; at += 8 {
			if !d.bits.readLuma(&d.block, dc, ac, q, pred) || d.bits.overran() {
				clear(d.block.words[:])
				return false
			}
			d.block.idct(&d.columns, d.pix[at:], stride)
		}
	}
	return true
}

// blank makes the MCU in column x and line y mid-grey.
func (d *Decoder) blank(x, y int) {
	w, h := d.scan.width, d.scan.height
	for i := y * h; i < (y+1)*h; i++ {
		line := d.pix[i*d.img.Stride+x*w:][:w]
		for j := range line {
			line[j] = 128
		}
	}
}
