package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The statuses of an Answer.
const (
	Received   = "receipt"     // Note is the gate's head, cosigned
	Behind     = "behind"      // the station has the first Have leaves only: send again from there
	RolledBack = "rolled_back" // Note is a head of this log, signed by the gate and cosigned, with more leaves or another root
	Refused    = "refused"     // Why says why
	Later      = "later"       // the station cannot keep records now, and Why says why: ask again
)

// An Answer is what the station says to a gate that asks for a receipt.
type Answer struct {
	Status string `json:"status"`
	Note   []byte `json:"note,omitempty"`
	Have   int64  `json:"have"`
	Why    string `json:"why,omitempty"`
}

const (
	maxAnswer = 64 << 10
	maxWhy    = 500
)

// Encode is the answer's body.
func (a Answer) Encode() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// ParseAnswer reads an answer's body.
func ParseAnswer(data []byte) (Answer, error) {
	if len(data) > maxAnswer {
		return Answer{}, fmt.Errorf("a station's answer of %d bytes; want %d at most", len(data), maxAnswer)
	}
	var a Answer
	if err := strict(data, &a); err != nil {
		return Answer{}, fmt.Errorf("a station's answer: %w", err)
	}
	if err := a.check(); err != nil {
		return Answer{}, fmt.Errorf("a station's answer: %w", err)
	}
	return a, nil
}

func (a Answer) check() error {
	switch a.Status {
	case Received, RolledBack:
		if len(a.Note) == 0 {
			return fmt.Errorf("status %q without a note", a.Status)
		}
	case Behind, Refused, Later:
	default:
		return fmt.Errorf("unknown status %q", a.Status)
	}
	switch {
	case a.Have < 0:
		return fmt.Errorf("%d leaves", a.Have)
	case len(a.Why) > maxWhy || strings.ContainsFunc(a.Why, func(r rune) bool { return r < ' ' }):
		return errors.New("a reason that is too long or not one line")
	}
	return nil
}

// strict reads one JSON value and nothing beside it.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}
