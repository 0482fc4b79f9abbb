package main

import (
	"fmt"
	"time"

	"railgate/cmd/control"
	"railgate/driver/clock"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// This file tells of the clock: to the lane, to the journal, to whoever asks.

// clockChanged hears of the clock every second.
func (l *runner) clockChanged(s clock.State) {
	l.in.post(lane.Missing{Cause: lane.CauseClock, Why: s.Why})
	if s.Event != "" {
		l.wire.clockStepped()
		l.in.post(lane.Note{Record: journal.Record{Kind: eventKind(s), Detail: s.Event}})
	}
	if began, ended := l.told.suspicion(); began || ended {
		detail := "most passengers' codes are outside their minute"
		if ended {
			detail = "most passengers' codes are in their minute again"
		}
		l.in.post(lane.Note{Record: journal.Record{Kind: journal.ClockSuspect, Detail: detail}})
	}
}

func eventKind(s clock.State) journal.Kind {
	switch {
	case s.Disputed:
		return journal.ClockDisputed
	case s.Stepped:
		return journal.ClockStepped
	}
	return journal.ClockStep
}

// addClock tells of the time.
func (l *runner) addClock(s *control.Status) {
	state := l.clock.State()
	now := l.clock.Now()
	s.Clock = control.Clock{
		Time: now.Time, Source: state.Source, Trusted: now.OK, Why: state.Why, Error: state.Error.Seconds(),
		Wall: l.clock.Wall(), Proven: l.clock.Proven().Proven(), BelowProven: state.Below,
		Stepped: state.Stepped, Disputed: state.Disputed, Ahead: state.Ahead.Seconds(), Holdover: state.Left.Seconds(),
	}
	s.Clock.Floor = s.Clock.Proven
	l.told.report(s)
	addClockCauses(s)
}

// addClockCauses tells what a technician should know of a clock that the lane works with.
func addClockCauses(s *control.Status) {
	c := &s.Clock
	holdover := "holdover goes on"
	if c.Holdover > 0 {
		holdover += " for " + secondsWord(c.Holdover)
	}
	switch {
	case c.Disputed:
		found(s, control.ClockDisputed, fmt.Sprintf("clock_disputed: passengers' codes, or the station, contradict the system's clock, which is off by %s; %s", secondsWord(c.Ahead), holdover))
	case c.Stepped:
		found(s, control.ClockStepped, fmt.Sprintf("clock_stepped: the system's clock jumped by %s and is not believed; %s", secondsWord(c.Ahead), holdover))
	}
	if c.Suspect {
		found(s, control.ClockSuspect, "clock_suspect: most passengers' codes are outside their minute: is the clock right?")
	}
}

func secondsWord(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// keeper is who keeps a clock that is before what is proven.
func keeper(s clock.State) control.Keeper {
	return control.Keeper{Synced: s.Vouched, Station: s.Heard, BeforeBuild: s.Unbuilt}
}

// acceptTime lowers what is proven of the time, on the disk and here.
func (l *runner) acceptTime(at time.Time, why string) error {
	from, now := l.clock.Proven().Proven(), l.clock.Now()
	record := journal.Record{
		Time: now.Time, Unsure: !now.OK, Kind: journal.ClockAccepted, Direction: l.seen().Rules.Direction,
		Detail: fmt.Sprintf("proven time lowered from %s to %s, by a technician: %s", from.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339), why),
	}
	err := l.clock.Accept(at, why, func(p clock.Proven) error { return l.store.Accept(p, record) })
	if err == nil {
		l.told.record(record)
		l.hub.publish(control.Event{Time: record.Time, Mode: string(l.seen().Mode), Record: &record})
	}
	return err
}
