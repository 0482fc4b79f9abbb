// Package guide sets a gate up with the person in front of it, question by question: it finds the scanner by a test
// card, the relay by its click, the sensor and the fire loop by what people do, and ends with the power-off
// tests, whose answers it keeps. It can be interrupted anywhere and goes on where it was.
//
// It drives no line itself. What moves the relay is a takeover by railgated, whose record is on the disk before.
package guide

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"railgate/store/durable"
)

// A step is one part of the set-up.
type step string

const (
	stepGate    step = "gate"    // who, which gate, which board
	stepScanner step = "scanner" // the test card
	stepLines   step = "lines"   // the names of the lines
	stepWrite   step = "write"   // the configuration is written
	stepStart   step = "start"   // railgated runs with it
	stepRelay   step = "relay"
	stepSensor  step = "sensor"
	stepFire    step = "fire"
	stepList    step = "list" // the power-off tests
	stepReport  step = "report"
)

// steps are all of them, in their order.
var steps = []step{stepGate, stepScanner, stepLines, stepWrite, stepStart, stepRelay, stepSensor, stepFire, stepList, stepReport}

// A state is how far a set-up is. It is on the disk after each answer that counts.
type state struct {
	Began    time.Time `json:"began"`
	Who      string    `json:"who"`
	Next     step      `json:"next"`
	Draft    string    `json:"draft"` // the configuration as it is going to be
	Written  bool      `json:"written"`
	Scanners []string  `json:"scanners"` // that have read the card, in words
	Results  []result  `json:"results"`
}

// A result is one line of the report.
type result struct {
	What string    `json:"what"`
	Want string    `json:"want,omitempty"`
	Is   string    `json:"is"` // right, wrong, not done
	Note string    `json:"note,omitempty"`
	At   time.Time `json:"at"`
}

const (
	isRight   = "right"
	isWrong   = "WRONG"
	isNotDone = "not done"
)

// maxState bounds the file of a state, in bytes.
const maxState = 1 << 20

// loadState reads how far a set-up is; nil: there is none.
func loadState(path string) (*state, error) {
	data, err := durable.ReadFile(path, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s := new(state)
	if err == nil {
		err = json.Unmarshal(data, s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s, the unfinished set-up, cannot be read: %w; remove it to start again: rm %s", path, err, path)
	}
	return s, nil
}

func (s *state) save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(data, '\n'), 0o600)
}

// set notes a result, in the place of an older one of the same thing.
func (s *state) set(r result) {
	for i := range s.Results {
		if s.Results[i].What == r.What {
			s.Results[i] = r
			return
		}
	}
	s.Results = append(s.Results, r)
}

// of is the result of one thing; nil: there is none yet.
func (s *state) of(what string) *result {
	for i := range s.Results {
		if s.Results[i].What == what {
			return &s.Results[i]
		}
	}
	return nil
}

// bad counts the results that are not right.
func (s *state) bad() (n int) {
	for _, r := range s.Results {
		if r.Is != isRight {
			n++
		}
	}
	return n
}
