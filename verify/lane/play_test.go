package lane

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// play is a lane on paper: it feeds events, answers effects from a store in
// memory, and writes down what happened.
type play struct {
	t tester
	State
	now      time.Duration
	verdicts map[string]verify.Verdict
	used     map[journal.Use]bool
	inside   map[journal.ID]journal.LastPassage
	days     map[string]int               // passages, by holder and day
	tickets  map[journal.ID][]Ticket      // the manifest, by holder
	rides    map[journal.ID]int           // that were taken, by ticket
	walks    map[journal.ID]journal.Walks // by slip
	seq      uint64
	answers  []Event       // what the lane has not heard yet
	spendErr error         // what the store answers
	spendFor time.Duration // how long it takes
	openErr  error
	said     Occasion // what was shown last
	log      []string
	records  []journal.Record

	outOfTouch  bool
	claim       func(Claim) // answers claims; nil: each holds
	claimsAsked int
	decides     int // readings that were to be judged
}

func entry(change ...func(*Rules)) *Rules {
	r := &Rules{Direction: "entry", Role: journal.Entry, Passback: "off", PassbackFor: 2 * time.Hour, OpenFor: 5 * time.Second, Opens: true}
	for _, f := range change {
		f(r)
	}
	return r
}

// tester is a testing.T or a rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func newPlay(t tester, r *Rules) *play {
	s := New(r)
	s.why, s.shown = [Causes]string{}, ScreenIdle // every device works
	return &play{t: t, State: s, verdicts: map[string]verify.Verdict{}, used: map[journal.Use]bool{}, inside: map[journal.ID]journal.LastPassage{},
		days: map[string]int{}, tickets: map[journal.ID][]Ticket{}, rides: map[journal.ID]int{}, walks: map[journal.ID]journal.Walks{}}
}

// code makes a text that is granted, of a holder's nth code.
func (p *play) code(holder string, n int) string {
	text := fmt.Sprintf("RG1:%s/%d", holder, n)
	at := noon.Add(time.Duration(n) * time.Minute)
	p.verdicts[text] = verify.Verdict{
		Reason: verify.OK, Signed: true, KeyID: "kid", Holder: verify.HolderID("sub-" + holder), Certificate: verify.CertificateID("cti-" + holder),
		Class: verify.Temporary, Rotation: verify.ByIssuer, IssuedAt: at, Begins: at, Ends: at.Add(70 * time.Second), Expires: at.Add(24 * time.Hour), Early: 5 * time.Second,
	}
	return text
}

func (p *play) as(text string, change func(*verify.Verdict)) string {
	v := p.verdicts[text]
	change(&v)
	p.verdicts[text] = v
	return text
}

func (p *play) instant() Instant {
	return Instant{Mono: p.now, Wall: noon.Add(p.now), Trusted: true}
}

// feed steps the lane with an event and all that follows from it, as the runner does:
// what an effect brings about is heard once the step is done.
func (p *play) feed(ev Event) {
	for p.answers = []Event{ev}; len(p.answers) > 0; {
		var effects []Effect
		next := p.answers[0]
		p.answers = p.answers[1:]
		p.State, effects = p.State.Step(next, p.instant())
		for _, e := range effects {
			p.perform(e)
		}
	}
}

func (p *play) answer(ev Event) { p.answers = append(p.answers, ev) }

// onDisk is the play's proof of a record.
type onDisk uint64

func (d onDisk) Seq() uint64 { return uint64(d) }

func (d onDisk) OnDisk() {}

func (p *play) perform(e Effect) {
	switch e := e.(type) {
	case Decide:
		p.decides++
		v, ok := p.verdicts[e.Text]
		if !ok {
			v = verify.Verdict{Reason: verify.Malformed}
		}
		answer := Judged{Read: e.Read, Verdict: v}
		if c, ok := p.inside[journal.ID(v.Holder)]; ok {
			answer.Last = &c
		}
		answer.Used, answer.OutOfTouch = p.used[p.rules.Use(&v)], p.outOfTouch
		answer.Walks = p.walks[journal.ID(v.Certificate)]
		answer.Today = p.days[fmt.Sprint(v.Holder, p.rules.Day(p.instant().Wall))]
		for _, k := range p.tickets[journal.ID(v.Holder)] {
			k.Used = p.rides[k.ID]
			answer.Tickets = append(answer.Tickets, k)
		}
		p.answer(answer)
	case Write:
		p.now += p.spendFor
		err := p.spendErr
		if e.Use != nil && p.used[*e.Use] {
			err = journal.ErrSpent
		}
		if err != nil {
			p.answer(Written{Err: err})
			return
		}
		if e.Use != nil && e.Record.Walk == 0 {
			p.used[*e.Use] = true
		}
		p.ride(e.Ride)
		p.write(e.Record)
		p.answer(Written{Proof: onDisk(p.seq)})
	case Claim:
		p.claimsAsked++
		if p.claim == nil {
			p.answer(Claimed{e.ID, Held})
		} else {
			p.claim(e)
		}
	case Open:
		if e.Proof == nil || e.Proof.Seq() == 0 {
			p.t.Errorf("at %v the relay moves without a record", p.now)
		}
		if p.openErr == nil {
			p.note("open")
		}
		p.answer(Opened{Seq: e.Proof.Seq(), Err: p.openErr, Emergency: errors.Is(p.openErr, errEmergency)})
	case Close:
		p.note("close")
	case Release:
		p.note("release")
	case Journal:
		if e.Use != nil {
			p.used[*e.Use] = true
		}
		p.ride(e.Ride)
		p.write(e.Record)
	case RecordPassage:
		if e.Day != 0 {
			p.days[fmt.Sprint(verify.HolderID(e.Record.Holder), e.Day)]++
		}
		p.inside[e.Record.Holder] = journal.LastPassage{Role: p.rules.Role, Time: e.Record.Time}
		p.write(e.Record)
	case Show:
		p.said = e.Occasion
		p.note("show " + e.Occasion.Reason)
	case Drop:
		p.note("drop " + e.Reason)
	default:
		p.t.Fatalf("effect %T", e)
	}
}

func (p *play) ride(r *journal.Ride) {
	if r != nil {
		p.rides[r.Ticket] += r.N
	}
}

func (p *play) write(r journal.Record) {
	p.seq++
	r.Seq = p.seq
	p.records = append(p.records, r)
	p.follow(r)
	if r.Kind == journal.Decision {
		p.note(string(r.Decision) + " " + r.Reason)
		return
	}
	p.note(string(r.Kind))
}

// follow remembers a slip's walks, as a store does.
func (p *play) follow(r journal.Record) {
	if r.Walk == 0 {
		return
	}
	w := p.walks[r.Certificate]
	switch role := p.rules.Role; {
	case r.Decision == journal.Granted:
		w.Granted[role] = r.Walk
	case r.Kind == journal.Passage:
		w.Passed[role] = r.Walk
	default:
		w.Granted[role] = w.Passed[role]
	}
	p.walks[r.Certificate] = w
}

func (p *play) note(s string) { p.log = append(p.log, s) }

func (p *play) read(text string) {
	p.feed(Read{Scanner: "front", Text: text, At: p.now})
}

// wait lets time pass, with the ticks that the lane asks for.
func (p *play) wait(d time.Duration) {
	end := p.now + d
	for {
		next := p.State.NextWake()
		if next == 0 || next > end {
			break
		}
		p.now = max(p.now, next)
		p.feed(Tick{})
		if again := p.State.NextWake(); again != 0 && again <= p.now {
			p.t.Fatalf("at %v, after a tick, the lane waits for %v", p.now, again)
		}
	}
	p.now = end
}

func (p *play) walk() {
	p.feed(Sensor{true})
	p.now += 100 * time.Millisecond
	p.feed(Sensor{false})
}

// want compares what happened since the last want, and forgets it.
func (p *play) want(what ...string) {
	p.t.Helper()
	got := strings.Join(p.log, ", ")
	if want := strings.Join(what, ", "); got != want {
		p.t.Errorf("at %v:\n got %s\nwant %s", p.now, got, want)
	}
	p.log = nil
}

func (p *play) wantMode(m Mode) {
	p.t.Helper()
	if got := p.Mode(); got != m {
		p.t.Errorf("at %v the lane is %s; want %s", p.now, got, m)
	}
}
