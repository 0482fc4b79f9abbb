package main

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"railgate/driver/eye"
)

const (
	enoughLenses = 30   // frames by which the lens was measured
	fewestLenses = 10   // that are worth an answer
	mostSpread   = 0.05 // of the middle half of them
)

// A calibration is what was measured of the lens, frame by frame.
type calibration struct{ k1 []float64 }

// take measures by the code that was just read, and says whether that is enough.
func (c *calibration) take(r *eye.Reader) bool {
	if k1, ok := r.MeasureLens(); ok {
		c.k1 = append(c.k1, k1)
	}
	return len(c.k1) >= enoughLenses
}

// lensReport is what a calibration found.
type lensReport struct {
	K1     float64 `json:"k1"`
	Spread float64 `json:"spread"` // between a quarter and three quarters of the frames
	Frames int     `json:"frames"` // by which it was measured
}

// tell prints the middle of what was measured, if the frames agree.
func (c *calibration) tell(s *scope) error {
	n := len(c.k1)
	if n < fewestLenses {
		return fmt.Errorf("scan: the lens was measured in %d frames, which are too few; hold a code of version 7 or more so near that it fills the picture's height", n)
	}
	slices.Sort(c.k1)
	round := func(k float64) float64 { return math.Round(100*k) / 100 }
	v := lensReport{round(c.k1[n/2]), round(c.k1[3*n/4] - c.k1[n/4]), n}
	if v.Spread > mostSpread {
		return errors.New("scan: the frames do not agree about the lens; hold the code still, on something flat, and near")
	}
	if s.enc != nil {
		return s.enc.Encode(v)
	}
	_, err := fmt.Fprintf(s.out, "k1 = %v\n", v.K1)
	return err
}
