package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

const (
	followBatch = 512
	// silence is for how long nothing may come before the stream is asked for again: the
	// station's heart beats each second.
	silence = 6 * time.Second
	// replay is how much of the stream a gate reads that has just started: codes are remembered
	// in memory alone.
	replay = time.Hour
	// farBehind is how many messages may follow a heartbeat that still counts.
	farBehind = 2000
)

// follow reads the stream of what gates of the station must know of each other, from where
// this gate left it.
func (l *Link) follow(c *session) error {
	stream, err := c.js.Stream(c.ctx, bus.SpentStream(l.opt.Station))
	if err != nil {
		return fmt.Errorf("the stream of spent codes: %w", err)
	}
	info := stream.CachedInfo()
	consumer, err := stream.CreateConsumer(c.ctx, l.from(info))
	if err != nil {
		return fmt.Errorf("reading the stream of spent codes: %w", err)
	}
	defer l.leave(c, stream, consumer.CachedInfo().Name)
	messages, err := consumer.Messages(jetstream.PullMaxMessages(followBatch))
	if err != nil {
		return err
	}
	defer messages.Stop()
	l.works(partFollow)
	reader := &reader{link: l, session: c, created: info.Created, known: info.State.LastSeq}
	for {
		if err := reader.next(messages); err != nil {
			return err
		}
	}
}

// leave takes the consumer away, if the server can still be asked.
func (l *Link) leave(c *session, stream jetstream.Stream, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), time.Second)
	defer cancel()
	if c.ctx.Err() == nil {
		stream.DeleteConsumer(ctx, name)
	}
}

// from says where to read on. A stream that is another one, or that has lost messages which
// were heard, is read from its beginning; one that is read for the first time since the
// start, from an hour ago at least.
func (l *Link) from(info *jetstream.StreamInfo) jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: 30 * time.Second, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	at := l.others.position()
	if !at.Created.Equal(info.Created) || at.Seq > info.State.LastSeq || at.Time.After(info.TimeStamp) {
		l.others.restart(info.Created)
		return cfg
	}
	if l.others.started() {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, at.Seq+1
		return cfg
	}
	since := info.TimeStamp.Add(-replay)
	if at.Time.Before(since) {
		since = at.Time
	}
	cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	return cfg
}

// A reader goes through the stream.
type reader struct {
	link    *Link
	session *session
	created time.Time
	known   uint64 // the stream's newest message when this connection began
	count   uint64 // messages that the consumer gave
}

// errGap is why the stream is asked for again.
var errGap = errors.New("messages of the stream of spent codes were lost on the way")

// next takes the stream's next message.
func (r *reader) next(messages jetstream.MessagesContext) error {
	ctx, cancel := context.WithTimeout(r.session.ctx, silence)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("the station has been silent for %v", silence)
		}
		return err
	}
	meta, err := msg.Metadata()
	if err != nil {
		return err
	}
	if r.count++; meta.Sequence.Consumer != r.count {
		return errGap
	}
	r.take(msg, meta)
	r.link.others.reached(position{r.created, meta.Sequence.Stream, meta.Timestamp})
	return nil
}

// take takes a message. A heartbeat counts that was published since this connection began, and
// that little follows: one that the stream has kept says nothing of now.
func (r *reader) take(msg jetstream.Msg, meta *jetstream.MsgMetadata) {
	l := r.link
	switch subject := msg.Subject(); subject {
	case bus.BeatSubject(l.opt.Station):
		if meta.Sequence.Stream > r.known && meta.NumPending < farBehind {
			l.others.start()
			l.beat(r.session)
		}
	case bus.TicketsSubject(l.opt.Station):
		if l.opt.Tickets != nil {
			l.opt.Tickets(msg.Data())
		}
	default:
		l.hear(subject, msg.Data())
	}
}

// hear takes what another gate said, or another copy of this gate's card; what this store
// has it knows.
func (l *Link) hear(subject string, body []byte) {
	s, err := bus.ParseSpent(subject, body)
	if err != nil {
		l.garbled(subject, err)
		return
	}
	if s.Gate == l.opt.Gate && l.has(s) {
		return
	}
	now, trusted := l.opt.Clock.Now()
	if !trusted {
		now = time.Time{} // it bounds nothing
	}
	l.others.hear(s, now)
}

// garbledEvery is how often it is said that messages are not understood: one gate must not
// fill the logs of all the others.
const garbledEvery = time.Minute

func (l *Link) garbled(subject string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread++
	if !l.unreadAt.IsZero() && time.Since(l.unreadAt) < garbledEvery {
		return
	}
	l.opt.Log.Warn("messages of another gate are not understood", "subject", subject, "err", err, "messages", l.unread)
	l.unread, l.unreadAt = 0, time.Now()
}

// has tells whether this store's own journal is what a message in this gate's name was made
// of. A copy of the card has the same name, and from some record on another journal.
func (l *Link) has(s bus.Spent) bool {
	log, err := l.opt.Store.Log()
	if err != nil || s.Epoch != log.Epoch || s.Seq == 0 {
		return false
	}
	records, err := l.opt.Store.Records(s.Seq-1, 1)
	if err != nil || len(records) == 0 {
		return false
	}
	r := records[0]
	return r.Seq > s.Seq || r.Seq == s.Seq && r.Certificate == s.Certificate // pruned, or the same
}
