package link

import (
	"context"
	"crypto/rand"
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
	uploadBatch  = 200 // records in one commit of the stream, at most
	batchFrom    = 32  // fewer go one by one: for each batch the server makes a store of its own
	answerSoon   = 500 * time.Millisecond
	answerLate   = 2 * time.Second
	commitWait   = 30 * time.Second // the server does all the same what nobody waits for any more
	receiptEvery = time.Minute      // while there is something new
	receiptSoon  = 2 * time.Second
)

// An uploader publishes the log's records during one session.
type uploader struct {
	*Link
	c      *session
	log    store.Log
	next   uint64 // the record that is sent next
	stream uint64 // the sequence of my subject's last message, as the stream has it
	atomic bool   // the stream takes batches
	batch  int    // how many records the next one may have
	asked  int64  // the leaves that the last receipt is of
	askAt  time.Time
	ahead  bool  // the stream has records of this log that are not here: nothing is sent
	have   int64 // what the station said that it has,
	stuck  int   // and how often it has said so
}

// upload publishes records as they come, and asks for receipts.
func (l *Link) upload(c *session) error {
	u := &uploader{Link: l, c: c, batch: 1}
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
	for !u.ahead && u.next < log.First+uint64(log.Tree.N) {
		if err := u.send(); err != nil {
			return err
		}
	}
	if u.asked != log.Tree.N && !time.Now().Before(u.askAt) {
		u.askReceipt()
	}
	return nil
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
	u.atomic = stream.CachedInfo().Config.AllowAtomicPublish
	u.asked, u.askAt = 0, time.Time{}
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
	landed := errPlace == nil && place.Epoch == u.log.Epoch && place.First == u.log.First && place.Seq < u.log.First+uint64(u.log.Tree.N)
	sent := u.sentOf(u.log.Epoch)
	// Only this gate publishes there: where the stream has more, its disk had more. The station's
	// answer decides what becomes of that.
	u.ahead = errPlace == nil && place.Epoch == u.log.Epoch && !landed
	switch {
	case u.ahead:
		u.next = u.log.First + uint64(u.log.Tree.N)
	case landed && place.Seq >= sent:
		u.next = max(place.Seq, receipt) + 1
	default:
		u.rewind(receipt+1, sent)
	}
	u.setSent(u.log.Epoch, u.next-1)
	return nil
}

// rewind goes back to a record, and says so where the stream had acknowledged later ones.
func (u *uploader) rewind(to, sent uint64) {
	u.next = to
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

// send publishes some records. Where the stream's last message of mine is another than was
// thought, it looks again.
func (u *uploader) send() error {
	n := 1
	if u.atomic {
		n = u.batch
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
	if len(leaves) < batchFrom {
		leaves = leaves[:1]
	}
	msgs, last := u.messages(leaves)
	var ack *jetstream.PubAck
	if len(msgs) > 0 {
		began := time.Now()
		ack, err = u.publishAll(msgs)
		u.batch = paced(u.batch, time.Since(began))
	}
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode == wrongLast:
		return u.begin()
	case err != nil:
		return fmt.Errorf("publishing records: %w", err)
	case ack != nil:
		u.stream = ack.Sequence
	}
	u.next = last + 1
	u.setSent(u.log.Epoch, last)
	return nil
}

// paced is how many records the next batch may have, where the answer to one came after so long.
// After a cut all gates of a station come with what they have, at once, and the stream takes one
// batch after the other: with the largest ones it would be busy with those that nobody waits for
// any more.
func paced(n int, took time.Duration) int {
	switch {
	case took > answerLate:
		n /= 2
	case took < answerSoon:
		n = max(batchFrom, 2*n)
	}
	if n < batchFrom {
		return 1
	}
	return min(n, uploadBatch)
}

// giveUp goes on under another epoch: the record that is the next was removed, and the station
// takes none behind a gap.
func (u *uploader) giveUp() error {
	if err := u.opt.Store.GiveUp(u.log.Epoch, u.next-1); err != nil {
		return err
	}
	return u.begin()
}

// messages are leaves as messages, and the last one's number. Of one whose body made room the
// hash goes.
func (u *uploader) messages(leaves []store.Leaf) (msgs []*nats.Msg, last uint64) {
	end := u.log.First + uint64(u.log.Tree.N)
	for _, leaf := range leaves {
		if leaf.Seq >= end {
			break
		}
		last = leaf.Seq
		place := bus.Place{Gate: u.opt.Gate, Epoch: u.log.Epoch, Seq: leaf.Seq, First: u.log.First}
		m := &nats.Msg{Subject: bus.JournalSubject(u.opt.Station, u.opt.Gate), Header: place.Header(), Data: leaf.Body}
		if leaf.Body == nil {
			bus.SetLeaf(m.Header, leaf.Hash)
		}
		msgs = append(msgs, m)
	}
	return msgs, last
}

// Headers of NATS (ADR-50: batches that the stream takes whole or not at all).
const (
	headerBatch       = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

// publishAll publishes messages in order, whole or not at all, behind the last one that the
// stream has of mine.
func (u *uploader) publishAll(msgs []*nats.Msg) (*jetstream.PubAck, error) {
	msgs[0].Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(u.stream, 10)}
	if len(msgs) > 1 {
		id := rand.Text()
		for i, m := range msgs {
			m.Header[headerBatch], m.Header[headerBatchSeq] = []string{id}, []string{strconv.Itoa(i + 1)}
		}
	}
	last := msgs[len(msgs)-1]
	if len(msgs) > 1 {
		last.Header[headerBatchCommit] = []string{"1"}
	}
	for _, m := range msgs[:len(msgs)-1] {
		if err := u.c.nc.PublishMsg(m); err != nil {
			return nil, err
		}
	}
	return u.commit(last)
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
