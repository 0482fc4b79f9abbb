package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
)

const (
	commitWait   = 30 * time.Second // the server does all the same what nobody waits for any more
	gatherFor    = 2 * time.Second
	receiptEvery = time.Minute // while there is something new
	receiptSoon  = 2 * time.Second
)

// An uploader publishes the log's records during one session.
type uploader struct {
	*Link
	c       *session
	log     store.Log
	next    uint64    // the record that is sent next
	sendAt  time.Time // until then what passengers do gathers
	looked  uint64    // up to this record all that is not sent yet may gather
	stream  uint64    // the sequence of my subject's last message, as the stream has it
	several bool      // the stream takes messages of several records
	asked   int64     // the leaves that the last receipt is of
	askAt   time.Time
	ahead   bool  // the stream has records of this log that are not here: nothing is sent
	have    int64 // what the station said that it has,
	stuck   int   // and how often it has said so
}

// upload publishes records as they come, and asks for receipts.
func (l *Link) upload(c *session) error {
	u := &uploader{Link: l, c: c}
	if err := u.begin(); err != nil {
		return err
	}
	l.works(partJournal)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if err := u.round(); err != nil {
			return err
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-l.kicks[partJournal]:
		case <-look.C:
		}
	}
}

// round publishes what is on the disk, then asks for a receipt if it is time.
func (u *uploader) round() error {
	log, err := u.opt.Store.Log()
	if err != nil {
		return err
	}
	if log.Epoch != u.log.Epoch {
		return u.begin()
	}
	u.log = log
	for !u.ahead && u.next < u.end() {
		if wait, err := u.gathers(time.Now()); err != nil || wait {
			return err
		}
		if err := u.send(); err != nil {
			return err
		}
	}
	if u.due(time.Now()) {
		u.askReceipt()
	}
	return nil
}

// end is the number of the record that the log does not have yet.
func (u *uploader) end() uint64 { return u.log.First + uint64(u.log.Tree.N) }

// due tells whether it is time to ask for a receipt.
func (u *uploader) due(now time.Time) bool { return u.asked != u.log.Tree.N && !now.Before(u.askAt) }

// passengers are the kinds of records that gather: what passengers do. Each message is a flush of
// the station's disk, where other gates' spent codes wait, and a record on the bus is worth
// nothing until its receipt, which is asked for once a minute. What becomes of the gate itself
// goes at once, with what has gathered.
var passengers = map[journal.Kind]bool{
	journal.Decision: true, journal.Passage: true, journal.NoPassage: true, journal.TooLate: true,
	journal.Tailgating: true, journal.Opening: true, journal.Forced: true,
}

// gathers tells whether what is not sent yet waits. What days offline have left goes as fast as
// the stream takes it once the gate is in touch, and a message at a time until then: after a cut
// the codes of all gates come first.
func (u *uploader) gathers(now time.Time) (bool, error) {
	switch waiting := u.end() - u.next; {
	case !u.several || !now.Before(u.sendAt):
		return false, nil
	case waiting >= bus.MaxRecords:
		return !u.InTouch(), nil
	case u.due(now):
		return false, nil
	}
	u.looked = max(u.looked, u.next-1)
	records, err := u.opt.Store.Records(u.looked, int(u.end()-1-u.looked))
	for _, r := range records {
		if u.looked = r.Seq; !passengers[r.Kind] {
			u.sendAt = time.Time{}
			return false, err
		}
	}
	return true, err
}

// begin finds where to go on, by what the stream says it has.
func (u *uploader) begin() (err error) {
	if u.log, err = u.opt.Store.Log(); err != nil {
		return err
	}
	stream, err := u.c.js.Stream(u.c.ctx, bus.JournalStream(u.opt.Station))
	if err != nil {
		return fmt.Errorf("the stream of journals: %w", err)
	}
	u.several = bus.TakesSeveral(stream.CachedInfo().Config.Metadata)
	u.asked, u.askAt, u.sendAt, u.looked = 0, time.Time{}, time.Time{}, 0
	return u.find(stream)
}

// find looks at my subject's last message. Its record is mine: it has landed, whether or not
// its acknowledgement came. It is an earlier one than was acknowledged: the server lost data,
// and what the last receipt does not cover is sent again. There is none, or one of another
// epoch: a stream that is new, or was purged; it goes on behind the last receipt, too.
func (u *uploader) find(stream jetstream.Stream) error {
	last, err := stream.GetLastMsgForSubject(u.c.ctx, bus.JournalSubject(u.opt.Station, u.opt.Gate))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		last, err = &jetstream.RawStreamMsg{}, nil
	}
	if err != nil {
		return fmt.Errorf("the stream of journals: %w", err)
	}
	u.stream = last.Sequence
	receipt, _ := u.opt.Store.Receipt()
	place, errPlace := bus.ParsePlace(last.Subject, last.Header)
	landed := errPlace == nil && place.Epoch == u.log.Epoch && place.First == u.log.First && place.Last() < u.end()
	sent := u.sentOf(u.log.Epoch)
	// Only this gate publishes there: where the stream has more, its disk had more. The station's
	// answer decides what becomes of that.
	u.ahead = errPlace == nil && place.Epoch == u.log.Epoch && !landed
	switch {
	case u.ahead:
		u.next = u.end()
	case landed && place.Last() >= sent:
		u.next = max(place.Last(), receipt) + 1
	default:
		u.rewind(receipt+1, sent)
	}
	u.setSent(u.log.Epoch, u.next-1)
	return nil
}

// rewind goes back to a record, and says so where the stream had acknowledged later ones.
func (u *uploader) rewind(to, sent uint64) {
	u.next, u.sendAt = to, time.Time{}
	if sent >= to && sent > 0 {
		u.note(journal.SentAgain, "records %d to %d: the station's bus does not have them any more", to, sent)
		u.opt.Log.Warn("the station's bus lost records; they are sent again", "from", to, "to", sent)
		u.mu.Lock()
		u.state.rewound++
		u.mu.Unlock()
	}
}

// sentOf is the newest record of an epoch that the stream has acknowledged; 0: none is known.
func (l *Link) sentOf(epoch string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.epoch != epoch {
		return 0
	}
	return l.state.sent
}

func (l *Link) setSent(epoch string, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.epoch, l.state.sent = epoch, seq
}

// wrongLast is the stream's answer where my subject's last message is another than expected.
const wrongLast = jetstream.JSErrCodeStreamWrongLastSequence

// send publishes some records as one message. Where the stream's last message of mine is another
// than was thought, it looks again.
func (u *uploader) send() error {
	n := 1
	if u.several {
		n = bus.MaxRecords
	}
	leaves, err := u.opt.Store.Leaves(u.next-1, n)
	if errors.Is(err, store.ErrEpochEnded) {
		return u.begin()
	}
	if err != nil || len(leaves) == 0 {
		return err
	}
	if leaves[0].Seq != u.next {
		return u.giveUp()
	}
	m, last, err := u.message(leaves)
	if err != nil {
		return err
	}
	ack, err := u.commit(m)
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode == wrongLast:
		return u.begin()
	case err != nil:
		return fmt.Errorf("publishing records: %w", err)
	}
	u.stream, u.next, u.looked = ack.Sequence, last+1, last
	u.sendAt = time.Now().Add(jitter(u.gatherFor)) // after a cut all gates begin at once
	u.setSent(u.log.Epoch, last)
	return nil
}

// giveUp goes on under another epoch: the record that is the next was removed, and the station
// takes none behind a gap.
func (u *uploader) giveUp() error {
	if err := u.opt.Store.GiveUp(u.log.Epoch, u.next-1); err != nil {
		return err
	}
	return u.begin()
}

// message is as many leaves as go together, behind the last message that the stream has of mine,
// and the last one's number. Of those whose bodies made room the hashes go.
func (u *uploader) message(leaves []store.Leaf) (m *nats.Msg, last uint64, err error) {
	var list []bus.Leaf
	for i, leaf := range leaves {
		if leaf.Seq != u.next+uint64(i) || leaf.Seq >= u.end() {
			break
		}
		list = append(list, bus.Leaf{Hash: leaf.Hash, Body: leaf.Body, Bare: leaf.Body == nil})
	}
	list = list[:bus.Fit(list)]
	place := bus.Place{Gate: u.opt.Gate, Epoch: u.log.Epoch, Seq: u.next, First: u.log.First, More: len(list) - 1}
	m = &nats.Msg{Subject: bus.JournalSubject(u.opt.Station, u.opt.Gate), Header: place.Header()}
	m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(u.stream, 10)}
	m.Data, err = bus.EncodeLeaves(m.Header, list)
	return m, place.Last(), err
}

// commit publishes a message and waits for the stream's word. It is not repeated here: whether
// it has landed is what the stream is asked next.
func (u *uploader) commit(m *nats.Msg) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(u.c.ctx, commitWait)
	defer cancel()
	reply, err := u.c.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return nil, err
	}
	var ack struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.PubAck
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return nil, fmt.Errorf("the stream's answer: %w", err)
	}
	if ack.Error != nil {
		return nil, ack.Error
	}
	if ack.Sequence == 0 {
		return nil, errors.New("the stream's answer has no sequence")
	}
	return &ack.PubAck, nil
}
