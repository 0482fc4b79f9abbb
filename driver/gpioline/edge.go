package gpioline

import (
	"encoding/binary"
	"os"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// An edge is a change of an input, as the kernel saw it.
type edge struct {
	level gpio.Level
	at    time.Time
}

// parseEvent makes an edge of what the kernel said at an instant, given in its clock and in ours.
func parseEvent(b []byte, mono time.Duration, now time.Time) (e edge, ok bool) {
	var said lineEvent
	if n, err := binary.Decode(b, binary.NativeEndian, &said); err != nil || n != len(b) || said.ID != eventRising && said.ID != eventFalling {
		return e, false
	}
	e = edge{level: said.ID == eventRising, at: now}
	// What is not of the last hour was not stamped by the clock that was asked for.
	if age := mono - time.Duration(said.Nanoseconds); said.Nanoseconds < 1<<63 && age > 0 && age < time.Hour {
		e.at = now.Add(-age)
	}
	return e, true
}

// read is the next edge before a deadline; none, if that is zero.
func (l *Line) read(file *os.File, deadline time.Time) (e edge, ok bool) {
	if file.SetReadDeadline(deadline) != nil {
		return e, false
	}
	var buf [eventSize]byte
	n, err := file.Read(buf[:]) // whole events only (the kernel's Documentation, chardev)
	if err != nil {
		return e, false
	}
	return parseEvent(buf[:n], l.kernel.now(), time.Now())
}

// settled is the next edge of a line that bounces.
func (l *Line) settled(file *os.File, deadline time.Time) (e edge, ok bool) {
	for e, ok = l.read(file, deadline); ok; e, ok = l.read(file, deadline) {
		if e = l.settle(file, e); l.stands(e) {
			break
		}
	}
	return e, ok
}

// settle waits until a level has stood for as long as it must. The edge keeps the time of its first bounce.
func (l *Line) settle(file *os.File, e edge) edge {
	for {
		next, ok := l.read(file, time.Now().Add(l.Debounce))
		if !ok {
			return e
		}
		e.level = next.level
	}
}

// stands notes the level that stands, and tells whether it is another one than before, and asked for.
func (l *Line) stands(e edge) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, asked := l.stood != e.level, gpio.FallingEdge
	if e.level {
		asked = gpio.RisingEdge
	}
	l.stood = e.level
	return changed && (l.edges == asked || l.edges == gpio.BothEdges)
}

// pollEvery is how often a line is looked at that is not debounced.
const pollEvery = 5 * time.Millisecond

// poll looks for an edge: a level that two looks find, one after the other.
func (l *Line) poll(deadline time.Time) (e edge, ok bool) {
	every := l.Debounce
	if every == 0 {
		every = pollEvery
	}
	for before, first := gpio.Low, true; deadline.IsZero() || time.Now().Before(deadline); first = false {
		level, halted, err := l.look()
		if err != nil || halted {
			return e, false
		}
		e = edge{level, time.Now()}
		if level == before && !first && l.stands(e) {
			return e, true
		}
		before = level
		time.Sleep(every)
	}
	return e, false
}

func (l *Line) look() (level gpio.Level, halted bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	level, err = l.level()
	return level, l.halted, err
}
