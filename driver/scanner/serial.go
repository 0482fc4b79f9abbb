package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"railgate/driver"
)

// SerialConfig is a scanner on a serial line, 8N1.
type SerialConfig struct {
	Name   string
	Port   string // a device or, better, a link to one by id
	Baud   int
	Suffix string // what ends a code; empty: silence does
}

// A Serial is a scanner on a serial line.
type Serial struct {
	driver.Monitor
	cfg SerialConfig
	log *slog.Logger
	// openPort is serial.Open but in tests.
	openPort func(name string, mode *serial.Mode) (serial.Port, error)
}

var _ driver.Scanner = (*Serial)(nil)

// NewSerial prepares a scanner; Run opens its port.
func NewSerial(cfg SerialConfig, log *slog.Logger) *Serial {
	return &Serial{cfg: cfg, log: log.With("scanner", cfg.Name), openPort: serial.Open}
}

func (s *Serial) String() string { return s.cfg.Name }

const (
	MinBaud   = 1200
	MaxBaud   = 4_000_000
	MaxSuffix = 8 // bytes
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

// Run reads the port, and opens it again for as long as it is unplugged.
func (s *Serial) Run(ctx context.Context, deliver func(driver.Reading)) error {
	return keepTrying(ctx, &s.Monitor, s.log, "scanner", func() error { return s.session(ctx, deliver) })
}

// errUnplugged is what the serial library calls a closed port, which it was not.
var errUnplugged = errors.New("unplugged")

// session opens the port and reads it until it fails or ctx ends.
func (s *Serial) session(ctx context.Context, deliver func(driver.Reading)) (err error) {
	// The library panics where the process has more than 1024 files open.
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("reading the scanner failed", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("serial library: %v", p)
		}
	}()
	lock, err := lockPort(s.cfg.Port)
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.cfg.Port, err)
	}
	defer unix.Close(lock)
	port, err := s.openPort(s.cfg.Port, &serial.Mode{BaudRate: s.cfg.Baud})
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.cfg.Port, err)
	}
	defer port.Close()
	if err := s.flush(ctx, port); err != nil {
		return err
	}
	if s.Up() {
		s.log.Info("scanner is ready", "port", s.cfg.Port, "baud", s.cfg.Baud)
	}
	return s.read(ctx, port, deliver)
}

// errTaken is a port that another scanner, or another daemon, reads already.
var errTaken = errors.New("another program reads it already")

// lockPort takes a port for this reader alone. The library's own exclusion (TIOCEXCL)
// does not bind root, and two who read one line get half a code each.
func lockPort(path string) (fd int, err error) {
	fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errTaken
	}
	return fd, err
}

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

// portError puts the library's errors into words: an unplugged device reads as a
// port that was closed, though only Run closes it.
func portError(err error) error {
	var pe *serial.PortError
	if errors.As(err, &pe) && pe.Code() == serial.PortClosed {
		return errUnplugged
	}
	return err
}
