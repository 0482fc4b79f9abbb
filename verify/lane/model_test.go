package lane

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"railgate/store/journal"
	"railgate/verify"
)

// reference is the lane in a few lines: what opens, and what a person who crosses
// is called. It knows no effects, no records, no panel.
type reference struct {
	rules     *Rules
	emergency bool
	broken    map[Cause]bool
	used      map[string]bool          // texts that rotate
	walked    map[string]bool          // holders of slips who are inside on them
	inside    map[string]time.Duration // holders: their last passage
	seen      map[string]time.Duration // texts: their last reading
	waiting   []waiting                // people let through, oldest first
	grace     time.Duration
}

type waiting struct {
	holder string
	until  time.Duration
}

func (m *reference) tick(now time.Duration) {
	for len(m.waiting) > 0 && now >= m.waiting[0].until {
		m.waiting = m.waiting[1:]
	}
}

// opens tells whether a text opens the lane.
func (m *reference) opens(text, holder string, valid, works bool, at, now time.Duration) bool {
	m.tick(now)
	if m.emergency || len(m.broken) > 0 || now-at > time.Second {
		return false
	}
	last, ok := m.seen[text]
	held := ok && now-last <= 3*time.Second
	if held || len(m.waiting) < maxGrants {
		m.seen[text] = now
	}
	last, passed := m.inside[holder]
	if held || len(m.waiting) >= maxGrants || !valid || m.rules.Passback == "hard" && passed && now-last < m.rules.PassbackFor || m.used[text] {
		return false
	}
	stands := slices.ContainsFunc(m.waiting, func(w waiting) bool { return w.holder == holder })
	if isSlip(holder) && (m.walked[holder] || stands) {
		return false
	}
	if !works {
		m.broken[CauseStore] = true
		return false
	}
	m.used[text] = !isSlip(holder)
	if m.rules.Passback == "hard" {
		m.waiting = slices.DeleteFunc(m.waiting, func(w waiting) bool { return w.holder == holder })
	}
	m.waiting = append(m.waiting, waiting{holder, now + m.rules.OpenFor})
	m.grace = now + m.rules.OpenFor
	return true
}

// crosses names one who crosses.
func (m *reference) crosses(now time.Duration) journal.Kind {
	m.tick(now)
	switch {
	case m.emergency:
		return ""
	case len(m.waiting) > 0:
		m.inside[m.waiting[0].holder] = now
		m.walked[m.waiting[0].holder] = true
		m.waiting = m.waiting[1:]
		return journal.Passage
	case now < m.grace:
		return journal.Tailgating
	}
	return journal.Forced
}

// isSlip tells the holders who have paper from the others.
func isSlip(holder string) bool { return holder >= "s" }

// leaves has a slip go out at another gate of the station, if it is inside.
func (m *reference) leaves(p *play, holder string) {
	if !m.walked[holder] {
		return
	}
	delete(m.walked, holder)
	delete(m.inside, holder)
	cti := journal.ID("cti-" + holder)
	w := p.walks[cti]
	w.Granted[journal.Exit] = w.Latest() + 1
	w.Passed[journal.Exit] = w.Granted[journal.Exit]
	p.walks[cti] = w
	p.inside[journal.ID("sub-"+holder)] = journal.LastPassage{Role: journal.Exit, Time: p.instant().Wall}
}

func TestLaneAgainstTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := entry(func(r *Rules) {
			r.Passback = rapid.SampledFrom([]string{"off", "soft", "hard"}).Draw(t, "passback")
			r.PassbackFor = 30 * time.Second
		})
		p := newPlay(t, r)
		m := &reference{rules: r, broken: map[Cause]bool{}, used: map[string]bool{}, walked: map[string]bool{}, inside: map[string]time.Duration{}, seen: map[string]time.Duration{}}
		broken := errors.New("input/output error")
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			if rapid.Bool().Draw(t, "time passes") {
				p.wait(time.Duration(rapid.IntRange(0, 8000).Draw(t, "ms")) * time.Millisecond)
			}
			p.log = nil
			switch rapid.SampledFrom([]string{"read", "read", "read", "cross", "cross", "leave", "alarm", "cause", "tick"}).Draw(t, "event") {
			case "read":
				holder, n := rapid.SampledFrom([]string{"a", "b", "c", "s", "t"}).Draw(t, "holder"), rapid.IntRange(0, 4).Draw(t, "code")
				valid, works := n > 0, rapid.IntRange(0, 9).Draw(t, "disk") > 0
				text := p.code(holder, n)
				if isSlip(holder) {
					n = min(n, 1)
					text = p.as(p.code(holder, n), isPaper)
				}
				if !valid {
					p.as(text, func(v *verify.Verdict) { v.Reason = verify.CodeExpired })
				}
				if p.spendErr = nil; !works {
					p.spendErr = broken
				}
				at := p.now - time.Duration(rapid.IntRange(0, 1200).Draw(t, "age"))*time.Millisecond
				want := m.opens(text, holder, valid, works, at, p.now)
				p.feed(Read{Text: text, At: at})
				if got := slices.Contains(p.log, "open"); got != want {
					t.Fatalf("at %v, reading %s: opens %v; want %v (%v)", p.now, text, got, want, p.log)
				}
			case "cross":
				want := m.crosses(p.now)
				p.feed(Sensor{true})
				if want != "" && !slices.Contains(p.log, string(want)) || want == "" && len(p.log) > 0 {
					t.Fatalf("at %v, someone crosses: %v; want %q", p.now, p.log, want)
				}
				p.feed(Sensor{false})
			case "leave":
				m.tick(p.now)
				m.leaves(p, rapid.SampledFrom([]string{"s", "t"}).Draw(t, "slip"))
			case "alarm":
				m.tick(p.now)
				m.emergency = rapid.Bool().Draw(t, "active")
				if m.emergency && !p.emergency {
					m.waiting, m.grace = nil, 0
				}
				p.feed(Emergency{m.emergency})
			case "cause":
				c := rapid.SampledFrom([]Cause{CauseStore, CauseClock, CauseScanner}).Draw(t, "cause")
				if rapid.Bool().Draw(t, "missing") {
					m.broken[c] = true
					p.feed(Missing{c, "gone"})
				} else {
					delete(m.broken, c)
					p.feed(Missing{c, ""})
				}
			case "tick":
				p.feed(Tick{})
			}
			checkPromises(t, p)
		}
	})
}

// slipWalks are how the records tell of a slip.
type slipWalks struct {
	walked uint32 // the latest
	stands bool
}

// checkWalk checks that no slip admits two people: its grants follow one another, and after a
// walk in there was one out.
func checkWalk(t *rapid.T, all map[journal.ID]*slipWalks, r *journal.Record) {
	if r.Walk == 0 {
		return
	}
	w := all[r.Certificate]
	if w == nil {
		w = new(slipWalks)
		all[r.Certificate] = w
	}
	switch {
	case r.Decision == journal.Granted:
		if w.stands || w.walked > 0 && r.Walk < w.walked+2 {
			t.Fatalf("walk %d of %s is granted after %+v", r.Walk, r.Certificate, *w)
		}
		w.stands = true
	case r.Kind == journal.Passage:
		w.walked, w.stands = r.Walk, false
	default:
		w.stands = false
	}
}

// checkPromises checks what must hold whatever happened.
func checkPromises(t *rapid.T, p *play) {
	granted, ended := map[uint64]string{}, map[uint64]int{}
	codes := map[string]int{}
	walks := map[journal.ID]*slipWalks{}
	for _, r := range p.records {
		checkWalk(t, walks, &r)
		if r.Decision == "granted" {
			granted[r.Seq] = string(r.Holder)
		}
		if r.Decision == "granted" && r.Walk == 0 {
			codes[fmt.Sprintf("%s %d", r.Certificate, r.Issued)]++
		}
		if r.Grant > 0 {
			ended[r.Grant]++
			if granted[r.Grant] != string(r.Holder) {
				t.Fatalf("%s of %s follows the grant of %s", r.Kind, r.Holder, granted[r.Grant])
			}
		}
	}
	for code, n := range codes {
		if n > 1 {
			t.Fatalf("code %q is granted %d times", code, n)
		}
	}
	for seq, n := range ended {
		if n > 1 {
			t.Fatalf("grant %d ends %d times", seq, n)
		}
	}
	if open := len(granted) - len(ended) - len(p.grants); open > 0 {
		t.Fatalf("%d grants have neither ended nor are open", open)
	}
	// After "granted" comes "open" and never the reverse: the record is first.
	for i, what := range p.log {
		if what == "open" && (i == 0 || p.log[i-1] != "granted ok") {
			t.Fatalf("opened with no record before it: %v", p.log)
		}
	}
	if next := p.State.NextWake(); next != 0 && next <= p.now && len(p.log) == 0 {
		t.Fatalf("at %v the lane waits for %v", p.now, next)
	}
}
