package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store"
)

// passenger is what the issuer says of a code that it shows.
type passenger struct {
	What    string `json:"what"`
	Scanner string `json:"scanner"`
	Want    string `json:"want"`
}

// startFeed starts the issuer's passengers and waits for their serial line.
func (b *bench) startFeed(rounds int) (*exec.Cmd, chan passenger, error) {
	cmd := exec.Command(filepath.Join(b.bin, "issuer"), "--dir", b.path("issuer"), "feed", "--serial", b.path("scanner"), "--frames", b.path("frames"), "--rounds", fmt.Sprint(rounds))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := b.start(cmd); err != nil {
		return nil, nil, err
	}
	passengers := make(chan passenger, 16)
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
			return cmd, passengers, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	end(cmd)
	return nil, nil, errors.New("the issuer makes no serial line")
}

// screen prints a passage in a line, once it has heard what was journaled and what
// the passenger was shown.
type screen struct {
	colour  bool
	waiting *passenger
	record  *store.Record
	shown   *control.Show
	times   *control.Timings
	totals  []int64 // microseconds from the code's last byte to the relay
	counts  map[string]int
	wrong   int
}

func newScreen() *screen {
	_, err := unix.IoctlGetTermios(int(os.Stdout.Fd()), unix.TCGETS)
	return &screen{colour: err == nil && os.Getenv("NO_COLOR") == "", counts: map[string]int{}}
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (b *bench) greet() {
	fmt.Printf("A gate on a bench. Its files are in %s; Ctrl-C ends it. From another terminal:\n", b.dir)
	fmt.Printf("  %s/railgate --data %s status\n", b.bin, b.path("data"))
	fmt.Printf("  %s/railgate --data %s sim emergency 1\n\n", b.bin, b.path("data"))
}

// watch prints what happens until ctx ends, the passengers have all gone, or the
// daemon has.
func (b *bench) watch(ctx context.Context, passengers chan passenger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan control.Event, 64)
	gone := make(chan error, 1)
	go func() {
		gone <- control.NewClient(b.path("data")).Events(ctx, func(e control.Event) bool { events <- e; return true })
	}()
	s := newScreen()
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

func (s *screen) clock(r *store.Record) string {
	return s.paint("2", r.Time.Local().Format("15:04:05"))
}

// note prints what is worth a line and is no decision.
func (s *screen) note(r *store.Record) {
	if !slices.Contains([]store.Kind{store.Passage, store.Started, store.InService, store.Pruned}, r.Kind) {
		fmt.Printf("%s  %s %s\n", s.clock(r), s.paint("33", string(r.Kind)), r.Detail)
	}
}

// decided prints the line of one passenger.
func (s *screen) decided(r *store.Record, shown *control.Show) {
	p := passenger{What: "someone", Scanner: r.Scanner, Want: r.Reason}
	if s.waiting != nil && s.waiting.Scanner == r.Scanner {
		p, s.waiting = *s.waiting, nil
	}
	s.counts[r.Decision]++
	verdict, words := s.paint("1;31", "DENIED "), r.Reason
	if r.Decision == "granted" {
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
	fmt.Printf("%s  %-6s  %s  %s  %s\n", s.clock(r), r.Scanner, pad(p.What, 56), verdict, words)
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-len([]rune(text))))
}

// sum prints what the bench saw in all.
func (s *screen) sum() {
	fmt.Printf("\n%d granted, %d denied", s.counts["granted"], s.counts["denied"])
	if len(s.totals) > 0 {
		slices.Sort(s.totals)
		fmt.Printf("; from a code's last byte to the relay: %.1f ms in the middle, %.1f ms at worst",
			float64(s.totals[len(s.totals)/2])/1000, float64(s.totals[len(s.totals)-1])/1000)
	}
	if s.wrong > 0 {
		fmt.Printf("; %s", s.paint("1;35", fmt.Sprintf("%d not as expected", s.wrong)))
	}
	fmt.Println()
}
