package scanner

import (
	"context"
	"log/slog"
	"time"

	"railgate/driver"
)

// A source is where a scanner's characters come from: a serial port, keys, a report's bytes.
type source interface {
	SetReadTimeout(time.Duration) error
	Read([]byte) (int, error) // 0 bytes: nothing came in time
	ResetInputBuffer() error
}

// A parted source knows where a text ends: no suffix and no silence has to tell it.
type parted interface {
	source
	ended() bool // what was read last is a text's end
}

// A typist is a scanner that gives its texts as characters.
type typist struct {
	driver.Monitor
	name   string
	suffix string // what ends a code; empty: silence does
	log    *slog.Logger
	// remark says what is wrong with how a text came, "" for nothing, and whether it can tell at
	// all. nil: it never can.
	remark func(text string) (wrong string, known bool)
}

func (t *typist) String() string { return t.name }

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
func (t *typist) flush(ctx context.Context, src source) error {
	if err := src.ResetInputBuffer(); err != nil {
		return portError(err)
	}
	if err := src.SetReadTimeout(settle); err != nil {
		return portError(err)
	}
	buf := make([]byte, bufSize)
	for end := time.Now().Add(noisy); time.Now().Before(end) && ctx.Err() == nil; {
		t.Beat()
		n, err := src.Read(buf)
		if err != nil {
			return portError(err)
		}
		if n == 0 {
			return nil
		}
	}
	return nil
}

// A reader reads an open source.
type reader struct {
	*typist
	src     source
	deliver func(driver.Reading)
	frames  *framer
	buf     []byte
	last    time.Time // the end of the last turn: what is read after it came after it
	arrived time.Time // when what is being read came, at the latest so long ago
	ends    string    // what the scanner puts behind its codes, as it was said
	advice  string    // about it
	advised bool      // in the log
	wrong   string    // what is wrong with how texts come
	parted  parted    // src, if it knows where a text ends; else nil
}

func (t *typist) read(ctx context.Context, src source, deliver func(driver.Reading)) error {
	r := &reader{typist: t, src: src, deliver: deliver, frames: newFramer(t.suffix), buf: make([]byte, bufSize), last: time.Now()}
	r.parted, _ = src.(parted)
	for ctx.Err() == nil {
		t.Beat()
		if err := r.turn(ctx); err != nil {
			return portError(err)
		}
	}
	return nil
}

// turn waits for bytes, and takes those that there are.
func (r *reader) turn(ctx context.Context) error {
	patience := r.patience()
	if err := r.src.SetReadTimeout(patience); err != nil {
		return err
	}
	n, err := r.src.Read(r.buf)
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
	if r.parted != nil && r.parted.ended() {
		r.frames.idle(r.emit)
	}
	if n > len(r.buf)/2 {
		breathe(ctx)
	}
	return nil
}

// catchUp drops what came while nobody read.
func (r *reader) catchUp(ctx context.Context, took time.Duration, n int) error {
	n += r.frames.drop()
	if err := r.flush(ctx, r.src); err != nil {
		return err
	}
	if n > 0 {
		r.log.Warn("the scanner was not read for a while; what it sent meanwhile is dropped", "while", took.Round(time.Millisecond))
	}
	r.last = time.Now()
	return nil
}

func (r *reader) emit(text string) {
	r.judge(text)
	if r.parted == nil {
		if ends := r.frames.ends(); ends != r.ends || r.Health().Suffix == "" {
			r.ends = ends
			r.saySuffix()
		}
	}
	r.deliver(driver.Reading{Scanner: r.name, Text: text, At: r.arrived})
}

// judge says what is wrong with how a text came. What it says holds until a text shows that it
// is no longer so.
func (r *reader) judge(text string) {
	if r.remark == nil {
		return
	}
	wrong, known := r.remark(text)
	if !known || wrong == r.wrong {
		return
	}
	r.wrong = wrong
	r.sayNote()
	if wrong != "" {
		r.log.Warn("the scanner's codes come wrong", "note", wrong)
	}
}

// saySuffix says what the scanner puts behind its codes, and what to do about it.
func (r *reader) saySuffix() {
	r.Update(func(h *driver.Health) { h.Suffix = NameSuffix(r.ends) })
	r.advice = suffixNote(r.suffix, r.ends)
	r.sayNote()
	if r.advice != "" && !r.advised {
		r.log.Warn("the suffix of the scanner's codes is not the configured one", "note", r.advice)
		r.advised = true
	}
}

// sayNote says what a technician should know: what makes codes unreadable before what makes them slow.
func (r *reader) sayNote() {
	r.Update(func(h *driver.Health) {
		if h.Note = r.wrong; h.Note == "" {
			h.Note = r.advice
		}
	})
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
	case len(r.frames.suffix) > 0 || r.parted != nil:
		return lostSuffix
	}
	return gap
}
