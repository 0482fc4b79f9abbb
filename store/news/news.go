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
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

const (
	// gather is how long messages are gathered before the next news. The first one after a
	// pause goes at once.
	gather = 20 * time.Millisecond
	// silence is for how long nothing may come before the stream is looked at again: the
	// station's heart beats each second.
	silence = 3 * time.Second
	ahead   = 4096 // messages that are asked for at a time
)

// ErrSilent is why the stream is looked at again: it may be another one now.
var ErrSilent = fmt.Errorf("nothing has come of the stream of spent codes for %v", silence)

// Tell tells what is stored from now on, until ctx ends or the stream cannot be read. It calls
// works once it reads.
func Tell(ctx context.Context, js jetstream.JetStream, nc *nats.Conn, station string, works func()) error {
	stream, err := js.Stream(ctx, bus.SpentStream(station))
	if err != nil {
		return fmt.Errorf("the stream of spent codes: %w", err)
	}
	info := stream.CachedInfo()
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: info.State.LastSeq + 1,
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
	t := &teller{nc: nc, subject: bus.NewsSubject(station), news: bus.News{Created: info.Created.UnixNano(), After: info.State.LastSeq, Last: info.State.LastSeq}}
	for {
		if err := t.next(ctx, messages); err != nil {
			return err
		}
	}
}

// A teller has what was not told yet.
type teller struct {
	nc      *nats.Conn
	subject string
	news    bus.News
	bytes   int
	count   uint64    // messages that the consumer gave
	due     time.Time // when it may tell again
}

// next takes a message, or tells what there is.
func (t *teller) next(ctx context.Context, messages jetstream.MessagesContext) error {
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
	return ErrSilent
}

// errGap is why the stream is looked at again.
var errGap = errors.New("messages of the stream of spent codes were lost on the way")

func (t *teller) take(msg jetstream.Msg) error {
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

func (t *teller) tell() error {
	body, err := t.news.Encode()
	if err != nil {
		return err
	}
	if err := t.nc.Publish(t.subject, body); err != nil {
		return fmt.Errorf("telling the gates: %w", err)
	}
	t.due = time.Now().Add(gather)
	t.news.After, t.news.Words, t.bytes = t.news.Last, t.news.Words[:0], 0
	return nil
}
