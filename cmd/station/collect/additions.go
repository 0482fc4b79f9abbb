package collect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

const (
	sellEvery  = time.Second      // how often the ledger is looked at
	checkEvery = 10 * time.Second // and the stream, whether it still has what was published
	sellMany   = 256
)

// keepSelling publishes what is sold, or taken back, during the day. The ledger is the queue:
// what the stream does not have is published, after a purge or in another stream too.
func (c *Collector) keepSelling(ctx context.Context) {
	select {
	case <-c.streams:
	case <-ctx.Done():
	}
	var last uint64
	var checked time.Time
	for tick := time.NewTicker(sellEvery); ; {
		err := error(nil)
		if time.Since(checked) >= checkEvery {
			if last, err = c.soldUpTo(ctx); err == nil {
				checked = time.Now()
			}
		}
		if err == nil {
			if last, err = c.sell(ctx, last); err != nil {
				checked = time.Time{}
			}
		}
		c.seen(err)
		if ctx.Err() == nil {
			c.trouble("tickets", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// soldUpTo is the number of the newest addition that the stream has.
func (c *Collector) soldUpTo(ctx context.Context) (uint64, error) {
	stream, err := c.js.Stream(ctx, bus.SpentStream(c.o.Station))
	if err != nil {
		return 0, err
	}
	m, err := stream.GetLastMsgForSubject(ctx, bus.TicketsSubject(c.o.Station))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(m.Header.Get(bus.HeaderSerial), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("an addition to the day's tickets in the stream has no number: %w", err)
	}
	return n, nil
}

// oldestDay is the first day of which additions may matter yet, in any zone.
func oldestDay(now time.Time) int {
	y, m, d := now.UTC().AddDate(0, 0, -2).Date()
	return y*10000 + int(m)*100 + d
}

// sell publishes additions above a number, in their order, and gives the last one's.
func (c *Collector) sell(ctx context.Context, last uint64) (uint64, error) {
	all, err := c.o.Ledger.Additions(ctx, c.o.Station, oldestDay(c.o.Now()), last, sellMany)
	if err != nil {
		return last, fmt.Errorf("ledger: %w", err)
	}
	for _, a := range all {
		m := nats.NewMsg(bus.TicketsSubject(c.o.Station))
		m.Data = a.Note
		m.Header.Set(bus.HeaderSerial, strconv.FormatUint(a.Serial, 10))
		if _, err := c.js.PublishMsg(ctx, m); err != nil {
			return last, fmt.Errorf("publishing tickets: %w", err)
		}
		last = a.Serial
		c.state.change(func(n *State) { n.Sold++ })
	}
	return last, nil
}
