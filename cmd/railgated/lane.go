package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"railgate/cmd/control"
	"railgate/driver"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// checkEvery is how often the lane looks after its devices, the loop's slowest turn;
// while it is out of service it looks more often.
const (
	checkEvery   = 250 * time.Millisecond
	checkClosely = 20 * time.Millisecond
)

func (l *runner) String() string { return "lane" }

// deliver is where scanners leave readings.
func (l *runner) deliver(r driver.Reading) {
	l.told.reading(r.Scanner)
	if !l.provision.reads(r) {
		l.in.deliver(r)
	}
}

// sensed is where the turnstile leaves events.
func (l *runner) sensed(e driver.Event) {
	switch e.Kind {
	case driver.PassageEvent:
		l.in.post(lane.Sensor{Active: e.Active})
	case driver.EmergencyEvent:
		l.in.post(lane.Emergency{Active: e.Active})
	case driver.FaultEvent:
		if e.Active {
			l.in.post(lane.Note{Record: journal.Record{Kind: journal.Fault, Detail: "turnstile: " + e.Err.Error()}})
		}
	}
}

// Run works until ctx ends, then releases the relay.
func (l *runner) Run(ctx context.Context) error {
	defer l.release()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a bad page of the store is an error there
	l.carry(lane.Show{Occasion: lane.Occasion{Reason: l.state.IdleScreen()}})
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.in.kick:
		case <-timer.C:
		}
		for again := true; again && ctx.Err() == nil; again = l.due() { // what was not heard by then is not heard any more
			l.drain(ctx)
		}
		if l.news { // not before the turnstile has opened
			l.wire.wrote()
			l.news = false
		}
		timer.Reset(l.nextWait())
	}
}

// drain steps the law until there is nothing that it has not heard.
func (l *runner) drain(ctx context.Context) {
	for ctx.Err() == nil {
		ev, ok := l.next()
		if !ok {
			return
		}
		l.step(ev)
		l.beats.Add(1)
	}
}

// next is what the law hears next: answers, then events, then readings.
func (l *runner) next() (lane.Event, bool) {
	if len(l.answers) > 0 {
		ev := l.answers[0]
		l.answers = l.answers[1:]
		return ev, true
	}
	return l.in.take(func(at time.Time) time.Duration { return at.Sub(l.began) })
}

// due finds what time alone asks for. It reports whether there is any.
func (l *runner) due() bool {
	l.beats.Add(1)
	now := time.Since(l.began)
	if next := l.state.NextWake(); next > 0 && next <= now {
		l.answer(lane.Tick{})
	}
	if now >= l.checkAt {
		l.lookAfterParts()
		l.checkAt = now + l.checkInterval()
	}
	return len(l.answers) > 0
}

func (l *runner) checkInterval() time.Duration {
	if l.state.OutOfService() {
		return checkClosely
	}
	return checkEvery
}

// nextWait is how long there is nothing to do.
func (l *runner) nextWait() time.Duration {
	now := time.Since(l.began)
	wait := l.checkInterval()
	if next := l.state.NextWake(); next > 0 {
		wait = min(wait, next-now)
	}
	return max(wait, 0)
}

// step feeds the law one event and carries out what follows. What comes of that is
// heard in a step of its own.
func (l *runner) step(ev lane.Event) {
	var effects []lane.Effect
	l.state, effects = l.state.Step(ev, l.instant())
	l.publish()
	for _, e := range effects {
		l.carry(e)
	}
}

// carry carries out one effect.
func (l *runner) carry(e lane.Effect) {
	switch e := e.(type) {
	case lane.Decide:
		l.decide(e)
	case lane.Write:
		l.write(e)
	case lane.Claim:
		l.claim(e)
	case lane.Open:
		l.open(e)
	case lane.Close:
		if l.turnstile != nil {
			l.logCloseError(l.turnstile.Close())
		}
	case lane.Release:
		l.release()
	case lane.Journal:
		if e.Ride != nil {
			l.store.AppendRide(e.Record, e.Ride)
		} else {
			l.store.AppendUsed(e.Record, e.Use, e.Until)
		}
		l.report(e.Record)
	case lane.RecordPassage:
		l.store.AppendPassage(e.Record, e.Record.Holder, l.state.Rules().Role, e.Day)
		l.report(e.Record)
	case lane.Show:
		l.show(e)
	case lane.Drop:
		l.told.dropped(e.Reason)
		l.log.Debug("reading ignored", "why", e.Reason)
	}
}

func (l *runner) release() {
	if l.turnstile != nil {
		l.logCloseError(l.turnstile.Release())
	}
}

// logCloseError notes a turnstile that failed to close; it says so itself as well.
func (l *runner) logCloseError(err error) {
	if err != nil {
		l.log.Error("closing the turnstile", "err", err)
	}
}

// decide verifies a reading by the time that it is.
func (l *runner) decide(e lane.Decide) {
	now := l.instant()
	l.times = control.Timings{Wait: (now.Mono - e.At).Microseconds()}
	l.readAt = e.At
	keys := l.keys.Current()
	if keys == nil { // between the step and now
		return
	}
	began := time.Now()
	answer := lane.Judged{Read: e.Read}
	rules := l.state.Rules()
	answer.Verdict = verify.Decide(e.Text, keys, rules.Accept, now.Wall)
	l.times.Verify = time.Since(began).Microseconds()
	if answer.Verdict.Reason == verify.UnknownKey {
		l.sync.unknownKey()
	}
	if v := &answer.Verdict; v.Signed {
		l.learn(v, now)
		// In touch is asked first: then what others spent until now is known below.
		answer.OutOfTouch = l.wire.outOfTouch()
		use, holder := rules.Use(v), journal.ID(v.Holder)
		if v.Rotation != verify.Static {
			answer.Used = l.store.Spent(use) || l.wire.spent(use)
		} else {
			answer.Walks = l.store.Walks(use).With(l.wire.walks(use.Certificate))
		}
		own, ok := l.store.LastPassage(holder)
		if ok {
			answer.Today = own.On(rules.Day(now.Wall))
		}
		if last, ok := l.wire.later(own, ok, holder); ok {
			answer.Last = &last
		}
		if rules.Tickets {
			answer.Tickets = l.sync.ticketsOf(holder, now.Wall, func(ticket journal.ID) int { return l.store.Rides(ticket) + l.wire.rides(ticket) })
		}
	}
	l.answer(answer)
}

// learn takes what a signed code says of the time: what is proven, and a hint.
func (l *runner) learn(v *verify.Verdict, now lane.Instant) {
	if v.Reason == verify.KeyRevoked || v.Reason == verify.KeyNotValid {
		return
	}
	signed := clock.SignedTime{Certificate: string(v.Certificate), Holder: string(v.Holder), Issued: v.IssuedAt, InTime: v.Granted()}
	if v.Rotation != verify.Static {
		signed.From, signed.Until = v.Begins.Add(-v.Early), v.Ends
		l.told.shown(v, now.Wall)
	}
	l.clock.Learn(signed)
}

// write has a record written durably, with the code that it spends.
func (l *runner) write(e lane.Write) {
	began := time.Now()
	var proof store.Durable
	var err error
	if e.Use != nil {
		proof, err = l.store.GrantRide(*e.Use, e.Until, e.Record, e.Ride)
		l.times.Commit = time.Since(began).Microseconds()
	} else {
		proof, err = l.store.Commit(e.Record)
	}
	if err == nil {
		e.Record.Seq, l.news = proof.Seq(), true
		l.report(e.Record)
	}
	l.answer(lane.Written{Proof: proof, Err: err})
}

// errNoRecord is the answer to an opening that no record on the disk stands for.
var errNoRecord = errors.New("internal error: an opening without a durable record")

// open is the one place that energises the relay. It takes the proof that a record is
// on the disk, which only the store makes.
func (l *runner) open(e lane.Open) {
	proof, ok := e.Proof.(store.Durable)
	if !ok || proof.Seq() == 0 {
		l.answer(lane.Opened{Err: errNoRecord})
		return
	}
	began := time.Now()
	err := l.turnstile.Open(e.Window)
	if err == nil {
		l.opened(e, began)
	}
	l.answer(lane.Opened{Seq: proof.Seq(), Err: err, Emergency: errors.Is(err, driver.ErrEmergency)})
}

// opened notes an opening; how long it took is of interest where a passenger waited.
func (l *runner) opened(e lane.Open, began time.Time) {
	switch {
	case e.Staff:
		l.told.openedFor("staff", nil)
		return
	case e.Next: // of a group: nobody was read
		l.told.openedFor("passenger", nil)
		return
	}
	done := time.Now()
	l.times.Open, l.times.Total = done.Sub(began).Microseconds(), (done.Sub(l.began) - l.readAt).Microseconds()
	times := l.times
	l.told.openedFor("passenger", &times)
	l.hub.publish(control.Event{Time: l.instant().Wall, Mode: string(l.seen().Mode), Timings: &times})
}

func (l *runner) show(e lane.Show) {
	m := lane.Say(e.Occasion, l.languages)
	l.panel.Show(driver.Display{Light: lightOf(m.Light), Sound: soundOf(m.Sound), For: e.For})
	l.hub.publish(control.Event{Time: l.instant().Wall, Mode: string(l.seen().Mode), Show: &control.Show{
		Reason: e.Occasion.Reason, Light: string(m.Light), Sound: string(m.Sound), Words: m.Words,
		Seconds: e.For.Seconds(), Direction: l.state.Rules().Direction,
	}})
}

// logged is a record's detail without the reason that staff gave: it may name a passenger, and the log goes where
// the journal does not.
func logged(r *journal.Record) string {
	switch r.Kind {
	case journal.ServiceBegin, journal.ClockAccepted, journal.Unprovisioned:
		if by := strings.Index(r.Detail, ", by "); by >= 0 {
			if n := strings.Index(r.Detail[by:], ": "); n >= 0 {
				return r.Detail[:by+n]
			}
		}
	}
	return r.Detail
}

// report tells the log and whoever listens what was journaled.
func (l *runner) report(r journal.Record) {
	l.told.record(r)
	attrs := []any{"direction", r.Direction}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, key, value)
		}
	}
	add("reason", r.Reason)
	add("kid", hexOf(r.KeyID))
	add("cti", hexOf(r.Certificate))
	add("scanner", r.Scanner)
	add("flag", r.Flag)
	add("detail", logged(&r))
	if r.Count > 0 {
		attrs = append(attrs, "count", r.Count)
	}
	if r.Decision == journal.Granted {
		attrs = append(attrs, "verify_us", l.times.Verify, "commit_us", l.times.Commit)
	}
	word := string(r.Kind)
	switch {
	case r.Kind == journal.Decision:
		word = string(r.Decision)
	case r.Kind == journal.Provisioned && r.Reason != string(verify.OK):
		word = "not provisioned"
	}
	level := slog.LevelInfo
	switch r.Kind {
	case journal.OutOfService, journal.Fault, journal.Forced, journal.Tailgating, journal.EmergencyBegin, journal.Obstructed, journal.TooLate, journal.Lost:
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, word, attrs...)
	l.hub.publish(control.Event{Time: r.Time, Mode: string(l.seen().Mode), Record: &r})
}

func hexOf(id journal.ID) string {
	text, _ := id.MarshalText() // cannot fail
	return string(text)
}
