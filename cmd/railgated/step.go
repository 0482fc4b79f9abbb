package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"railgate/driver"
	"railgate/driver/panel"
	"railgate/store"
	"railgate/verify"
)

// This file is the lane's law: one pure step, (state, event, now) → (state,
// effects). It reads no clock, opens no file and moves no relay; lane.go does what
// the effects say and feeds back what came of them.

// instant is a moment by two clocks: one that nobody sets, which all timers go by,
// and one that people read, which codes go by.
type instant struct {
	mono    time.Duration
	wall    time.Time
	trusted bool
}

const (
	staleAfter    = time.Second      // an older reading opens nothing: a backlog must never become openings
	heldFor       = 3 * time.Second  // the same text within this is held to the glass: one reading
	heldTexts     = 8                // how many phones may alternate before the glass
	denialShown   = 3 * time.Second  // how long a denial is shown
	blockedFor    = 30 * time.Second // a sensor active for so long is obstructed
	serviceFor    = 10 * time.Minute // how long staff have the lane
	maxGrants     = 8                // people who may be let through before the first has crossed
	spentFor      = 2 * time.Hour    // after a code's end it is remembered: longer than any keyset's tolerance
	denialBurst   = 20               // denials that are journaled one by one,
	denialsPerSec = 10               // and how many a second after that; more are counted
	countEvery    = time.Second      // when they are
	reopenOverlap = time.Second      // by how much two openings of free passage overlap
)

// A lane's reasons, beside those of package verify.
const (
	alreadyUsed    verify.Reason = "already_used"
	passback       verify.Reason = "passback"
	laneOutOfOrder verify.Reason = "out_of_service"
)

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
	role        store.Role
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

// serviceMode is what staff made of a lane.
type serviceMode uint8

const (
	noService serviceMode = iota
	freePassage
	serviceClosed
	diagnosis
)

func (m serviceMode) String() string { return [...]string{"none", "free", "closed", "diagnosis"}[m] }

// grant is one person who may pass.
type grant struct {
	record store.Record // of the decision
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
	record  store.Record
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
	shown      string         // what is shown, as a panel's occasion
	shownUntil time.Duration  // what is shown gives way to the lane's face then; 0: it does not
	budget     float64        // denials that may be journaled one by one
	budgetAt   time.Duration  // when that was reckoned
	counted    []store.Record // denials over the budget, one for each reason, with their count
	countAt    time.Duration  // when they are journaled
	blindSince time.Time      // codes that began before may have been used; zero: none
}

func newState(r *rules) state { return state{rules: r, budget: denialBurst, shown: panel.Idle} }

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

// The events.
type (
	// evReading: a scanner read a text at a monotonic instant.
	evReading struct {
		reading driver.Reading
		at      time.Duration
	}
	// evVerdict answers effDecide.
	evVerdict struct {
		reading  driver.Reading
		at       time.Duration
		verdict  verify.Verdict
		crossing *store.Crossing // the holder's last passage; nil: none is known
	}
	// evSpent answers effSpend.
	evSpent struct {
		seq uint64
		err error
	}
	// evOpened answers effOpen.
	evOpened struct{ err error }
	// evSensor: the passage sensor changed.
	evSensor struct{ active bool }
	// evEmergency: the emergency input changed.
	evEmergency struct{ active bool }
	// evCause: something that the lane needs is missing; why is "" when it is back.
	evCause struct {
		cause cause
		why   string
	}
	// evService: a technician takes the lane over, or gives it back.
	evService struct {
		mode serviceMode
		by   string
	}
	// evBlind: the store does not know which codes were used before an instant.
	evBlind struct{ since time.Time }
	// evNote: something to journal that is not the lane's.
	evNote struct{ record store.Record }
	// evTick: time has passed.
	evTick struct{}
)

type event any

// starting is why a device that has not yet said how it is does not work. It is no
// news, and what follows is.
const starting = "starting"

// The effects, to be carried out in their order.
type (
	// effDecide: verify a reading; evVerdict answers.
	effDecide struct {
		reading driver.Reading
		at      time.Duration
	}
	// effSpend: write a grant and its spent code durably; evSpent answers.
	effSpend struct {
		use    store.Use
		until  time.Time
		record store.Record
	}
	// effOpen: energise the relay; evOpened answers.
	effOpen struct{ window time.Duration }
	// effClose: end a held opening.
	effClose struct{}
	// effRelease: make the relay inactive at once.
	effRelease struct{}
	// effJournal: append a record.
	effJournal struct{ record store.Record }
	// effPassed: append the record of a passage and remember it for anti-passback.
	effPassed struct{ record store.Record }
	// effShow: show something, for a while or until the next.
	effShow struct {
		occasion panel.Occasion
		d        time.Duration
	}
	// effDrop: a reading was passed over.
	effDrop struct{ reason string }
)

type effect any

// stepper carries one step through its cases.
type stepper struct {
	state
	now     instant
	effects []effect
}

// step is the lane's law.
func (s state) step(ev event, now instant) (state, []effect) {
	t := &stepper{state: s, now: now}
	t.grants, t.held, t.counted = slices.Clone(s.grants), slices.Clone(s.held), slices.Clone(s.counted)
	before, mayPass := t.rest(), len(t.grants) > 0
	t.expire()
	switch ev := ev.(type) {
	case evReading:
		t.read(ev)
	case evVerdict:
		t.judge(ev)
	case evSpent:
		t.spent(ev)
	case evOpened:
		t.opened(ev.err)
	case evSensor:
		t.sense(ev.active)
	case evEmergency:
		t.alarm(ev.active)
	case evCause:
		t.setCause(ev.cause, ev.why)
	case evService:
		t.setService(ev.mode, store.Record{Detail: ev.mode.String() + ", by " + ev.by})
	case evBlind:
		t.blindSince = ev.since
	case evNote:
		t.journal(ev.record)
	case evTick:
	default:
		panic(fmt.Sprintf("railgated: internal error: event %T", ev))
	}
	t.face(before, mayPass)
	return t.state, t.effects
}

func (t *stepper) do(e effect) { t.effects = append(t.effects, e) }

// stamp gives a record its time and its lane.
func (t *stepper) stamp(r store.Record) store.Record {
	r.Time, r.Unsure, r.Direction = t.now.wall, !t.now.trusted, t.rules.direction
	return r
}

func (t *stepper) journal(r store.Record) { t.do(effJournal{t.stamp(r)}) }

func (t *stepper) show(o panel.Occasion, d time.Duration) {
	o.Exit = t.rules.role == store.Exit
	t.do(effShow{o, d})
	t.shown, t.shownUntil = o.Reason, 0
	if d > 0 {
		t.shownUntil = t.now.mono + d
	}
}

// face goes back to what the lane looks like at rest: when that is another than
// before the step, when a message's time is over, and when nobody is let through
// any more.
func (t *stepper) face(before string, mayPass bool) {
	over := t.shownUntil > 0 && t.now.mono >= t.shownUntil
	passed := mayPass && len(t.grants) == 0 && t.shown == string(verify.OK)
	if !t.shows() && (t.rest() != before || over || passed) {
		t.show(panel.Occasion{Reason: t.rest()}, 0)
	}
}

// shows tells whether this step shows something.
func (t *stepper) shows() bool {
	return slices.ContainsFunc(t.effects, func(e effect) bool { _, ok := e.(effShow); return ok })
}

// rest is the lane's face when nobody is being answered.
func (s *state) rest() string {
	switch {
	case s.emergency:
		return panel.Emergency
	case s.outOfService(), s.service == serviceClosed:
		return panel.OutOfService
	case s.service == freePassage:
		return panel.FreePassage
	case s.service == diagnosis:
		return panel.Diagnosis
	}
	return panel.Idle
}

// next is the instant at which time alone will change something; 0: none.
func (s *state) next() time.Duration {
	next := time.Duration(0)
	at := func(ok bool, d time.Duration) {
		if ok && (next == 0 || d < next) {
			next = d
		}
	}
	at(len(s.grants) > 0, s.oldestEnd())
	at(s.service != noService, s.serviceEnd)
	at(s.freeNow(), s.reopenAt)
	at(s.sensor && !s.obstructed, s.sensorAt+blockedFor)
	at(s.shownUntil > 0, s.shownUntil)
	at(len(s.counted) > 0, s.countAt)
	return next
}

func (s *state) oldestEnd() time.Duration {
	if len(s.grants) == 0 {
		return 0
	}
	return s.grants[0].until
}

// freeNow tells whether staff let everybody through and nothing forbids it.
func (s *state) freeNow() bool {
	return s.service == freePassage && !s.emergency && !s.outOfService() && s.rules.opens
}

// expire does what is due by time alone.
func (t *stepper) expire() {
	for len(t.grants) > 0 && t.now.mono >= t.grants[0].until {
		t.noPassage()
	}
	if t.service != noService && t.now.mono >= t.serviceEnd {
		t.setService(noService, store.Record{Detail: "its time is over"})
	}
	if t.freeNow() && t.now.mono >= t.reopenAt {
		t.openFreely()
	}
	if t.sensor && !t.obstructed && t.now.mono >= t.sensorAt+blockedFor {
		t.obstructed = true
		t.journal(store.Record{Kind: store.Obstructed})
	}
	if len(t.counted) > 0 && t.now.mono >= t.countAt {
		for _, r := range t.counted {
			t.journal(r)
		}
		t.counted = nil
	}
}

// noPassage ends a grant that nobody used. Anti-passback goes by passages, so its
// holder may try again with the next code.
func (t *stepper) noPassage() {
	g := t.grants[0]
	t.grants = t.grants[1:]
	t.journal(follow(g.record, store.NoPassage))
	if len(t.grants) == 0 && !t.freeNow() {
		t.do(effClose{})
	}
}

// follow is a record about what became of a grant.
func follow(granted store.Record, kind store.Kind) store.Record {
	return store.Record{Kind: kind, Certificate: granted.Certificate, Holder: granted.Holder, KeyID: granted.KeyID, Slot: granted.Slot, Grant: granted.Seq}
}

// read takes a reading, or passes it over.
func (t *stepper) read(ev evReading) {
	text := ev.reading.Text
	switch {
	case t.emergency:
		t.do(effDrop{"emergency"})
	case t.outOfService():
		t.do(effDrop{"out_of_service"})
	case t.now.mono-ev.at > staleAfter:
		t.do(effDrop{"stale"})
	case t.isHeld(text):
		t.do(effDrop{"held"})
	case len(t.grants) >= maxGrants:
		t.do(effDrop{"busy"})
	default:
		t.hold(text)
		t.do(effDecide(ev))
	}
}

// isHeld tells whether a text is still held to the glass, and notes that it was read.
func (t *stepper) isHeld(text string) bool {
	for i := range t.held {
		if t.held[i].text == text && t.now.mono-t.held[i].last <= heldFor {
			t.held[i].last = t.now.mono
			return true
		}
	}
	return false
}

func (t *stepper) hold(text string) {
	t.held = slices.DeleteFunc(t.held, func(h heldText) bool { return h.text == text || t.now.mono-h.last > heldFor })
	if len(t.held) == heldTexts {
		t.held = t.held[1:]
	}
	t.held = append(t.held, heldText{text, t.now.mono})
}

// judge goes on with a code that has been verified.
func (t *stepper) judge(ev evVerdict) {
	v := &ev.verdict
	r := codeRecord(v, ev.reading.Scanner)
	switch {
	case t.emergency:
		t.do(effDrop{"emergency"})
	case t.outOfService():
		t.deny(laneOutOfOrder, v, r)
	case !v.Granted():
		t.deny(v.Reason, v, r)
	case t.forgotten(v):
		t.deny(alreadyUsed, v, r)
	case v.Class == verify.Staff:
		t.spend(&pending{verdict: *v, record: r, readAt: ev.at, staff: true, service: (t.service + 1) % (diagnosis + 1)})
	case t.service == freePassage:
		t.show(panel.Occasion{Reason: string(verify.OK)}, denialShown)
	case t.service != noService:
		t.deny(laneOutOfOrder, v, r)
	default:
		t.judgePassback(ev, r)
	}
}

// forgotten tells whether a code may have been used before the store's memory begins.
func (t *stepper) forgotten(v *verify.Verdict) bool {
	return !t.blindSince.IsZero() && !v.Begins.Add(-v.Early).After(t.blindSince)
}

// judgePassback grants a code, unless its holder went this way already.
func (t *stepper) judgePassback(ev evVerdict, r store.Record) {
	again := t.rules.passback != "off" && t.rules.role != store.Check && ev.crossing != nil &&
		ev.crossing.Role == t.rules.role && t.now.wall.Sub(ev.crossing.Time) < t.rules.passbackFor
	if again && t.rules.passback == "hard" {
		t.deny(passback, &ev.verdict, r)
		return
	}
	if again {
		r.Flag = string(passback)
	}
	t.spend(&pending{verdict: ev.verdict, record: r, readAt: ev.at})
}

// spend has a grant written before anything moves.
func (t *stepper) spend(p *pending) {
	v := &p.verdict
	p.record.Kind, p.record.Decision, p.record.Reason = store.Decision, "granted", string(verify.OK)
	if p.staff {
		p.record.Kind, p.record.Detail = serviceKind(p.service), p.service.String()
	}
	p.record = t.stamp(p.record)
	t.pending = p
	t.do(effSpend{
		use:    store.Use{Role: t.rules.role, Certificate: store.ID(v.Certificate), IssuedAt: v.IssuedAt.Unix(), Slot: v.Slot},
		until:  v.Ends.Add(spentFor),
		record: p.record,
	})
}

func serviceKind(m serviceMode) store.Kind {
	if m == noService {
		return store.ServiceEnd
	}
	return store.ServiceBegin
}

// spent goes on once the grant is on the disk, or is not.
func (t *stepper) spent(ev evSpent) {
	p := t.pending
	t.pending = nil
	denied := p.record
	denied.Kind, denied.Flag, denied.Detail = store.Decision, "", ""
	switch {
	case errors.Is(ev.err, store.ErrSpent):
		t.deny(alreadyUsed, &p.verdict, denied)
	case ev.err != nil:
		t.setCause(causeStore, ev.err.Error())
		t.deny(laneOutOfOrder, &p.verdict, denied)
	case t.now.mono-p.readAt > staleAfter:
		late := follow(p.record, store.TooLate)
		late.Grant, late.Detail = ev.seq, fmt.Sprintf("the disk took %v", (t.now.mono-p.readAt).Round(time.Millisecond))
		t.journal(late)
		t.show(panel.Occasion{Reason: string(verify.CodeExpired), Static: p.verdict.Way == verify.Static}, denialShown)
	case p.staff:
		t.beginService(p.service)
	default:
		p.record.Seq = ev.seq
		t.let(p.record)
	}
}

// let lets one person through.
func (t *stepper) let(r store.Record) {
	if !t.rules.opens {
		t.show(panel.Occasion{Reason: string(verify.OK)}, denialShown)
		return
	}
	until := t.now.mono + t.rules.openFor
	t.grants = append(t.grants, grant{r, until})
	t.graceEnd = until
	t.do(effOpen{t.rules.openFor})
}

// opened shows the way, or takes back a grant whose opening failed.
func (t *stepper) opened(err error) {
	n := len(t.grants)
	if err == nil {
		if n > 0 {
			t.show(panel.Occasion{Reason: string(verify.OK)}, t.rules.openFor)
		}
		return
	}
	if n > 0 {
		r := follow(t.grants[n-1].record, store.NoPassage)
		r.Detail = err.Error()
		t.grants = t.grants[:n-1]
		t.journal(r)
	}
	if errors.Is(err, driver.ErrEmergency) {
		return // its event is on the way
	}
	t.setCause(causeTurnstile, err.Error())
}

// deny denies a code and says so. A flood of denials is counted and not journaled
// one by one: garbage must not fill the disk.
func (t *stepper) deny(reason verify.Reason, v *verify.Verdict, r store.Record) {
	r.Kind, r.Decision, r.Reason = store.Decision, "denied", string(reason)
	r = t.stamp(r)
	t.show(panel.Occasion{Reason: string(reason), Static: v.Signed && v.Way == verify.Static}, denialShown)
	if t.afford() {
		t.do(effJournal{r})
		return
	}
	t.count(r)
}

// afford takes one from the budget of denials.
func (t *stepper) afford() bool {
	t.budget = min(denialBurst, t.budget+denialsPerSec*(t.now.mono-t.budgetAt).Seconds())
	t.budgetAt = t.now.mono
	if t.budget < 1 {
		return false
	}
	t.budget--
	return true
}

func (t *stepper) count(r store.Record) {
	if len(t.counted) == 0 {
		t.countAt = t.now.mono + countEvery
	}
	for i := range t.counted {
		if t.counted[i].Reason == r.Reason {
			t.counted[i].Count++
			return
		}
	}
	t.counted = append(t.counted, store.Record{Kind: store.Decision, Decision: r.Decision, Reason: r.Reason, Count: 1, Detail: "too many to record one by one"})
}

// sense follows the passage sensor: each time that it becomes active somebody
// crosses.
func (t *stepper) sense(active bool) {
	if t.sensor == active {
		return
	}
	t.sensor, t.sensorAt = active, t.now.mono
	if !active {
		t.sensorOK = false
		if t.obstructed {
			t.obstructed = false
			t.journal(store.Record{Kind: store.Cleared})
		}
		return
	}
	t.cross()
}

// cross judges one person who crosses.
func (t *stepper) cross() {
	switch {
	case t.emergency:
		t.evacuated++
	case len(t.grants) > 0:
		t.sensorOK = true
		g := t.grants[0]
		t.grants = t.grants[1:]
		t.do(effPassed{t.stamp(follow(g.record, store.Passage))})
		if len(t.grants) == 0 {
			t.do(effClose{})
		}
	case t.freeNow():
		t.sensorOK = true
		t.journal(store.Record{Kind: store.Passage, Detail: "free passage"})
		t.openFreely()
	case t.graceEnd > 0 && t.now.mono < t.graceEnd:
		t.journal(store.Record{Kind: store.Tailgating})
		t.show(panel.Occasion{Reason: panel.OneByOne}, denialShown)
	default:
		t.journal(store.Record{Kind: store.Forced})
		t.show(panel.Occasion{Reason: panel.OneByOne}, denialShown)
	}
}

// alarm follows the emergency input. The turnstile has released its relay by
// itself; nobody is denied until the emergency ends.
func (t *stepper) alarm(active bool) {
	if t.emergency == active {
		return
	}
	t.emergency = active
	if active {
		t.grants, t.evacuated = nil, 0
		t.graceEnd = 0
		t.do(effRelease{})
		t.journal(store.Record{Kind: store.EmergencyBegin})
		return
	}
	t.journal(store.Record{Kind: store.EmergencyEnd, Count: t.evacuated})
	t.reopenAt = t.now.mono
}

// setCause notes that something the lane needs is missing, or is back.
func (t *stepper) setCause(c cause, why string) {
	if t.why[c] == why {
		return
	}
	news := why != starting && ((t.why[c] == "") != (why == "") || t.why[c] == starting)
	t.why[c] = why
	switch {
	case why != "" && news:
		t.do(effRelease{})
		t.journal(store.Record{Kind: store.OutOfService, Detail: c.String() + ": " + why})
	case why == "" && !t.outOfService():
		t.journal(store.Record{Kind: store.InService})
		t.reopenAt = t.now.mono
	}
}

// setService lets a technician, or the clock, do what a staff code does.
func (t *stepper) setService(m serviceMode, r store.Record) {
	if t.service == noService && m == noService {
		return
	}
	r.Kind = serviceKind(m)
	t.journal(r)
	t.beginService(m)
}

// beginService makes of the lane what staff asked for.
func (t *stepper) beginService(m serviceMode) {
	wasFree := t.freeNow()
	t.service, t.serviceEnd = m, t.now.mono+serviceFor
	if wasFree && m != freePassage {
		t.do(effClose{})
		t.graceEnd = t.now.mono + t.rules.openFor // whoever is still walking was let through
	}
	t.show(panel.Occasion{Reason: t.rest()}, 0)
	if t.freeNow() {
		t.openFreely()
	}
}

// openFreely opens the turnstile for whoever comes, until it does so again.
func (t *stepper) openFreely() {
	t.reopenAt = t.now.mono + t.rules.openFor
	t.do(effOpen{t.rules.openFor + reopenOverlap})
}

// codeRecord is what the journal says of a code: ids, never the code.
func codeRecord(v *verify.Verdict, scanner string) store.Record {
	r := store.Record{KeyID: store.ID(v.KeyID), Scanner: scanner}
	if v.Signed {
		r.Certificate, r.Holder, r.Issued = store.ID(v.Certificate), store.ID(v.Holder), v.IssuedAt.Unix()
		if v.Way != verify.Static {
			slot := v.Slot
			r.Slot = &slot
		}
	}
	return r
}

// parseService reads a service mode's name.
func parseService(name string) (serviceMode, error) {
	for m := noService; m <= diagnosis; m++ {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("service %q is not known; want %s", name, strings.Join([]string{"free", "closed", "diagnosis", "none"}, ", "))
}
