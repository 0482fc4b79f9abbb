package driver

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A device that is down for another reason is down since the first.
func TestMonitorSaysSinceWhenADeviceIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Monitor
		start := time.Now()
		for i, step := range []struct {
			err   error
			news  bool
			since int // the step at which it became what it is
		}{
			{errors.New("unplugged"), true, 0},
			{errors.New("unplugged"), false, 0},
			{errors.New("no frames"), true, 0},
			{nil, true, 3},
			{nil, false, 3},
			{errors.New("no frames"), true, 5},
			{errors.New("unplugged"), true, 5},
		} {
			news := false
			if step.err != nil {
				news = m.Down(step.err)
			} else {
				news = m.Up()
			}
			h := m.Health()
			if since := start.Add(time.Duration(step.since) * time.Second); news != step.news || !h.Since.Equal(since) || h.Up != (step.err == nil) {
				t.Errorf("step %d: news %v, %+v; want %v, since %v", i, news, h, step.news, since)
			}
			time.Sleep(time.Second)
		}
	})
}

// A line's health is read while it changes: what was read stays.
func TestMonitorTellsLines(t *testing.T) {
	var m Monitor
	at := time.Unix(1, 0)
	m.Line("emergency", false, at)
	read := m.Health().Lines
	for i, active := range []bool{true, true, false, true} {
		m.Line("open", active, at.Add(time.Duration(i)*time.Second))
	}
	want := []Line{{Name: "open", Active: true, Changes: 2, Since: at.Add(3 * time.Second)}, {Name: "passage"}, {Name: "emergency"}}
	if got := m.Health().Lines; !slices.Equal(got, want) || read[0] != (Line{Name: "open"}) {
		t.Errorf("lines = %+v, read before: %+v; want %+v", got, read, want)
	}
}
