package collect

import (
	"maps"
	"sync"
	"time"

	"railgate/cmd/station/ledger"
)

// A State is how collecting goes. Counts are since the program began.
type State struct {
	Position ledger.Position   // how far the journal's stream was read
	Behind   uint64            // messages in it that were not read yet
	Troubles map[string]string // what does not work now: part and why
	Records  map[string]uint64 // taken into the ledger, by gate
	Again    uint64            // records that came again and were the same
	Receipts uint64            // that were given
	Refused  map[string]uint64 // messages and heads that were not taken, by why
	Errors   map[string]uint64 // by part
	Beats    uint64
	LastBeat time.Time
	Answered uint64 // questions for the time
	News     uint64 // how often all gates were told what the stream of spent codes has
	Sold     uint64 // additions to the day's tickets that went to the gates
}

// state is a State that is kept. Its methods may be called concurrently.
type state struct {
	mu      sync.Mutex // guards the fields below
	now     State
	gates   bool // who is enrolled has changed
	changed chan struct{}
}

func (s *state) init() {
	s.now = State{Troubles: map[string]string{}, Records: map[string]uint64{}, Refused: map[string]uint64{}, Errors: map[string]uint64{}}
	s.changed = make(chan struct{})
}

// change changes the state and wakes who waits.
func (s *state) change(f func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *state) touch() { s.change(func(*State) {}) }

func (s *state) beat(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Beats++
	s.now.LastBeat = at
}

func (s *state) setGatesChanged() {
	s.mu.Lock()
	s.gates = true
	s.mu.Unlock()
	s.touch()
}

// gatesChanged tells whether who is enrolled has changed since it was asked last.
func (s *state) gatesChanged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.gates
	s.gates = false
	return was
}

// trouble keeps what a part's trouble is, and returns what it was.
func (s *state) trouble(part string, err error) (was string) {
	s.mu.Lock()
	was = s.now.Troubles[part]
	if err != nil {
		s.now.Errors[part]++
	}
	s.mu.Unlock()
	if err == nil && was == "" || err != nil && err.Error() == was {
		return was
	}
	s.change(func(n *State) {
		if delete(n.Troubles, part); err != nil {
			n.Troubles[part] = err.Error()
		}
	})
	return was
}

// State is how collecting goes now.
func (c *Collector) State() State {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	s := c.state.now
	s.Troubles, s.Records = maps.Clone(s.Troubles), maps.Clone(s.Records)
	s.Refused, s.Errors = maps.Clone(s.Refused), maps.Clone(s.Errors)
	s.News = c.teller.Told()
	return s
}

// Changed returns a channel that is closed once something has changed after the call: in
// the ledger by this collector, or in its state.
func (c *Collector) Changed() <-chan struct{} {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	return c.state.changed
}
