package eye

import "math"

// Where two finders are found and the third is not, as it is blurred, cracked or in the glare,
// it is looked for where it must be: on a code of any size two finders leave six places for
// the third.

const (
	fewPairs      = 12             // finders crossed by more than one row, among which pairs are looked at: no more were around a code that was read so
	maxPairs      = 2              // of finders for which the third is looked for
	longestRun    = 32             // half modules along a code in which nothing changes
	maxLikely     = 12             // pairs of which it is seen whether a code may be between them
	maxUnlike     = 0.6            // of a pair: its finders' sizes along both axes, as logarithms
	pairReach     = 0.18           // how far from where it should be, in lengths of the code's side
	maxReach      = 12             // and in modules
	leastMatch    = 0.35           // of the contrast of the finders that are there
	shadowed      = 0.1            // of that, in a shadow
	darkest       = 12 * grayScale // of the ground in a shadow, that noise does not stand for a finder
	firstLikeness = 0.5            // of a place that is looked at closer
	leastLikeness = 0.7            // of one in a shadow
)

// A vacancy is a place where a third finder may be.
type vacancy struct {
	x, y   float64
	side   float64 // between finders' middles, pixels
	angle  float64 // of the code's rows
	corner         // with -1 where it would stand
}

// vacanciesOf returns the six, for finders i and j.
func (l *level) vacanciesOf(i, j int) [6]vacancy {
	f, g := &l.finders[i], &l.finders[j]
	dx, dy := g.x-f.x, g.y-f.y
	long, angle := math.Hypot(dx, dy), math.Atan2(dy, dx)
	mx, my := (f.x+g.x)/2, (f.y+g.y)/2
	const eighth = math.Pi / 4
	return [6]vacancy{
		{f.x - dy, f.y + dx, long, angle, corner{at: i, right: j, below: -1}},
		{f.x + dy, f.y - dx, long, angle, corner{at: i, right: -1, below: j}},
		{g.x + dy, g.y - dx, long, angle, corner{at: j, right: i, below: -1}},
		{g.x - dy, g.y + dx, long, angle, corner{at: j, right: -1, below: i}},
		{mx - dy/2, my + dx/2, long / math.Sqrt2, angle + eighth, corner{at: -1, right: i, below: j}},
		{mx + dy/2, my - dx/2, long / math.Sqrt2, angle + eighth, corner{at: -1, right: j, below: i}},
	}
}

// A pair is two finders, and how unlike they are.
type pair struct {
	i, j   int
	unlike float64
}

// recover looks for codes of which two finders are known, and something of the third is seen.
func (r *Reader) recover(l *level) bool { return r.forPairs(l, r.recoverPair) }

// forPairs looks at pairs of finders between which there may be a code: those that are most alike
// first.
func (r *Reader) forPairs(l *level, look func(l *level, i, j int) bool) bool {
	defer r.leave(r.enter(stageThird))
	if r.spent() {
		return false
	}
	tried := 0
	for _, p := range l.likeliestPairs() {
		if p.unlike >= maxUnlike || tried == maxPairs || r.spent() {
			break
		}
		if l.finders[p.i].known || l.finders[p.j].known || !l.busy(p.i, p.j) {
			continue
		}
		tried++
		if look(l, p.i, p.j) {
			return true
		}
	}
	return false
}

// likeliestPairs are the pairs that are most alike, of the finders that were best seen.
func (l *level) likeliestPairs() (best [maxLikely]pair) {
	for k := range best {
		best[k].unlike = maxUnlike
	}
	order := l.bestSeen()
	for n, i := range order {
		for _, j := range order[n+1:] {
			p := pair{i, j, l.unlike(i, j)}
			for k := range best {
				if p.unlike < best[k].unlike {
					p, best[k] = best[k], p
				}
			}
		}
	}
	l.spend(20 * len(order) * len(order))
	return best
}

// unlike is 0 for two finders that are the same seen twice, and maxUnlike and more for two
// that cannot be of one code: by size, and by how far apart they are.
func (l *level) unlike(i, j int) float64 {
	f, g := &l.finders[i], &l.finders[j]
	m, n, d := f.module(), g.module(), math.Sqrt(l.distance2(i, j))
	if f.inverted != g.inverted || min(f.rows, g.rows) < 2 || d < 13*m || d > 180*m || d < 13*n || d > 180*n {
		return maxUnlike
	}
	return math.Abs(math.Log(f.mx/g.mx)) + math.Abs(math.Log(f.my/g.my))
}

// busy says whether there is as much to see between two finders as in a code, where every
// other module is of another colour than the one before; between icons there is less.
func (l *level) busy(i, j int) bool {
	f, g := &l.finders[i], &l.finders[j]
	m := (f.module() + g.module()) / 2
	n := int(2 * math.Sqrt(l.distance2(i, j)) / m) // half modules
	l.spend(20 * n)
	changes, since, last := 0, 9, false
	for k := 9; k < n-9; k++ {
		at := float64(k) / float64(n)
		if dark := l.brightness(f.x+at*(g.x-f.x), f.y+at*(g.y-f.y)) < 0; dark != last {
			changes, since, last = changes+1, k, dark
		} else if k-since > longestRun {
			return false
		}
	}
	return 10*changes >= n-18
}

func (r *Reader) recoverPair(l *level, i, j int) bool {
	l.inverted = l.finders[i].inverted
	m := (l.finders[i].module() + l.finders[j].module()) / 2
	least := leastMatch * l.matchOf(i, j)
	for _, v := range l.vacanciesOf(i, j) {
		if v.side < 13*m || r.spent() || l.finders[i].known || l.finders[j].known {
			continue
		}
		if !l.vacancyKeepsTime(&v, i, j, looseBeat) {
			continue
		}
		x, y, ok := l.seek(&v, m, least)
		if !ok {
			continue
		}
		l.finders = append(l.finders, finder{x: x, y: y, mx: m, my: m, rows: 1, inverted: l.inverted})
		ok = r.tryGrids(l, v.fill(len(l.finders)-1))
		l.finders = l.finders[:len(l.finders)-1]
		if ok {
			return true
		}
	}
	return false
}

// fill puts finder k where one is wanting.
func (v *vacancy) fill(k int) corner {
	c := v.corner
	for _, i := range [...]*int{&c.at, &c.right, &c.below} {
		if *i < 0 {
			*i = k
		}
	}
	return c
}

// matchOf is how well the known finders look, on the axes of the line between them.
func (l *level) matchOf(i, j int) float64 {
	f, g := &l.finders[i], &l.finders[j]
	angle := math.Atan2(g.y-f.y, g.x-f.x)
	best := 0.0
	for _, a := range [...]float64{angle, angle + math.Pi/4} {
		s, t := stencilAt(l, f.x, f.y, f.module(), a), stencilAt(l, g.x, g.y, g.module(), a)
		best = max(best, (s.match(0, 0)+t.match(0, 0))/2)
	}
	return best
}

// seek looks for a finder of modules of m pixels around a vacancy, first by a few pixels of
// it, then by all of its modules. If none matches as it should, it may be in the shadow: then the one
// is taken that is most like a finder for the light that it is in.
func (l *level) seek(v *vacancy, m, least float64) (x, y float64, ok bool) {
	s := stencilAt(l, v.x, v.y, m, v.angle)
	n := min(int(pairReach*v.side/m), maxReach)
	l.spend((2*n + 1) * (2*n + 1) * 70)
	var best, shady [3]spot
	for j := -n; j <= n; j++ {
		for i := -n; i <= n; i++ {
			q, light := s.glance(float64(i), float64(j))
			insert(&best, spot{float64(i), float64(j), q})
			insert(&shady, spot{float64(i), float64(j), q / (math.Abs(light) + darkest)})
		}
	}
	match := -1.0
	for _, b := range best {
		if u, w, q := s.climb(b.u, b.v); q > match {
			x, y = s.at(u, w)
			match = q
		}
	}
	if match >= least {
		return x, y, true
	}
	like := leastLikeness
	for _, b := range shady {
		if s.likeness(b.u, b.v) < firstLikeness {
			continue
		}
		u, w, q := s.climb(b.u, b.v)
		if q < shadowed*least {
			continue
		}
		if q = s.likeness(u, w); q > like {
			x, y = s.at(u, w)
			like, ok = q, true
		}
	}
	return x, y, ok
}

// A spot is where a finder may be, in modules, and how well it looks.
type spot struct{ u, v, q float64 }

// insert puts a spot among the best, if it is.
func insert(best *[3]spot, s spot) {
	for k := range best {
		if s.q > best[k].q {
			copy(best[k+1:], best[k:])
			best[k] = s
			return
		}
	}
}

// A stencil is a finder's modules laid on the level: its middle, and the ways to the next
// module along the code's rows and columns.
type stencil struct {
	l              *level
	x, y           float64
	rx, ry, bx, by float64
}

func stencilAt(l *level, x, y, m, angle float64) stencil {
	s, c := math.Sincos(angle)
	return stencil{l, x, y, m * c, m * s, -m * s, m * c}
}

func (s *stencil) at(u, v float64) (x, y float64) {
	return s.x + s.rx*u + s.bx*v, s.y + s.ry*u + s.by*v
}

func (s *stencil) gray(u, v float64) float64 {
	g := float64(s.l.at(s.at(u, v)))
	if s.l.inverted {
		return -g
	}
	return g
}

// glance is how much darker the middle and the outer ring are than the ring between, if the
// finder's middle is at (u, v), by 13 of its modules, and how bright that is.
func (s *stencil) glance(u, v float64) (match, light float64) {
	ring := s.gray(u-2, v) + s.gray(u+2, v) + s.gray(u, v-2) + s.gray(u, v+2)
	rim := s.gray(u-3, v) + s.gray(u+3, v) + s.gray(u, v-3) + s.gray(u, v+3)
	middle := s.gray(u, v) + s.gray(u-0.7, v) + s.gray(u+0.7, v) + s.gray(u, v-0.7) + s.gray(u, v+0.7)
	return ring/4 - max(rim/4, middle/5), ring / 4
}

// match is the same by all modules.
func (s *stencil) match(u, v float64) float64 {
	s.l.spend(49 * 6)
	var sum [4]float64
	for j := -3; j <= 3; j++ {
		for i := -3; i <= 3; i++ {
			sum[max(i, -i, j, -j)] += s.gray(u+float64(i), v+float64(j))
		}
	}
	return sum[2]/16 - max(sum[3]/24, (sum[0]+sum[1])/9)
}

// likeness is how far the brightness of the stencil's modules is a finder's and nothing else: their
// correlation, whatever the light.
func (s *stencil) likeness(u, v float64) float64 {
	s.l.spend(49 * 5)
	var sum, squares, with float64
	for j := -3; j <= 3; j++ {
		for i := -3; i <= 3; i++ {
			g, want := s.gray(u+float64(i), v+float64(j)), -16./49
			if max(i, -i, j, -j) == 2 {
				want = 33. / 49
			}
			sum, squares, with = sum+g, squares+g*g, with+g*want
		}
	}
	return with / math.Sqrt(max(squares-sum*sum/49, 1)*16*33/49)
}

// climb goes from (u, v) to where the match is best.
func (s *stencil) climb(u, v float64) (bu, bv, best float64) {
	bu, bv, best = u, v, s.match(u, v)
	for step := 0.5; step > 0.1; step /= 2 {
		for range 3 {
			mu, mv := bu, bv
			for _, d := range [4][2]float64{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				if q := s.match(mu+d[0]*step, mv+d[1]*step); q > best {
					bu, bv, best = mu+d[0]*step, mv+d[1]*step, q
				}
			}
			if bu == mu && bv == mv {
				break
			}
		}
	}
	return bu, bv, best
}
