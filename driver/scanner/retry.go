package scanner

import (
	"context"
	"log/slog"
	"time"

	"railgate/driver"
)

const (
	retryMin = 200 * time.Millisecond
	retryMax = 5 * time.Second
	// While a device is down another reason is logged no more often than this: some count, and change at each try.
	reasonEvery = time.Minute
)

// keepTrying runs sessions with a device, one after the other, until ctx ends. A
// session ends when its device fails; the next begins after a growing delay.
func keepTrying(ctx context.Context, m *driver.Monitor, log *slog.Logger, what string, session func() error) error {
	return keepTryingEach(ctx, m, log, what, retryMax, session)
}

// keepTryingEach is keepTrying with another longest delay.
func keepTryingEach(ctx context.Context, m *driver.Monitor, log *slog.Logger, what string, longest time.Duration, session func() error) error {
	delay := retryMin
	logged, reason := time.Time{}, ""
	for {
		began := time.Now()
		err := session()
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > retryMax {
			delay = retryMin
		}
		up := m.Health().Up
		if up || err.Error() != reason && time.Since(logged) >= reasonEvery {
			logged, reason = time.Now(), err.Error()
			log.Warn(what+" is not there; trying again", "err", err)
		}
		m.Down(err)
		if !wait(ctx, m, delay) {
			return nil
		}
		delay = min(2*delay, longest)
	}
}

// wait waits between two attempts; it beats, for waiting is not hanging.
func wait(ctx context.Context, m *driver.Monitor, delay time.Duration) bool {
	for end := time.Now().Add(delay); time.Now().Before(end); {
		m.Beat()
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(poll, time.Until(end))):
		}
	}
	return true
}
