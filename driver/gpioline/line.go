package gpioline

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// consumer is the name under which lines are held, for gpioinfo and for whoever finds one busy.
const consumer = "railgated"

// A Line is one line of one chip. It is a [gpio.PinIO] whose levels and pulls are logical: of a line
// that is active low, High is the active level and PullUp pulls towards it. The kernel turns both
// round, and nobody else does.
//
// A line that is awaited has its name alone until it is found; its name is to be asked before its first use.
//
// A line is requested by the first In or Out, and held from then on. An output is requested together
// with its first level, so that it is never anything else. A line that fails is released, and the next
// In or Out requests it again: a board that was unplugged works again.
//
// In, Out, Close and reading may be called concurrently; WaitForEdge and Edge belong to one goroutine.
type Line struct {
	Chip   string // the chip's label
	Offset int    // on that chip
	Given  string // the kernel's name for it; often empty

	// Set before the first use.
	ActiveLow bool
	Debounce  time.Duration // how long an input's level must stand to be believed; 0: not at all

	kernel  kernel
	path    string // the chip's node, when it was found
	where   string // the chip's label, or its name where another has that label
	awaited string // what Await was given, until the line is found; owned by whoever holds mu once the line is used

	// owned by who calls WaitForEdge
	last    edge
	early   edge     // read, and not told yet,
	earlyOf *os.File // of this handle; nil: there is none

	mu      sync.Mutex // guards the fields below
	file    *os.File   // the kernel's handle; nil: not requested
	output  bool
	pull    gpio.Pull
	bounces bool          // the kernel does not debounce this line: WaitForEdge does
	polled  bool          // the chip has no interrupts, or none that may be asked for: WaitForEdge looks at the level,
	every   time.Duration // so often
	edges   gpio.Edge     // those that In asked for, and
	stable  gpio.Level    // the last stable level, of such lines
	halted  bool
}

var _ gpio.PinIO = (*Line)(nil)

func (l *Line) String() string {
	if l.awaited != "" {
		return l.awaited
	}
	if l.Given != "" {
		return fmt.Sprintf("%s (%s:%d)", l.Given, l.Chip, l.Offset)
	}
	return fmt.Sprintf("%s:%d", l.Chip, l.Offset)
}

// Name is the line's name, or chip:offset where it has none.
func (l *Line) Name() string {
	if l.awaited != "" {
		return l.awaited
	}
	if l.Given != "" {
		return l.Given
	}
	return fmt.Sprintf("%s:%d", l.Chip, l.Offset)
}

// Spec names the line to [Find].
func (l *Line) Spec() string {
	if l.awaited != "" {
		return l.awaited
	}
	return fmt.Sprintf("%s:%d", l.where, l.Offset)
}

// Path is the node of the line's chip, as it was when the line was found.
func (l *Line) Path() string { return l.path }

// Number is the line's offset on its chip.
func (l *Line) Number() int { return l.Offset }

// Function says what the line was requested as.
func (l *Line) Function() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.file == nil:
		return ""
	case l.output:
		return "Out"
	}
	return "In"
}

// Pull is the bias that was asked for.
func (l *Line) Pull() gpio.Pull {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pull
}

// DefaultPull is not known: the kernel does not tell.
func (l *Line) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// PWM is another device's.
func (l *Line) PWM(gpio.Duty, physic.Frequency) error { return l.wrong(errors.ErrUnsupported) }

// Out makes the line an output at a level, or sets the level of one that it is.
func (l *Line) Out(level gpio.Level) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := lineValues{mask: 1}
	if level {
		v.bits = 1
	}
	if l.file == nil || !l.output {
		if err := l.request(flagOutput, lineAttribute{id: attributeOutputs, value: v.bits}); err != nil {
			return err
		}
		l.output, l.pull = true, gpio.PullNoChange
		return nil
	}
	if err := l.do(setValues, &v); err != nil {
		l.release()
		return l.wrong(err)
	}
	return nil
}

// In makes the line an input. Where the chip has no bias the kernel asks for none: then the board's
// own resistor must do it.
func (l *Line) In(pull gpio.Pull, edges gpio.Edge) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var attributes []lineAttribute
	if l.Debounce > 0 {
		attributes = append(attributes, lineAttribute{id: attributeDebounce, value: uint64(l.Debounce.Microseconds())})
	}
	if err := l.requestInput(flagInput|l.bias(pull), edges, attributes); err != nil {
		return err
	}
	l.output, l.pull = false, pull
	return nil
}

func (l *Line) bias(pull gpio.Pull) uint64 {
	switch {
	case pull == gpio.Float:
		return flagBiasDisabled
	case pull != gpio.PullUp && pull != gpio.PullDown:
		return 0
	case (pull == gpio.PullUp) != l.ActiveLow:
		return flagPullUp
	}
	return flagPullDown
}

func edgeFlags(edges gpio.Edge) (flags uint64) {
	if edges == gpio.RisingEdge || edges == gpio.BothEdges {
		flags |= flagRising
	}
	if edges == gpio.FallingEdge || edges == gpio.BothEdges {
		flags |= flagFalling
	}
	return flags
}

// Level is the level of an input, or of an output as it is driven.
func (l *Line) Level() (gpio.Level, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.level()
}

func (l *Line) level() (gpio.Level, error) {
	if l.file == nil {
		return gpio.Low, l.wrong(errors.New("read before In or Out"))
	}
	v := lineValues{mask: 1}
	if err := l.do(getValues, &v); err != nil {
		return gpio.Low, l.wrong(err)
	}
	return v.bits&1 == 1, nil
}

// Read is Level for callers that take no error; after one it is Low.
func (l *Line) Read() gpio.Level {
	level, _ := l.Level()
	return level
}

// WaitForEdge waits for the next edge of those that In asked for, at most for a timeout; without end if
// that is negative. It is false after the timeout, after Halt, and when the line is gone: what came
// first is not told, so look at the Level. A line that bounces may take half a second more.
func (l *Line) WaitForEdge(timeout time.Duration) bool {
	l.mu.Lock()
	file, bounces, polled := l.file, l.bounces, l.polled
	l.halted = false
	l.mu.Unlock()
	if file == nil {
		return false
	}
	deadline := time.Time{}
	if timeout >= 0 {
		deadline = time.Now().Add(timeout)
	}
	var e edge
	var ok bool
	switch {
	case polled:
		e, ok = l.poll(deadline)
	case bounces:
		e, ok = l.settled(file, deadline)
	default:
		e, ok = l.read(file, deadline)
	}
	if ok {
		l.last = e
	}
	return ok
}

// Edge is what the last WaitForEdge that was true saw, and when.
func (l *Line) Edge() (gpio.Level, time.Time) { return l.last.level, l.last.at }

// Halt ends a WaitForEdge that waits.
func (l *Line) Halt() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	l.halted = true
	return l.file.SetReadDeadline(time.Unix(1, 0))
}

// Close releases the line. What becomes of an output's level depends on the chip: set it before.
func (l *Line) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
	return nil
}

func (l *Line) release() {
	if l.file != nil {
		l.file.Close() // nothing is buffered
		l.file = nil
	}
}

// do makes an ioctl on the line's handle.
func (l *Line) do(req uintptr, v *lineValues) error {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(l.kernel, int(fd), req, v) })
	return errors.Join(err, failed)
}

func (l *Line) wrong(err error) error { return fmt.Errorf("GPIO line %v: %w", l, err) }
