package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
	"railgate/store/journal"
)

const (
	inFlight = 256 // records that are published together
	// lookEvery is how soon a record is seen that nobody told of: those that are appended reach
	// the disk a moment later.
	lookEvery = 100 * time.Millisecond
	// checkEvery is how often the stream is asked whether it still has what was published last.
	checkEvery = time.Minute
	// published at least for so long: a slip's day, and then some.
	validFor = 25 * time.Hour
)

// publish tells the other gates what this one spends. The queue is the journal: what is not
// published yet is read from there, after a cut as always.
func (l *Link) publish(c *session) error {
	cursor, err := l.resume(c)
	if err != nil {
		return err
	}
	l.works(partAcross)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for waits := (patient{}); ; {
		if err := l.publishNew(c, &cursor, &waits); err != nil {
			return err
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-l.kicks[partAcross]:
		case <-look.C:
		case <-check.C:
			l.others.keepCursor(cursor)
			if cursor, err = l.resume(c); err != nil {
				return err
			}
		}
	}
}

// resume is where to go on: behind what was published last, if the stream still has it. Else it
// is another stream, or it lost messages: then everything that is still valid is published
// again.
func (l *Link) resume(c *session) (sentCursor, error) {
	log, err := l.opt.Store.Log()
	if err != nil {
		return sentCursor{}, err
	}
	cursor := l.others.cursor()
	stream, err := c.js.Stream(c.ctx, bus.SpentStream(l.opt.Station))
	if err != nil {
		return sentCursor{}, fmt.Errorf("the stream of spent codes: %w", err)
	}
	last, err := stream.GetLastMsgForSubject(c.ctx, bus.SpentSubject(l.opt.Station, l.opt.Gate))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		last = new(jetstream.RawStreamMsg)
	case err != nil:
		return sentCursor{}, fmt.Errorf("the stream of spent codes: %w", err)
	}
	if cursor.Epoch == log.Epoch && cursor.Stream == last.Sequence && cursor.Seq <= l.opt.Store.Seq() && cursor.Seq > 0 {
		return cursor, nil
	}
	since, err := l.stillValid()
	if err != nil {
		return sentCursor{}, err
	}
	cursor = sentCursor{Epoch: log.Epoch, Seq: since, Stream: last.Sequence}
	l.others.setCursor(cursor)
	return cursor, nil
}

// stillValid is the record behind which those begin that may concern others yet. It goes back
// from the newest until all that it sees are older.
func (l *Link) stillValid() (uint64, error) {
	oldest := l.opt.Clock.Proven().Add(-max(validFor, l.opt.PassbackFor+time.Hour))
	for after := l.opt.Store.Seq(); ; {
		if after <= inFlight {
			return 0, nil
		}
		after -= inFlight
		records, err := l.opt.Store.Records(after, 1)
		if err != nil {
			return 0, err
		}
		if len(records) == 0 || records[0].Seq > after+1 { // the journal begins later
			return after, nil
		}
		if r := records[0]; !r.Unsure && r.Time.Before(oldest) {
			return after, nil
		}
	}
}

// publishNew publishes what is on the disk and was not published.
func (l *Link) publishNew(c *session, cursor *sentCursor, waits *patient) error {
	for c.ctx.Err() == nil && l.opt.Store.Seq() > cursor.Seq {
		records, err := l.opt.Store.Records(cursor.Seq, inFlight)
		if err != nil || len(records) == 0 || waits.wait(records, time.Now()) {
			return err
		}
		if err := l.publishBatch(c, cursor, records); err != nil {
			return err
		}
	}
	return nil
}

// waitsFor is how long a passage waits for the lane's next grant, with which it goes.
const waitsFor = time.Second

// A patient knows since when records wait that nobody needs at once. A code that was spent is
// shown elsewhere in the next second, and so is one that was given back; nobody is at another
// gate a second after a passage. At the peak of a large station half of the messages, and of
// the disk's flushes, would be passages.
type patient struct{ since time.Time }

// wait tells whether records may wait yet.
func (p *patient) wait(records []journal.Record, now time.Time) bool {
	urgent := len(records) == inFlight || slices.ContainsFunc(records, func(r journal.Record) bool {
		return r.Decision == journal.Granted || r.Kind == journal.NoPassage || r.Kind == journal.TooLate
	})
	if !urgent && p.since.IsZero() {
		p.since = now
	}
	if !urgent && now.Sub(p.since) < waitsFor {
		return true
	}
	p.since = time.Time{}
	return false
}

// publishBatch publishes the uses among some records, and waits for the stream's word on each
// message. What waits goes together: each message is a flush of the station's disk.
func (l *Link) publishBatch(c *session, cursor *sentCursor, records []journal.Record) error {
	var acks []jetstream.PubAckFuture
	for _, body := range l.bodies(records, cursor.Epoch) {
		ack, err := c.js.PublishMsgAsync(&nats.Msg{Subject: bus.SpentSubject(l.opt.Station, l.opt.Gate), Data: body})
		if err != nil {
			return fmt.Errorf("publishing spent codes: %w", err)
		}
		acks = append(acks, ack)
	}
	stream := cursor.Stream
	for _, ack := range acks {
		select {
		case got := <-ack.Ok():
			stream = max(stream, got.Sequence)
		case err := <-ack.Err():
			return fmt.Errorf("publishing spent codes: %w", err)
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
	cursor.Seq, cursor.Stream = records[len(records)-1].Seq, stream
	l.others.setCursor(*cursor)
	return nil
}

// bodies are the messages that tell of some records.
func (l *Link) bodies(records []journal.Record, epoch string) (bodies [][]byte) {
	var body []byte
	n := 0
	for _, r := range records {
		s, ok := l.spentOf(r, epoch)
		if !ok {
			continue
		}
		one, err := s.Encode()
		if err != nil {
			l.opt.Log.Warn("a record cannot be told to other gates", "seq", r.Seq, "err", err)
			continue
		}
		if n == bus.MaxSpents || len(body)+len(one) > bus.MaxSpentBytes {
			bodies, body, n = append(bodies, body), nil, 0
		}
		body, n = append(body, one...), n+1
	}
	if n > 0 {
		bodies = append(bodies, body)
	}
	return bodies
}

var roles = map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit, "check": journal.Check}

// spentOf is what other gates must know of a record; false: nothing, or nothing any more.
func (l *Link) spentOf(r journal.Record, epoch string) (bus.Spent, bool) {
	s := bus.Spent{
		Gate: l.opt.Gate, Epoch: epoch, Seq: r.Seq, Role: roles[r.Direction], Certificate: r.Certificate, Holder: r.Holder,
		IssuedAt: r.Issued, Begins: r.Begins, Until: r.Ends, Static: r.Slot == nil, Walk: r.Walk,
	}
	if r.Slot != nil {
		s.Slot = *r.Slot
	}
	if r.Ticket != "" {
		s.Ticket, s.Uses = hex.EncodeToString([]byte(r.Ticket)), l.opt.Store.Rides(r.Ticket)
	}
	if !r.Unsure {
		s.Time = max(0, r.Time.Unix())
	}
	switch {
	case r.Certificate == "":
		return bus.Spent{}, false
	case r.Decision == journal.Granted && r.Ends > 0:
		s.Kind = bus.Granted
		if r.Kind != journal.Decision { // staff's, once in all roles together
			s.Role = journal.AnyRole
		}
	case r.Kind == journal.Passage:
		s.Kind = bus.Passed
	case r.Kind == journal.NoPassage && r.Count > 0 && s.Static:
		s.Kind = bus.Passed // of a group somebody has
	case r.Kind == journal.NoPassage && (s.Static || s.Ticket != ""), r.Kind == journal.TooLate && s.Static:
		s.Kind = bus.NoPassage
	default:
		return bus.Spent{}, false
	}
	return s, l.concerns(s, r)
}

// concerns tells whether others need to know of a use yet. It goes by proven time: at worst
// something is told in vain.
func (l *Link) concerns(s bus.Spent, r journal.Record) bool {
	now := l.opt.Clock.Proven()
	if s.Ticket != "" { // its rides count on other days too
		return true
	}
	if s.Kind == bus.Passed && (r.Unsure || now.Sub(r.Time) < l.opt.PassbackFor) {
		return true
	}
	return s.Until >= now.Unix() && s.Until > 0
}
