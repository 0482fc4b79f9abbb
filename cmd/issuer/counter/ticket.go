package counter

import (
	"context"
	"time"

	"railgate/verify"
)

// A Ticket is one of a holder's tickets.
type Ticket struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // single, multi, period
	Train   string    `json:"train,omitempty"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Departs time.Time `json:"departs,omitzero"`
	Seat    string    `json:"seat,omitempty"`
}

// Tickets is a ticketing system that knows what a holder has on the day of a time. It has
// ticketTime to answer.
type Tickets interface {
	Of(ctx context.Context, holder verify.HolderID, at time.Time) ([]Ticket, error)
}

// ticketTime is how long a clerk waits for tickets; the decision is told without them then.
const ticketTime = 2 * time.Second

// BenchTickets are what holders have on a bench: each the same on every day, by the
// pseudonym.
type BenchTickets struct{}

// railwayTime is Asia/Shanghai, which has had no summer time since 1991.
var railwayTime = time.FixedZone("Asia/Shanghai", 8*60*60)

// Of gives one holder in four no ticket, and the others one or two.
func (BenchTickets) Of(_ context.Context, holder verify.HolderID, at time.Time) ([]Ticket, error) {
	year, month, day := at.In(railwayTime).Date()
	departs := func(hour, minute int) time.Time { return time.Date(year, month, day, hour, minute, 0, 0, railwayTime) }
	single := Ticket{ID: "E0071234", Kind: "single", Train: "G79", From: "北京西", To: "广州南", Departs: departs(10, 0), Seat: "07车12F"}
	back := Ticket{ID: "E0071235", Kind: "single", Train: "G80", From: "广州南", To: "北京西", Departs: departs(18, 5), Seat: "03车02A"}
	multi := Ticket{ID: "M0004521", Kind: "multi", From: "广州南", To: "深圳北"}
	period := Ticket{ID: "P0000388", Kind: "period", From: "北京南", To: "天津"}
	return [][]Ticket{{single}, {single, back}, {multi, period}, {}}[holder[len(holder)-1]%4], nil
}
