package main

import (
	"runtime"
	"sync"
	"time"

	"railgate/driver"
	"railgate/verify/lane"
)

// maxReadings bounds the readings of one scanner that wait for the lane; a newer one
// replaces the oldest, which would be stale first. It is many, for a scanner gone mad
// says hundreds of things while a commit lasts, and a code may be among them.
const maxReadings = 1024

// An inbox is where drivers leave what they saw. Leaving never blocks: a lane that
// waits for the disk holds up no driver, and no emergency is lost for want of room.
// Each scanner has its own room and they are served in turn: a flood at one does not
// keep the lane from the other's codes.
type inbox struct {
	kick chan struct{} // has room for one: there is something

	mu      sync.Mutex // guards the fields below
	events  []lane.Event
	queues  []readings // one for each scanner
	turn    int        // the queue that is served next
	overrun int        // readings that were replaced
}

// readings are one scanner's, oldest first.
type readings struct {
	scanner string
	waiting []driver.Reading
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
	q := in.queue(r.Scanner)
	if len(q.waiting) == maxReadings {
		q.waiting = q.waiting[1:]
		in.overrun++
	}
	q.waiting = append(q.waiting, r)
	in.mu.Unlock()
	in.wake()
	// Step aside: the lane goes on where the scanner was, instead of waiting for
	// another thread to wake while the scanner goes back to its system call.
	runtime.Gosched()
}

// queue is a scanner's room. The caller holds mu.
func (in *inbox) queue(scanner string) *readings {
	for i := range in.queues {
		if in.queues[i].scanner == scanner {
			return &in.queues[i]
		}
	}
	in.queues = append(in.queues, readings{scanner: scanner})
	return &in.queues[len(in.queues)-1]
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
	for range in.queues {
		q := &in.queues[in.turn]
		in.turn = (in.turn + 1) % len(in.queues)
		if len(q.waiting) > 0 {
			r := q.waiting[0]
			q.waiting = q.waiting[1:]
			return lane.Read{Scanner: r.Scanner, Text: r.Text, At: since(r.At)}, true
		}
	}
	return nil, false
}

func (in *inbox) overruns() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.overrun
}
