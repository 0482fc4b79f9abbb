package lane

import (
	"slices"
	"strings"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// This file is the part of the law that is about the station's other gates: what a lane does
// while it cannot hear of them, and claims, by which of two gates in the same instant one opens.

// outOfTouch is the reason of a code that another gate may have let in.
const outOfTouch verify.Reason = "out_of_touch"

// What a record's flags say of a code that was granted all the same; they are joined by commas.
const (
	FlagOutOfTouch = "out_of_touch" // another gate may have let it in: the gate could not hear of it
	FlagNoClaim    = "no_claim"     // the station did not answer in time
)

// addFlag adds a flag to a record's.
func addFlag(flags, flag string) string {
	if flags == "" {
		return flag
	}
	return strings.Join([]string{flags, flag}, ",")
}

// What a claim is for.
const (
	ClaimPaper  = "paper"  // a slip, by its certificate
	ClaimStaff  = "staff"  // a staff code, by its certificate
	ClaimHolder = "holder" // one person under hard anti-passback
)

// A ClaimKey is what one gate of a station may hold at a time.
type ClaimKey struct {
	What string
	Role journal.Role
	Of   journal.ID
}

// Answer is what a claim came to.
type Answer uint8

const (
	NoAnswer Answer = iota // in time
	Held                   // it is this gate's
	Taken                  // it is another's
)

// claimWait bounds the wait for whoever answers claims, which has a budget of its own.
const claimWait = time.Second

// claimSpare is for how long a claim outlasts its grant.
const claimSpare = 2 * time.Second

// claiming is a code whose claim has not been answered.
type claiming struct {
	id    uint64
	until time.Duration
	pending
}

// claimKeys are what a code must hold before it is granted; none: it need not wait. Under
// rotating codes a second opening takes a second phone in the same minute, so they do not.
func (r *Rules) claimKeys(v *verify.Verdict) (keys []ClaimKey) {
	if !r.Claims {
		return nil
	}
	certificate := journal.ID(v.Certificate)
	if v.Class == verify.Staff {
		return []ClaimKey{{ClaimStaff, journal.AnyRole, certificate}}
	}
	if r.Walked(v) { // in both directions together: while one gate waits for its passage, no other grants it
		keys = append(keys, ClaimKey{ClaimPaper, journal.AnyRole, certificate})
	}
	if r.Passback == "hard" && r.Role != journal.Check {
		keys = append(keys, ClaimKey{ClaimHolder, r.Role, journal.ID(v.Holder)})
	}
	return keys
}

// cut is the reason where a code may have been let in elsewhere and the gate cannot know,
// if the operator would rather close; "": it passes.
func (t *stepper) cut(ev Judged) verify.Reason {
	if ev.OutOfTouch && t.rules.Cut == "closed" {
		return outOfTouch
	}
	return ""
}

// claim has what p is for wait until the station has answered, if it must. A gate that is out
// of touch asks nobody: its record says so already, and staff do not take its lane over.
func (t *stepper) claim(p pending, touch bool) {
	keys := t.rules.claimKeys(&p.verdict)
	switch {
	case len(keys) == 0, !touch && p.purpose != toServe:
		t.spend(p)
	case !touch:
		t.deny(outOfTouch, &p.verdict, denied(p.record))
	default:
		t.claimed++
		t.claims = append(t.claims, claiming{t.claimed, t.now.Mono + claimWait, p})
		t.do(Claim{ID: t.claimed, Keys: keys, Lasts: t.rules.OpenFor*time.Duration(max(1, p.people)) + claimSpare})
	}
}

// answered goes on with a code whose claim was answered, if the lane still can.
func (t *stepper) answered(ev Claimed) {
	i := slices.IndexFunc(t.claims, func(c claiming) bool { return c.id == ev.ID })
	if i < 0 {
		return // too late
	}
	p := t.claims[i].pending
	t.claims = slices.Delete(t.claims, i, i+1)
	switch {
	case t.emergency:
		t.do(Drop{"emergency"})
	case t.OutOfService() && !t.looks(p), p.purpose == toGrant && t.service != ServiceNone:
		t.deny(laneOutOfOrder, &p.verdict, denied(p.record))
	case ev.Answer == Held:
		t.spend(p)
	case ev.Answer == Taken:
		t.deny(t.takenBy(&p.verdict), &p.verdict, denied(p.record))
	case p.purpose == toServe:
		t.deny(outOfTouch, &p.verdict, denied(p.record))
	default:
		p.record.Flag = addFlag(p.record.Flag, FlagNoClaim)
		t.spend(p)
	}
}

// takenBy is the reason where another gate holds a claim.
func (t *stepper) takenBy(v *verify.Verdict) verify.Reason {
	if v.Class == verify.Staff || v.Rotation == verify.Static {
		return alreadyUsed
	}
	return passback
}

// expireClaims goes on with claims that nobody has answered.
func (t *stepper) expireClaims() {
	for len(t.claims) > 0 && t.now.Mono >= t.claims[0].until {
		t.answered(Claimed{ID: t.claims[0].id, Answer: NoAnswer})
	}
}
