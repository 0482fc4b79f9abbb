// Package news is the station's voice: it reads the stream of spent codes as it is written, and
// tells all gates at once what is new there. A gate that reads the stream by itself costs the
// message server a delivery of its own for every message; told so, a hundred messages go to all
// gates as one. Nothing depends on it but how soon gates know: what a gate does not hear it
// reads in the stream.
package news

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

const (
	// gather is how long messages are gathered before the next news. The first one after a
	// pause goes at once.
	gather = 50 * time.Millisecond
	// silence is for how long nothing may come before the stream is looked at: it may be another
	// one now. The station's heart beats each second.
	silence = 3 * time.Second
	ahead   = 4096 // messages that are asked for at a time
	// farBehind is how many messages may not have been told yet: gates read more than that by
	// themselves.
	farBehind = 100_000
)

var (
	errGap      = errors.New("messages of the stream of spent codes were lost on the way")
	errReplaced = errors.New("the stream of spent codes is another one now")
	errStalled  = errors.New("the stream of spent codes has more than comes of it")
)

// A Teller tells a station's gates what its stream of spent codes has stored.
type Teller struct {
	js      jetstream.JetStream
	nc      *nats.Conn
	station string

	stream jetstream.Stream
	news   bus.News // what was not told yet
	bytes  int
	count  uint64    // messages that the consumer gave
	due    time.Time // when it may tell again
	told   atomic.Uint64
}

// New makes a Teller. Its connection may reconnect.
func New(js jetstream.JetStream, nc *nats.Conn, station string) *Teller {
	return &Teller{js: js, nc: nc, station: station}
}

// Tell tells what is stored from now on, or what was not told where it did so before, until
// ctx ends or the stream cannot be read. It calls works once it reads.
func (t *Teller) Tell(ctx context.Context, works func()) error {
	from, err := t.begin(ctx)
	if err != nil {
		return fmt.Errorf("the stream of spent codes: %w", err)
	}
	consumer, err := t.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: 10 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("the stream of spent codes: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(ahead), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return fmt.Errorf("the stream of spent codes: %w", err)
	}
	defer messages.Stop()
	works()
	for {
		if err := t.next(ctx, messages); err != nil {
			return err
		}
	}
}

// Told is how often it told something.
func (t *Teller) Told() uint64 { return t.told.Load() }

// begin finds where to go on: a gap in what is told has all gates read the stream at once.
func (t *Teller) begin(ctx context.Context) (from uint64, err error) {
	if t.stream, err = t.js.Stream(ctx, bus.SpentStream(t.station)); err != nil {
		return 0, err
	}
	info := t.stream.CachedInfo()
	last := t.news.After
	if created := info.Created.UnixNano(); created != t.news.Created || last > info.State.LastSeq || last+farBehind < info.State.LastSeq {
		last = info.State.LastSeq
	}
	t.news = bus.News{Created: info.Created.UnixNano(), After: last, Last: last}
	t.bytes, t.count = 0, 0
	return last + 1, nil
}

// next takes a message, or tells what there is.
func (t *Teller) next(ctx context.Context, messages jetstream.MessagesContext) error {
	wait := silence
	if len(t.news.Words) > 0 {
		wait = time.Until(t.due)
	}
	if wait <= 0 {
		return t.tell()
	}
	with, cancel := context.WithTimeout(ctx, wait)
	msg, err := messages.Next(jetstream.NextContext(with))
	late := with.Err() != nil
	cancel()
	switch {
	case err == nil:
		return t.take(msg)
	case ctx.Err() != nil:
		return ctx.Err()
	case !late:
		return err
	case len(t.news.Words) > 0:
		return t.tell()
	}
	return t.look(ctx)
}

// look looks at a stream of which nothing comes. One that has nothing new is waited for.
func (t *Teller) look(ctx context.Context) error {
	info, err := t.stream.Info(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the stream of spent codes: %w", err)
	case info.Created.UnixNano() != t.news.Created:
		return errReplaced
	case info.State.LastSeq > t.news.After:
		return errStalled
	}
	return nil
}

func (t *Teller) take(msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return err
	}
	if t.count++; meta.Sequence.Consumer != t.count {
		return errGap
	}
	w := bus.Word{Seq: meta.Sequence.Stream, Subject: msg.Subject(), Body: msg.Data()}
	if len(t.news.Words) == bus.MaxWords || len(t.news.Words) > 0 && t.bytes+w.Size() > bus.MaxNewsBytes {
		if err := t.tell(); err != nil {
			return err
		}
	}
	t.news.Words, t.bytes = append(t.news.Words, w), t.bytes+w.Size()
	t.news.Last, t.news.Time, t.news.Pending = w.Seq, meta.Timestamp.UnixNano(), meta.NumPending
	return nil
}

func (t *Teller) tell() error {
	body, err := t.news.Encode()
	if err != nil {
		return err
	}
	if err := t.nc.Publish(bus.NewsSubject(t.station), body); err != nil {
		return fmt.Errorf("telling the gates: %w", err)
	}
	t.told.Add(1)
	t.due = time.Now().Add(gather)
	t.news.After, t.news.Words, t.bytes = t.news.Last, nil, 0
	return nil
}
