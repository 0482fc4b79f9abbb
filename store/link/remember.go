package link

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"railgate/store/journal"
)

// This file is about when others' words are written, and when they are forgotten.

// run writes and forgets, now and then, and not in the same instant as other gates that had
// power again together with this one: some of them share a machine, or its disk.
func (o *others) run(ctx context.Context) {
	timer := time.NewTimer(rand.N(flushEvery))
	defer timer.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			o.flush()
			o.keepCursor(o.cursor())
			o.close()
			return
		case <-timer.C:
			timer.Reset(flushEvery)
			o.flush()
			o.forget(turn%sweepTurns == 0)
		}
	}
}

// over tells whether a slip has ended for all gates that used it.
func over(uses []slipUse, now int64) bool {
	return !slices.ContainsFunc(uses, func(use slipUse) bool { return use.Until >= now })
}

// sweepTurns is how seldom the file is swept: once in ten minutes.
const sweepTurns = int(10 * time.Minute / flushEvery)

// forget drops what is over, by proven time: a clock that is wrong for a while must not make a
// spent code new.
func (o *others) forget(sweep bool) {
	now := o.opt.Clock.Proven().Unix()
	o.mu.Lock()
	maps.DeleteFunc(o.latest, func(_ rotating, s spentUntil) bool { return s.until < now })
	maps.DeleteFunc(o.slots, func(_ credential, s spentUntil) bool { return s.until < now })
	full := o.full
	o.full = false
	o.mu.Unlock()
	if full {
		o.opt.Log.Warn("other gates have said more than is remembered here; some codes that they granted would open here")
	}
	since := now - int64(o.opt.PassbackFor/time.Second)
	switch {
	case sweep && o.file != nil:
		o.sayIf(o.file.sweep(now, since))
	case sweep:
		o.mu.Lock()
		defer o.mu.Unlock()
		maps.DeleteFunc(o.fresh.passages, func(_ journal.ID, p passage) bool { return p.Time < since })
		maps.DeleteFunc(o.fresh.slips, func(_ bearer, uses []slipUse) bool { return over(uses, now) })
	}
}

// flush writes what the file does not have, in one commit. Only run and whoever follows the
// stream call it, and the file is one's at a time.
func (o *others) flush() {
	if o.file == nil {
		return
	}
	o.flushing.Lock()
	defer o.flushing.Unlock()
	o.mu.Lock()
	at := o.at
	if !o.file.differs(o.fresh.len(), at) {
		o.mu.Unlock()
		return
	}
	o.flying, o.fresh = o.fresh, newUnsaved()
	flying := o.flying
	o.mu.Unlock()
	err := o.file.write(flying, at)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.sayIf(err)
		o.fresh.under(flying)
	}
	o.flying = unsaved{}
}

// under takes what is not there yet.
func (u unsaved) under(old unsaved) {
	for holder, p := range old.passages {
		if now, had := u.passages[holder]; !had || now.Time < p.Time {
			u.passages[holder] = p
		}
	}
	for b, uses := range old.slips {
		if _, newer := u.slips[b]; !newer {
			u.slips[b] = uses
		}
	}
	for ticket, counts := range old.rides {
		if _, newer := u.rides[ticket]; !newer {
			u.rides[ticket] = counts
		}
	}
}

func (o *others) sayIf(err error) {
	if err != nil {
		o.opt.Log.Warn("what other gates said cannot be written; it is remembered in memory", "err", err)
	}
}

func (o *others) close() {
	if o.file != nil {
		o.sayIf(o.file.close())
	}
}

// cursor is how far this gate's own uses were published.
func (o *others) cursor() sentCursor {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent.Seq == 0 && o.file != nil {
		o.sent = o.file.cursor()
	}
	return o.sent
}

func (o *others) setCursor(c sentCursor) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = c
}

// keepCursor writes the cursor. Without it a start publishes again, which changes nothing.
func (o *others) keepCursor(c sentCursor) {
	if o.file == nil || c == o.file.cursor() {
		return
	}
	o.flushing.Lock()
	defer o.flushing.Unlock()
	o.sayIf(o.file.putCursor(c))
}
