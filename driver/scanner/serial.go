package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

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
	typist
	cfg SerialConfig
	// openPort is serial.Open but in tests.
	openPort func(name string, mode *serial.Mode) (serial.Port, error)
}

var _ driver.Scanner = (*Serial)(nil)

// NewSerial prepares a scanner; Run opens its port.
func NewSerial(cfg SerialConfig, log *slog.Logger) *Serial {
	return &Serial{typist: typist{name: cfg.Name, suffix: cfg.Suffix, log: log.With("scanner", cfg.Name)}, cfg: cfg, openPort: serial.Open}
}

const (
	MinBaud   = 1200
	MaxBaud   = 4_000_000
	MaxSuffix = 8 // bytes
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
	lock, err := LockPort(s.cfg.Port)
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

// ErrTaken is a port that another scanner, or another daemon, reads already.
var ErrTaken = errors.New("another program reads it already")

// LockPort takes a port for this reader alone. The library's own exclusion (TIOCEXCL)
// does not bind root, and two who read one line get half a code each.
func LockPort(path string) (fd int, err error) {
	fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrTaken
	}
	return fd, err
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
