package lane

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// A TicketKind says how often a ticket lets its holder in.
type TicketKind uint8

const (
	SingleTicket TicketKind = iota + 1 // once, or as often as Count says
	MultiTicket                        // Count times
	PeriodTicket                       // any number of times
)

// A Ticket is what the day's manifest has for a holder.
type Ticket struct {
	ID          journal.ID // of this ticket on every day on which it is good
	Kind        TicketKind
	Train       string
	From, Until time.Time // the window in which its holder may enter
	Station     string    // where; "": anywhere
	Count       int       // how many rides it is good for; a period: 0
	People      int       // who pass on one grant, with one code
	Used        int       // rides that were taken, as far as is known here
}

// left tells whether a ticket has a ride left; back are those that a standing grant of
// its holder will give back.
func (k *Ticket) left(back int) bool { return k.Kind == PeriodTicket || k.Used-back < k.Count }

// ticketOf finds the holder's ticket, or says why none is good here and now. A lane
// without tickets needs none.
func (t *stepper) ticketOf(ev Judged) (*Ticket, verify.Reason) {
	if !t.rules.Tickets {
		return nil, ""
	}
	var good *Ticket
	early, elsewhere := false, false
	for i := range ev.Tickets {
		k := &ev.Tickets[i]
		here, now := k.Station == "" || k.Station == t.rules.Station, t.now.Wall
		switch {
		case !now.Before(k.Until) || !k.left(t.standing(k.ID)):
		case !here:
			elsewhere = true
		case now.Before(k.From):
			early = true
		case good == nil || better(k, good) < 0:
			good = k
		}
	}
	switch {
	case good != nil:
		return good, ""
	case early:
		return nil, tooEarly
	case elsewhere:
		return nil, wrongStation
	}
	return nil, NoTicket
}

// better puts tickets in the order in which they are taken: one that costs no ride first,
// then the one that ends first.
func better(a, b *Ticket) int {
	return cmp.Or(cmp.Compare(b.Kind/PeriodTicket, a.Kind/PeriodTicket), a.Until.Compare(b.Until), cmp.Compare(a.Kind, b.Kind))
}

// standing counts the rides of a ticket whose grants nobody has used yet: the same holder
// who shows the next code takes the place of the one before (see supersede).
func (t *stepper) standing(ticket journal.ID) (n int) {
	for i := range t.grants {
		if g := &t.grants[i]; g.record.Ticket == ticket && g.ride != nil && g.crossed == 0 {
			n++
		}
	}
	return n
}

// ride is what a grant takes of a ticket; nil: nothing.
func (k *Ticket) ride() *journal.Ride {
	if k == nil || k.Kind == PeriodTicket {
		return nil
	}
	return &journal.Ride{Ticket: k.ID, Until: k.Until.Unix(), N: 1}
}

// back is a ride that is given back; nil is none.
func back(r *journal.Ride) *journal.Ride {
	if r == nil {
		return nil
	}
	return &journal.Ride{Ticket: r.Ticket, Until: r.Until, N: -r.N}
}

// nextOfGroup lets the next person of a group through: the relay moves for a record of
// its own.
func (t *stepper) nextOfGroup(g *grant) {
	g.until = t.now.Mono + t.rules.OpenFor
	t.graceEnd = max(t.graceEnd, g.until)
	r := follow(g.record, journal.Opening)
	r.Detail = fmt.Sprintf("person %d of %d", g.crossed+1, g.people)
	t.write(pending{purpose: toGoOn, record: r, readAt: t.now.Mono}, Write{})
}

// goOn opens for the next person of a group, if the grant still stands.
func (t *stepper) goOn(r journal.Record, proof journal.Durable) {
	if slices.ContainsFunc(t.grants, func(g grant) bool { return g.record.Seq == r.Grant }) {
		t.do(Open{Window: t.rules.OpenFor, Proof: proof, Next: true})
	}
}
