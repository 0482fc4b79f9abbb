package lane

import "time"

// CodeAges is a hint from the passengers: how old their codes are when they show
// them. A right clock sees codes of every age within their minute; one that is
// minutes off sees most of them outside it. The hint raises an alarm and never
// moves the clock.
type CodeAges struct {
	recent []codeAge // of distinct holders, oldest first
}

type codeAge struct {
	holder  string
	outside bool
	age     time.Duration // now less the slot's begin
}

const (
	agesKept   = 64
	agesEnough = 16 // fewer say nothing
)

// Add takes one code whose signature holds: its age against its slot's begin,
// and the span within which it would be granted.
func (c *CodeAges) Add(holder string, age, earliest, latest time.Duration) {
	for i := range c.recent {
		if c.recent[i].holder == holder {
			c.recent = append(c.recent[:i], c.recent[i+1:]...)
			break
		}
	}
	if len(c.recent) == agesKept {
		c.recent = c.recent[1:]
	}
	c.recent = append(c.recent, codeAge{holder, age < earliest || age >= latest, age})
}

// Suspect tells whether most holders' codes lie outside their span.
func (c *CodeAges) Suspect() bool {
	outside := 0
	for _, s := range c.recent {
		if s.outside {
			outside++
		}
	}
	return len(c.recent) >= agesEnough && 2*outside > len(c.recent)
}

// Bins are the histogram's upper bounds; a last bin is open.
var bins = [...]time.Duration{-60 * time.Second, -5 * time.Second, 0, 15 * time.Second, 30 * time.Second, 45 * time.Second, 60 * time.Second, 70 * time.Second, 130 * time.Second}

// A Bin counts the holders whose codes were younger than Below (seconds) and not
// in the bin before.
type Bin struct {
	Below float64 `json:"below"` // seconds; 0 in the last bin, which is open
	Count int     `json:"count"`
	Open  bool    `json:"open,omitempty"`
}

// Histogram is the ages of the codes of the latest holders.
func (c *CodeAges) Histogram() []Bin {
	out := make([]Bin, len(bins)+1)
	for i, b := range bins {
		out[i].Below = b.Seconds()
	}
	out[len(bins)].Open = true
	for _, s := range c.recent {
		i := 0
		for i < len(bins) && s.age >= bins[i] {
			i++
		}
		out[i].Count++
	}
	return out
}
