package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// This file is about reading the stream of spent codes where no news say what is in it: what a
// gate missed, or a station that tells none.

// read reads the stream until news go on where the gate is. Without news it goes on reading.
func (f *follower) read(cfg jetstream.ConsumerConfig) error {
	consumer, err := f.stream.CreateConsumer(f.session.ctx, cfg)
	if err != nil {
		return fmt.Errorf("reading the stream of spent codes: %w", err)
	}
	defer f.leave(consumer.CachedInfo().Name)
	messages, err := consumer.Messages(jetstream.PullMaxMessages(followBatch))
	if err != nil {
		return err
	}
	f.link.works(partFollow)
	ctx, cancel := context.WithCancel(f.session.ctx)
	read, done := make(chan message, followBatch), make(chan error, 1)
	go func() { done <- pump(ctx, messages, read) }()
	err = f.readOn(read, done)
	cancel()
	messages.Stop()
	<-done
	return err
}

// leave takes the consumer away, if the server can still be asked.
func (f *follower) leave(name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.session.ctx), time.Second)
	defer cancel()
	if f.session.ctx.Err() == nil {
		f.stream.DeleteConsumer(ctx, name)
	}
}

// readOn takes what is read, until news go on where this gate is.
func (f *follower) readOn(read chan message, done chan error) error {
	for {
		select {
		case m := <-read:
			f.take(m)
			f.reached(m.seq, m.at)
		case err := <-done:
			done <- err
			return err
		case m := <-f.news:
			if on, err := f.told(m); err != nil || on {
				return err
			}
		}
	}
}

// errGap is why the stream is asked for again.
var errGap = errors.New("messages of the stream of spent codes were lost on the way")

// pump gives what a consumer gives, until ctx ends or it gives no more.
func pump(ctx context.Context, messages jetstream.MessagesContext, to chan<- message) error {
	for count := uint64(1); ; count++ {
		m, err := next(ctx, messages)
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != count {
			return errGap
		}
		select {
		case to <- message{m.Subject(), m.Data(), meta.Sequence.Stream, meta.NumPending, meta.Timestamp}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next is a consumer's next message.
func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	with, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	m, err := messages.Next(jetstream.NextContext(with))
	if err != nil && with.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("the station has been silent for %v", silence)
	}
	return m, err
}
