package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
	"railgate/store/journal"
)

const (
	followBatch = 512
	// silence is for how long nothing may come before the stream is asked for again: the
	// station's heart beats each second.
	silence = 6 * time.Second
	// newsSilence is for how long no news may come before the stream is asked whether it has
	// some; it is read then.
	newsSilence = 3 * time.Second
	// newsWaiting is how many messages of news may wait here. What does not find room is read
	// in the stream.
	newsWaiting = 128
	// replay is how much of the stream a gate reads that has just started: codes are remembered
	// in memory alone.
	replay = time.Hour
	// overlap is what it reads again of what it had heard: what it was told last may not have
	// reached its disk.
	overlap = time.Minute
	// farBehind is how many messages may follow a heartbeat that still counts.
	farBehind = 500
)

// A follower hears what gates of the station must know of each other. The station tells all of
// them at once what is new in the stream (bus.News). What a gate missed of that it reads in the
// stream, and all of it where the station tells nothing.
type follower struct {
	link    *Link
	session *session
	stream  jetstream.Stream
	created time.Time
	known   uint64 // the stream's newest message when this connection began
	at      uint64 // all up to this one was heard; 0: nothing yet
	news    chan *nats.Msg
	quiet   time.Duration // see newsSilence
}

// follow hears from where this gate left the stream, for as long as a session lasts.
func (l *Link) follow(c *session) error {
	f := &follower{link: l, session: c, news: make(chan *nats.Msg, newsWaiting), quiet: newsSilence}
	// News are heard before the stream is looked at: what comes between is in one of both.
	heard, err := c.nc.ChanSubscribe(bus.NewsSubject(l.opt.Station), f.news)
	if err != nil {
		return err
	}
	defer heard.Unsubscribe()
	if f.stream, err = c.js.Stream(c.ctx, bus.SpentStream(l.opt.Station)); err != nil {
		return fmt.Errorf("the stream of spent codes: %w", err)
	}
	info := f.stream.CachedInfo()
	f.created, f.known = info.Created, info.State.LastSeq
	from, whole := f.from(info)
	for {
		if !whole {
			if err := f.read(from); err != nil {
				return err
			}
		}
		if err := f.listen(); err != nil {
			return err
		}
		from, whole = behind(f.at), false
	}
}

// from says where to read on. A stream that is another one, or that has lost messages which
// were heard, is read from its beginning; one that is read for the first time since the
// start, from an hour ago at least.
//
// whole says that there is nothing to read.
func (f *follower) from(info *jetstream.StreamInfo) (cfg jetstream.ConsumerConfig, whole bool) {
	others := f.link.others
	at := others.position()
	if !at.Created.Equal(info.Created) || at.Seq > info.State.LastSeq || at.Time.After(info.TimeStamp) {
		others.restart(info.Created)
		return fromStart(), false
	}
	if others.started() {
		f.at = at.Seq
		return behind(at.Seq), at.Seq == info.State.LastSeq
	}
	since := info.TimeStamp.Add(-replay)
	if before := at.Time.Add(-overlap); before.Before(since) {
		since = before
	}
	cfg = fromStart()
	cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	return cfg, false
}

// fromStart reads a stream from its first message, and behind from a place on.
func fromStart() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: 30 * time.Second, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
}

func behind(seq uint64) jetstream.ConsumerConfig {
	cfg := fromStart()
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, seq+1
	return cfg
}

// errReplaced is why the stream is asked for again.
var errReplaced = errors.New("the stream of spent codes is another one now")

// A message is one of the stream, as it was read there or told.
type message struct {
	subject string
	body    []byte
	seq     uint64 // the stream's
	pending uint64 // how many follow it
	at      time.Time
}

// listen hears news that go on where this gate is, until some are missing.
func (f *follower) listen() error {
	ctx, cancel := context.WithCancel(f.session.ctx)
	timer := time.NewTimer(jitter(f.quiet))
	var asked chan answer // nil: the stream is not asked
	defer func() {
		timer.Stop()
		if cancel(); asked != nil {
			<-asked
		}
	}()
	for heard := false; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			if asked == nil {
				asked, heard = f.ask(ctx), false
			}
		case a := <-asked:
			if asked = nil; !heard && (a.err != nil || a.last > f.at) {
				return a.err
			}
		case m := <-f.news:
			if on, err := f.told(m); err != nil || !on {
				return err
			}
			heard = true // what the stream was asked for is in them
			f.link.works(partFollow)
		}
		timer.Reset(jitter(f.quiet))
	}
}

// An answer is the stream's newest message.
type answer struct {
	last uint64
	err  error
}

// ask asks what the stream has. A station whose disk is slow has nothing to tell: its gates must
// not all read then. Nor must they miss news while they wait for it.
func (f *follower) ask(ctx context.Context) chan answer {
	answered := make(chan answer, 1)
	go func() {
		with, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		info, err := f.stream.Info(with)
		switch {
		case err != nil:
			answered <- answer{err: fmt.Errorf("the stream of spent codes: %w", err)}
		case !info.Created.Equal(f.created):
			answered <- answer{err: errReplaced}
		default:
			answered <- answer{last: info.State.LastSeq}
		}
	}()
	return answered
}

// told takes news; false: they do not go on where this gate is, and nothing was taken.
func (f *follower) told(m *nats.Msg) (bool, error) {
	n, err := bus.ParseNews(m.Data)
	if err != nil {
		return false, err
	}
	if !n.Stream().Equal(f.created) {
		return false, errReplaced
	}
	if f.at == 0 || n.After > f.at {
		return false, nil
	}
	for i, w := range n.Words {
		if w.Seq > f.at {
			f.take(message{w.Subject, w.Body, w.Seq, n.Pending + uint64(len(n.Words)-1-i), n.At()})
		}
	}
	f.reached(n.Last, n.At())
	return true, nil
}

// reached notes that all up to a message was heard.
func (f *follower) reached(seq uint64, at time.Time) {
	f.at = max(f.at, seq)
	f.link.others.reached(position{f.created, seq, at})
}

// take takes a message. A heartbeat counts that was published since this connection began, and
// that little follows: one that the stream has kept says nothing of now.
func (f *follower) take(m message) {
	l := f.link
	switch m.subject {
	case bus.BeatSubject(l.opt.Station):
		if m.seq > f.known && m.pending < farBehind {
			l.others.start()
			l.beat(f.session)
		}
	case bus.TicketsSubject(l.opt.Station):
		if l.opt.Tickets != nil {
			l.opt.Tickets(m.body)
		}
	default:
		l.hear(m.subject, m.body)
	}
}

// hear takes what another gate said, or another copy of this gate's card; what this store
// has it knows.
func (l *Link) hear(subject string, body []byte) {
	all, err := bus.ParseSpent(subject, body)
	if err != nil {
		l.garbled(subject, err)
	}
	now, trusted := l.opt.Clock.Now()
	if !trusted {
		now = time.Time{} // it bounds nothing
	}
	for _, s := range all {
		if s.Gate != l.opt.Gate || !l.has(s) {
			l.others.hear(s, now)
		}
	}
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
// of. A copy of the card has the same name, and from some record on another journal. One that
// was made before the epoch that is written now, of a record that is here still, is its own too.
func (l *Link) has(s bus.Spent) bool {
	log, err := l.opt.Store.Log()
	if err != nil || s.Seq == 0 {
		return false
	}
	records, err := l.opt.Store.Records(s.Seq-1, 1)
	if err != nil || len(records) == 0 {
		return false
	}
	r := records[0]
	if r.Seq > s.Seq { // pruned
		return s.Epoch == log.Epoch
	}
	return r.Seq == s.Seq && r.Certificate == s.Certificate && r.Issued == s.IssuedAt && r.Begins == s.Begins &&
		(r.Decision == journal.Granted) == (s.Kind == bus.Granted)
}
