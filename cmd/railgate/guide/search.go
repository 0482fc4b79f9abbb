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
	open       func(c Candidate) driver.Scanner // nil: its own driver; else a test\'s
	health     map[string]driver.Health         // of each device, as it was last; owned by run
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
	readings := make(chan heard)
	var all []*listener
	var wait sync.WaitGroup
	begin := func(c Candidate) {
		open := s.open
		if open == nil {
			open = Candidate.open
		}
		l := &listener{c: c, s: open(c), done: make(chan struct{})}
		inner, stop := context.WithCancel(ctx)
		l.stop = stop
		wait.Go(func() {
			defer close(l.done)
			l.s.Run(inner, func(r driver.Reading) { // an error is in its health
				select {
				case readings <- heard{l, r.Text}:
				case <-inner.Done():
				}
			})
		})
		all = append(all, l)
	}
	for _, c := range s.candidates {
		begin(c)
	}
	defer func() {
		s.health = map[string]driver.Health{}
		for _, l := range all {
			s.health[l.c.Device] = l.s.Health()
		}
		cancel()
		wait.Wait()
	}()
	s.settle(ctx, all)
	s.ready()
	told := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-readings:
			seen := judge(h.text)
			if seen == cardSeen {
				return &Found{Candidate: h.l.c, Suffix: suffixOf(h.l.s.Health().Suffix)}
			}
			if words := seen.words(h.l.c.String(), h.text); !told[words] {
				told[words] = true
				s.say("%s", words)
			}
			if next, ok := nextBaud(h.l.c); ok && (seen == noiseSeen || seen == otherSeen && h.l.c.Driver == "serial" && len(h.text) < 4) {
				h.l.stop()
				<-h.l.done
				all = slices.DeleteFunc(all, func(l *listener) bool { return l == h.l })
				s.say("Trying it with %d baud …", next.Baud)
				clear(told)
				begin(next)
				s.settle(ctx, all[len(all)-1:])
				s.say("Show the card again.")
			}
		}
	}
}

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
  - it beeps and nothing comes: it is set to type as a keyboard, or for another interface. Set it to USB serial (COM), or to HID-POS;
  - it is a keyboard of a maker that udev's rules do not know: lsusb shows it, /usr/lib/udev/rules.d/99-railgate.rules says what to add;
  - another program has it: railgate doctor names that.`

// searchTime is how long the card is waited for.
const searchTime = 60 * time.Second
