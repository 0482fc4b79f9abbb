package main

import (
	"fmt"
	"maps"
	"slices"

	"railgate/cmd/control"
)

// status tells of the tickets, for people and scripts. needed says that the lane asks for
// them.
func (k *tickets) status(s *control.Status, needed bool) {
	if k == nil {
		return
	}
	now, trusted := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	s.Tickets = &control.Tickets{Needed: needed, Loading: k.loading}
	all := map[int]control.TicketDay{}
	for day, t := range k.tables {
		all[day] = control.TicketDay{Day: day, Tickets: t.Rows()}
	}
	for day, a := range k.added {
		d := all[day]
		d.Day = day
		d.Added, d.Back = a.Len()
		all[day] = d
	}
	for _, day := range slices.Sorted(maps.Keys(all)) {
		s.Tickets.Days = append(s.Tickets.Days, all[day])
	}
	for _, day := range slices.Sorted(maps.Keys(k.refused)) {
		found(s, control.ManifestRefused, fmt.Sprintf("the manifest of %d is refused: %v", day, k.refused[day]))
	}
	if today := dayOf(now.In(k.zone)); needed && trusted && k.tables[today] == nil && !slices.ContainsFunc(k.inUse(now), func(day int) bool { return day < today && k.tables[day] != nil }) {
		found(s, control.ManifestMissing, fmt.Sprintf("tickets are required, and there is no manifest of %d", today))
	}
}
