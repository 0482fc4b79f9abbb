package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/cmd/railgated/keyring"
	"railgate/driver"
	"railgate/driver/clock"
	"railgate/driver/scanner"
	"railgate/driver/turnstile"
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
		g.await(tasks, deviceWait)
		if waited := time.Since(began); waited != deviceWait {
			t.Errorf("await took %v; want %v", waited, deviceWait)
		}
		close(hang)
		g.await(tasks, deviceWait)
		if waited := time.Since(began); waited != deviceWait {
			t.Errorf("a device that stopped was waited for: %v", waited)
		}
	})
}

// Whoever asks before the lane's first step hears that it is closed: systemd was told
// READY by a gate whose scanner was not there yet.
func TestALaneThatHasNotBegunIsOutOfService(t *testing.T) {
	for _, opens := range []bool{true, false} {
		l := newRunner(parts{rules: &lane.Rules{Opens: opens}, in: newInbox()}, slog.New(slog.DiscardHandler))
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
	if n := len(in.queue("front").waiting); n != maxReadings || in.overruns() == 0 {
		t.Errorf("%d readings wait, %d were replaced; want %d and some", n, in.overruns(), maxReadings)
	}
}

// However much one scanner says, another's code is the next but one.
func TestScannersAreServedInTurn(t *testing.T) {
	in := newInbox()
	for range 3 * maxReadings {
		in.deliver(reading("garbage"))
	}
	code := driver.Reading{Scanner: "back", Text: "RG1:CODE"}
	for n := range 5 {
		in.deliver(code)
		for range maxReadings {
			in.deliver(reading("garbage"))
		}
		turns := 0
		for turns < 3 {
			ev, _ := in.take(func(time.Time) time.Duration { return 0 })
			turns++
			if r := ev.(lane.Read); r.Scanner == "back" {
				break
			}
		}
		if turns > 2 {
			t.Fatalf("code %d waited for %d readings of the other scanner", n, turns)
		}
	}
}

func reading(text string) driver.Reading { return driver.Reading{Scanner: "front", Text: text} }

// The unit's comment says which loops feed the watchdog.
func TestEachLoopThatTheUnitNamesIsWatched(t *testing.T) {
	unit, err := os.ReadFile("../../systemd/railgated.service")
	if err != nil {
		t.Fatal(err)
	}
	front := scanner.NewSerial(scanner.SerialConfig{Name: "front"}, slog.New(slog.DiscardHandler))
	gate7 := turnstile.NewSim(turnstile.SimConfig{Config: turnstile.Config{Name: "7"}}, slog.New(slog.DiscardHandler))
	g := &gate{lane: &runner{}, keys: &keyring.Ring{}, devices: &devices{scanners: []driver.Scanner{front}, turnstile: gate7}}
	var names []string
	for _, p := range g.watched() {
		names = append(names, p.name)
	}
	if got := strings.Join(names, ", "); got != "lane, clock, keyset, scanner front, turnstile 7" {
		t.Errorf("watched are %s", got)
	}
	if !strings.Contains(string(unit), "the loops of lane, scanners, turnstile, clock and keyset turn") {
		t.Error("railgated.service names other loops")
	}
}

// An effect's answer waits until the step is done: the rest of its effects must not run on a state that has gone on.
func TestNoStepWithinAStep(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	sim := turnstile.NewSim(turnstile.SimConfig{Config: turnstile.Config{Name: "7"}}, log)
	l := newRunner(parts{rules: &lane.Rules{Opens: true}, in: newInbox(), turnstile: sim, clock: clock.New(clock.Config{}, time.Time{}, log)}, log)
	before := l.seen()
	l.carry(lane.Open{Window: time.Second})
	if after := l.seen(); after.Mode != before.Mode || len(after.Reasons) != len(before.Reasons) {
		t.Errorf("the state went from %+v to %+v while effects were carried out", before, after)
	}
	ev, ok := l.next()
	if opened, isOpened := ev.(lane.Opened); !ok || !isOpened || opened.Err == nil {
		t.Errorf("next = %+v; want the answer: this turnstile does not run", ev)
	}
}
