package jpegluma

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzDecode holds Decode to its word on any bytes: no panic, no buffer larger than New said, an
// error of one of the two kinds, and image/jpeg's luma where both accept a frame of one scan.
func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, e := range []testEncoder{{h: 1, v: 1}, {h: 2, v: 1, restart: 1}, {h: 2, v: 2, noDHT: true}, {h: 2, v: 2, split: true}, {wideDQT: true, extended: true}} {
		e.quality = 70
		f.Add(e.encode(scene(24, 20, 3)))
	}
	const side = 128
	f.Fuzz(func(t *testing.T, data []byte) {
		d := New(side, side)
		got, err := d.Decode(data)
		if cap(d.pix) > side*side || len(d.bits.buf) > len(data)+overrun {
			t.Fatalf("%d samples and %d bytes held for %d bytes", cap(d.pix), len(d.bits.buf), len(data))
		}
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		sos := bytes.Index(data, []byte{0xff, markSOS})
		if bytes.Count(data, []byte{0xff, markSOS}) != 1 || d.frame.restart != 0 || largest(d, data[sos:]) > 1<<11 {
			return // image/jpeg goes on to a second scan, and has room for pictures' coefficients only
		}
		want, err := reference(data)
		if err != nil {
			return
		}
		if n := worst(got, want); n > 2 {
			t.Errorf("differs by %d levels from image/jpeg", n)
		}
	})
}

// largest returns the largest sum of coefficients in the blocks of the frame that d has decoded,
// whose only interval follows the scan header that data begins with.
func largest(d *Decoder, data []byte) uint32 {
	d.bits.load(data[2+int(data[2])<<8+int(data[3]):])
	most, pred := uint32(0), int32(0)
	for range len(d.pix) / (d.scan.width * d.scan.height) {
		for _, p := range d.scan.parts[:d.scan.nParts] {
			for range p.blocks {
				if !p.luma {
					d.bits.skip(&d.dc[p.dc], &d.ac[p.ac])
					continue
				}
				d.bits.readLuma(&d.block, &d.dc[p.dc], &d.ac[p.ac], &d.quant[d.frame.comps[0].tq], &pred)
				clear(d.block.words[:])
				most = max(most, d.block.sum)
			}
		}
	}
	return most
}

// FuzzForms encodes pictures in forms and sizes of the fuzzer's choice.
func FuzzForms(f *testing.F) {
	f.Add(uint8(40), uint8(30), uint8(2), uint8(2), uint8(75), uint8(0), uint64(1))
	f.Add(uint8(8), uint8(9), uint8(0), uint8(1), uint8(100), uint8(0x13), uint64(2))
	f.Add(uint8(33), uint8(1), uint8(4), uint8(1), uint8(1), uint8(0x45), uint64(3))
	f.Fuzz(func(t *testing.T, w, h, sh, sv, quality, flags uint8, seed uint64) {
		e := testEncoder{
			h: []int{0, 1, 2, 4}[sh%4], v: []int{1, 2}[sv%2], quality: int(quality)%100 + 1,
			split: flags&1 != 0, extended: flags&2 != 0, wideDQT: flags&4 != 0, restart: int(flags >> 4),
		}
		if e.split && e.h*e.v > 1 {
			e.restart = 0 // TestRestartsInAScanOfOneComponentCountBlocks
		}
		compare(t, e.encode(scene(int(w)+1, int(h)+1, seed)))
	})
}
