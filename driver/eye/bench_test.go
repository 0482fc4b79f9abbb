package eye

import (
	"image"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/driver/eye/frames"
)

// A bench has a frame of 1280x720 with a code of version 8, and what each stage makes of it.
type bench struct {
	r    *Reader
	l    *level
	grid grid
	lay  *layout
}

func phone720() *image.Gray {
	return frames.Show(77, frames.Showing{Width: 1280, Height: 720, Version: 8, Pitch: 3.5}).Image
}

func newBench(b *testing.B) *bench {
	b.Helper()
	r := NewReader()
	r.left = 1 << 30
	r.have = [maxLevels]bool{}
	s := &bench{r: r, l: r.level(0, planeOf(phone720()))}
	s.l.begin(wideRadius)
	s.l.scanRows(1, s.l.h, 3)
	for _, c := range s.l.makeCorners() {
		for _, g := range r.makeGrids(s.l, c) {
			lay := r.layout(g.dim)
			r.pinDown(s.l, &g, c, lay)
			if r.readGrid(s.l, &g, lay, nil) {
				s.grid, s.lay = g, lay
				return s
			}
		}
	}
	b.Fatal("the frame is not read")
	return nil
}

func BenchmarkFrames(b *testing.B) {
	for _, bb := range []struct {
		name string
		img  *image.Gray
	}{
		{"code720", phone720()},
		{"empty720", frames.Sets()[6].Frame(0).Image},
		{"code480", show(8, nil).Image},
		{"empty480", emptyHall()},
		{"finders", finderWall(1280, 720, 1)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := NewReader()
			b.ReportAllocs()
			for b.Loop() {
				r.Forget()
				r.Read(bb.img)
			}
		})
	}
}

// frameOf is a frame of one of the repository's sets.
func frameOf(set string, i int) *image.Gray {
	all := frames.Sets()
	return all[slices.IndexFunc(all, func(s frames.Set) bool { return s.Name == set })].Frame(i).Image
}

// cpu is the processor time of this thread: what else the machine does is not in it.
func cpu() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

// price runs a stage again and again, and reports the least time that it took on the processor, what it
// spent of the budget, and so what a unit of it takes.
func price(b *testing.B, r *Reader, run func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const enough = 1 << 30
	least, spent := time.Duration(math.MaxInt64), 0
	for b.Loop() {
		r.left = enough
		from := cpu()
		run()
		least, spent = min(least, cpu()-from), enough-r.left
	}
	b.ReportMetric(float64(least), "least-ns")
	b.ReportMetric(float64(spent), "units")
	if spent > 0 {
		b.ReportMetric(float64(least)/float64(spent), "ns/unit")
	}
}

// What whole frames cost: a unit is to take as long on each.
func BenchmarkUnits(b *testing.B) {
	for _, bb := range []struct {
		name string
		img  *image.Gray
	}{
		{"code720", phone720()},
		{"hall720", frameOf("empty720", 1)},
		{"clutter720", frameOf("empty720", 3)},
		{"page720", frameOf("page720", 4)},
		{"plate720", frameOf("plate720", 2)},
		{"icons720", condition(b, "icons").Frame(1, 100, 0).Image},
		{"finders720", finderWall(1280, 720, 1)},
		{"board720", frameOf("hostile720", 9)},
		{"noise720", frameOf("noise720", 12)},
		{"large", clean(b, strings.Repeat(rulesText, 28), 3)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := NewReader()
			price(b, r, func() {
				r.Forget()
				r.Read(bb.img)
				r.left += 1<<30 - r.whole
			})
		})
	}
}

// What each stage costs, of frames that are unlike.
func BenchmarkStages(b *testing.B) {
	s := newBench(b)
	l, r, m := s.l, s.r, &s.r.modules
	corner := l.makeCorners()[0]
	g := s.grid
	pins := slices.Clone(r.pinDown(l, &g, corner, s.lay))
	for _, bb := range []struct {
		name string
		run  func()
	}{
		{"half", func() { r.have[1] = false; r.level(1, l.plane) }},
		{"quarter", func() { r.have[2] = false; r.level(2, l.plane) }},
		{"thresholds", func() { allThresholds(l) }},
		{"finders", func() { allFinders(l) }},
		{"corners", func() { l.makeCorners() }},
		{"recover", func() { r.recoverPair(l, corner.at, corner.right) }},
		{"beat", func() { l.keepsTime(corner) }},
		{"busy", func() { l.busy(corner.at, corner.right) }},
		{"grids", func() { r.makeGrids(l, corner) }},
		{"align", func() {
			g := s.grid
			r.pinDown(l, &g, corner, s.lay)
		}},
		{"read", func() {
			g := s.grid
			r.readGrid(l, &g, s.lay, nil)
		}},
		{"follow", func() {
			g := s.grid
			r.follows = 0
			r.follow(l, &g.t, g.dim, pins, true)
		}},
		{"follow-lost", func() {
			g := s.grid
			r.follows = 0
			r.follow(l, &g.t, g.dim, pins[:3], false)
		}},
		{"follow-again", func() {
			g := s.grid
			r.follows = 0
			r.followAgain(l, &g.t, s.lay)
		}},
		{"train", func() { m.train(s.lay, ridge) }},
		{"decode", func() { r.decode(s.lay, m.eq) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			price(b, r, bb.run)
		})
	}
	for name, img := range map[string]*image.Gray{
		"hall": frameOf("empty720", 1), "page": frameOf("page720", 4), "plate": frameOf("plate720", 2), "wall": finderWall(1280, 720, 2),
	} {
		r := NewReader()
		r.left, r.line = 1<<30, make([]byte, 1280)
		l := r.level(0, planeOf(img))
		var soft plane
		for _, bb := range []struct {
			name string
			run  func()
		}{
			{"thresholds", func() { allThresholds(l) }},
			{"finders", func() { allFinders(l) }},
			{"corners", func() { l.makeCorners() }},
			{"pairs", func() { l.likeliestPairs() }},
			{"crowds", func() { l.leaveCrowds() }},
			{"weighing", func() {
				for i, c := range l.corners[:min(len(l.corners), 40)] {
					if i%2 == 0 && l.keepsTime(c) && l.busy(c.at, c.right) {
						r.makeGrids(l, c)
					}
				}
			}},
			{"blocks", func() {
				r.glimpse.cover(&l.plane)
				l.spend(l.w * l.h / 16)
				for by := 1; by < l.bh-1; by++ {
					for bx := 1; bx < l.bw-1; bx++ {
						r.glimpse.unveil(bx, by)
					}
				}
			}},
			{"smooth", func() { smooth(&soft, &l.plane, image.Rect(0, 0, l.w, l.h), r.line); l.spend(l.w * l.h / softPixels) }},
		} {
			b.Run(name+"/"+bb.name, func(b *testing.B) { price(b, r, bb.run) })
		}
	}
}

func allThresholds(l *level) {
	l.reset()
	l.setRadius(wideRadius)
	for by := range l.bh {
		l.thresholds(by)
	}
}

// allFinders looks at every third row.
func allFinders(l *level) {
	l.begin(wideRadius)
	l.scanRows(1, l.h, 3)
}
