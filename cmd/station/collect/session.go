package collect

import (
	"context"
	"time"

	"railgate/store/bus"
)

// A session is one reading of the journals' stream. It is owned by the goroutine of collect.
type session struct {
	c      *Collector
	r      *reader
	parked []*ask    // questions that wait for what was published before them
	idle   int       // how often the stream had more and none came
	said   time.Time // when progress was said last
}

// session reads and answers until something fails.
func (c *Collector) session(ctx context.Context) error {
	was, err := c.o.Ledger.Position(ctx, bus.JournalStream(c.o.Station))
	if err != nil {
		return err
	}
	r, err := openReader(ctx, c.js, was)
	if err != nil {
		return err
	}
	defer r.stop()
	s := &session{c: c, r: r}
	defer s.putOff()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err = <-r.failed:
		case m := <-r.messages:
			err = s.take(ctx, r.batch(m))
		case a := <-c.asks:
			s.parked = append(s.parked, &a)
		case <-look.C:
			err = s.look(ctx)
		}
		if err == nil {
			err = s.answer(ctx)
		}
		if err != nil {
			return err
		}
		c.trouble("journal", nil)
	}
}

// take has a batch in the ledger, all of it or nothing.
func (s *session) take(ctx context.Context, batch []message) error {
	last := batch[len(batch)-1]
	now := s.r.after(last)
	if err := s.c.take(ctx, s.r.position, now, batch); err != nil {
		return err
	}
	s.r.position, s.r.seq, s.idle = now, last.seq, 0
	s.c.state.change(func(n *State) { n.Position, n.Behind = now, last.pending })
	s.progress(last.pending)
	return nil
}

const (
	sayAbove = 5 * batchMost
	sayEvery = 5 * time.Second
)

// progress says how far a long reading is.
func (s *session) progress(pending uint64) {
	if pending >= sayAbove && time.Since(s.said) >= sayEvery {
		s.said = time.Now()
		s.c.o.Log.Info("reading the journals' stream", "messages_left", pending)
	}
}

// idleMost is how many looks a reading may bring nothing while the stream has more.
const idleMost = 5

// look finds a stream that was replaced, and a reading that does not go on.
func (s *session) look(ctx context.Context) error {
	last, err := s.r.last(ctx)
	if err != nil {
		return err
	}
	if s.idle++; last <= s.r.seq || len(s.r.messages) > 0 {
		s.idle = 0
	}
	if s.idle > idleMost {
		return errGone
	}
	return nil
}

// answer answers the questions that can be answered.
func (s *session) answer(ctx context.Context) error {
	for len(s.parked) > 0 {
		done, err := s.judge(ctx, s.parked[0])
		if err != nil || !done {
			return err // they are answered in the order in which they came
		}
		s.parked = s.parked[1:]
	}
	return nil
}

// judge answers one question. One for more than the ledger has waits for all that was in
// the stream when it came.
func (s *session) judge(ctx context.Context, a *ask) (done bool, err error) {
	v, err := s.c.judge(ctx, a, a.asked && s.r.seq >= a.upTo)
	if err != nil {
		return false, err
	}
	if v.wait && !a.asked {
		if a.upTo, err = s.r.last(ctx); err != nil {
			return false, err
		}
		a.asked = true
		return s.judge(ctx, a)
	}
	if v.wait {
		return false, nil
	}
	a.reply(v.answer)
	return true, nil
}

func (s *session) putOff() {
	for _, a := range s.parked {
		a.later(notNow)
	}
}
