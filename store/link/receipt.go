package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
)

// head is a log's head, signed.
func (l *Link) head(log store.Log) (origin string, head []byte, err error) {
	origin, err = journal.Origin(l.opt.Station, l.opt.Gate, log.Epoch)
	if err != nil {
		return "", nil, err
	}
	signer, err := l.opt.Identity.Signer(origin)
	if err != nil {
		return "", nil, err
	}
	head, err = journal.SignHead(origin, log.Tree, signer)
	return origin, head, err
}

// ask sends a request to the station and gives its answer.
func (c *session) ask(subject string, body []byte, within time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(c.ctx, within)
	defer cancel()
	answer, err := c.nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}

const (
	receiptWait  = 2 * time.Second  // no record is sent meanwhile
	receiptRetry = 15 * time.Second // after a question that failed
)

// askReceipt asks for a receipt. One that does not come is no reason to send no records.
func (u *uploader) askReceipt() {
	u.askAt = time.Now().Add(u.receiptSoon)
	err := u.receipt()
	if u.c.ctx.Err() != nil {
		return
	}
	u.say(partReceipt, err)
	if err != nil {
		u.askAt = time.Now().Add(min(u.receiptEvery, receiptRetry))
	}
}

// receipt asks the station for a receipt of the log as it was sent.
func (u *uploader) receipt() error {
	origin, head, err := u.head(u.log)
	if err != nil {
		return err
	}
	data, err := u.c.ask(bus.ReceiptSubject(u.opt.Station, u.opt.Gate), head, receiptWait)
	if err != nil {
		return fmt.Errorf("asking for a receipt: %w", err)
	}
	answer, err := bus.ParseAnswer(data)
	if err != nil {
		return fmt.Errorf("asking for a receipt: %w", err)
	}
	if answer.Status == bus.Later { // it says nothing of the journal
		return fmt.Errorf("asking for a receipt: %s", answer.Why)
	}
	if answer.Status != bus.Refused {
		u.refuse("")
	}
	switch answer.Status {
	case bus.Received:
		return u.received(origin, answer.Note)
	case bus.Behind:
		if u.foreign(origin, answer.Note) {
			return u.rolledBack(origin, answer.Note)
		}
		return u.behind(answer.Have)
	case bus.RolledBack:
		return u.rolledBack(origin, answer.Note)
	}
	u.refuse(answer.Why)
	u.askAt = time.Now().Add(min(u.receiptEvery, receiptRetry))
	return nil
}

// verifiers are the gate's own of a log, and the station's of its receipts.
func (u *uploader) verifiers(origin string) (own, receipts note.Verifier, err error) {
	own, errOwn := u.verifier(origin)
	receipts, errReceipts := u.c.station.Receipts()
	return own, receipts, errors.Join(errOwn, errReceipts)
}

// received keeps a receipt.
func (u *uploader) received(origin string, msg []byte) error {
	r, err := u.open(origin, msg)
	if err != nil {
		return err
	}
	err = u.opt.Store.PutReceipt(r)
	if errors.Is(err, store.ErrForked) {
		return u.opt.Store.RolledBack(r, "the station has more of this log than is here")
	}
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.state.receipt = r.Time()
	u.mu.Unlock()
	u.asked, u.stuck, u.ahead = r.Tree().N, 0, false
	u.askAt = time.Now().Add(jitter(u.receiptEvery)) // after a cut all gates have theirs at once
	return nil
}

func (u *uploader) open(origin string, msg []byte) (journal.Receipt, error) {
	own, receipts, err := u.verifiers(origin)
	if err != nil {
		return journal.Receipt{}, err
	}
	r, err := journal.OpenReceipt(msg, origin, own, receipts)
	if err != nil {
		return journal.Receipt{}, fmt.Errorf("the station's answer is not its own: %w", err)
	}
	return r, nil
}

// errAhead is why nothing is sent.
var errAhead = errors.New("the bus has records of this log that are not here: the card may be an old copy")

// patience is how often the station may say that it has no more than before, until what it
// misses is sent again: it may be reading yet.
const patience = 2

// foreign tells whether the station's newest receipt is of records that are not here: then this
// store is an old one. A receipt that cannot be opened proves nothing.
func (u *uploader) foreign(origin string, msg []byte) bool {
	r, err := u.open(origin, msg)
	return err == nil && errors.Is(u.opt.Store.PutReceipt(r), store.ErrForked)
}

// behind waits for a station that has not read all yet, and sends again what it misses.
func (u *uploader) behind(have int64) error {
	if have > u.have {
		u.have, u.stuck = have, 0
	}
	if u.stuck++; u.stuck < patience || have >= u.log.Tree.N {
		return nil
	}
	if u.ahead {
		return errAhead
	}
	u.stuck, u.have = 0, have
	u.rewind(u.log.First+uint64(have), u.sentOf(u.log.Epoch))
	return nil
}

// rolledBack believes the station that this store is an old one, where it proves that.
func (u *uploader) rolledBack(origin string, msg []byte) error {
	proof, err := u.open(origin, msg)
	if err != nil {
		return fmt.Errorf("the station says that this store was rolled back, and does not prove it: %w", err)
	}
	if err := u.opt.Store.RolledBack(proof, "the station says so"); err != nil {
		return fmt.Errorf("the station says that this store was rolled back: %w", err)
	}
	return nil
}

// refuse notes why the station refuses the journal; "": it does not.
func (l *Link) refuse(why string) {
	l.mu.Lock()
	news := l.state.refused != why
	l.state.refused = why
	l.mu.Unlock()
	switch {
	case !news:
	case why != "":
		l.note(journal.Refused, "%s", why)
		l.opt.Log.Warn("the station refuses the journal", "why", why)
	default:
		l.opt.Log.Info("the station takes the journal again")
	}
}
