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
		Closed        bool // the lane was out of service: it can show staff the diagnosis, and no more
	}
	// Judged answers Decide.
	Judged struct {
		Read
		Verdict verify.Verdict
		Last    *journal.LastPassage // the holder's; nil: none is known
		Used    bool                 // the code is spent in this lane's role; what is not known now, the disk will say
		Today   int                  // the holder's passages today
		Tickets []Ticket             // the holder's, where the lane needs one
		Walks   journal.Walks        // of a slip, as far as is known here ([Rules.Walked])

		// OutOfTouch: what the station's other gates spend is not known here within a moment.
		OutOfTouch bool
	}
	// Claimed answers Claim.
	Claimed struct {
		ID     uint64
		Answer Answer
	}
	// Written answers Write: the record is durable, or it is not known whether it is.
	Written struct {
		Proof journal.Durable
		Err   error
	}
	// Opened answers Open.
	Opened struct {
		Seq       uint64 // of the record that the opening was for
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
		Mode    ServiceMode
		By, Why string
	}
	// Blind: the store does not know which paper that was issued before an instant was
	// used; zero: it does.
	Blind struct{ Since time.Time }
	// Tell: a technician is told something, such as what became of a provisioning code.
	Tell struct{ Reason string }
	// NewRules: the lane goes by these once nobody is being let through.
	NewRules struct{ Rules *Rules }
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
	// Write: write a record durably, with the code that it spends; Written answers.
	Write struct {
		Record journal.Record
		Use    *journal.Use  // nil: none
		Until  time.Time     // the code is remembered for so long
		Ride   *journal.Ride // that is taken of a ticket; nil: none
	}
	// Claim: ask the station for keys, all of them; Claimed answers. Nothing waits for it but the
	// code that it is for.
	Claim struct {
		ID    uint64
		Keys  []ClaimKey
		Lasts time.Duration // from the answer on: as long as the grant can stand, and the way to the disk
	}
	// Open: energise the relay, for what a durable record says; Opened answers.
	Open struct {
		Window time.Duration
		Proof  journal.Durable
		Staff  bool // for whoever comes, not for the passenger who was read last
		Next   bool // for the next person of a group
	}
	// Close: end a held opening.
	Close struct{}
	// Release: make the relay inactive at once.
	Release struct{}
	// Journal: append a record, and remember a code as used; nobody waits for either.
	Journal struct {
		Record journal.Record
		Use    *journal.Use  // nil: none
		Until  time.Time     // the code is remembered for so long
		Ride   *journal.Ride // that is given back to a ticket; nil: none
	}
	// RecordPassage: append the record of a passage and remember it for anti-passback.
	RecordPassage struct {
		Record journal.Record
		Day    int // the day of which it is one of the holder's passages, as yyyymmdd; 0: it is counted already
	}
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
