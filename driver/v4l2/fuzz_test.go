//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"context"
	"encoding/binary"
	"image"
	"slices"
	"testing"
)

// FuzzDequeue lets the driver say anything of its buffers, and leave anything in them. Next may
// refuse and give up, but not panic, read a buffer that is not its own, or hand out a picture of
// another size. Twelve bytes of the input are one answer: index, bytes used, flags.
func FuzzDequeue(f *testing.F) {
	answer := func(index, used, flags uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, index), used), flags)
	}
	f.Add(uint8(0), slices.Concat(answer(0, testW*testH, 0), answer(1, testW*testH, bufError), answer(2, 0, 0), answer(3, 1<<31, bufClockMonoton)))
	f.Add(uint8(2), slices.Concat(answer(0, 960, 0), answer(0, 960, 0), answer(1<<31, 960, 0), answer(4, 960, 0)))
	f.Add(uint8(3), slices.Concat(answer(2, 600, 0), answer(1, 4000, 0), answer(0, 4001, 0)))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		format := preferred()[which%4]
		fc := &fakeCamera{stride: 40, lies: true}
		k, c := opened(t, format, fc)
		for ; len(data) >= 12; data = data[12:] {
			b := buffer{index: binary.LittleEndian.Uint32(data), bytesUsed: binary.LittleEndian.Uint32(data[4:]), flags: binary.LittleEndian.Uint32(data[8:])}
			k.happen(fc, func(_ *fakeKernel, c *fakeCamera) {
				i := slices.Index(c.queued, int(b.index))
				if i >= 0 {
					c.queued = slices.Delete(c.queued, i, i+1)
					copy(c.bufs[b.index], data)
				}
				c.done = append(c.done, b)
			})
			if b.flags&1 == 0 {
				continue
			}
			err := c.Next(context.Background(), func(img *image.Gray, _ Meta) error {
				if img.Rect != image.Rect(0, 0, testW, testH) || len(img.Pix) < (testH-1)*img.Stride+testW {
					t.Errorf("a picture of %v, %d bytes in lines of %d", img.Rect, len(img.Pix), img.Stride)
				}
				return nil
			})
			if err != nil {
				return
			}
		}
	})
}
