package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/link/linktest"
	"railgate/store/manifest"
	"railgate/verify"
	"railgate/verify/lane"
)

// dayRow is a ticket of a holder, good from an hour ago for two hours.
func dayRow(holder verify.HolderID, now time.Time) manifest.Row {
	return manifest.Row{Holder: string(holder), Kind: manifest.Single, Train: "G1", From: now.Add(-time.Hour).Unix(), Until: now.Add(time.Hour).Unix(), Station: "GZQ", Count: 1, People: 1}
}

// sell has the station say of tickets that they were sold, or taken back.
func (w *twins) sell(day int, serial uint64, refunded bool, rows ...manifest.Row) {
	w.t.Helper()
	a := manifest.Addition{Station: "GZQ", Day: day, Serial: serial}
	for _, r := range rows {
		a.Changes = append(a.Changes, manifest.Change{Row: r, Refunded: refunded})
	}
	msg, err := a.Sign(w.bus.Tickets())
	if err != nil {
		w.t.Fatal(err)
	}
	w.bus.Publish(bus.TicketsSubject(linktest.Name), msg)
}

// A ticket that is sold during the day lets its holder in a moment later, at every gate, also one
// that was away or starts again; one that is taken back does not, though the manifest has it.
func TestATicketSoldDuringTheDay(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	now := time.Now()
	day := dayOf(now.In(lane.Shanghai))
	sold, listed := w.b.claims(), w.b.claims()
	w.station.put(map[string]string{
		"gates/B02.toml": "[lane]\ntickets = \"required\"\npassback = \"off\"\n",
		manifestOf(now):  packed(t, ticketLine(listed.Holder, "single", time.Unix(dayRow(listed.Holder, now).From, 0), time.Unix(dayRow(listed.Holder, now).Until, 0), "GZQ", "", "")),
	})
	w.b.until("the manifest", func() bool { k := w.b.status().Tickets; return k.Needed && len(k.Days) == 1 && k.Days[0].Tickets == 1 })
	added := func(n, back int) func() bool {
		return func() bool {
			k := w.b.status().Tickets.Days
			return len(k) == 1 && k[0].Added == n && k[0].Back == back && k[0].Tickets == 1
		}
	}
	again := func(c *verify.Claims) string {
		fresh := w.b.claims()
		fresh.Holder = c.Holder
		return w.b.mint(fresh)
	}
	w.b.scan(again(&sold))
	w.b.waitFor(1, decided("denied", "no_ticket"))
	w.sell(day, 1, false, dayRow(sold.Holder, now))
	w.b.until("the ticket", added(1, 0))
	w.b.scan(again(&sold))
	w.b.waitFor(1, decided("granted", "ok"))
	w.b.waitFor(1, kind(journal.Passage))
	w.b.scan(again(&sold))
	w.b.waitFor(2, decided("denied", "no_ticket")) // it was for one ride

	third := w.b.claims()
	w.cable.Cut(true)
	w.sell(day, 2, false, dayRow(third.Holder, now))
	w.sell(day, 3, true, dayRow(listed.Holder, now))
	w.cable.Cut(false)
	w.b.until("what was sold during the cut", added(2, 1))
	w.b.scan(again(&listed))
	w.b.waitFor(3, decided("denied", "no_ticket"))

	w.cable.Cut(true)
	w.b.stop()
	w.b = w.b.start()
	w.b.until("all of it after a restart without the station", added(2, 1))
	w.b.scan(again(&third))
	w.b.waitFor(2, decided("granted", "ok"))
	w.cable.Cut(false)
}

// newSoldTickets are the tickets of a gate at an instant.
func newSoldTickets(t *testing.T, dir string, now *time.Time) *tickets {
	return newTickets(dir, func() (time.Time, bool) { return *now, true }, func() time.Time { return *now }, func(journal.Record) {}, slog.New(slog.DiscardHandler))
}

func addition(day int, serial uint64, refunded bool, rows ...manifest.Row) *manifest.Addition {
	a := &manifest.Addition{Station: "GZQ", Day: day, Serial: serial}
	for _, r := range rows {
		a.Changes = append(a.Changes, manifest.Change{Row: r, Refunded: refunded})
	}
	return a
}

// What was said last of a ticket counts, on whichever day it was said; a day ends with its last
// train, and its additions with it.
func TestAdditionsEndWithTheirDay(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Date(2026, 11, 29, 23, 30, 0, 0, lane.Shanghai)
	k := newSoldTickets(t, dir, &now)
	night := manifest.Row{Holder: "holder of the night", Kind: manifest.Single, Train: "K1", From: now.Unix(), Until: now.Add(2 * time.Hour).Unix(), Count: 1, People: 1}
	month := manifest.Row{Holder: "holder of the month", Kind: manifest.Period, From: now.Unix(), Until: now.AddDate(0, 1, 0).Unix(), People: 1}
	none := func(journal.ID) int { return 0 }
	for _, a := range []*manifest.Addition{addition(20261129, 1, false, night, month), addition(20261120, 2, false, month), addition(20261205, 2, false, month)} {
		if err := k.take(a); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.added) != 1 {
		t.Errorf("%d days of additions; want those around now", len(k.added))
	}
	has := func(r manifest.Row) bool { return len(k.of(journal.ID(r.Holder), now, none)) == 1 }
	for _, step := range []struct {
		at           time.Time
		night, month bool
	}{{now, true, true}, {now.Add(time.Hour), true, true}, {now.Add(2 * time.Hour), false, false}} {
		if now = step.at; has(night) != step.night || has(month) != step.month {
			t.Errorf("%v: the night's %v, the month's %v; want %v, %v", now, has(night), has(month), step.night, step.month)
		}
	}
	k.take(addition(20261130, 3, false, month))
	if !has(month) {
		t.Error("a ticket that was sold for the next day is not there")
	}
	k.take(addition(20261201, 5, true, month))
	k.take(addition(20261130, 4, false, month))
	if has(month) {
		t.Error("a ticket that was taken back is there, by an earlier word of another day")
	}
	k.saveAdded()
	now = now.AddDate(0, 0, 2)
	k.look(t.Context())
	if _, err := os.Stat(filepath.Join(dir, "manifest", "20261129.added")); !os.IsNotExist(err) || len(k.added) != 1 {
		t.Errorf("the additions of a day that is over: %v, and %d days; want their file removed", err, len(k.added))
	}
	if again := newSoldTickets(t, dir, &now); len(again.added) != 1 {
		t.Errorf("%d days after a restart; want 1", len(again.added))
	}
}

// Who is not the station sells no tickets.
func TestAdditionsOfOthersAreRefused(t *testing.T) {
	w := newTwins(t)
	forged := linktest.New(t)
	now := time.Now()
	a := addition(dayOf(now.In(lane.Shanghai)), 1, false, dayRow("someone's holder", now))
	msg, err := a.Sign(forged.Tickets())
	if err != nil {
		t.Fatal(err)
	}
	w.bus.Publish(bus.TicketsSubject(linktest.Name), msg)
	w.b.waitFor(1, func(r *journal.Record) bool {
		return r.Kind == journal.Synced && len(r.Detail) > 20 && r.Detail[:22] == "tickets of the day ref"
	})
	w.sell(a.Day, 2, false, dayRow("another's holder", now))
	w.b.until("the station's own", func() bool { k := w.b.status().Tickets.Days; return len(k) == 1 && k[0].Added == 1 })
}
