package gpioline

import (
	"encoding/binary"
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
