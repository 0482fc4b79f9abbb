package scanner

import (
	"context"
	"time"

	"go.bug.st/serial"

	"railgate/driver"
)

const (
	// poll is how long a read waits for a first byte: the loop's slowest beat.
	poll = 250 * time.Millisecond
	// gap ends a frame when there is no suffix: 50 characters' time at 9600 baud.
	gap = 50 * time.Millisecond
	// lostSuffix ends a frame when the suffix that should end it does not come.
	lostSuffix = 150 * time.Millisecond
	// settle is the silence after which a port that was just opened is believed;
	// noisy bounds the wait for it.
	settle = 50 * time.Millisecond
	noisy  = 500 * time.Millisecond
	// late is how far apart two turns of the loop may be. Of what waited for longer nobody can
	// tell when it came: a process that was stopped must not let in who went away meanwhile.
	late = time.Second
	// bufSize bounds the work of a turn, and breath is the pause after one that had much: a
	// megabyte a second is a hundred times what scanners send.
	bufSize = 4096
	breath  = 2 * time.Millisecond
)

// flush throws away what was scanned before the port was opened, and the rest of
// a frame that had begun: a backlog must never become openings.
func (s *Serial) flush(ctx context.Context, port serial.Port) error {
	if err := port.ResetInputBuffer(); err != nil {
		return portError(err)
	}
	if err := port.SetReadTimeout(settle); err != nil {
		return portError(err)
	}
	buf := make([]byte, bufSize)
	for end := time.Now().Add(noisy); time.Now().Before(end) && ctx.Err() == nil; {
		s.Beat()
		n, err := port.Read(buf)
		if err != nil {
			return portError(err)
		}
		if n == 0 {
			return nil
		}
	}
	return nil
}

// A reader reads an open port.
type reader struct {
	*Serial
	port    serial.Port
	deliver func(driver.Reading)
	frames  *framer
	buf     []byte
	last    time.Time // the end of the last turn: what is read after it came after it
	arrived time.Time // when what is being read came, at the latest so long ago
	ends    string    // what the scanner puts behind its codes, as it was said
	advised bool      // that another suffix would be better
}

func (s *Serial) read(ctx context.Context, port serial.Port, deliver func(driver.Reading)) error {
	r := &reader{Serial: s, port: port, deliver: deliver, frames: newFramer(s.cfg.Suffix), buf: make([]byte, bufSize), last: time.Now()}
	for ctx.Err() == nil {
		s.Beat()
		if err := r.turn(ctx); err != nil {
			return portError(err)
		}
	}
	return nil
}

// turn waits for bytes, and takes those that there are.
func (r *reader) turn(ctx context.Context) error {
	patience := r.patience()
	if err := r.port.SetReadTimeout(patience); err != nil {
		return err
	}
	n, err := r.port.Read(r.buf)
	if err != nil {
		if lost := r.frames.drop(); lost > 0 {
			r.log.Warn("scanner left in the middle of a code", "bytes", lost)
		}
		return err
	}
	before, now := r.last, time.Now()
	r.last, r.arrived = now, now
	switch took := now.Sub(before); {
	case took > late:
		return r.catchUp(ctx, took, n)
	case took > patience+settle:
		r.arrived = before // it may have waited so long
	}
	if n == 0 {
		r.frames.idle(r.emit)
		return nil
	}
	r.frames.push(r.buf[:n], r.emit)
	if n > len(r.buf)/2 {
		breathe(ctx)
	}
	return nil
}

// catchUp drops what came while nobody read.
func (r *reader) catchUp(ctx context.Context, took time.Duration, n int) error {
	n += r.frames.drop()
	if err := r.flush(ctx, r.port); err != nil {
		return err
	}
	if n > 0 {
		r.log.Warn("the scanner was not read for a while; what it sent meanwhile is dropped", "while", took.Round(time.Millisecond))
	}
	r.last = time.Now()
	return nil
}

func (r *reader) emit(text string) {
	if ends := r.frames.ends(); ends != r.ends || r.Health().Suffix == "" {
		r.ends = ends
		r.saySuffix()
	}
	r.deliver(driver.Reading{Scanner: r.cfg.Name, Text: text, At: r.arrived})
}

// saySuffix says what the scanner puts behind its codes, and what to do about it.
func (r *reader) saySuffix() {
	note := suffixNote(r.cfg.Suffix, r.ends)
	r.Update(func(h *driver.Health) { h.Suffix, h.Note = nameSuffix(r.ends), note })
	if note != "" && !r.advised {
		r.log.Warn("the suffix of the scanner's codes is not the configured one", "note", note)
		r.advised = true
	}
}

// breathe leaves time to others where bytes come faster than any scanner's.
func breathe(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(breath):
	}
}

// patience is how long to wait for the next byte.
func (r *reader) patience() time.Duration {
	switch {
	case !r.frames.partial():
		return poll
	case len(r.frames.suffix) > 0:
		return lostSuffix
	}
	return gap
}
