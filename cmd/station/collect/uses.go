package collect

import (
	"context"
	"errors"
	"time"

	"railgate/cmd/station/ledger"
	"railgate/store/bus"
)

// replicate keeps the gates' counts of multi-ride tickets in the ledger, from the stream of
// what gates tell each other. A message that cannot be read is left out: its record comes by
// the journal too.
func (c *Collector) replicate(ctx context.Context) {
	select {
	case <-c.streams:
	case <-ctx.Done():
	}
	delay := retryFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := c.readSpent(ctx)
		if ctx.Err() != nil {
			return
		}
		c.seen(err)
		if !errors.Is(err, errGone) {
			c.trouble("spent", err)
		}
		if time.Since(began) > retryMost {
			delay = retryFirst
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, retryMost)
	}
}

func (c *Collector) readSpent(ctx context.Context) error {
	was, err := c.o.Ledger.Position(ctx, bus.SpentStream(c.o.Station))
	if err != nil {
		return err
	}
	r, err := openReader(ctx, c.js, was)
	if err != nil {
		return err
	}
	defer r.stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err = <-r.failed:
		case m := <-r.messages:
			err = c.takeSpent(ctx, r, r.batch(m))
		case <-look.C:
			_, err = r.last(ctx)
		}
		if err != nil {
			return err
		}
		c.trouble("spent", nil)
	}
}

// takeSpent keeps the counts of a batch. The position moves in memory alone until there is a
// count to keep: the station's own heartbeat is a message a second.
func (c *Collector) takeSpent(ctx context.Context, r *reader, batch []message) error {
	type ride struct{ gate, ticket string }
	uses := map[ride]int64{}
	for _, m := range batch {
		gate := bus.GateOf(m.subject)
		if _, ok := c.gate(gate); !ok {
			continue
		}
		all, _ := bus.ParseSpent(m.subject, m.body)
		for _, s := range all {
			if s.Ticket != "" {
				uses[ride{gate, s.Ticket}] = int64(s.Uses)
			}
		}
	}
	last := batch[len(batch)-1]
	r.seq = last.seq
	if len(uses) == 0 {
		return nil
	}
	now := r.after(last)
	err := c.o.Ledger.Update(ctx, func(t *ledger.Tx) error {
		for use, n := range uses {
			if err := t.SetUses(c.o.Station, use.gate, use.ticket, n); err != nil {
				return err
			}
		}
		return t.Advance(r.position, now)
	})
	if err == nil {
		r.position = now
	}
	return err
}
