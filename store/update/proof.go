package update

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// How long a release has to prove good, from its start on.
const (
	ProofTime = 5 * time.Minute  // well all the while
	ProofEnds = 15 * time.Minute // and not proved good by then: it is given up
)

// A Sighting is how a gate looks from outside.
type Sighting struct {
	Answers  bool      // railgated is up and answers
	Started  time.Time // when it was started: another time is another process
	Down     []string  // devices that do not work
	Causes   []string  // why the lane is out of service
	Passages uint64    // that it has seen since its start
}

// A Proof judges a release by how the gate looks while it runs. Time is the machine's since
// its start, which nobody sets.
type Proof struct {
	Before Before

	well    time.Duration // since when it has been well
	is      bool          // it is well
	started time.Time
	why     string
}

// Look takes a sighting, and tells whether the release has proved good: railgated is ready, has seen
// its devices, and somebody has crossed, or five minutes have passed in which nothing was wrong.
func (p *Proof) Look(now time.Duration, s Sighting) bool {
	p.why = p.wrong(s)
	if p.why != "" {
		p.is = false
		return false
	}
	if !p.is || !s.Started.Equal(p.started) {
		p.is, p.well, p.started = true, now, s.Started
	}
	return s.Passages > 0 || now-p.well >= ProofTime
}

// Why says what is missing.
func (p *Proof) Why() string {
	if p.why == "" {
		return "railgated has not been well for five minutes on end"
	}
	return p.why
}

// wrong is what is wrong now and was not before; "": nothing.
func (p *Proof) wrong(s Sighting) string {
	if !s.Answers {
		return "railgated does not answer"
	}
	news := func(now, before []string) []string {
		return slices.DeleteFunc(slices.Clone(now), func(name string) bool { return slices.Contains(before, name) })
	}
	if down := news(s.Down, p.Before.Down); len(down) > 0 {
		return fmt.Sprintf("devices do not work that did before: %s", strings.Join(down, ", "))
	}
	if causes := news(s.Causes, p.Before.Causes); len(causes) > 0 {
		return fmt.Sprintf("the lane is out of service, and was not before: %s", strings.Join(causes, ", "))
	}
	return ""
}
