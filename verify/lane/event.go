package lane

import (
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// The events.
type (
	// Read: a scanner read a text at a monotonic instant.
	Read struct {
		Scanner, Text string
		At            time.Duration
	}
	// Judged answers Decide.
	Judged struct {
		Read
		Verdict verify.Verdict
		Last    *journal.LastPassage // the holder's; nil: none is known
	}
	// Written answers Spend: the record has a sequence number and is durable, or is not.
	Written struct {
		Seq uint64
		Err error
	}
	// Opened answers Open.
	Opened struct {
		Err       error
		Emergency bool // nothing has moved, for the emergency input is active
	}
	// Sensor: the passage sensor changed.
	Sensor struct{ Active bool }
	// Emergency: the emergency input changed.
	Emergency struct{ Active bool }
	// Missing: something that the lane needs is missing; Why is "" when it is back.
	Missing struct {
		Cause Cause
		Why   string
	}
	// Service: a technician takes the lane over, or gives it back.
	Service struct {
		Mode ServiceMode
		By   string
	}
	// Blind: the store does not know which codes were used before an instant.
	Blind struct{ Since time.Time }
	// Note: something to journal that is not the lane's.
	Note struct{ Record journal.Record }
	// Tick: time has passed.
	Tick struct{}
)

// An Event is something that a lane hears of.
type Event any

// The effects, to be carried out in their order.
type (
	// Decide: verify a reading; Judged answers.
	Decide struct{ Read }
	// Spend: write a grant and its spent code durably; Written answers.
	Spend struct {
		Use    journal.Use
		Until  time.Time
		Record journal.Record
	}
	// Open: energise the relay; Opened answers.
	Open struct{ Window time.Duration }
	// Close: end a held opening.
	Close struct{}
	// Release: make the relay inactive at once.
	Release struct{}
	// Journal: append a record.
	Journal struct{ Record journal.Record }
	// RecordPassage: append the record of a passage and remember it for anti-passback.
	RecordPassage struct{ Record journal.Record }
	// Show: show something, for a while; 0: until the next.
	Show struct {
		Occasion Occasion
		For      time.Duration
	}
	// Drop: a reading was ignored.
	Drop struct{ Reason string }
)

// An Effect is something that a lane wants done.
type Effect any
