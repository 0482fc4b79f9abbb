package link

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"railgate/store/bus"
)

const (
	// revokedEvery is how often the last document is asked for again, in case that one was
	// missed.
	revokedEvery = 40 * time.Second
	// revokedWaiting is how many documents may wait here; each says all that is revoked.
	revokedWaiting = 8
)

// revoked hears what is revoked: what the station publishes from now on, and the last that it
// published before. A station that publishes none is no trouble.
func (l *Link) revoked(c *session) error {
	if l.opt.Revocations == nil {
		<-c.ctx.Done()
		return c.ctx.Err()
	}
	told := make(chan *nats.Msg, revokedWaiting)
	heard, err := c.nc.ChanSubscribe(bus.RevocationsSubject(l.opt.Station), told)
	if err != nil {
		return err
	}
	defer heard.Unsubscribe()
	for ask := time.NewTimer(0); ; {
		select {
		case <-c.ctx.Done():
			ask.Stop()
			return c.ctx.Err()
		case m := <-told:
			l.opt.Revocations(m.Data)
		case <-ask.C:
			l.askRevoked(c)
			ask.Reset(jitter(revokedEvery))
		}
	}
}

// askRevoked takes the last document. A station without the stream, or one of an older version,
// which lets nobody ask, has none: what the gate has says by its age whether one is missing.
func (l *Link) askRevoked(c *session) {
	ctx, cancel := context.WithTimeout(c.ctx, askTimeout)
	defer cancel()
	stream, err := c.js.Stream(ctx, bus.RevokedStream(l.opt.Station))
	if err != nil {
		return
	}
	if m, err := stream.GetLastMsgForSubject(ctx, bus.RevocationsSubject(l.opt.Station)); err == nil {
		l.opt.Revocations(m.Data)
	}
}
