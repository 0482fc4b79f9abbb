package eye

// A budget bounds the work on one frame. It is counted, not timed, so that a frame is read
// or not for what is in it, on every machine: a unit is about a nanosecond of a desktop
// processor, or the look at a pixel or two. What costs much for each frame, or is done
// again and again for what the frame shows, spends of it; and when it is spent, the search
// is over.
type budget struct {
	left  int
	whole int // of the frame
	stage stage
	by    [stages]int // what each stage spent
}

// A stage is what work is for.
type stage int

const (
	stagePure stage = iota
	stagePlanes
	stageFinders
	stageSmoothing
	stageCorners
	stageThird
	stageGrids
	stageAlignment
	stageModules
	stageDecoding
	stages
)

func (s stage) String() string {
	return [...]string{"pure picture", "planes", "finders", "smoothing", "corners", "third finder", "grids", "alignment", "modules", "decoding"}[s]
}

// enter says what work is for from now on, and returns what it was for: budget.leave takes that.
func (b *budget) enter(s stage) (was stage) {
	was, b.stage = b.stage, s
	return was
}

func (b *budget) leave(was stage) { b.stage = was }

const (
	frameBudget = 9_000_000       // what the work on a frame of up to two megapixels may cost
	mostBudget  = 4 * frameBudget // and on any
	overrun     = frameBudget / 5 // and by how much that may be overdone: what has begun is ended
	pixelBudget = 4               // for each pixel above two megapixels (2^21), until mostBudget
)

// budgetFor is what the work on a frame of so many pixels may cost: what is behind a code, and
// looks like one, is as much more as there is more of the frame.
func budgetFor(pixels int) int {
	return min(frameBudget+pixelBudget*max(pixels-2<<20, 0), mostBudget)
}

func (b *budget) spend(n int) {
	b.left -= n
	b.by[b.stage] += n
}

func (b *budget) spent() bool { return b.left <= 0 }

// allows says whether something may begin that costs n. Looks that cost less than overrun need
// only ask whether the budget is spent.
func (b *budget) allows(n int) bool { return !b.spent() && n <= b.left+overrun }
