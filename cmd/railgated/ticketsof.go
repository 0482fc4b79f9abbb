package main

import (
	"slices"
	"time"

	"railgate/store/journal"
	"railgate/store/manifest"
	"railgate/verify/lane"
)

// This file answers the lane: which tickets has a holder now.

// inUse are the days that count now: today and tomorrow, and yesterday until its last train.
// The caller holds mu.
func (k *tickets) inUse(now time.Time) (days []int) {
	yesterday, today, tomorrow := dayOf(now.In(k.zone).AddDate(0, 0, -1)), dayOf(now.In(k.zone)), dayOf(now.In(k.zone).AddDate(0, 0, 1))
	t, a := k.tables[yesterday], k.added[yesterday]
	if t != nil && now.Before(t.Last()) || a != nil && now.Before(a.Last()) {
		days = append(days, yesterday)
	}
	return append(days, today, tomorrow)
}

// of are a holder's tickets at a time. rides is how many of one's rides were taken. What was
// said since a manifest counts before what is in it.
func (k *tickets) of(holder journal.ID, now time.Time, rides func(journal.ID) int) (all []lane.Ticket) {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	take := func(r *manifest.Row) {
		ticket := ticketOf(r)
		if !slices.ContainsFunc(all, func(other lane.Ticket) bool { return other.ID == ticket.ID }) {
			ticket.Used = rides(ticket.ID)
			all = append(all, ticket)
		}
	}
	days := k.inUse(now)
	said := k.said(holder, days)
	for _, c := range said {
		if !c.Refunded {
			take(&c.Row)
		}
	}
	for _, day := range days {
		t := k.tables[day]
		if t == nil {
			continue
		}
		rows, err := t.Lookup(string(holder))
		if err != nil {
			k.damaged(t, err)
			continue
		}
		for i := range rows {
			if _, is := said[rows[i].ID()]; !is {
				take(&rows[i])
			}
		}
	}
	return all
}

func ticketOf(r *manifest.Row) lane.Ticket {
	id := r.ID()
	from, until := r.Window()
	kind := map[manifest.Kind]lane.TicketKind{manifest.Single: lane.SingleTicket, manifest.Multi: lane.MultiTicket, manifest.Period: lane.PeriodTicket}[r.Kind]
	return lane.Ticket{ID: journal.ID(id[:]), Kind: kind, Train: r.Train, From: from, Until: until, Station: r.Station, Count: r.Count, People: r.People}
}

// said is what was said of a holder's tickets since the manifests of some days: of each ticket
// the newest. The caller holds mu.
func (k *tickets) said(holder journal.ID, days []int) map[[32]byte]manifest.Change {
	if len(k.added) == 0 {
		return nil
	}
	said, newest := map[[32]byte]manifest.Change{}, map[[32]byte]uint64{}
	for _, day := range days {
		a := k.added[day]
		if a == nil {
			continue
		}
		for _, c := range a.Lookup(string(holder)) {
			id := c.Row.ID()
			if _, serial, _ := a.Of(id); serial > newest[id] {
				said[id], newest[id] = c, serial
			}
		}
	}
	return said
}
