package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver"
	"railgate/verify/lane"
)

// A serial line that another process reads as well can leave its reader in a read that
// does not end; the store must be closed all the same.
func TestADeviceThatHangsDoesNotKeepTheGateFromStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{log: slog.New(slog.DiscardHandler), devices: &devices{}}
		hang := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		tasks := g.start(ctx, func(error) {}, []task{{"scanner", func(context.Context) error { <-hang; return nil }}})
		began := time.Now()
		stop()
		g.await(tasks)
		if waited := time.Since(began); waited != stopWait {
			t.Errorf("await took %v; want %v", waited, stopWait)
		}
		close(hang)
		g.await(tasks)
		if waited := time.Since(began); waited != stopWait {
			t.Errorf("a device that stopped was waited for: %v", waited)
		}
	})
}

// Whoever asks before the lane's first step hears that it is closed: systemd was told
// READY by a gate whose scanner was not there yet.
func TestALaneThatHasNotBegunIsOutOfService(t *testing.T) {
	for _, opens := range []bool{true, false} {
		l := newRunner(&lane.Rules{Opens: opens}, slog.New(slog.DiscardHandler))
		if got := l.seen().Mode; got != lane.ModeOutOfService {
			t.Errorf("opens %v: mode %q; want %q", opens, got, lane.ModeOutOfService)
		}
	}
}

// A flood keeps a code that came before it for longer than a commit lasts.
func TestAFloodDoesNotPushACodeOut(t *testing.T) {
	in := newInbox()
	in.deliver(reading("RG1:CODE"))
	for range 500 {
		in.deliver(reading("garbage"))
	}
	ev, ok := in.take(func(time.Time) time.Duration { return 0 })
	if r, isReading := ev.(lane.Read); !ok || !isReading || r.Text != "RG1:CODE" {
		t.Errorf("take = %v, %v; want the code", ev, ok)
	}
	for range 2 * maxReadings {
		in.deliver(reading("garbage"))
	}
	if len(in.readings) != maxReadings || in.overruns() == 0 {
		t.Errorf("%d readings wait, %d were replaced; want %d and some", len(in.readings), in.overruns(), maxReadings)
	}
}

func reading(text string) driver.Reading { return driver.Reading{Scanner: "front", Text: text} }
