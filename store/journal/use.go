package journal

import (
	"errors"
	"time"
)

// Role is what a code is used for: one code at a real-name check and then at the
// entry is two uses.
type Role uint8

// AnyRole is that of a code which is good for one use in all roles together: staff's.
const AnyRole Role = 0

const (
	Entry Role = iota + 1
	Exit
	Check
)

// A Use is a code in a role. Its signature is no part of it: an ECDSA signature
// has a second spelling, and a code must not.
type Use struct {
	Role        Role
	Certificate ID // at most 16 bytes
	IssuedAt    int64
	Slot        uint8
	Begins      int64 // the first second of its slot, since 1970
}

// A Ride is what a grant takes of a ticket that is good for so many rides, or gives back.
type Ride struct {
	Ticket ID
	Until  int64 // seconds since 1970: it may be forgotten after that
	N      int   // 1: taken, -1: given back
}

// A Durable is the proof that a record is on the disk. A relay moves only for one
// that package store made.
type Durable interface {
	Seq() uint64 // the record's sequence number
	OnDisk()     // a mark, so that nothing is a Durable by chance
}

// ErrSpent is the answer to a use that has been granted before, or of whose
// certificate a code has been granted in this role that begins no earlier.
var ErrSpent = errors.New("code already used in this role")

// A LastPassage is the last time that a holder crossed, for anti-passback.
type LastPassage struct {
	Role Role      `cbor:"1,keyasint"`
	Time time.Time `cbor:"2,keyasint"`

	Day   int `cbor:"3,keyasint,omitempty"` // the civil day whose passages are counted, as yyyymmdd; 0: none is
	Today int `cbor:"4,keyasint,omitempty"` // how many there were
}

// On is how many passages there were on a day.
func (p LastPassage) On(day int) int {
	if p.Day != day {
		return 0
	}
	return p.Today
}
