// Package clock says what time it is, whether to believe it, and what time it
// certainly is already: a code that lasts a minute is only as good as the gate's
// clock, many boards have no battery, and a time server can be wrong.
//
// There are two times, of two types.
//
//   - [Trusted] is the best estimate of now. It decides what can be taken back: to
//     grant or to deny, what is shown, how long a passage counts.
//   - [Proven] is a lower bound that is wrong only if the clock of somebody who signs
//     is. It decides what cannot be taken back: which spent code is forgotten, which
//     record is removed, the floor on the disk. No wall clock ever raises it.
//
// [Trust] is pure: samples of the system's clocks and signed times in, a state out.
// [Clock] reads the system and keeps a Trust up to date.
package clock

import "time"

// A Sample is what the system's clocks say at one instant.
type Sample struct {
	Wall   time.Time     // the system's date and time, which a daemon or a hand may set
	Raw    time.Duration // since boot, by the crystal alone: nobody sets or slews it, and it stops while suspended
	Asleep time.Duration // suspended since boot, as the kernel says
	Synced bool          // the time daemon says that Wall is synchronised
	Mark   time.Time     // when it said so, where only its file tells; zero: the kernel says so itself
}

// Mono is the time since boot, suspended time included.
func (s Sample) Mono() time.Duration { return s.Raw + s.Asleep }

// Trusted is the best estimate of now.
type Trusted struct {
	Time time.Time
	OK   bool // codes may be judged by it
}

// Proven is a time that has certainly been reached. Its zero value proves nothing.
// Only this package makes others.
type Proven struct{ at time.Time }

// Proven is the time.
func (p Proven) Proven() time.Time { return p.at }

// An Anchor is an instant at which the wall clock was right. The time since then goes
// by [Sample.Mono]. It is worth something until the next boot.
type Anchor struct {
	Boot string // the boot's id
	Wall time.Time
	Mono time.Duration
}

// at is the time by the monotonic clock since the anchor.
func (a Anchor) at(mono time.Duration) time.Time { return a.Wall.Add(mono - a.Mono) }

// Source says where the time comes from.
type Source string

const (
	Station      Source = "station"      // the station has confirmed it lately
	Synchronised Source = "synchronised" // the time daemon vouches for it
	Holdover     Source = "holdover"     // one of them did a while ago; counted on by the monotonic clock
	Unchecked    Source = "unchecked"    // nobody does, and the configuration lets it pass
	Untrusted    Source = "untrusted"    // see State.Why
)

// A State is what is believed about the time.
type State struct {
	Source   Source
	Why      string        // Untrusted: the reason, in words for a technician
	Below    bool          // Untrusted: the clock is before what is proven
	Vouched  bool          // Below: the time daemon vouches for it
	Heard    bool          // Below: a station has told the time since boot
	Unbuilt  bool          // Below: it is before this program was made, which no operator can accept
	Error    time.Duration // holdover: how wrong the time may be by now
	Left     time.Duration // holdover: how long it is still good
	Stepped  bool          // the wall clock jumped and is not believed; holdover goes on
	Disputed bool          // and passengers' codes, or the station, contradict it
	Ahead    time.Duration // Stepped: how far the wall clock is ahead of the time that counts
	Proven   Proven
	Event    string // what changed with this sample, in words for the journal; "" for nothing
}

// Trusted tells whether codes may be judged by the time.
func (s State) Trusted() bool { return s.Source != Untrusted }

// Config is how much is demanded of the time.
type Config struct {
	Drift       float64       // of the crystal, in parts per million
	Tolerance   time.Duration // the error at which holdover ends: the issuers' early
	RequireSync bool          // false: any clock is believed, and at once (on a bench)
}
