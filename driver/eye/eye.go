// Package eye reads the QR code (ISO/IEC 18004) in a camera's picture: a phone or a paper, held
// at an angle, dimmed, blurred, bent, in the glare.
//
// It works on brightness alone, stage by stage, each in a file of its own:
//
//	plane.go      the picture at its own size, at a half and at a quarter
//	vector.go     the same and thresholds by 16 bytes at a time, where a processor can
//	pure.go       a picture of nothing but a code, at one look
//	threshold.go  what is dark, locally, in the rows that are looked at
//	row.go        where a row has dark, light, dark, light and dark as 1:1:3:1:1
//	finder.go     the three squares at a code's corners: 1:1:3:1:1 along any line
//	crowd.go      those that stand too close to be a code's
//	merged.go     the same where the code has no quiet zone, on dark ground
//	corners.go    which three of them may be a code's
//	weigh.go      which of a crowd of corners have timing patterns
//	smooth.go     a look at it without grain
//	recover.go    where the third must be, if only two are found
//	covered.go    the same if nothing of it is seen: the timing patterns tell
//	grid.go       how many modules, and the perspective, from the finders' own sizes
//	lens.go       the same through a wide lens, which bends what is straight
//	align.go      the alignment patterns, and how the paper is bent
//	follow.go     the same between them: its own edges tell
//	arched.go     the same around a column: its finders tell
//	sample.go     the modules' brightness, levelled
//	equalise.go   blur taken off, as the code's own fixed patterns teach
//	read.go       a grid made exact, and read in one way after another
//	decode.go     format, codewords, error correction
//	segments.go   the text
//	codeword.go   whether there is anything to correct
//
// Error correction and the tables of versions are gozxing's; nothing else of it is
// used, for its search for finders has no bound.
//
// What a Reader promises:
//
//  1. The work on a picture is bounded, whatever it shows: see budget.
//  2. The same picture gives the same answer, if the same was read before it. What was read
//     before only orders the search.
//  3. A picture without anything like a finder costs no allocation.
//  4. One code a picture, which one of several is not said; LookAgain finds another. Of codes whose
//     text is not worth it none is returned, and none hides another.
package eye

import (
	"image"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"
)

// A Code is what was read.
type Code struct {
	// Text is the bytes of the code's segments. Kanji are as Shift JIS and hanzi as GB 2312
	// have them; if the code declares a character set (ECI), all is UTF-8.
	Text string

	Corners  [4]Point // upper left, upper right, lower right, lower left, as the code sees itself
	Version  int      // 1 to 40
	Module   float64  // a module's size, in pixels
	Inverted bool     // light on dark
	Mirrored bool
}

// maxCheck is the most check words that a block has.
const maxCheck = 30

// A Point is a place in the picture, in pixels.
type Point struct{ X, Y float64 }

// A Reader reads pictures. It keeps its memory from one to the next. It must not be used
// concurrently.
type Reader struct {
	budget

	// Worth, if it is set, tells which texts are looked for: the search of a picture goes on past
	// others. Else all are.
	Worth func(text string) bool

	// K1, if it is set, is how much the camera's lens bends, up to MaxK1: see lens. Else it is tried
	// out where a code is not read.
	K1 float64

	// Sketch, if it is set, is shown what each stage saw. It costs time and memory.
	Sketch   func(name string, img image.Image)
	sketches int

	levels   [maxLevels]level
	soft     [2]level // the first of them, smoothed
	glimpse  level    // a part of the frame, smoothed: whether a second look is worth it
	small    plane    // a half of that part
	layouts  [maxDim + 1]*layout
	modules  modules
	solomon  *reedsolomon.ReedSolomonDecoder
	dividers [maxCheck + 1]*divider // by check words
	code     Code
	last     rows
	lens     lens // of the level that the code was read on
	have     [maxLevels]bool
	found    bool       // in the picture
	known    [][4]Point // the corners of its codes that are not looked for again
	others   []string   // the texts that were not worth it
	follows  int        // codes that were followed

	// Memory that stages use again.
	line  []byte
	grids []grid
	pins  []pin
	bend  bend
	net   net
	words []byte
	data  []byte
	ints  []int
}

// NewReader makes a reader.
func NewReader() *Reader {
	r := &Reader{solomon: newSolomon()}
	for i := range r.levels {
		r.levels[i].budget, r.levels[i].known = &r.budget, &r.known
	}
	r.glimpse.budget, r.glimpse.known, r.glimpse.smoothed = &r.budget, new([][4]Point), true
	for i := range r.soft {
		r.soft[i].budget, r.soft[i].known, r.soft[i].smoothed = &r.budget, &r.known, true
	}
	return r
}

// Read looks for a code in img and returns its text.
func (r *Reader) Read(img *image.Gray) (text string, ok bool) {
	code, ok := r.Look(img)
	return code.Text, ok
}

// Look looks for a code in img, which must be of 21 to 65536 pixels a side: in others there is
// none.
func (r *Reader) Look(img *image.Gray) (Code, bool) {
	r.have, r.found = [maxLevels]bool{}, false
	r.known, r.others, r.follows = r.known[:0], r.others[:0], 0
	p := planeOf(img)
	r.whole = budgetFor(p.w * p.h)
	r.left, r.sketches, r.by = r.whole, 0, [stages]int{}
	if min(p.w, p.h) < minSide || max(p.w, p.h) > maxSide {
		return Code{}, false
	}
	r.last.age++
	if r.found = r.search(p); !r.found {
		return Code{}, false
	}
	return r.code, true
}

// Forget forgets where the last code was: the next picture has nothing to do with it.
func (r *Reader) Forget() { r.last = rows{} }

// A Cost is what one stage spent of a picture's budget.
type Cost struct {
	Stage string
	Units int
}

// Costs are what the stages spent on the last picture, in the order of the work; together they are
// what Spent says.
func (r *Reader) Costs() (out []Cost) {
	for s := range stages {
		out = append(out, Cost{s.String(), r.by[s]})
	}
	return out
}

// Spent is what the last picture cost, in units of about a nanosecond. It is counted, and the
// same everywhere.
func (r *Reader) Spent() int { return r.whole - r.left }
