package lane

import (
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// Outcomes are a lane's decisions of the last minutes. A lane whose devices all work
// and that lets nobody in is not well, and the reason that most passengers got says
// what to look at. The zero value is ready for use.
type Outcomes struct {
	recent []outcome // oldest first
}

type outcome struct {
	at     time.Duration
	reason verify.Reason
	opened bool
}

const (
	outcomesFor    = 5 * time.Minute
	outcomesEnough = 10   // fewer say nothing
	outcomesKept   = 1024 // a flood pushes the oldest out
)

// TooLate is the reason of a grant that was on the disk when its passenger had gone.
const TooLate verify.Reason = "too_late"

// NoTicket is the reason of a code whose holder has no ticket for today.
const NoTicket verify.Reason = "no_ticket"

// Ours tells whether a reason may be the gate's own fault: its keys, its clock, its
// disk, its manifest.
func Ours(r verify.Reason) bool {
	switch r {
	case verify.UnknownKey, verify.BadSignature, verify.KeyRevoked, verify.KeyNotValid,
		verify.CodeExpired, verify.NotYetValid, NoTicket, TooLate:
		return true
	}
	return false
}

// Add takes a record. A grant counts as one that opened until it turns out to have
// been too late.
func (o *Outcomes) Add(r journal.Record, now time.Duration) {
	switch {
	case r.Kind == journal.TooLate:
		o.retract()
		o.keep(outcome{at: now, reason: TooLate})
	case r.Decision == journal.Granted:
		o.keep(outcome{at: now, opened: true})
	case r.Decision == journal.Denied:
		o.keep(outcome{at: now, reason: verify.Reason(r.Reason)})
	}
}

// retract takes back the newest grant.
func (o *Outcomes) retract() {
	for i := len(o.recent) - 1; i >= 0; i-- {
		if o.recent[i].opened {
			o.recent = append(o.recent[:i], o.recent[i+1:]...)
			return
		}
	}
}

func (o *Outcomes) keep(new outcome) {
	if len(o.recent) == outcomesKept {
		o.recent = append(o.recent[:0], o.recent[1:]...)
	}
	o.recent = append(o.recent, new)
}

// Fault is the reason of ours that most of the last decisions had, where there were
// ten or more and none opened; "" where there is no such reason.
func (o *Outcomes) Fault(now time.Duration) (reason verify.Reason, n int) {
	count := map[verify.Reason]int{}
	decided := 0
	for _, d := range o.recent {
		if now-d.at > outcomesFor {
			continue
		}
		if d.opened {
			return "", 0
		}
		decided++
		count[d.reason]++
	}
	for r, n := range count {
		if decided >= outcomesEnough && Ours(r) && 2*n > decided {
			return r, n
		}
	}
	return "", 0
}
