// Package logsink takes a log's lines from whoever writes them, so that what reads the log can
// hang and the gate goes on.
package logsink

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// sinkRoom bounds the log that waits to be written, in bytes: some thousand lines.
const sinkRoom = 256 << 10

// A Sink takes the log's lines and writes them from a goroutine of its own, because the
// reader may hang: a pipe that nobody reads, a journal that is stopped. Write never
// waits. A line that finds no room is dropped and counted, and the count is a line of
// its own once the log drains. Its methods may be called concurrently.
type Sink struct {
	out  io.Writer
	kick chan struct{} // has room for one: something is queued

	mu      sync.Mutex // guards the fields below
	queue   [][]byte
	size    int           // bytes in queue and in the write that is under way
	waiting []chan<- bool // of those who wait for an empty queue
	missed  uint64        // lines dropped since the last line about that
	dropped uint64        // lines dropped since the start
	closed  bool
}

// New starts a sink's goroutine, which Close ends.
func New(out io.Writer) *Sink {
	s := &Sink{out: out, kick: make(chan struct{}, 1)}
	go s.run()
	return s
}

// Write queues one line. It never fails.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size+len(line) > sinkRoom || s.closed {
		s.missed++
		s.dropped++
		return len(line), nil
	}
	s.size += len(line)
	s.queue = append(s.queue, slices.Clone(line))
	s.wake()
	return len(line), nil
}

// wake wakes run. The caller holds mu.
func (s *Sink) wake() {
	if s.closed {
		return
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run writes what is queued. A panic in a write costs that line, and nothing else.
func (s *Sink) run() {
	for range s.kick {
		for s.writeNext() {
		}
	}
}

// writeNext writes the next line, if there is one.
func (s *Sink) writeNext() (again bool) {
	line := s.next()
	if line == nil {
		return false
	}
	defer func() {
		recover()
		s.written(line)
	}()
	if _, err := s.out.Write(line); err != nil {
		s.mu.Lock()
		s.dropped++ // the log cannot say so
		s.mu.Unlock()
	}
	return true
}

func (s *Sink) next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.queue) > 0:
		line := s.queue[0]
		s.queue = s.queue[1:]
		return line
	case s.missed > 0:
		line := fmt.Appendf(nil, "level=WARN msg=\"nothing read the log; lines were dropped\" dropped=%d\n", s.missed)
		s.missed = 0
		s.size += len(line)
		return line
	}
	for _, c := range s.waiting {
		close(c)
	}
	s.waiting = nil
	return nil
}

func (s *Sink) written(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size -= len(line)
	s.wake() // a panic has left the loop
}

// Flush waits until all is written, but no longer than within. It reports whether it is.
func (s *Sink) Flush(within time.Duration) bool {
	done := make(chan bool)
	s.mu.Lock()
	s.waiting = append(s.waiting, done)
	s.wake()
	s.mu.Unlock()
	select {
	case <-done:
		return true
	case <-time.After(within):
		return false
	}
}

// Count is how many lines were dropped since the start, and whether any were since the
// log was drained last.
func (s *Sink) Count() (dropped uint64, stuck bool) {
	if s == nil {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped, s.missed > 0
}

// Close flushes, and takes no more lines.
func (s *Sink) Close(within time.Duration) {
	s.Flush(within)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.kick)
	}
}

// A Handler writes its lines to a sink.
type Handler struct {
	slog.Handler
	sink *Sink
	kill func(after time.Duration) error // killAfter, but not in tests
}

// NewLog gives a log that writes to a sink.
func NewLog(out *Sink, opt *slog.HandlerOptions) *slog.Logger {
	return slog.New(Handler{slog.NewTextHandler(out, opt), out, killAfter})
}

func (h Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

func (h Handler) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}

// LastWords is how long a dying process may take to say why.
const LastWords = time.Second

// Dying is called before the process dies of a panic or a signal. It waits for the last
// lines, and bounds what follows: the trace that Go's runtime prints may hang as the log
// does. See turnstile.Guard.
func (h Handler) Dying() {
	h.sink.Flush(LastWords)
	h.kill(2 * LastWords)
}

// Of is the sink that a log writes to; nil if it writes to none.
func Of(log *slog.Logger) *Sink {
	h, _ := log.Handler().(Handler)
	return h.sink
}
