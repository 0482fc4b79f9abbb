package main

import (
	"sync"
	"time"

	"railgate/store"
)

// A stillness tells how long ago a loop turned last. Its zero value is ready. Its
// methods may be called concurrently.
type stillness struct {
	mu    sync.Mutex // guards the fields below
	turns uint64
	since time.Time
}

// lasts is how long the loop has had this number of turns, as far as calls of it show.
func (s *stillness) lasts(turns uint64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if turns != s.turns || s.since.IsZero() {
		s.turns, s.since = turns, now
	}
	return now.Sub(s.since)
}

// laneHangs is how long a lane that works may be busy with one thing: the record of a
// grant that takes longer opens nothing.
const laneHangs = 3 * time.Second

// A statsReader asks the store for its numbers, but not for long: it may hang in a
// commit, and a status must not wait for it. Its zero value is ready.
type statsReader struct {
	mu      sync.Mutex // guards the fields below
	last    store.Stats
	hanging bool // an answer took longer than statsWait, and has not come
}

const statsWait = 200 * time.Millisecond

// read is what ask answers, or what it answered last.
func (r *statsReader) read(ask func() store.Stats) store.Stats {
	r.mu.Lock()
	if r.hanging {
		defer r.mu.Unlock()
		return r.last
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }() // a panic here must not end the gate
		stats := ask()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last, r.hanging = stats, false
	}()
	select {
	case <-done:
	case <-time.After(statsWait):
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-done:
	default:
		r.hanging = true
	}
	return r.last
}
