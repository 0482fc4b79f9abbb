package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"railgate/verify"
	"railgate/verify/lane"
)

// This file looks after what the lane needs: what is missing puts it out of
// service, what is back lets it work again.

// lookAfterParts looks at the devices, the keyset and the store's memory.
func (l *runner) lookAfterParts() {
	keys := l.keys.Current()
	l.checkMemory(keys) // the first: a lane with the rest is open
	l.cause(lane.CauseScanner, l.scannersMissing())
	if l.turnstile != nil {
		l.cause(lane.CauseTurnstile, whyDown(l.turnstile))
	}
	why := ""
	if keys == nil {
		why = l.keys.WhyNone()
	} else {
		why = l.sync.stopped()
	}
	l.cause(lane.CauseKeyset, why)
}

// cause tells the law where a cause has changed.
func (l *runner) cause(c lane.Cause, why string) {
	if l.state.Why(c) != why {
		l.answer(lane.Missing{Cause: c, Why: why})
	}
}

// scannersMissing says why nobody can show a code: no scanner works.
func (l *runner) scannersMissing() string {
	var why []string
	for _, s := range l.scanners {
		switch reason := whyDown(s); reason {
		case "":
			return ""
		case lane.Starting:
		default:
			why = append(why, s.String()+": "+reason)
		}
	}
	if len(why) == 0 {
		return lane.Starting
	}
	return strings.Join(why, "; ")
}

// allPaper is later than any code begins: of all paper it is not known whether it was used.
var allPaper = time.Unix(1<<40, 0)

// checkMemory goes by what a store that lost its memory says. While a code from before
// may still be valid the lane is closed; after that only paper is denied, until its day
// is over. The store counts, by clocks that nobody sets, and by the longest validity
// that it was ever told of.
func (l *runner) checkMemory(keys *verify.Keyset) {
	if keys != nil {
		l.store.NoteValidity(longestValid(keys))
	}
	blind := l.store.Blind()
	why, since := "", blind.Since
	if blind.Closed > 0 {
		why = fmt.Sprintf("%s; opens by itself in %d s, when no code from before can be valid", blind.Why, int(math.Ceil(blind.Closed.Seconds())))
	}
	if blind.Blind && since.IsZero() {
		since = allPaper
	}
	l.cause(lane.CauseSpentCodes, why)
	if !l.state.BlindSince().Equal(since) {
		l.answer(lane.Blind{Since: since})
	}
}

// longestValid is how long after an instant a code that could be shown then may
// still be valid: one that rotates, and paper.
func longestValid(keys *verify.Keyset) (rotating, paper time.Duration) {
	for _, i := range keys.Issuers {
		rotating = max(rotating, i.Early+i.Period+i.Late)
		paper = max(paper, i.Early+i.Validity)
	}
	return rotating, paper
}
