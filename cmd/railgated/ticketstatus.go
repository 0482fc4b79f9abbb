package main

import (
	"fmt"
	"maps"
	"slices"

	"railgate/cmd/control"
	"railgate/store/manifest"
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
	for _, day := range slices.Sorted(maps.Keys(k.tables)) {
		s.Tickets.Days = append(s.Tickets.Days, control.TicketDay{Day: day, Tickets: k.tables[day].Rows()})
	}
	for _, day := range slices.Sorted(maps.Keys(k.refused)) {
		found(s, control.ManifestRefused, fmt.Sprintf("the manifest of %d is refused: %v", day, k.refused[day]))
	}
	if today := dayOf(now.In(k.zone)); needed && trusted && k.tables[today] == nil && !slices.ContainsFunc(k.inUse(now), func(t *manifest.Table) bool { return t.Day() < today }) {
		found(s, control.ManifestMissing, fmt.Sprintf("tickets are required, and there is no manifest of %d", today))
	}
}
