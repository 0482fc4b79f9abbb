package eye

import "testing"

// A block's threshold is the mean of the middles of those around it that have contrast, however narrow the level is; where
// none has, it is what the whole level's is.
func TestThresholdsAreMeansOfBlocksAround(t *testing.T) {
	for _, w := range []int{21, 24, 40, 64, 200, 515} {
		img := randomGray(uint64(w), w, 90)
		for i := range img.Pix {
			if i%w/24%3 == 0 || i/w/30 == 1 {
				img.Pix[i] = 140 // flat
			}
		}
		l := newLevel(img)
		for _, whole := range []uint8{0, 99} {
			l.whole = whole
			for radius := 1; radius <= maxRadius; radius++ {
				l.setRadius(radius)
				for by := range l.bh {
					for bx, got := range l.thresholds(by) {
						var sum, n uint32
						for y := max(by-radius, 0); y <= min(by+radius, l.bh-1); y++ {
							for x := max(bx-radius, 0); x <= min(bx+radius, l.bw-1); x++ {
								s := l.statistics(y)[x]
								sum, n = sum+s&0xffff, n+s>>16
							}
						}
						want := whole
						if n > 0 {
							want = uint8(sum / n)
						}
						if got != want && got != want+1 { // the reciprocals are rounded up
							t.Fatalf("%d pixels wide, radius %d: block %d, %d has %d; want %d", w, radius, bx, by, got, want)
						}
					}
				}
			}
		}
	}
}
