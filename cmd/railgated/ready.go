package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"railgate/cmd/control"
	"railgate/verify/lane"
)

// A readiness tells systemd that the gate is up, and its state. It also tries again what
// did not work at the start.
type readiness struct {
	*gate
	latest time.Time // ready by then, even if the lane is closed
	ready  bool
	told   string // what systemd was told last; "": not even that the gate is up
	worked bool   // it is noted that this configuration works
}

const (
	readyEvery  = 50 * time.Millisecond // until the gate is up
	statusEvery = time.Second
	readyLatest = 3 * time.Second
)

// sayReady tells systemd that the gate is up once its outputs are safe and its lane
// works, or after a while although it does not: a closed lane that says why is up.
func (g *gate) sayReady(ctx context.Context) error {
	r := readiness{gate: g, latest: time.Now().Add(readyLatest)}
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		waiting := r.told == ""
		r.update(g.server.status())
		if waiting && r.told != "" {
			tick.Reset(statusEvery)
		}
	}
}

func (r *readiness) update(s *control.Status) {
	if !r.ready && s.Mode == string(lane.ModeOutOfService) && !(r.provision.waiting() && devicesUp(s)) && time.Now().Before(r.latest) {
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

// works tells whether every device of a gate works. One that is missing later is broken or
// unplugged: the configuration is right. A camera works from its first frame on, which may
// come after the lane is ready.
func works(s *control.Status) bool { return devicesUp(s) && s.Mode != string(lane.ModeOutOfService) }

func devicesUp(s *control.Status) bool {
	return !slices.ContainsFunc(s.Devices, func(d control.Device) bool { return !d.Up })
}

// notify tells systemd something; without systemd it does nothing.
func (g *gate) notify(state string) error {
	err := notify(state)
	g.board.set(partSystemd, err)
	return err
}
