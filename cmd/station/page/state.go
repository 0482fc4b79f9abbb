package page

import "time"

// A State is how a gate is, at a glance. Exactly one counts: the first that is true.
type State string

const (
	Silent   State = "silent"   // nothing came of it for SilentAfter: the rest is what was known last
	Closed   State = "closed"   // its lane is out of service
	Stopped  State = "stopped"  // it has not reached its repository for so long that it closes
	Degraded State = "degraded" // nor for days
	Stale    State = "stale"    // nor for half of that
	Fresh    State = "fresh"
)

// States are all of them, the worst first.
func States() []State { return []State{Silent, Closed, Stopped, Degraded, Stale, Fresh} }

// SilentAfter is how long a gate may say nothing. Its journal, its receipts and its
// questions for the time come far more often.
const SilentAfter = time.Minute

// State is the gate's state at an instant of the station's clock, and why it is none
// better.
func (g *Gate) State(now time.Time) (State, string) {
	switch {
	case g.Heard.IsZero():
		return Silent, "nothing of it has ever come"
	case now.Sub(g.Heard) > SilentAfter:
		return Silent, "nothing comes: its network, its power, its service"
	case now.Sub(g.Heard) < -SilentAfter:
		return Silent, "nothing has come since the station's clock went back"
	case g.Closed != "":
		return Closed, g.Closed
	}
	switch s := State(g.Sync); s {
	case Stopped, Degraded, Stale:
		return s, "its repository has not been reached for long"
	}
	return Fresh, ""
}
