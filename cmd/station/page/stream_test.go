package page

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A stream is what a browser hears.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	end   func() error
}

func (d *desk) listen() *stream {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	d.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", d.URL+"/api/events", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := d.Client().Do(r)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		d.t.Fatalf("%v, %v; want a stream", resp, err)
	}
	s := bufio.NewScanner(resp.Body)
	s.Buffer(nil, 1<<20)
	return &stream{d.t, s, resp.Body.Close}
}

// heard is a message: its event and what it holds.
type heard struct {
	event string
	Head  struct {
		Station string
		Inside  int
	}
	Gates   []map[string]any
	Gone    []string
	Minutes []Minute
}

func (s *stream) next() heard {
	s.t.Helper()
	h := heard{event: "message"}
	for s.lines.Scan() {
		line := s.lines.Text()
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			h.event = event
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(data), &h); err != nil {
				s.t.Fatal(err)
			}
			return h
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return h
}

// until waits for a message that is right.
func (s *stream) until(what string, right func(h heard) bool) heard {
	s.t.Helper()
	for range 20 {
		if h := s.next(); right(h) {
			return h
		}
	}
	s.t.Fatalf("never: %s", what)
	return heard{}
}

func TestAStreamSaysAllAndThenWhatChanges(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn(passphrase)
	s := d.listen()
	first := s.next()
	if len(first.Gates) != 2 || first.Head.Station != "GZQ" || first.Head.Inside != 7 || len(first.Minutes) != 1 || first.Gates[0]["state"] != "fresh" {
		t.Fatalf("first: %+v; want all of the station", first)
	}
	d.source.set(func(o *Overview) { o.Gates[1].Closed = "camera: gone" })
	h := s.until("the change", func(h heard) bool { return len(h.Gates) > 0 })
	if len(h.Gates) != 1 || h.Gates[0]["name"] != "A08" || h.Gates[0]["state"] != "closed" || h.Gates[0]["why"] != "camera: gone" || len(h.Minutes) != 0 {
		t.Errorf("change: %+v; want gate A08 alone, closed", h)
	}
	d.source.set(func(o *Overview) { o.Gates = o.Gates[1:] })
	s.until("a gate that is there no more", func(h heard) bool { return slices.Equal(h.Gone, []string{"A07"}) })
}

// A gate goes silent without an event.
func TestSilenceIsSeen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn(passphrase)
	s := d.listen()
	s.next()
	d.source.mu.Lock()
	d.source.o.Time = noon.Add(SilentAfter + time.Second) // no word of it
	d.source.mu.Unlock()
	h := s.until("silence", func(h heard) bool { return len(h.Gates) > 0 })
	if len(h.Gates) != 2 || h.Gates[0]["state"] != "silent" {
		t.Errorf("%+v; want both silent", h)
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn(passphrase)
	s := d.listen()
	s.next()
	d.post("/api/signout", "{}")
	s.until("the end", func(h heard) bool { return h.event == "signedout" })
	s.lines.Scan() // the blank line that ends the event
	if s.lines.Scan() {
		t.Errorf("after the end: %q", s.lines.Text())
	}
}

// A database that does not answer is said, and the stream goes on when it does.
func TestAStationThatCannotAnswerSaysSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn(passphrase)
	s := d.listen()
	s.next()
	d.source.set(func(*Overview) { d.source.err = errors.New("the database is locked") })
	s.until("it cannot", func(h heard) bool { return h.event == "broken" })
	d.source.set(func(*Overview) { d.source.err = nil })
	s.until("it can again", func(h heard) bool { return h.event == "message" })
}

// The database is asked once, however many look.
func TestManyLookAndTheStationIsAskedOnce(t *testing.T) {
	d := newDesk(t)
	for range 50 {
		if _, _, err := d.page.overview(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if most := 2; d.source.asked > most { // half a second may end in between
		t.Errorf("asked %d times; want %d at most", d.source.asked, most)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	d := newDesk(t)
	d.signIn(passphrase)
	for range maxStreams {
		d.page.streams <- struct{}{}
	}
	if got := d.get("/api/events"); got != http.StatusTooManyRequests {
		t.Errorf("one more: %d; want 429", got)
	}
}
