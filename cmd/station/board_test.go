package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/station/ledger"
	"railgate/cmd/station/page"
)

// What the page shows of a gate is what its newest records say.
func TestAGateOnThePage(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)
	v := &gateView{
		Gate: "A07", Heard: at, Closed: "scanner: gone", Records: 12, Missing: 3, RolledBack: "an old card", rolledBackAt: at, enrolled: at.Add(-time.Hour), direction: "entry",
		facts: map[string]ledger.Fact{
			ledger.FactRelease: {Said: "railgated 1.4"}, ledger.FactNation: {Said: "fresh"}, ledger.FactStation: {Said: "degraded"}, ledger.FactClock: {Said: "26 h ahead", Since: at},
		},
	}
	g := v.forPage(5, 2)
	if g.Release != "railgated 1.4" || g.Sync != "stale" || g.Closed != "scanner: gone" || g.Behind != 3 || g.Granted != 5 || g.Denied != 2 {
		t.Errorf("%+v", g)
	}
	kinds := func(g page.Gate) string {
		var all []string
		for _, x := range g.Troubles {
			all = append(all, x.Kind)
		}
		return strings.Join(all, " ")
	}
	if got := kinds(g); got != "store_rolled_back clock_disputed" {
		t.Errorf("troubles: %s; want the roll-back and the clock", got)
	}
	v.enrolled = at.Add(time.Minute) // with a new card it has new keys
	v.facts[ledger.FactClock] = ledger.Fact{}
	if got := kinds(v.forPage(0, 0)); got != "" {
		t.Errorf("with a new card and the right time: %s; want nothing", got)
	}
}

func TestTheWorseOfTwoRepositories(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{{"fresh", "fresh", "fresh"}, {"fresh", "stopped", "stale"}, {"stopped", "fresh", "stopped"}, {"", "", ""}, {"fresh", "", "fresh"}, {"", "stale", ""}} {
		if got := behind(tt[0], tt[1]); got != tt[2] {
			t.Errorf("nation %q, station %q: %q; want %q", tt[0], tt[1], got, tt[2])
		}
	}
}

func TestWhatEnds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := &desk{dir: o.path("nation"), now: func() time.Time { return o.now }, workFactor: 10}
	o.must("init", "--station", "GZQ", "--online", "--server", "tls://127.0.0.1:4222")
	o.must("publish", "keyset", o.keyset(1))
	p, err := d.place("")
	if err != nil {
		t.Fatal(err)
	}
	ends := (&station{d: d, place: p}).ends()
	if !slices.IsSortedFunc(ends, func(a, b page.End) int { return a.Ends.Compare(b.Ends) }) {
		t.Errorf("%v: not in order", ends)
	}
	for _, want := range []page.End{
		{What: "repository", Name: "nation: timestamp", Ends: o.now.Add(72 * time.Hour)}, {What: "repository", Name: "station: timestamp", Ends: o.now.Add(72 * time.Hour)},
		{What: "key", Name: "rail.test: the last of 1 keys", Ends: o.now.Add(1000 * time.Hour)},
	} {
		if !slices.ContainsFunc(ends, func(e page.End) bool { return e.What == want.What && e.Name == want.Name && e.Ends.Equal(want.Ends) }) {
			t.Errorf("%v: no %v", ends, want)
		}
	}
	if !slices.ContainsFunc(ends, func(e page.End) bool { return e.What == "certificate" }) || len(ends) != 10 {
		t.Errorf("%d ends: %v; want four of each repository, a key, a certificate", len(ends), ends)
	}
}
