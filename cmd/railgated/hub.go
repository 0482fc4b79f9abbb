package main

import (
	"sync"

	"railgate/cmd/control"
)

// A hub hands the lane's events to whoever listens. A listener that does not keep
// up loses the oldest; the lane never waits for one.
type hub struct {
	mu        sync.Mutex
	listeners map[chan control.Event]bool
	last      *control.Event // the last one that showed something
}

func newHub() *hub { return &hub{listeners: map[chan control.Event]bool{}} }

const listenerRoom = 256

// listen gives a channel of events, beginning with what is shown now.
func (h *hub) listen() chan control.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan control.Event, listenerRoom)
	if h.last != nil {
		c <- *h.last
	}
	h.listeners[c] = true
	return c
}

func (h *hub) leave(c chan control.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, c)
}

func (h *hub) publish(e control.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Show != nil {
		h.last = &e
	}
	for c := range h.listeners {
		for sent := false; !sent; {
			select {
			case c <- e:
				sent = true
			default:
				dropOldest(c)
			}
		}
	}
}

// dropOldest makes room, unless the listener has just done so.
func dropOldest(c chan control.Event) {
	select {
	case <-c:
	default:
	}
}
