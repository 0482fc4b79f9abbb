package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
)

// A part is something that a gate works without.
type part struct {
	name  string // for people
	cause string // in the table of causes; "": it is only logged
}

var (
	partControl = part{"the control socket", control.ControlSocket}
	partHTTP    = part{"http.listen", control.HTTPPortTaken}
	partOutputs = part{"the outputs' file", control.OutputsUnknown}
	partWorked  = part{"the mark that this configuration works", ""}
	partSystemd = part{"the socket of systemd", ""}
)

// A board lists the parts that do not work, and why. Its methods may be called concurrently.
type board struct {
	log *slog.Logger

	mu  sync.Mutex // guards the field below
	why map[part]error
}

func newBoard(log *slog.Logger) *board { return &board{log: log, why: map[part]error{}} }

// set notes how a part is; nil: it works. A new reason is logged, and its end.
func (b *board) set(p part, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, broken := b.why[p]
	switch {
	case err == nil && broken:
		delete(b.why, p)
		b.log.Info(p.name + " works again")
	case err != nil && (!broken || was.Error() != err.Error()):
		b.why[p] = err
		b.log.Warn(p.name+" does not work; railgated goes on without it and tries again", "err", err)
	}
}

// report adds the parts that do not work to a status.
func (b *board) report(s *control.Status, c *configs.Config) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	broken := slices.SortedFunc(maps.Keys(b.why), func(p, q part) int { return strings.Compare(p.name, q.name) })
	for _, p := range broken {
		err := b.why[p]
		switch {
		case p.cause == "":
		case errors.Is(err, unix.EADDRNOTAVAIL):
			found(s, control.HTTPNoAddress, p.name+": "+err.Error())
		case p == partHTTP:
			found(s, p.cause, p.name+": "+err.Error())
			_, port, _ := net.SplitHostPort(c.HTTP.Listen)
			s.Causes[len(s.Causes)-1].Remedy = "ss -ltnp 'sport = :" + port + "'" // only root sees the program's name
		default:
			found(s, p.cause, p.name+": "+err.Error(), "{data}", c.Data)
		}
	}
}

// How soon a part is tried again.
const (
	partRetryMin = 100 * time.Millisecond
	partRetryMax = 5 * time.Second
)

// keepTrying calls try until it works or ctx ends, with growing waits between. It reports
// whether it works.
func (b *board) keepTrying(ctx context.Context, p part, try func() error) bool {
	for wait := partRetryMin; ; wait = min(2*wait, partRetryMax) {
		err := try()
		b.set(p, err)
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}
