package main

import (
	"fmt"
	"time"

	"railgate/cmd/control"
)

// hung says that the lane hangs; "" where it does not. It never blocks.
func (s *server) hung() string {
	still := s.turns.lasts(s.lane.beats.Load())
	if still < laneHangs {
		return ""
	}
	return fmt.Sprintf("the lane hangs: it has done nothing for %v", still.Round(time.Second))
}

// status tells how the gate is: what the lane reports, whether its loop turns, and which
// of the parts that it can do without do not work.
func (s *server) status() *control.Status {
	st := s.lane.status(s.cfg, s.started)
	s.board.report(st, s.cfg)
	var stuck bool
	if st.Counts.LogDropped, stuck = s.logs.Count(); stuck {
		found(st, control.LogLinesDropped, fmt.Sprintf("nothing reads the log: %d lines were dropped since the start", st.Counts.LogDropped))
	}
	st.Health = health(st)
	if why := s.hung(); why != "" {
		found(st, control.LaneHung, why)
		st.Health = control.OutOfService
	}
	st.Blinks, st.Light = control.BlinkFor(st.Causes).Times, s.cfg.Panel.Driver == "gpio" && s.cfg.Panel.Service != ""
	s.onsets.fill(st, uptime())
	return st
}
