package main

import (
	"fmt"
	"strings"
	"time"

	"railgate/driver"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// This file looks after what the lane needs: what is missing puts it out of
// service, what is back lets it work again.

// check looks at the devices, the keyset and the store's memory.
func (l *runner) check() {
	l.cause(lane.CauseScanner, l.scannersMissing())
	if l.turnstile != nil {
		l.cause(lane.CauseTurnstile, missing(l.turnstile))
	}
	keys := l.keys.current()
	why := ""
	if keys == nil {
		why = l.keys.why()
	}
	l.cause(lane.CauseKeyset, why)
	l.checkMemory(keys)
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
		switch reason := missing(s); reason {
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

// missing says why a device does not work; "" where it does.
func missing(d interface{ Health() driver.Health }) string {
	h := d.Health()
	switch {
	case h.Up:
		return ""
	case h.Err == "":
		return lane.Starting
	}
	return h.Err
}

// checkMemory goes by what a store that lost its memory says. No code from before
// it went blind is granted: while rotating codes from then may still be valid the
// lane is closed, and paper is denied until its day is over.
func (l *runner) checkMemory(keys *verify.Keyset) {
	blind := l.store.Blind()
	if !blind.Blind || keys == nil {
		if !blind.Blind {
			l.cause(lane.CauseSpentCodes, "")
			l.setBlindSince(time.Time{})
		}
		return
	}
	clock := l.clock.Now()
	now, trusted := clock.Time, clock.OK
	if blind.Since.IsZero() {
		l.cause(lane.CauseSpentCodes, blind.Why)
		if trusted && l.store.SetBlindSince(now) == nil {
			blind.Since = now
		} else {
			return
		}
	}
	l.setBlindSince(blind.Since)
	rotating, paper := longestValid(keys)
	switch {
	case !trusted || now.Before(blind.Since.Add(rotating)):
		l.cause(lane.CauseSpentCodes, fmt.Sprintf("%s; opens by itself when no code from before can be valid", blind.Why))
	case now.Before(blind.Since.Add(paper)):
		l.cause(lane.CauseSpentCodes, "")
	default:
		l.cause(lane.CauseSpentCodes, "")
		if l.store.SetSeeing() == nil {
			l.setBlindSince(time.Time{})
			l.answer(lane.Note{Record: journal.Record{Kind: journal.InService, Detail: "no code from before the store was lost can be valid any more"}})
		}
	}
}

func (l *runner) setBlindSince(since time.Time) {
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
