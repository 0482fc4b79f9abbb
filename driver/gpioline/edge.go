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
	stamp time.Duration // at, by the kernel's clock: exact between two edges
}

// parseEvent makes an edge of what the kernel said at an instant, given in its clock and in ours.
func parseEvent(b []byte, mono time.Duration, now time.Time) (e edge, ok bool) {
	var said lineEvent
	if n, err := binary.Decode(b, binary.NativeEndian, &said); err != nil || n != len(b) || said.ID != eventRising && said.ID != eventFalling {
		return e, false
	}
	e = edge{level: said.ID == eventRising, at: now, stamp: time.Duration(said.Nanoseconds)}
	// What is not of the last hour was not stamped by the clock that was asked for.
	if age := mono - time.Duration(said.Nanoseconds); said.Nanoseconds < 1<<63 && age > 0 && age < time.Hour {
		e.at = now.Add(-age)
	}
	return e, true
}

// read is the next edge before a deadline, without limit if that is zero, or before Halt.
func (l *Line) read(file *os.File, deadline time.Time) (e edge, ok bool) {
	if !l.until(file, deadline) {
		return e, false
	}
	var buf [eventSize]byte
	n, err := file.Read(buf[:]) // whole events only (the kernel's Documentation, chardev)
	if err != nil {
		return e, false
	}
	return parseEvent(buf[:n], l.kernel.now(), time.Now())
}

// until sets a deadline, but not in place of Halt's.
func (l *Line) until(file *os.File, deadline time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.halted && file.SetReadDeadline(deadline) == nil
}

// settled is the next edge of a line that bounces.
func (l *Line) settled(file *os.File, deadline time.Time) (e edge, ok bool) {
	for {
		if e, ok = l.takeEarly(file); !ok {
			e, ok = l.read(file, deadline)
		}
		if !ok {
			return e, false
		}
		if e = l.settle(file, e); l.stands(e) {
			return e, true
		}
	}
}

// takeEarly is the edge that settle read and did not want.
func (l *Line) takeEarly(file *os.File) (e edge, ok bool) {
	e, ok = l.early, l.earlyOf == file
	l.earlyOf = nil
	return e, ok
}

// restless is how long a line may bounce before its level is taken as it is: the wait for a loop with a bad
// contact must end.
const restless = 500 * time.Millisecond

// settle waits until a level has been stable for long enough. That is measured by the kernel's clock: a late reader
// finds edges that are not bounces of this one. The edge keeps the time of its first bounce.
func (l *Line) settle(file *os.File, e edge) edge {
	last := e.stamp
	for end := time.Now().Add(restless); time.Now().Before(end); {
		next, ok := l.read(file, time.Now().Add(l.Debounce))
		if !ok {
			break
		}
		if next.stamp-last >= l.Debounce {
			l.early, l.earlyOf = next, file
			break
		}
		e.level, last = next.level, next.stamp
	}
	return e
}

// stands notes the stable level, and reports whether it has changed to one that was asked for.
func (l *Line) stands(e edge) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, asked := l.stable != e.level, gpio.FallingEdge
	if e.level {
		asked = gpio.RisingEdge
	}
	l.stable = e.level
	return changed && (l.edges == asked || l.edges == gpio.BothEdges)
}

// pollEvery is how often a line is looked at that is not debounced.
const pollEvery = 5 * time.Millisecond

// settling is how long a level that two looks find has stood.
func (l *Line) settling() time.Duration {
	if l.Debounce == 0 {
		return pollEvery
	}
	return l.Debounce
}

// poll looks for an edge: a level that two looks find, one after the other. The second look comes soon, however seldom it looks at a level that stands.
func (l *Line) poll(deadline time.Time) (e edge, ok bool) {
	for before, first := gpio.Low, true; deadline.IsZero() || time.Now().Before(deadline); first = false {
		level, pause, err := l.look()
		if err != nil || pause == 0 {
			return e, false
		}
		e = edge{level: level, at: time.Now()}
		if level == before && !first && l.stands(e) {
			return e, true
		}
		before = level
		time.Sleep(pause)
	}
	return e, false
}

// look is the level now, and the time until the next look; none for a line that is halted.
func (l *Line) look() (level gpio.Level, pause time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	level, err = l.level()
	switch {
	case l.halted:
		return level, 0, err
	case level != l.stable:
		return level, l.settling(), err
	}
	return level, l.every, err
}
