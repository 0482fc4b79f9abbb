package clock

import (
	"cmp"
	"fmt"
	"time"
)

// A Trust decides whether to believe the wall clock, and keeps what is proven.
type Trust struct {
	cfg    Config
	boot   string
	proofs proofs
	doubts doubts
	anchor *Anchor       // what the time goes by, while it is good; nil: nothing has vouched in this boot
	told   bool          // a station has told the time, right or wrong
	heard  time.Duration // when the station last confirmed the time; 0: it has not
	news   string        // what the station's word changed, for the next state
	track  track         // of the wall clock, while the anchor is good
	jump   *jump         // nil: the wall clock is believed, or has never been
	last   Sample
	seen   bool
	state  State
}

// NewTrust starts with the time at which this program was built.
func NewTrust(cfg Config, boot string, built time.Time) *Trust {
	t := &Trust{cfg: cfg, boot: boot}
	t.proofs.add(proof{signer: signedBuild, time: built})
	t.state = State{Source: Untrusted, Why: "the clock has not been read yet", Proven: t.proven(Sample{})}
	return t
}

// Resume takes what was kept on the disk: a floor, which was proven when it was
// written, and an anchor, which is worth something in the same boot. The wall clock is
// compared with it.
func (t *Trust) Resume(floor time.Time, kept *Anchor, s Sample) {
	t.prove(signedStore, floor, s)
	if kept != nil && kept.Boot == t.boot && t.boot != "" {
		t.anchor, t.jump = kept, nil
		t.track = track{{s.Mono(), kept.at(s.Mono()), *kept}}
	}
	t.news = t.Observe(s).Event
}

// State is what the last sample gave.
func (t *Trust) State() State { return t.state }

// Anchor is what to keep for a restart in the same boot; nil: nothing.
func (t *Trust) Anchor() *Anchor {
	if t.anchor == nil {
		return nil
	}
	a := *t.anchor
	return &a
}

// Now is the best time for a reading of the clocks. Between two samples it goes by
// the monotonic clock, so that a wall clock that jumps is not believed for a moment.
func (t *Trust) Now(s Sample) Trusted {
	if t.cfg.RequireSync && t.state.Trusted() {
		return Trusted{t.anchor.at(s.Mono()), true}
	}
	return Trusted{s.Wall, t.state.Trusted()}
}

// Proven is the time that has certainly been reached.
func (t *Trust) Proven(s Sample) Proven { return t.proven(s) }

func (t *Trust) proven(s Sample) Proven { return Proven{t.proofs.newest(s.Raw, everybody)} }

// Observe takes a sample, once a second or so, and returns the state.
func (t *Trust) Observe(s Sample) State {
	if !t.seen { // what was proven before now goes on from now
		t.last, t.seen = s, true
		t.proofs[0].raw = s.Raw
	}
	before, last := t.state, t.last
	t.last = s
	event := t.news
	if t.cfg.RequireSync {
		event = cmp.Or(t.follow(s, last), event)
	}
	t.news = ""
	t.state = t.judge(s)
	t.state.Proven = t.proven(s)
	t.state.Event = t.event(event, before, stepped(last, s))
	return t.state
}

// noticeableStep is the disagreement between wall and monotonic clock from one sample
// to the next that is a step and no slew.
const noticeableStep = 500 * time.Millisecond

func stepped(last, s Sample) time.Duration {
	d := mark{mono: last.Mono(), wall: last.Wall}.moved(s)
	if d.Abs() > noticeableStep {
		return d
	}
	return 0
}

// event says in words what the last sample changed.
func (t *Trust) event(decided string, before State, step time.Duration) string {
	switch {
	case t.state.Disputed && !before.Disputed:
		return fmt.Sprintf("the time of the wall clock, %v ahead, is contradicted; holdover", t.state.Ahead.Round(time.Millisecond))
	case decided != "":
		return decided
	case step != 0:
		return fmt.Sprintf("the wall clock jumped by %v; %s", step.Round(time.Millisecond), t.state.Source)
	}
	return ""
}

// leastJump is the disagreement of two clocks from which on one of them is wrong.
func (t *Trust) leastJump() time.Duration { return max(t.cfg.Tolerance, leastJump) }

// follow decides which clock the time goes by: the wall clock, or the one from before
// it jumped. It returns what it decided, in words, where that is news.
func (t *Trust) follow(s, last Sample) string {
	if t.jump != nil {
		return t.followJump(s, last)
	}
	m, jumped := t.jumped(s)
	if !jumped {
		t.keep(s)
		return ""
	}
	t.jump, t.track = &jump{old: m.anchor}, nil
	t.jump.begin(s, last)
	t.anchor = &t.jump.old
	t.followJump(s, last)
	return fmt.Sprintf("the wall clock jumped by %v and is not believed yet; holdover", m.moved(s).Round(time.Millisecond))
}

// jumped tells whether the wall clock moved too far within the last ten minutes, or is
// vouched for and disagrees with holdover.
func (t *Trust) jumped(s Sample) (mark, bool) {
	if m, ok := t.track.jumped(s, t.leastJump()); ok && t.good(&m.anchor, s) {
		return m, true
	}
	if s.Synced && t.good(t.anchor, s) {
		m := mark{t.anchor.Mono, t.anchor.Wall, *t.anchor}
		return m, m.moved(s).Abs() > t.leastJump()
	}
	return mark{}, false
}

// followJump goes on with a jump.
func (t *Trust) followJump(s, last Sample) string {
	j := t.jump
	before := j.taken
	switch {
	case !t.good(&j.old, s):
		t.endJump(s)
		if before > 0 {
			return ""
		}
		return "the holdover from before the jump is over"
	case s.Wall.Sub(j.old.at(s.Mono())).Abs() <= t.leastJump():
		t.anchor = &j.old
		t.endJump(s)
		return "the wall clock is back at the time that holdover kept"
	case j.candidate.moved(s).Abs() > t.leastJump():
		if j.lasted(s) {
			j.old = *t.anchor
		}
		j.begin(s, last)
	default:
		j.follow(s)
	}
	j.choose(s, t.below(s.Wall, s), t.answers(s))
	if j.taken == 0 {
		t.anchor = &j.old
		return ""
	}
	t.keep(s)
	if j.confirmed() {
		t.endJump(s)
	}
	if before == 0 {
		return fmt.Sprintf("the new time counts: the time daemon has vouched for it for %v", vouchedFor)
	}
	return ""
}

// endJump goes on with the clock that counts.
func (t *Trust) endJump(s Sample) {
	t.jump, t.track = nil, nil
	t.keep(s)
}

// keep has the anchor follow a wall clock that is vouched for, and notes its way.
func (t *Trust) keep(s Sample) {
	if s.Synced {
		t.anchor = &Anchor{Boot: t.boot, Wall: s.Wall, Mono: s.Mono()}
	}
	switch {
	case !t.good(t.anchor, s):
		t.track = nil
	case t.jump == nil:
		t.track.note(mark{s.Mono(), s.Wall, *t.anchor})
	}
}

// below tells whether a time is before what is proven.
func (t *Trust) below(now time.Time, s Sample) bool { return now.Before(t.proven(s).at) }

// good tells whether an anchor may still be counted on.
func (t *Trust) good(a *Anchor, s Sample) bool {
	return a != nil && t.wrong(a, s) < t.cfg.Tolerance && !t.below(a.at(s.Mono()), s)
}

// wrong is how far the time since an anchor may be off by now.
func (t *Trust) wrong(a *Anchor, s Sample) time.Duration {
	return time.Duration(float64(s.Mono()-a.Mono) * t.cfg.Drift / 1e6)
}

func (t *Trust) judge(s Sample) State {
	held := t.jump != nil && t.jump.taken == 0
	switch {
	case !t.cfg.RequireSync:
		return t.judgeBench(s)
	case !t.good(t.anchor, s):
		return t.untrusted(s)
	case !held && s.Synced:
		return State{Source: t.source(s, Synchronised)}
	}
	state := State{Source: t.source(s, Holdover), Error: t.wrong(t.anchor, s), Left: t.left(s)}
	if held {
		state.Stepped, state.Disputed = true, t.jump.disputed()
		state.Ahead = s.Wall.Sub(t.anchor.at(s.Mono()))
	}
	return state
}

// judgeBench believes every wall clock that is not proven wrong, and at once.
func (t *Trust) judgeBench(s Sample) State {
	switch {
	case t.below(s.Wall, s):
		state := t.belowProven(s.Wall, s)
		state.Vouched = true // as far as a bench asks
		return state
	case s.Synced:
		return State{Source: Synchronised}
	}
	return State{Source: Unchecked}
}

// source is the station, where it has confirmed the time lately.
func (t *Trust) source(s Sample, otherwise Source) Source {
	if t.answers(s) {
		return Station
	}
	return otherwise
}

// answers tells whether a station has confirmed the time lately.
func (t *Trust) answers(s Sample) bool { return t.heard > 0 && s.Mono()-t.heard < heardFor }

// left is for how long the anchor is good.
func (t *Trust) left(s Sample) time.Duration {
	if t.cfg.Drift <= 0 {
		return 0
	}
	return time.Duration(float64(t.cfg.Tolerance)*1e6/t.cfg.Drift) - (s.Mono() - t.anchor.Mono)
}

// untrusted says why the time is not trusted, in words for a technician.
func (t *Trust) untrusted(s Sample) State {
	switch {
	case s.Synced:
		return t.belowProven(s.Wall, s)
	case t.anchor == nil:
		return State{Source: Untrusted, Why: "not synchronised since boot: is the time daemon running, and its server reachable?"}
	case t.below(t.anchor.at(s.Mono()), s):
		return t.belowProven(t.anchor.at(s.Mono()), s)
	}
	return State{Source: Untrusted, Error: t.wrong(t.anchor, s),
		Why: fmt.Sprintf("not synchronised for %v: the error may have reached %v", (s.Mono() - t.anchor.Mono).Round(time.Minute), t.cfg.Tolerance)}
}

func (t *Trust) belowProven(now time.Time, s Sample) State {
	build := t.proofs.newest(s.Raw, func(signer string) bool { return signer == signedBuild })
	return State{Source: Untrusted, Below: true, Vouched: s.Synced, Heard: t.told, Unbuilt: now.Before(build), Why: fmt.Sprintf("the clock says %s, but signed times prove that it is at least %s: set it",
		now.UTC().Format(time.RFC3339), t.proven(s).at.UTC().Format(time.RFC3339))}
}
