package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A progress shows how far a long run is: a bar on a terminal, a line a set elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	total    int
	steps    int
	begun    time.Time
	shown    time.Time
	doing    string
	set      string
}

func newProgress(f *os.File, total int) *progress {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return &progress{out: f, terminal: err == nil, total: max(1, total), begun: time.Now()}
}

// say tells what is being done.
func (p *progress) say(set, engine string) {
	p.doing = set + ", " + engine
	if !p.terminal && p.set != set {
		fmt.Fprintf(p.out, "bench-qr: %3d %% %s\n", 100*p.steps/p.total, set)
	}
	p.set = set
}

// step is one picture read.
func (p *progress) step() {
	p.steps++
	if now := time.Now(); p.terminal && now.Sub(p.shown) > 200*time.Millisecond {
		p.shown = now
		full := 30 * p.steps / p.total
		left := time.Since(p.begun) * time.Duration(p.total-p.steps) / time.Duration(p.steps)
		fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %d %%, about %v left: %s", strings.Repeat("=", full), strings.Repeat(" ", 30-full),
			100*p.steps/p.total, left.Round(time.Second), p.doing)
	}
}

// done clears the bar.
func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
