package lane

import (
	"fmt"
	"strings"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// Instant is a moment by two clocks: one that nobody sets, which all timers go by,
// and one that people read, which codes go by.
type Instant struct {
	Mono    time.Duration
	Wall    time.Time
	Trusted bool
}

// Mode is what a lane is doing.
type Mode string

const (
	ModeClosed       Mode = "closed"
	ModeGranted      Mode = "granted" // someone was granted
	ModePassage      Mode = "passed"  // someone with a grant is crossing
	ModeEmergency    Mode = "emergency"
	ModeService      Mode = "service"
	ModeOutOfService Mode = "out_of_service"
)

// Cause is a reason for a lane to be out of service.
type Cause uint8

const (
	CauseStore Cause = iota
	CauseSpentCodes
	CauseClock
	CauseKeyset
	CauseTurnstile
	CauseScanner
	CauseProvision // it is no station's yet
	Causes         // how many there are
)

// String is the cause's name, for a technician and for scripts.
func (c Cause) String() string {
	return [...]string{"store", "spent_codes_lost", "clock", "keyset", "turnstile", "scanner", "not_provisioned"}[c]
}

// Starting is why a device that has not yet said how it is does not work. It is no
// news, and what follows is.
const Starting = "starting"

// ServiceMode is what staff made of a lane.
type ServiceMode uint8

const (
	ServiceNone ServiceMode = iota
	ServiceFree
	ServiceClosed
	ServiceDiagnosis
)

func (m ServiceMode) String() string { return [...]string{"none", "free", "closed", "diagnosis"}[m] }

// ParseService reads a service mode's name.
func ParseService(name string) (ServiceMode, error) {
	for m := ServiceNone; m <= ServiceDiagnosis; m++ {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("service %q is not known; want %s", name, strings.Join([]string{"free", "closed", "diagnosis", "none"}, ", "))
}

// grant is one person who may pass.
type grant struct {
	record  journal.Record // of the decision
	until   time.Duration
	ride    *journal.Ride // that was taken of a ticket; nil: none
	people  int           // who may pass on it,
	crossed int           // and who have
}

// heldText is a text that was read lately.
type heldText struct {
	text    string
	scanner string
	last    time.Duration
	due     time.Duration // the code was early, and is decided again then; 0: it was decided
}

// purpose is what the lane does once a record is durable.
type purpose uint8

const (
	toGrant purpose = iota // let a passenger through
	toServe                // begin what staff asked for
	toLetGo                // energise the relay for whoever comes, under free passage
	toGoOn                 // energise it for the next person of a group
)

// pending is a record on its way to the disk.
type pending struct {
	purpose purpose
	record  journal.Record
	verdict verify.Verdict // of the code that was read, if one was
	readAt  time.Duration
	service ServiceMode // toServe: what the lane becomes
	ride    *journal.Ride
	people  int
}

// State is a lane at one moment.
type State struct {
	rules   *Rules
	next    *Rules        // to go by once nobody is being let through; nil: none
	shut    bool          // it is outside the lane's hours
	hoursAt time.Duration // when that is looked at again; 0: there are none

	emergency  bool
	alarmAt    time.Duration    // since when
	evacuated  int              // people who crossed since it began
	outAt      time.Duration    // since when the lane is out of service
	why        [Causes]string   // why the lane is out of service; "" where it is not
	service    ServiceMode      // what staff made of it,
	serviceAt  time.Duration    // since when,
	serviceEnd time.Duration    // until when,
	reopenAt   time.Duration    // and when free passage opens the turnstile again
	grants     []grant          // oldest first
	graceEnd   time.Duration    // the newest grant's window: who crosses within it is a tailgater
	sensor     bool             // someone is in the passage
	sensorAt   time.Duration    // since when
	sensorOK   bool             // and was let through
	obstructed bool             // for too long
	held       []heldText       // oldest first
	pending    []pending        // in the order of their Writes
	claims     []claiming       // oldest first
	claimed    uint64           // the newest claim's number
	shown      string           // what is shown, as a panel's occasion
	shownUntil time.Duration    // what is shown gives way to the lane's face then; 0: it does not
	garbage    budget           // denials of what nobody signed that may be journaled one by one,
	signed     budget           // and of what somebody did
	counted    []journal.Record // denials over the budget, one for each reason, with their count
	countAt    time.Duration    // when they are journaled
	blindSince time.Time        // paper from before may have been used; zero: none
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

// New is a lane that has just begun. Until a device has said how it is, it is missing,
// which is no news.
func New(r *Rules) State {
	s := State{rules: r}
	s.why[CauseScanner] = Starting
	if r.Opens {
		s.why[CauseTurnstile] = Starting
	}
	s.shown = s.IdleScreen()
	return s
}

// A Snapshot is what others may know of a lane at one moment.
type Snapshot struct {
	Mode       Mode
	Rules      *Rules
	Reasons    []string // why it is out of service, in words
	Why        [Causes]string
	Obstructed bool
	Service    ServiceMode
	ServiceEnd time.Duration // monotonic: when the lane is given back by itself
	BlindSince time.Time     // zero: the store knows which paper was used
	Shut       bool          // it is outside the lane's hours
}

// Snapshot is the state for whoever asks.
func (s *State) Snapshot() Snapshot {
	return Snapshot{Mode: s.Mode(), Rules: s.rules, Shut: s.shut, Reasons: s.Reasons(), Why: s.why, Obstructed: s.obstructed, Service: s.service, ServiceEnd: s.serviceEnd, BlindSince: s.blindSince}
}

// Rules are those that the lane goes by now.
func (s *State) Rules() *Rules { return s.rules }

// Why is why the lane is out of service for one cause; "" where it is not.
func (s *State) Why(c Cause) string { return s.why[c] }

// BlindSince is the instant before which paper may have been used without a record; zero: none.
func (s *State) BlindSince() time.Time { return s.blindSince }

// Mode tells what the lane is doing.
func (s *State) Mode() Mode {
	switch {
	case s.emergency:
		return ModeEmergency
	case s.OutOfService():
		return ModeOutOfService
	case s.service != ServiceNone:
		return ModeService
	case len(s.grants) > 0:
		return ModeGranted
	case s.sensorOK:
		return ModePassage
	}
	return ModeClosed
}

// OutOfService tells whether something that the lane needs is missing.
func (s *State) OutOfService() bool { return s.why != [Causes]string{} }

// Reasons are why the lane is out of service, in words.
func (s *State) Reasons() (words []string) {
	for c, why := range s.why {
		if why != "" {
			words = append(words, fmt.Sprintf("%v: %s", Cause(c), why))
		}
	}
	return words
}
