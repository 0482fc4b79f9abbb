// Package journal is what a gate writes down: records, and what a code was used
// for. It knows no file; package store keeps it.
package journal

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// ID is a name made of bytes (a certificate's, a holder's, a key's), held raw
// and written as hex.
type ID string

// MarshalText writes hex.
func (id ID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString([]byte(id))), nil }

// UnmarshalText reads hex.
func (id *ID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("id %q: %w", text, err)
	}
	*id = ID(b)
	return nil
}

// Kind says what a record tells.
type Kind string

const (
	Decision       Kind = "decision"   // a code was granted or denied
	Passage        Kind = "passage"    // someone crossed whom a grant let through
	NoPassage      Kind = "no_passage" // a grant's time ran out and nobody crossed
	TooLate        Kind = "too_late"   // a grant was on disk too late to open for
	Tailgating     Kind = "tailgating" // a second one crossed on one grant
	Opening        Kind = "opening"    // the turnstile opens for whoever comes, under free passage
	Forced         Kind = "forced"     // someone crossed and nobody was granted
	Obstructed     Kind = "obstructed" // the sensor has been blocked for long
	Cleared        Kind = "cleared"    // it no longer is
	EmergencyBegin Kind = "emergency_begin"
	EmergencyEnd   Kind = "emergency_end"
	ServiceBegin   Kind = "service_begin" // staff took the lane over
	ServiceEnd     Kind = "service_end"
	OutOfService   Kind = "out_of_service"
	InService      Kind = "in_service"
	Fault          Kind = "fault" // a device failed
	Started        Kind = "started"
	Stopped        Kind = "stopped"
	ClockStep      Kind = "clock_step"     // the system's clock jumped, and is believed
	ClockStepped   Kind = "clock_stepped"  // it jumped, and is not believed
	ClockDisputed  Kind = "clock_disputed" // it jumped, and passengers' codes or the station contradict it
	ClockSuspect   Kind = "clock_suspect"  // passengers' codes say that the time is wrong, or no longer do
	ClockAccepted  Kind = "clock_accepted" // an operator lowered what is proven of the time
	Synced         Kind = "synced"         // a keyset came from a repository, or the repository is reached again or no more
	Pruned         Kind = "pruned"         // records were removed by age or for room
	Lost           Kind = "lost"           // records could not be written while the store was away
	TakenOver      Kind = "taken_over"     // a file of an older version is used from now on
	SetAside       Kind = "set_aside"      // a damaged file was replaced by a new one
	TimeAsked      Kind = "time_asked"     // the station is asked for the time: random bytes
	InTouch        Kind = "in_touch"       // with the station's other gates, by its bus
	OutOfTouch     Kind = "out_of_touch"   // no longer
	SentAgain      Kind = "sent_again"     // records that the station had lost
	Refused        Kind = "refused"        // the station refuses the journal
	Damaged        Kind = "damaged"        // there is a record, and it cannot be read
	Provisioned    Kind = "provisioned"    // the gate was made one of its station's, or a code for that was refused
	Unprovisioned  Kind = "unprovisioned"  // it waits for that again
	Epoch          Kind = "epoch"          // a log begins with this record, its leaf 0
)

// Outcome is what was decided about a code.
type Outcome string

const (
	Granted Outcome = "granted"
	Denied  Outcome = "denied"
)

// A Record is one line of the journal. It names nobody: ids, never names, and
// never a whole code.
type Record struct {
	Seq         uint64    `json:"seq" cbor:"-"`
	Time        time.Time `json:"time" cbor:"1,keyasint"`
	Kind        Kind      `json:"kind" cbor:"2,keyasint"`
	Decision    Outcome   `json:"decision" cbor:"3,keyasint,omitempty"` // granted, denied
	Reason      string    `json:"reason" cbor:"4,keyasint,omitempty"`
	Certificate ID        `json:"cti" cbor:"5,keyasint,omitempty"`
	Holder      ID        `json:"sub" cbor:"6,keyasint,omitempty"`
	KeyID       ID        `json:"kid" cbor:"7,keyasint,omitempty"`
	Slot        *uint8    `json:"slot" cbor:"8,keyasint,omitempty"` // nil: no code, or a static one
	Direction   string    `json:"direction" cbor:"9,keyasint,omitempty"`
	Scanner     string    `json:"scanner,omitempty" cbor:"10,keyasint,omitempty"`
	Detail      string    `json:"detail,omitempty" cbor:"11,keyasint,omitempty"`
	Flag        string    `json:"flag,omitempty" cbor:"12,keyasint,omitempty"`      // passback: granted all the same
	Count       int       `json:"count,omitempty" cbor:"13,keyasint,omitempty"`     // how many such events this record stands for
	Unsure      bool      `json:"unsure,omitempty" cbor:"14,keyasint,omitempty"`    // the clock was not trusted
	Grant       uint64    `json:"grant,omitempty" cbor:"15,keyasint,omitempty"`     // the seq of the grant that this record follows
	Issued      int64     `json:"issued_at,omitempty" cbor:"16,keyasint,omitempty"` // the code's, seconds since 1970
	Before      string    `json:"before,omitempty" cbor:"17,keyasint,omitempty"`    // the epoch that the one which begins here follows
	Begins      int64     `json:"begins,omitempty" cbor:"19,keyasint,omitempty"`    // a granted code's first second,
	Ends        int64     `json:"ends,omitempty" cbor:"20,keyasint,omitempty"`      // and the one at which it is out of date
	Ticket      ID        `json:"ticket,omitempty" cbor:"21,keyasint,omitempty"`    // of the manifest, on which a holder was granted
	Walk        uint32    `json:"walk,omitempty" cbor:"22,keyasint,omitempty"`      // of a slip: which of its walks this is about ([Walks])
}

var (
	// Strings are byte strings on the disk, for an ID is any bytes.
	encMode = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339NanoUTC, String: cbor.StringToByteString}.EncMode())
	decMode = must(cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, ByteStringToString: cbor.ByteStringToStringAllowed, ByteStringToTime: cbor.ByteStringToTimeAllowed}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("journal: internal error: " + err.Error())
	}
	return v
}

// Encode writes a value as CBOR, in the one way that values are written here.
func Encode(v any) ([]byte, error) { return encMode.Marshal(v) }

// DecodeFirst reads the first of values that Encode wrote, one after the other, into v.
func DecodeFirst(data []byte, v any) (rest []byte, err error) { return decMode.UnmarshalFirst(data, v) }

// Decode reads what Encode wrote into v.
func Decode(data []byte, v any) error { return decMode.Unmarshal(data, v) }
