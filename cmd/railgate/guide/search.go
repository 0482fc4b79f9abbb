package guide

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"railgate/driver"
)

// A search listens to all candidates at once for the test card.
type search struct {
	candidates []Candidate
	say        func(format string, args ...any)
	ready      func()                           // is called once all are heard
	open       func(c Candidate) driver.Scanner // nil: its own driver; else a test's
	health     map[string]driver.Health         // of each device, as it was last

	// owned by run
	ctx      context.Context
	readings chan heard
	all      []*listener
	wait     sync.WaitGroup
	told     map[string]bool
}

// Found is the scanner that read the card.
type Found struct {
	Candidate
	Suffix string // what it puts behind a code; of serial scanners and keyboards
}

// heard is a reading, and the listener that has it.
type heard struct {
	l    *listener
	text string
}

// A listener listens to one candidate.
type listener struct {
	c    Candidate
	s    driver.Scanner
	stop context.CancelFunc
	done chan struct{}
}

// run listens until a scanner has read the card; nil: none has before ctx ends. What else was read is told.
func (s *search) run(ctx context.Context) *Found {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx, s.readings, s.told = ctx, make(chan heard), map[string]bool{}
	defer s.end(cancel)
	for _, c := range s.candidates {
		s.begin(c)
	}
	s.settle(ctx, s.all)
	s.ready()
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-s.readings:
			if judge(h.text) == cardSeen {
				return &Found{Candidate: h.l.c, Suffix: suffixOf(h.l.s.Health().Suffix)}
			}
			s.other(h)
		}
	}
}

// begin listens to one candidate.
func (s *search) begin(c Candidate) {
	open := s.open
	if open == nil {
		open = Candidate.open
	}
	ctx, stop := context.WithCancel(s.ctx)
	l := &listener{c: c, s: open(c), stop: stop, done: make(chan struct{})}
	s.wait.Go(func() {
		defer close(l.done)
		l.s.Run(ctx, func(r driver.Reading) { // an error is in its health
			select {
			case s.readings <- heard{l, r.Text}:
			case <-ctx.Done():
			}
		})
	})
	s.all = append(s.all, l)
}

// end lets go of all devices, and keeps what they say of themselves.
func (s *search) end(cancel context.CancelFunc) {
	s.health = map[string]driver.Health{}
	for _, l := range s.all {
		s.health[l.c.Device] = l.s.Health()
	}
	cancel()
	s.wait.Wait()
}

// other is about what is not the card: it is told once, and where it is noise, another baud is tried.
func (s *search) other(h heard) {
	seen := judge(h.text)
	if words := seen.words(h.l.c.String(), h.text); !s.told[words] {
		s.told[words] = true
		s.say("%s", words)
	}
	next, ok := nextBaud(h.l.c)
	if !ok || seen != noiseSeen && !(seen == otherSeen && len(h.text) < shortest) {
		return
	}
	h.l.stop()
	<-h.l.done
	s.all = slices.DeleteFunc(s.all, func(l *listener) bool { return l == h.l })
	s.say("Trying it with %d baud …", next.Baud)
	clear(s.told)
	s.begin(next)
	s.settle(s.ctx, s.all[len(s.all)-1:])
	s.say("Show the card again.")
}

// shortest is the length of a text that is more than noise, in bytes.
const shortest = 4

// settleTime is how long a device may take to be heard: what it had before that is thrown away.
const settleTime = 3 * time.Second

// settle waits until each listener hears its device, or knows why it cannot.
func (s *search) settle(ctx context.Context, all []*listener) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for ctx.Err() == nil {
		if !slices.ContainsFunc(all, func(l *listener) bool { h := l.s.Health(); return !h.Up && h.Err == "" }) {
			return
		}
		sleep(ctx, 20*time.Millisecond)
	}
}

// nextBaud is a serial candidate with the next baud.
func nextBaud(c Candidate) (Candidate, bool) {
	i := slices.Index(bauds, c.Baud)
	if c.Driver != "serial" || i < 0 {
		return c, false
	}
	c.Baud = bauds[(i+1)%len(bauds)]
	return c, true
}

// suffixOf is a suffix as the configuration has it, of the names that a scanner's health has.
func suffixOf(names string) string {
	if names == "" {
		return "\r" // it has not said
	}
	text := ""
	for _, name := range strings.Fields(names) {
		c, ok := map[string]string{"CR": "\r", "LF": "\n", "TAB": "\t", "ETX": "\x03", "none": ""}[name]
		if !ok {
			return "\r"
		}
		text += c
	}
	return text
}

// describe says of each candidate whether it could be heard.
func (s *search) describe() string {
	if len(s.candidates) == 0 {
		return "There is no device that may be a scanner: no serial port, no HID-POS device, no camera."
	}
	var b strings.Builder
	b.WriteString("Listened to:")
	for _, c := range s.candidates {
		state := "nothing came"
		if h := s.health[c.Device]; !h.Up && h.Err != "" {
			state = h.Err
		}
		fmt.Fprintf(&b, "\n  %s: %s", c, state)
	}
	return b.String()
}

// adviceNoScan is for who has shown the card and nothing came.
const adviceNoScan = `Nothing read the card. What it mostly is:
  - the scanner has no light: another cable, another USB socket, a socket of the board's own and not of a hub;
  - it lights and does not beep: hold the card at 10 to 20 cm, flat; make the screen brighter, or print the card;
  - it beeps and nothing comes: it is set to type as a keyboard, or for another interface. Set it to USB serial (COM), or to HID-POS
    (by a barcode of its own manual);
  - it is a keyboard of a maker that udev's rules do not know: lsusb shows it, /usr/lib/udev/rules.d/99-railgate.rules says what to add;
  - another program has it: railgate doctor names that.`

// searchTime is how long the card is waited for.
const searchTime = 60 * time.Second
