package link

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
)

const (
	timeEvery    = 10 * time.Minute
	timeRetry    = time.Second // doubled for each failure, up to timeRetryMax
	timeRetryMax = 16 * time.Second
	longestTrip  = 2 * time.Second // an answer that took longer says too little
	nonceSize    = 16
)

// keepTime asks the station for the time: at once, then now and then, and when the clock
// stepped.
func (l *Link) keepTime(c *session) error {
	retry := timeRetry
	for {
		wait := timeEvery
		err := l.askTime(c)
		if c.ctx.Err() != nil {
			return nil
		}
		l.say(partTime, err)
		if err != nil {
			wait, retry = retry, min(2*retry, timeRetryMax)
		} else {
			retry = timeRetry
		}
		timer := time.NewTimer(jitter(wait))
		select {
		case <-c.ctx.Done():
		case <-l.kicks[partTime]:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// askTime asks once. The question is the log's head, which holds a record of random bytes that
// nobody could know before: the answer is the station's cosignature of that head.
func (l *Link) askTime(c *session) error {
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	now, trusted := l.opt.Clock.Now()
	record := journal.Record{Time: now, Unsure: !trusted, Kind: journal.TimeAsked, Detail: hex.EncodeToString(nonce[:])}
	if _, err := l.opt.Store.Commit(record); err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	l.kick(partJournal)
	log, err := l.opt.Store.Log()
	if err != nil {
		return err
	}
	origin, head, err := l.head(log)
	if err != nil {
		return err
	}
	began := time.Now()
	answer, err := c.ask(bus.TimeSubject(l.opt.Station, l.opt.Gate), head, longestTrip)
	trip := time.Since(began)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	at, err := l.openTime(c, origin, log, answer)
	if err == nil && trip > longestTrip {
		err = fmt.Errorf("the answer took %v", trip)
	}
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	return l.confirm(at, trip)
}

// openTime reads the station's answer: the head that was asked about, cosigned.
func (l *Link) openTime(c *session, origin string, log store.Log, answer []byte) (time.Time, error) {
	own, err := l.verifier(origin)
	if err != nil {
		return time.Time{}, err
	}
	key, err := c.station.Time()
	if err != nil {
		return time.Time{}, err
	}
	tree, n, err := journal.OpenHead(answer, origin, own, key)
	if err != nil {
		return time.Time{}, err
	}
	if tree != log.Tree {
		return time.Time{}, errors.New("the answer is to another question")
	}
	return cosigned(n, key)
}

// cosigned is the time of a key's cosignature.
func cosigned(n *note.Note, key note.Verifier) (time.Time, error) {
	for _, sig := range n.Sigs {
		if sig.Name == key.Name() && sig.Hash == key.KeyHash() {
			seconds, err := torchwood.CosignatureTimestamp(sig)
			return time.Unix(seconds, 0), err
		}
	}
	return time.Time{}, errors.New("the station has not signed the answer")
}

// confirm tells the clock. Cosignatures have whole seconds, so it is less than a second and the
// way there and back later than the station's time.
func (l *Link) confirm(at time.Time, trip time.Duration) error {
	if err := l.opt.Clock.Confirm(l.opt.Station, at, trip+time.Second); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.time, l.state.timeAt, l.state.trip = at, time.Now(), trip
	return nil
}
