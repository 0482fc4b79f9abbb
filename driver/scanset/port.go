package scanset

import (
	"errors"
	"fmt"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"railgate/driver/scanner"
)

// A SerialPort is a port that nobody else reads.
type SerialPort struct {
	serial.Port
	lock int
}

// Open opens a serial port. It is an error that is [scanner.ErrTaken] if a gate, or another program of this kind, reads it.
func Open(path string) (*SerialPort, error) {
	lock, err := scanner.LockPort(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	p, err := serial.Open(path, &serial.Mode{BaudRate: Baud})
	if err != nil {
		unix.Close(lock)
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &SerialPort{p, lock}, nil
}

// SetBaud changes the rate.
func (p *SerialPort) SetBaud(rate int) error { return p.SetMode(&serial.Mode{BaudRate: rate}) }

// Close closes the port, and lets others have it.
func (p *SerialPort) Close() error { return errors.Join(p.Port.Close(), unix.Close(p.lock)) }
