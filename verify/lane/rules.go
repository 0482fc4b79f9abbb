package lane

import (
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// Rules are what the configuration, and the station's policy over it, make of a lane.
type Rules struct {
	Direction   string
	Station     string // the name by which tickets know the station
	Role        journal.Role
	Accept      verify.Rules
	Passback    string // off, soft, hard
	PassbackFor time.Duration
	OpenFor     time.Duration
	Opens       bool // there is a turnstile to open
	OnlyLook    bool // a staff code shows the diagnosis and nothing else

	Tickets bool           // the day's manifest must have a ticket for the holder
	Hours   Hours          // when the lane lets people in; zero: always
	Claims  bool           // there is a station: paper, staff and hard anti-passback claim there
	Cut     string         // closed: while the gate is out of touch nobody is let in; "", open: the record says so
	PerDay  int            // passages of a holder in a day; 0: any number
	Zone    *time.Location // whose days and hours they are; nil: Shanghai's
}

// Shanghai is China's time, for machines that have no time zones.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

func (r *Rules) zone() *time.Location {
	if r.Zone == nil {
		return Shanghai
	}
	return r.Zone
}

// Day is the civil day of an instant at the station, as yyyymmdd.
func (r *Rules) Day(at time.Time) int {
	y, m, d := at.In(r.zone()).Date()
	return y*10000 + int(m)*100 + d
}

// change has new rules go by once nobody is being let through: a passenger who was
// granted finishes by those that granted.
func (t *stepper) change(ev NewRules) { t.next = ev.Rules }

// adopt puts new rules to use, between two passages.
func (t *stepper) adopt() {
	if t.next == nil || len(t.grants) > 0 || len(t.pending) > 0 || len(t.claims) > 0 || t.sensorOK {
		return
	}
	wasFree := t.freeNow()
	t.rules, t.next = t.next, nil
	if wasFree && !t.freeNow() {
		t.do(Close{})
	}
	t.keepHours()
}
