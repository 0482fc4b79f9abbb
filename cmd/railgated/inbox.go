package main

import (
	"runtime"
	"sync"
	"time"

	"railgate/driver"
	"railgate/verify/lane"
)

// maxReadings bounds the readings that wait for the lane, to a megabyte at most; a
// newer one replaces the oldest, which would be stale first. It is many, for a scanner
// gone mad says hundreds of things while a commit lasts, and a code may be among them.
const maxReadings = 1024

// An inbox is where drivers leave what they saw. Leaving never blocks: a lane that
// waits for the disk holds up no driver, and no emergency is lost for want of room.
type inbox struct {
	kick chan struct{} // has room for one: there is something

	mu       sync.Mutex // guards the fields below
	events   []lane.Event
	readings []driver.Reading
	overrun  int // readings that were replaced
}

func newInbox() *inbox { return &inbox{kick: make(chan struct{}, 1)} }

func (in *inbox) post(ev lane.Event) {
	in.mu.Lock()
	in.events = append(in.events, ev)
	in.mu.Unlock()
	in.wake()
}

func (in *inbox) deliver(r driver.Reading) {
	in.mu.Lock()
	if len(in.readings) == maxReadings {
		in.readings = in.readings[1:]
		in.overrun++
	}
	in.readings = append(in.readings, r)
	in.mu.Unlock()
	in.wake()
	// Step aside: the lane goes on where the scanner stood, instead of waiting for
	// another thread to wake while the scanner goes back to its system call.
	runtime.Gosched()
}

func (in *inbox) wake() {
	select {
	case in.kick <- struct{}{}:
	default:
	}
}

// take is what comes next: events first, for an emergency does not stand in line.
func (in *inbox) take(since func(time.Time) time.Duration) (ev lane.Event, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.events) > 0 {
		ev, in.events = in.events[0], in.events[1:]
		return ev, true
	}
	if len(in.readings) > 0 {
		r := in.readings[0]
		in.readings = in.readings[1:]
		return lane.Read{Scanner: r.Scanner, Text: r.Text, At: since(r.At)}, true
	}
	return nil, false
}

func (in *inbox) overruns() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.overrun
}
