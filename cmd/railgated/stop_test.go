package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"railgate/driver/clock"
	"railgate/driver/panel"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify/lane"

	"railgate/cmd/railgated/keyring"
)

// A lane that is told to stop while an answer waits to be heard stops. It went on asking
// whether there was one, hearing none, and railgated ended without it, with status 1.
func TestALaneStopsWithAnAnswerUnheard(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(store.Options{Dir: t.TempDir(), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return time.Now(), true }}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for range 30 { // which of two channels a select takes is chance
		l := newRunner(parts{
			rules: &lane.Rules{}, in: newInbox(), store: st, keys: &keyring.Ring{}, panel: panel.New(panel.Config{}, log), clock: clock.New(clock.Config{}, time.Time{}, log),
		}, log)
		ctx, stop := context.WithCancel(t.Context())
		l.in.post(lane.Note{Record: journal.Record{Kind: journal.Started}})
		l.answer(lane.Tick{})
		stop()
		ended := make(chan struct{})
		go func() { l.Run(ctx); close(ended) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the lane does not stop")
		}
	}
}
