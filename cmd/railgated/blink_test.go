package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/driver/panel"
	"railgate/store"
	"railgate/verify/lane"
)

// The service light says what the status does.
func TestTheServiceLightIsTold(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(store.Options{Dir: t.TempDir(), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return time.Now(), true }}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := &server{cfg: &configs.Config{}, lane: newRunner(parts{
		rules: &lane.Rules{Opens: true}, in: newInbox(), store: st, keys: &keyring.Ring{}, panel: panel.New(panel.Config{}, log),
		clock: clock.New(clock.Config{}, time.Time{}, log),
	}, log)}
	s.cfg.Panel.Driver, s.cfg.Panel.Service = "gpio", "GPIO26"
	ctx, cancel := context.WithCancel(t.Context())
	told := -1
	if err := s.blink(ctx, func(times int) { told = times; cancel() }); err != nil {
		t.Fatal(err)
	}
	if status := s.status(); told == 0 || told != control.BlinkFor(status.Causes).Times || !status.Light {
		t.Errorf("told %d, light %v; want the blinks of %v", told, status.Light, status.Causes)
	}
}
