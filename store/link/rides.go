package link

import (
	"encoding/hex"
	"slices"
	"time"

	"railgate/store/bus"
	"railgate/store/journal"
)

// hearRide takes a gate's own count of the rides that it took of a ticket: not a ride, so that a
// message that is lost or duplicated makes no count wrong.
func (o *others) hearRide(s bus.Spent, heard time.Time) {
	raw, err := hex.DecodeString(s.Ticket)
	ticket := journal.ID(raw)
	if err != nil || len(raw) == 0 {
		return
	}
	counts := slices.Clone(o.ridesOf(ticket))
	if len(counts) == 0 && len(o.fresh.rides) >= mostRemembered {
		o.full = true
		return
	}
	if heard.IsZero() {
		heard = o.opt.Clock.Proven()
	}
	now := rideCount{s.Gate, s.Epoch, s.Seq, s.Uses, heard.Add(rideFor).Unix()}
	i := slices.IndexFunc(counts, func(c rideCount) bool { return c.Gate == s.Gate })
	switch {
	case i < 0 && len(counts) < mostGates:
		counts = append(counts, now)
	case i >= 0 && (counts[i].Epoch != s.Epoch || counts[i].Seq < s.Seq):
		counts[i] = now
	default:
		return
	}
	o.fresh.rides[ticket] = counts
}

// mostGates bounds the gates that are remembered of one ticket.
const mostGates = 64

// ridesOf is what gates said of a ticket. The caller holds mu.
func (o *others) ridesOf(ticket journal.ID) []rideCount {
	for _, u := range []unsaved{o.fresh, o.flying} {
		if counts, ok := u.rides[ticket]; ok {
			return counts
		}
	}
	if o.file == nil {
		return nil
	}
	return o.file.rides(ticket)
}

// Rides is how many of a ticket's rides other gates of the station took.
func (l *Link) Rides(ticket journal.ID) (n int) {
	l.others.mu.Lock()
	defer l.others.mu.Unlock()
	for _, c := range l.others.ridesOf(ticket) {
		n += c.Uses
	}
	return n
}
