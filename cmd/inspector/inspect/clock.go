package inspect

import "time"

// An Instant is a moment by the two clocks of a phone.
type Instant struct {
	Mono time.Duration // goes on steadily, but may stand still while the phone sleeps
	Wall time.Time     // the phone's date, which anybody may set
}

// Doubt is why the time is not believed; "": it is.
type Doubt string

const (
	NoServer Doubt = "no_server" // no server has told the time since the page was loaded
	Slept    Doubt = "slept"     // the phone slept, or its date was set, and no server has told the time since
	TooLong  Doubt = "too_long"  // the last server was too long ago
)

// What an error of the clock comes from. Both together, and the drift of a phone's crystal within
// a shift (50 ppm: 2 s), stay about the tolerance that an issuer gives before a slot begins (5 s).
const (
	maxRoundTrip  = 4 * time.Second // the time is that of the middle: half of it, at most, is the error
	maxDifference = 2 * time.Second // between the two clocks, since the server
	believedFor   = ShiftLasts
)

// A Clock is the time that a server told, carried on by the phone's monotonic clock. The phone's
// date only shows that it slept.
type Clock struct {
	heard, slept bool
	server       time.Time // what the server's clock had at the instant
	at           Instant
}

// Hear takes the time that a server told between two instants. It reports false, and changes
// nothing, where the answer took too long to say anything.
func (c *Clock) Hear(server time.Time, sent, got Instant) bool {
	trip := got.Mono - sent.Mono
	if trip < 0 || trip > maxRoundTrip || differ(sent, got) {
		return false
	}
	*c = Clock{heard: true, server: server.Add(trip / 2), at: got}
	return true
}

// Now is the time at an instant, and whether it is believed. A time that is not is the phone's
// own, put right by what the server told last.
func (c *Clock) Now(at Instant) (time.Time, Doubt) {
	if !c.heard {
		return at.Wall, NoServer
	}
	c.slept = c.slept || differ(c.at, at)
	passed := at.Mono - c.at.Mono
	switch {
	case c.slept:
		return c.server.Add(at.Wall.Sub(c.at.Wall)), Slept
	case passed >= believedFor:
		return c.server.Add(passed), TooLong
	}
	return c.server.Add(passed), ""
}

// differ tells whether the two clocks went on differently from one instant to another.
func differ(from, to Instant) bool {
	return (to.Wall.Sub(from.Wall) - (to.Mono - from.Mono)).Abs() > maxDifference
}
