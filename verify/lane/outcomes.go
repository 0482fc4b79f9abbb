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

// An outcome is what became of a code, as far as it is known: a grant is open until somebody
// has crossed, or nobody.
type outcome struct {
	at     time.Duration
	seq    uint64 // of a grant's record
	reason verify.Reason
	open   bool
	passed bool
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

// NoPassage is the reason of a grant on which nobody crossed.
const NoPassage verify.Reason = "no_passage"

// Ours are the reasons that may be the gate's own fault: its keys, its classes, its clock, its
// disk, its manifest, its turnstile. Of two that are as frequent the first is told.
func Ours() []verify.Reason {
	return []verify.Reason{
		verify.UnknownKey, verify.BadSignature, verify.KeyRevoked, verify.KeyNotValid, verify.ClassNotAccepted, verify.BadClaims, verify.BadProof,
		verify.CodeExpired, verify.NotYetValid, verify.LivenessExpired, verify.CertificateExpired, NoTicket, TooLate, NoPassage,
	}
}

// Add takes a record. Staff's codes let nobody in.
func (o *Outcomes) Add(r journal.Record, now time.Duration) {
	switch {
	case r.Kind == journal.TooLate:
		o.settle(r, now, TooLate)
	case r.Kind == journal.NoPassage:
		o.settle(r, now, NoPassage)
	case r.Kind == journal.Passage:
		o.settle(r, now, verify.OK)
	case r.Kind != journal.Decision:
	case r.Decision == journal.Granted:
		check := r.Direction == "check" // which nobody has to cross
		o.keep(outcome{at: now, seq: r.Seq, reason: verify.OK, open: !check, passed: check})
	case r.Decision == journal.Denied:
		o.keep(outcome{at: now, reason: verify.Reason(r.Reason)})
	}
}

// settle notes what became of a grant. The next of a group who crosses says nothing new.
func (o *Outcomes) settle(r journal.Record, now time.Duration, reason verify.Reason) {
	for i := len(o.recent) - 1; i >= 0; i-- {
		if d := &o.recent[i]; d.open && d.seq == r.Grant {
			*d = outcome{at: now, reason: reason, passed: reason == verify.OK}
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

// Fault is the most frequent of our reasons, where most of the last decisions had one of them,
// there were ten or more and nobody got in; "" where there is no such reason.
func (o *Outcomes) Fault(now time.Duration) (reason verify.Reason, n int) {
	count := map[verify.Reason]int{}
	decided, ours := 0, 0
	for _, d := range o.recent {
		switch {
		case now-d.at > outcomesFor, d.open:
			continue
		case d.passed:
			return "", 0
		}
		decided++
		count[d.reason]++
	}
	for _, r := range Ours() {
		ours += count[r]
		if count[r] > n {
			reason, n = r, count[r]
		}
	}
	if decided < outcomesEnough || 2*ours <= decided {
		return "", 0
	}
	return reason, n
}
