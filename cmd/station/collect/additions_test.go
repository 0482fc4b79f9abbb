package collect

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/bus"
)

// What the ledger has of the day's tickets goes to the gates once, in order; again where the
// stream has lost it. What is of days before goes no more.
func TestAdditionsArePublished(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		y, m, d := b.now().UTC().Date()
		today := y*10000 + int(m)*100 + d
		add := func(day int, text string) {
			t.Helper()
			sign := func(serial uint64) ([]byte, error) { return fmt.Append(nil, text), nil }
			if err := b.ledger.Add(t.Context(), "GZQ", day, 0, b.now(), sign); err != nil {
				t.Fatal(err)
			}
		}
		stream := must[jetstream.Stream](t)(b.c.js.Stream(t.Context(), bus.SpentStream("GZQ")))
		newest := func() string {
			m, err := stream.GetLastMsgForSubject(t.Context(), bus.TicketsSubject("GZQ"))
			if err != nil {
				return ""
			}
			return string(m.Data)
		}
		add(20200101, "long ago")
		add(today, "first")
		add(today, "second")
		b.until("both", func() bool { return newest() == "second" })
		add(today, "third")
		b.until("the third, and that it is counted", func() bool { return newest() == "third" && b.c.State().Sold >= 3 })
		if n := b.c.State().Sold; n != 3 {
			t.Errorf("%d went to the gates; want the day's three, once", n)
		}
		if err := stream.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.until("all of them again", func() bool { return newest() == "third" && b.c.State().Sold == 6 })
	})
}
