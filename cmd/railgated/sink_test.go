package main

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A tap is a writer that can be shut, as a pipe that nobody reads.
type tap struct {
	lockedBuffer
	open chan struct{} // closed: writes go through
	fail atomic.Bool
}

func (t *tap) Write(p []byte) (int, error) {
	<-t.open
	if t.fail.Load() {
		return 0, errors.New("broken pipe")
	}
	return t.lockedBuffer.Write(p)
}

// A pipe that nobody reads stopped a lane after twelve codes, which it called healthy.
func TestALogThatNobodyTakesStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		s := newSink(out)
		log := slog.New(logHandler{slog.NewTextHandler(s, nil), s})
		line := strings.Repeat("x", 1000)
		for range 1000 {
			log.Info(line)
		}
		dropped, stuck := s.count()
		if !stuck || dropped < 1000-sinkRoom/1000 || dropped > 1000-sinkRoom/1200 {
			t.Errorf("%d of 1000 lines are dropped, stuck: %v; want all but %d bytes of them", dropped, stuck, sinkRoom)
		}
		if s.flush(time.Second) {
			t.Error("what nobody takes is flushed")
		}
		close(out.open)
		if !s.flush(time.Second) {
			t.Error("it does not drain")
		}
		written := out.String()
		if n := strings.Count(written, line); uint64(n)+dropped != 1000 {
			t.Errorf("%d lines are written and %d dropped of 1000", n, dropped)
		}
		last := strings.TrimSpace(written[strings.LastIndex(strings.TrimSpace(written), "\n")+1:])
		if last != `level=WARN msg="the log was not taken; lines were dropped" dropped=`+attr(dropped) {
			t.Errorf("the last line is %q; want the count, %d", last, dropped)
		}
		log.With("a", 1).WithGroup("g").Info("after", "b", 2)
		s.close(time.Second)
		if !strings.HasSuffix(out.String(), "msg=after a=1 g.b=2\n") {
			t.Error("a line that comes after is not written")
		}
		if again, stuck := s.count(); again != dropped || stuck {
			t.Errorf("%d dropped, stuck: %v; want %d and no more", again, stuck, dropped)
		}
		log.Info("too late")
	})
}

func attr(n uint64) string { return slog.Uint64("", n).Value.String() }

// A log whose reader is gone is no fault of the lane's, nor one to end for.
func TestALogThatIsBrokenIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		close(out.open)
		out.fail.Store(true)
		s := newSink(out)
		s.Write([]byte("lost\n"))
		s.flush(time.Second)
		if dropped, _ := s.count(); dropped != 1 {
			t.Errorf("%d lines are dropped; want 1", dropped)
		}
		out.fail.Store(false)
		s.Write([]byte("kept\n"))
		s.close(time.Second)
		if out.String() != "kept\n" {
			t.Errorf("%q is written; want what came once it worked", out)
		}
	})
}

// A dying process waits for its last line, and for no longer.
func TestDyingWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		s := newSink(out)
		s.Write([]byte("why\n"))
		began := time.Now()
		s.close(lastWords)
		if waited := time.Since(began); waited != lastWords {
			t.Errorf("it waited for %v; want %v", waited, lastWords)
		}
		close(out.open)
	})
}
