package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

const (
	revokeEvery    = time.Second      // how often it is looked at whether there is another list
	revokedCheck   = 10 * time.Second // and whether the stream still has the last one
	revokedStreams = 1                // message of a subject: each list says all that is revoked
)

// keepRevoking publishes what is revoked: each new list once, and the last one again where the
// stream has lost it. A list that is too large for the bus is a message without a body: gates
// fetch it then.
func (c *Collector) keepRevoking(ctx context.Context) {
	select {
	case <-c.streams:
	case <-ctx.Done():
	}
	var last []byte
	var checked time.Time
	for tick := time.NewTicker(revokeEvery); ; {
		err := error(nil)
		list := c.o.Revocations()
		if list != nil && time.Since(checked) >= revokedCheck {
			if last, err = c.revokedLast(ctx); err == nil {
				checked = time.Now()
			}
		}
		if large := len(list) > bus.MaxRevoked; err == nil && list != nil && (last == nil || !large && !bytes.Equal(list, last) || large && !bytes.Equal(list, c.large)) {
			body := list
			if large {
				body, c.large = []byte{}, list
			}
			if _, err = c.js.Publish(ctx, bus.RevocationsSubject(c.o.Station), body); err == nil {
				last = body
			} else {
				err, checked, c.large = fmt.Errorf("publishing what is revoked: %w", err), time.Time{}, nil
			}
		}
		c.seen(err)
		if ctx.Err() == nil {
			c.trouble("revocations", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// revokedLast is the message that the stream has; nil: none.
func (c *Collector) revokedLast(ctx context.Context) ([]byte, error) {
	stream, err := c.js.Stream(ctx, bus.RevokedStream(c.o.Station))
	if err != nil {
		return nil, err
	}
	m, err := stream.GetLastMsgForSubject(ctx, bus.RevocationsSubject(c.o.Station))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, m.Data...), nil
}
