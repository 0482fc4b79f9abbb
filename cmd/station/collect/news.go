package collect

import (
	"context"
	"time"
)

// tellNews tells all gates what the stream of spent codes has stored. Nothing here waits for a
// disk: the ledger reads the same stream by itself.
func (c *Collector) tellNews(ctx context.Context) {
	select {
	case <-c.streams:
	case <-ctx.Done():
	}
	delay := retryFirst
	for ctx.Err() == nil {
		err := c.teller.Tell(ctx, func() { c.trouble("news", nil); delay = retryFirst })
		if ctx.Err() != nil {
			return
		}
		c.seen(err)
		c.trouble("news", err)
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, retryMost)
	}
}
