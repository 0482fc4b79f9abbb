package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// passenger is what the issuer says of a code that it shows.
type passenger struct {
	What    string `json:"what"`
	Scanner string `json:"scanner"`
	Want    string `json:"want"`
}

// startCrowd starts the issuer's passengers and waits for their serial line.
func (b *bench) startCrowd(rounds int) (*exec.Cmd, error) {
	cmd := b.command("issuer", "--dir", b.path("issuer"), "feed", "--serial", b.path("scanner"), "--frames", b.path("frames"), "--rounds", fmt.Sprint(rounds))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.launch(cmd); err != nil {
		return nil, err
	}
	passengers := make(chan passenger, 16)
	b.passengers = passengers
	go func() {
		defer close(passengers)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var p passenger
			if json.Unmarshal(lines.Bytes(), &p) == nil {
				passengers <- p
			}
		}
	}()
	for range 200 {
		if _, err := os.Lstat(b.path("scanner")); err == nil {
			return cmd, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, errors.New("the issuer makes no serial line")
}

// screen prints a passage in a line, once it has heard what was journaled and what
// the passenger was shown.
type screen struct {
	colour  bool
	waiting *passenger
	record  *journal.Record
	shown   *control.Show
	times   *control.Timings
	totals  []int64 // microseconds from the code's last byte to the relay
	counts  map[string]int
	wrong   int
	out     io.Writer
	tell    func(line) // the page's log
}

func newScreen(out io.Writer, tell func(line)) *screen {
	_, err := unix.IoctlGetTermios(int(os.Stdout.Fd()), unix.TCGETS)
	return &screen{colour: err == nil && os.Getenv("NO_COLOR") == "", counts: map[string]int{}, out: out, tell: tell}
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (b *bench) greet() {
	fmt.Fprintf(b.out, "A gate on a bench. Its files are in %s; Ctrl-C ends it.\n", b.dir)
	fmt.Fprintf(b.out, "Passenger, gate, conductor and police window, side by side:\n\n  %s\n\n", b.url)
	fmt.Fprintf(b.out, "The inspector, for conductors and clerks:\n\n  %s\n\n", b.url.JoinPath("conductor", "inspect/"))
}

// watch prints what happens until ctx ends, the passengers have all gone, or the
// daemon has.
func (b *bench) watch(ctx context.Context) error {
	passengers := b.passengers
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan control.Event, 64)
	gone := make(chan error, 1)
	go func() {
		gone <- control.NewClient(b.path("data")).Events(ctx, func(e control.Event) bool { events <- e; return true })
	}()
	s := newScreen(b.out, b.web.tell)
	defer s.sum()
	var over <-chan time.Time
	for {
		select {
		case p, ok := <-passengers:
			if !ok {
				passengers, over = nil, time.After(2*time.Second) // for the last one's passage
				break
			}
			s.waiting = &p
		case <-over:
			return nil
		case e := <-events:
			s.expect(passengers)
			s.see(&e)
		case err := <-gone:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// watchSecond puts what the second gate decides into the page's log, until ctx ends. A gate
// that is restarted is followed again.
func (b *bench) watchSecond(ctx context.Context) {
	s := newScreen(io.Discard, func(l line) {
		l.Text = secondGate + ": " + l.Text
		b.web.tell(l)
	})
	for ctx.Err() == nil {
		b.gates[1].client().Events(ctx, func(e control.Event) bool { s.see(&e); return true })
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// expect takes the passengers who were announced: each is before what the gate decides of them.
func (s *screen) expect(announced <-chan passenger) {
	for {
		select {
		case p, ok := <-announced:
			if !ok {
				return
			}
			s.waiting = &p
		default:
			return
		}
	}
}

// see takes an event of the gate.
func (s *screen) see(e *control.Event) {
	switch {
	case e.Timings != nil:
		s.times = e.Timings
	case e.Show != nil && e.Show.Seconds > 0:
		s.shown = e.Show
	case e.Record != nil && e.Record.Decision != "":
		s.record = e.Record
	case e.Record != nil:
		s.note(e.Record)
	}
	if s.record != nil && s.shown != nil {
		s.decided(s.record, s.shown)
		s.record, s.shown, s.times = nil, nil, nil
	}
}

func (s *screen) clock(r *journal.Record) string {
	return s.paint("2", r.Time.Local().Format("15:04:05"))
}

// note prints what is worth a line and is no decision.
func (s *screen) note(r *journal.Record) {
	if !slices.Contains([]journal.Kind{journal.Passage, journal.Started, journal.InService, journal.Pruned}, r.Kind) {
		fmt.Fprintf(s.out, "%s  %s %s\n", s.clock(r), s.paint("33", string(r.Kind)), r.Detail)
	}
}

// decided prints the line of one passenger.
func (s *screen) decided(r *journal.Record, shown *control.Show) {
	p := passenger{What: "a phone or paper, held from the page", Scanner: r.Scanner, Want: r.Reason}
	if s.waiting != nil && s.waiting.Scanner == r.Scanner {
		p, s.waiting = *s.waiting, nil
	}
	s.counts[string(r.Decision)]++
	verdict, words := s.paint("1;31", "DENIED "), r.Reason
	if r.Decision == journal.Granted {
		verdict = s.paint("1;32", "GRANTED")
		if s.times != nil {
			s.totals = append(s.totals, s.times.Total)
			words = fmt.Sprintf("opened in %.1f ms", float64(s.times.Total)/1000)
		}
	}
	for _, w := range shown.Words {
		words += s.paint("2", "  "+w.Text)
	}
	if p.Want != r.Reason {
		s.wrong++
		words += s.paint("1;35", "  expected "+p.Want)
	}
	s.tell(line{Time: r.Time.In(shanghai).Format("15:04:05"), Decision: string(r.Decision), Result: string(r.Decision), Text: said(r, shown)})
	fmt.Fprintf(s.out, "%s  %-6s  %s  %s  %s\n", s.clock(r), r.Scanner, pad(p.What, 56), verdict, words)
}

// said is what a passenger was told, in a line.
func said(r *journal.Record, shown *control.Show) string {
	text := r.Reason
	for _, w := range shown.Words {
		text += " · " + w.Text
	}
	return text
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-len([]rune(text))))
}

// sum prints what the bench saw in all.
func (s *screen) sum() {
	fmt.Fprintf(s.out, "\n%d granted, %d denied", s.counts["granted"], s.counts["denied"])
	if len(s.totals) > 0 {
		slices.Sort(s.totals)
		fmt.Fprintf(s.out, "; from a code's last byte to the relay: %.1f ms in the middle, %.1f ms at worst",
			float64(s.totals[len(s.totals)/2])/1000, float64(s.totals[len(s.totals)-1])/1000)
	}
	if s.wrong > 0 {
		fmt.Fprintf(s.out, "; %s", s.paint("1;35", fmt.Sprintf("%d not as expected", s.wrong)))
	}
	fmt.Fprintln(s.out)
}
