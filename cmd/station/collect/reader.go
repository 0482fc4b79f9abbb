package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/cmd/station/ledger"
)

const (
	batchMost   = 1000                   // messages in one transaction,
	batchBytes  = 1 << 20                // or so many bytes
	pullMost    = 256                    // messages that wait here, each of bus.MaxRecord at most
	batchWithin = 50 * time.Millisecond  // how long it waits for more
	lookEvery   = time.Second            // at the stream, whether it is the same one
	retryFirst  = 250 * time.Millisecond // after what failed
	retryMost   = 10 * time.Second
)

// A message is what a stream has.
type message struct {
	subject string
	header  map[string][]string
	body    []byte
	seq     uint64 // the stream's
	pending uint64 // messages that come after it
}

// A reader reads a stream from a position on.
type reader struct {
	stream   jetstream.Stream
	position ledger.Position // what the ledger has
	seq      uint64          // of the last message of this stream that the ledger has
	messages chan message
	failed   chan error
	stop     func()
}

// openReader begins after what was read of a stream, or at its first message where it was
// replaced, or has fewer messages than were read of it (it was restored from a copy). The
// ledger ignores duplicates.
func openReader(ctx context.Context, js jetstream.JetStream, was ledger.Position) (*reader, error) {
	stream, err := js.Stream(ctx, was.Stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", was.Stream, err)
	}
	r := &reader{stream: stream, position: was, messages: make(chan message, pullMost), failed: make(chan error, 1)}
	if sameStream(stream.CachedInfo(), was) {
		r.seq = was.Seq
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.seq + 1,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", was.Stream, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(pullMost), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", was.Stream, err)
	}
	pumping, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); r.pump(pumping, messages) }()
	r.stop = func() { cancel(); messages.Stop(); <-done }
	return r, nil
}

// sameStream tells whether a stream is the one that was read, and has what was read of it.
func sameStream(info *jetstream.StreamInfo, was ledger.Position) bool {
	return info.Created.Truncate(time.Microsecond).Equal(was.Created) && info.State.LastSeq >= was.Seq
}

func (r *reader) pump(ctx context.Context, from jetstream.MessagesContext) {
	for {
		m, err := from.Next()
		if err != nil {
			r.failed <- err
			return
		}
		meta, err := m.Metadata()
		if err != nil {
			r.failed <- err
			return
		}
		select {
		case r.messages <- message{m.Subject(), m.Headers(), m.Data(), meta.Sequence.Stream, meta.NumPending}:
		case <-ctx.Done():
			r.failed <- ctx.Err()
			return
		}
	}
}

// batch is a message and what comes soon after it.
func (r *reader) batch(first message) []message {
	all := []message{first}
	timer := time.NewTimer(batchWithin)
	defer timer.Stop()
	for size := len(first.body); len(all) < batchMost && size < batchBytes; {
		select {
		case m := <-r.messages:
			all, size = append(all, m), size+len(m.body)
		case <-timer.C:
			return all
		}
	}
	return all
}

// after is the position once a message is in the ledger.
func (r *reader) after(m message) ledger.Position {
	return ledger.Position{Stream: r.position.Stream, Created: r.stream.CachedInfo().Created.Truncate(time.Microsecond), Seq: m.seq}
}

// last is the number of the newest message that the stream has; an error where it is not
// the stream that is read.
func (r *reader) last(ctx context.Context) (uint64, error) {
	created := r.stream.CachedInfo().Created
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := r.stream.Info(ctx)
	if err == nil && (!info.Created.Equal(created) || info.State.LastSeq < r.seq) {
		err = errGone
	}
	if err != nil {
		return 0, err
	}
	if len(r.messages) == 0 {
		r.seq = max(r.seq, info.State.FirstSeq-min(1, info.State.FirstSeq)) // what was purged does not come
	}
	return info.State.LastSeq, nil
}

// collect reads the journal's stream into the ledger, and answers for receipts, until ctx
// ends. After what fails it reads again from where the ledger is.
func (c *Collector) collect(ctx context.Context) {
	c.putOffUntil(ctx, c.streams)
	delay := retryFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := c.session(ctx)
		if ctx.Err() != nil {
			return
		}
		c.seen(err)
		if !errors.Is(err, errGone) {
			c.trouble("journal", err)
		}
		clear(c.logs)
		clear(c.newest)
		clear(c.lanes)
		if time.Since(began) > retryMost {
			delay = retryFirst
		}
		c.putOffFor(ctx, delay)
		delay = min(2*delay, retryMost)
	}
}

// putOffFor waits, and says meanwhile that there are no receipts: gates ask again.
func (c *Collector) putOffFor(ctx context.Context, d time.Duration) {
	with, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	c.putOffUntil(with, nil)
}

func (c *Collector) putOffUntil(ctx context.Context, done <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-done:
			return
		case a := <-c.asks:
			a.later(notNow)
		}
	}
}
