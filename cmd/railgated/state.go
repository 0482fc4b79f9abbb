package main

import (
	"fmt"
	"strings"
	"time"

	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// instant is a moment by two clocks: one that nobody sets, which all timers go by,
// and one that people read, which codes go by.
type instant struct {
	mono    time.Duration
	wall    time.Time
	trusted bool
}

// mode is what a lane is doing.
type mode string

const (
	modeClosed       mode = "closed"
	modeGranted      mode = "granted" // someone may pass
	modePassed       mode = "passed"  // someone is passing who may
	modeEmergency    mode = "emergency"
	modeService      mode = "service"
	modeOutOfService mode = "out_of_service"
)

// rules are what the configuration makes of a lane.
type rules struct {
	direction   string
	role        journal.Role
	accept      verify.Rules
	passback    string // off, soft, hard
	passbackFor time.Duration
	openFor     time.Duration
	opens       bool // there is a turnstile to open
}

// cause is a reason for a lane to be out of service.
type cause uint8

const (
	causeStore cause = iota
	causeMemory
	causeClock
	causeKeyset
	causeTurnstile
	causeScanner
	causes
)

func (c cause) String() string {
	return [...]string{"store", "memory", "clock", "keyset", "turnstile", "scanner"}[c]
}

// starting is why a device that has not yet said how it is does not work. It is no
// news, and what follows is.
const starting = "starting"

// serviceMode is what staff made of a lane.
type serviceMode uint8

const (
	noService serviceMode = iota
	freePassage
	serviceClosed
	diagnosis
)

func (m serviceMode) String() string { return [...]string{"none", "free", "closed", "diagnosis"}[m] }

// parseService reads a service mode's name.
func parseService(name string) (serviceMode, error) {
	for m := noService; m <= diagnosis; m++ {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("service %q is not known; want %s", name, strings.Join([]string{"free", "closed", "diagnosis", "none"}, ", "))
}

// grant is one person who may pass.
type grant struct {
	record journal.Record // of the decision
	until  time.Duration
}

// heldText is a text that was read lately.
type heldText struct {
	text string
	last time.Duration
}

// pending is a code whose record is on its way to the disk.
type pending struct {
	verdict verify.Verdict
	record  journal.Record
	readAt  time.Duration
	service serviceMode // a staff code: what the lane becomes
	staff   bool
}

// state is a lane at one moment.
type state struct {
	rules *rules

	emergency  bool
	evacuated  int            // people who crossed since it began
	why        [causes]string // why the lane is out of service; "" where it is not
	service    serviceMode    // what staff made of it,
	serviceEnd time.Duration  // until when,
	reopenAt   time.Duration  // and when free passage opens the turnstile again
	grants     []grant        // oldest first
	graceEnd   time.Duration  // the newest grant's window: who crosses within it is a tailgater
	sensor     bool           // someone is in the passage
	sensorAt   time.Duration  // since when
	sensorOK   bool           // and was let through
	obstructed bool           // for too long
	held       []heldText     // oldest first
	pending    *pending
	shown      string           // what is shown, as a panel's occasion
	shownUntil time.Duration    // what is shown gives way to the lane's face then; 0: it does not
	garbage    budget           // denials of what nobody signed that may be journaled one by one,
	signed     budget           // and of what somebody did
	counted    []journal.Record // denials over the budget, one for each reason, with their count
	countAt    time.Duration    // when they are journaled
	blindSince time.Time        // codes that began before may have been used; zero: none
}

// allowance is how many of something may happen: a burst, and so many a second.
type allowance struct{ burst, perSecond float64 }

// budget is what is used up of an allowance.
type budget struct {
	used float64
	at   time.Duration // when that was reckoned
}

// take uses one up. It reports whether there was one.
func (b *budget) take(a allowance, now time.Duration) bool {
	b.used = max(0, b.used-a.perSecond*(now-b.at).Seconds())
	b.at = now
	if b.used+1 > a.burst {
		return false
	}
	b.used++
	return true
}

func newState(r *rules) state { return state{rules: r, shown: lane.ScreenIdle} }

// mode tells what the lane is doing.
func (s *state) mode() mode {
	switch {
	case s.emergency:
		return modeEmergency
	case s.outOfService():
		return modeOutOfService
	case s.service != noService:
		return modeService
	case len(s.grants) > 0:
		return modeGranted
	case s.sensor && s.sensorOK:
		return modePassed
	}
	return modeClosed
}

func (s *state) outOfService() bool { return s.why != [causes]string{} }

// reasons are why the lane is out of service, in words.
func (s *state) reasons() (words []string) {
	for c, why := range s.why {
		if why != "" {
			words = append(words, fmt.Sprintf("%v: %s", cause(c), why))
		}
	}
	return words
}
