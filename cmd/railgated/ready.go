package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"railgate/cmd/control"
	"railgate/verify/lane"
)

// A readiness tells systemd that the gate is up, and how it is. It looks after what was
// tried at the start and did not work, too.
type readiness struct {
	*gate
	latest time.Time // ready by then, although the lane is closed
	ready  bool
	told   string // as systemd knows it; "": it has not heard that the gate is up
	worked bool   // it is noted that this configuration works
}

const (
	readyLook   = 50 * time.Millisecond // until the gate is up
	readyAfter  = time.Second
	readyLatest = 3 * time.Second
)

// sayReady tells systemd that the gate is up once its outputs are safe and its lane
// works, or after a while although it does not: a closed lane that says why is up.
func (g *gate) sayReady(ctx context.Context) error {
	r := readiness{gate: g, latest: time.Now().Add(readyLatest)}
	tick := time.NewTicker(readyLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		waiting := r.told == ""
		r.look(g.server.status())
		if waiting && r.told != "" {
			tick.Reset(readyAfter)
		}
	}
}

func (r *readiness) look(s *control.Status) {
	if !r.ready && s.Mode == string(lane.ModeOutOfService) && time.Now().Before(r.latest) {
		return
	}
	if !r.ready {
		r.ready = true
		r.log.Info("ready", "health", s.Health, "mode", s.Mode)
	}
	r.tell(s)
	r.server.checkSocket()
	r.board.set(partOutputs, r.saveOutputs())
	if !r.worked && works(s) {
		err := noteWorked(r.cfg)
		r.board.set(partWorked, err)
		r.worked = err == nil
	}
}

// tell tells systemd what it does not know yet.
func (r *readiness) tell(s *control.Status) {
	text := fmt.Sprintf("%s: %s", s.Health, s.Mode)
	if len(s.Problems) > 0 {
		text += "; " + s.Problems[0]
	}
	state := "STATUS=" + text
	switch r.told {
	case text:
		return
	case "":
		state = daemon.SdNotifyReady + "\n" + state
	}
	if r.notify(state) == nil {
		r.told = text
	}
}

// works tells whether a gate is whole: all that it misses later is broken or unplugged,
// and no fault of its configuration. A camera is there at its first frame, later than the
// lane is ready.
func works(s *control.Status) bool {
	for _, d := range s.Devices {
		if !d.Up {
			return false
		}
	}
	return s.Mode != string(lane.ModeOutOfService)
}

// notify tells systemd something; without systemd it does nothing.
func (g *gate) notify(state string) error {
	err := notify(state)
	g.board.set(partSystemd, err)
	return err
}
