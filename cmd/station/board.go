package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"railgate/cmd/station/collect"
	"railgate/cmd/station/ledger"
	"railgate/cmd/station/page"
)

// page is the staff's page.
func (s *station) page() (http.Handler, error) {
	return page.New(&board{s}, page.Options{Dir: s.place.dir, Log: s.log, Now: s.d.now, Proxied: s.o.proxied})
}

// A board tells the page how the station is: from the ledger, and from what collects.
type board struct{ s *station }

var errNotYet = errors.New("the station is starting: its ledger or its message server is not reached yet")

// parts are the ledger and the collector, once they work.
func (b *board) parts() (*ledger.Ledger, *collect.Collector, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.s.collector == nil {
		return nil, nil, errNotYet
	}
	return b.s.ledger, b.s.collector, nil
}

// Changed returns a channel that is closed once an overview may be out of date.
func (b *board) Changed() <-chan struct{} {
	_, c, err := b.parts()
	if err == nil {
		return c.Changed()
	}
	soon := make(chan struct{})
	time.AfterFunc(time.Second, func() { close(soon) })
	return soon
}

// Overview is how the station is now.
func (b *board) Overview(ctx context.Context) (*page.Overview, error) {
	l, c, err := b.parts()
	if err != nil {
		return nil, err
	}
	info := b.s.place.info
	state := c.State()
	o := &page.Overview{
		Station: info.Station, Zone: info.Zone, Version: version, Time: b.s.d.now(), Problems: b.s.troubles(),
		Counts: page.Counts{
			Records: state.Records, Receipts: state.Receipts, Refusals: state.Refused, Errors: state.Errors,
			Beats: state.Beats, LastBeat: state.LastBeat, Answered: state.Answered, News: state.News, Sold: state.Sold,
		},
	}
	views, err := b.s.d.views(ctx, l, info, c.Heard())
	if err != nil {
		return nil, err
	}
	minutes, err := gateMinutes(ctx, l, views, o.Time.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	o.Minutes, o.Ends = minutes.all, b.s.ends()
	o.People.Since = serviceDay(o.Time, info.Zone)
	for _, v := range views {
		o.Gates = append(o.Gates, v.forPage(minutes.of(v.id, o.Time)))
		o.People.Entered += int(v.People.Entered)
		o.People.Left += int(v.People.Left)
	}
	return o, nil
}

// forPage is a gate as the page shows it.
func (v *gateView) forPage(granted, denied int) page.Gate {
	g := page.Gate{
		Name: v.Gate, Direction: v.direction, Heard: v.Heard, Closed: v.Closed, Records: uint64(v.Records), Behind: uint64(v.Missing),
		Receipt: v.Receipt, Granted: granted, Denied: denied, Troubles: []page.Trouble{},
	}
	f := v.facts
	g.Release, g.Keyset, g.Sync = f[ledger.FactRelease].Said, f[ledger.FactKeyset].Said, behind(f[ledger.FactNation].Said, f[ledger.FactStation].Said)
	trouble := func(kind, why string, since time.Time) {
		if why != "" {
			g.Troubles = append(g.Troubles, page.Trouble{Kind: kind, Since: since, Why: why})
		}
	}
	if v.rolledBackAt.After(v.enrolled) { // with a new card a gate has new keys
		trouble(page.RolledBack, v.RolledBack, v.rolledBackAt)
	}
	trouble(page.ClockDisputed, f[ledger.FactClock].Said, f[ledger.FactClock].Since)
	trouble(page.Refused, v.Refused, v.refusedAt)
	return g
}

// behind is the worse of how far a gate is behind its two repositories. Only the nation's
// closes a lane: a gate that is behind its station's is stale.
func behind(nation, station string) string {
	if nation == "fresh" && station != "" && station != "fresh" {
		return "stale"
	}
	return nation
}

// pageMinutes are the counts of the last hour, of all gates and of each.
type pageMinutes struct {
	all   []page.Minute
	gates map[int64]map[int64][2]int // granted and denied, by gate and minute
}

// of is what a gate granted and denied in the last whole minute and this one.
func (m pageMinutes) of(gate int64, now time.Time) (granted, denied int) {
	for _, minute := range []int64{now.Unix() / 60, now.Unix()/60 - 1} {
		n := m.gates[gate][minute]
		granted, denied = granted+n[0], denied+n[1]
	}
	return granted, denied
}

func gateMinutes(ctx context.Context, l *ledger.Ledger, gates []*gateView, from time.Time) (pageMinutes, error) {
	m := pageMinutes{gates: map[int64]map[int64][2]int{}}
	for _, g := range gates {
		m.gates[g.id] = map[int64][2]int{}
	}
	err := l.Minutes(ctx, from, func(c ledger.Minute, n int64) error {
		counts, ok := m.gates[c.Gate]
		if !ok {
			return nil // another station's
		}
		if k := len(m.all); k == 0 || !m.all[k-1].Begins.Equal(c.Start()) {
			m.all = append(m.all, page.Minute{Begins: c.Start(), Reasons: map[string]int{}})
		}
		minute, own := &m.all[len(m.all)-1], counts[c.Minute]
		switch {
		case c.Kind == "decision" && c.Reason == "ok":
			own[0] += int(n)
			minute.Reasons["ok"] += int(n)
		case c.Kind == "decision":
			own[1] += int(n)
			minute.Reasons[c.Reason] += int(n)
		case c.Kind == "passage" && c.Direction == "entry":
			minute.Entered += int(n)
		case c.Kind == "passage" && c.Direction == "exit":
			minute.Left += int(n)
		}
		counts[c.Minute] = own
		return nil
	})
	return m, err
}
