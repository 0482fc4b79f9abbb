// Package frames draws pictures as a gate's camera sees them: passengers who show a
// code on a phone or on paper, halls where nobody does, a phone that comes near,
// pictures made to keep a reader busy, and all that makes a code hard to read (Conditions). They are for tests and measurements.
//
// What is before the camera is drawn in linear light, 1 being what fills a pixel, and
// in the plane of the phone, in modules from the code's centre. A pinhole camera looks
// at it; then come the lens (blur, movement, vignetting), the sensor (noise, an sRGB
// curve, 8 bits) and often the loss of Motion JPEG. Everything follows from a seed: the
// same seed gives the same picture wherever floating point rounds the same, and else
// one that differs by a level here and there.
package frames

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

// A Frame is a picture and what is in it.
type Frame struct {
	Name  string // within its set, fit for a file; "_m2.41" in it is the pitch
	Image *image.Gray
	Text  string  // what its code says; "" if it shows none
	Pitch float64 // pixels a module at the code's centre; 0 without a code
}

// A Kind is what a set is for.
type Kind int

const (
	Codes    Kind = iota // a code in every frame
	Empty                // none in any
	Approach             // sequences of ApproachFrames frames, each showing one code
	Hostile              // no code, and made to be costly
)

// A Set is a number of frames that belong together.
type Set struct {
	Name  string
	Kind  Kind
	Len   int
	Frame func(i int) Frame // i from 0 to Len-1; any order, any goroutine
}

// Sets are the frames that the reader is measured on.
func Sets() []Set {
	var sets []Set
	for _, version := range []int{7, 8, 11} {
		sets = append(sets, phones("syn720", 1280, 720, version, 100))
	}
	for _, version := range []int{7, 8, 11} {
		sets = append(sets, phones("syn480", 640, 480, version, 60))
	}
	return append(sets,
		empties("empty720", 1280, 720),
		empties("empty480", 640, 480),
		Set{"seq720", Approach, 12 * ApproachFrames, func(i int) Frame {
			return approach(60+uint64(i/ApproachFrames), i%ApproachFrames)
		}},
		pages("page720", 1280, 720),
		plates("plate720", 1280, 720),
		phones("large1080", 1920, 1080, 40, 10),
		hostileSet(),
		noiseSet(),
	)
}

// phones are frames of phones whose pitches go up evenly, on a logarithmic scale.
func phones(name string, w, h, version, n int) Set {
	seed := uint64(version)<<32 | uint64(w)
	return Set{fmt.Sprintf("%s-v%d", name, version), Codes, n, func(i int) Frame {
		r := newRandom(seed, uint64(i))
		low, high := 1.6, math.Min(7, 0.82*float64(h)/float64(17+4*version+6))
		if version == 40 { // smaller is less than a camera tells apart
			low = 3
		}
		pitch := low * math.Pow(high/low, (float64(i)+r.Float64())/float64(n))
		f := Show(r.Uint64(), Showing{Width: w, Height: h, Version: version, Pitch: pitch})
		f.Name = fmt.Sprintf("%03d-%s", i, f.Name)
		return f
	}}
}

// random is chance with the turns that drawing wants.
type random struct{ *rand.Rand }

func newRandom(a, b uint64) random { return random{rand.New(rand.NewPCG(a, b))} }

// in is evenly from low to high.
func (r random) in(low, high float64) float64 { return low + (high-low)*r.Float64() }

// chance is true in p of 1.
func (r random) chance(p float64) bool { return r.Float64() < p }

// pick is one of the values.
func pick[T any](r random, values ...T) T { return values[r.IntN(len(values))] }
