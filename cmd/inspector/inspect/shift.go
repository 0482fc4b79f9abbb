package inspect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// ShiftLasts is when a shift that nobody has ended is over.
const ShiftLasts = 12 * time.Hour

// maxChecks bounds a shift: the oldest are forgotten first.
const maxChecks = 2000

// A Shift is what was checked since an inspector began. It holds no name, no holder and no code,
// and it is nowhere but on the phone. Its JSON is what the page keeps while it is not open.
type Shift struct {
	Began  int64   `json:"began"`  // milliseconds since 1970; 0: nothing was checked yet
	Checks []Check `json:"checks"` // oldest first
}

// A Check is one code that was checked.
type Check struct {
	At          int64  `json:"at"` // milliseconds since 1970
	Reason      string `json:"reason"`
	Certificate string `json:"certificate,omitempty"` // its cti, hex; only where the issuer's signature holds
	Class       uint8  `json:"class,omitempty"`
}

// ParseShift reads a shift's JSON.
func ParseShift(data []byte) (Shift, error) {
	var s Shift
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Shift{}, fmt.Errorf("shift: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Shift{}, errors.New("shift: something follows it")
	}
	if len(s.Checks) > maxChecks || (len(s.Checks) > 0) != (s.Began > 0) {
		return Shift{}, errors.New("shift: its beginning and its checks do not go together")
	}
	for i, c := range s.Checks {
		if id, err := hex.DecodeString(c.Certificate); err != nil || hex.EncodeToString(id) != c.Certificate || len(id) > 16 || c.Reason == "" {
			return Shift{}, fmt.Errorf("shift: check %d is not understood", i+1)
		}
	}
	return s, nil
}

// add takes a check, and begins the shift with the first.
func (s *Shift) add(c Check) {
	if s.Began == 0 {
		s.Began = c.At
	}
	if len(s.Checks) == maxChecks {
		s.Checks = slices.Delete(s.Checks, 0, 1)
	}
	s.Checks = append(s.Checks, c)
}

// over tells whether a shift that nobody has ended is over.
func (s *Shift) over(now time.Time) bool {
	return s.Began > 0 && now.Sub(time.UnixMilli(s.Began)) >= ShiftLasts
}

// Seen is how often a certificate was shown in this shift before.
type Seen struct {
	Times int   `json:"times"`
	Last  int64 `json:"last"` // milliseconds since 1970
}

func (s *Shift) seen(certificate string) (n Seen) {
	for _, c := range s.Checks {
		if c.Certificate == certificate {
			n = Seen{n.Times + 1, c.At}
		}
	}
	return n
}
