package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"railgate/cmd/control"
)

// A railgated that does not answer for a while, for its board is busy or it is restarted, goes on bringing the release: who waits
// is not told that it failed. One that does not answer at all is told.
func TestABusyRailgatedIsWaitedFor(t *testing.T) {
	late := errors.New("deadline exceeded")
	for _, tt := range []struct {
		name   string
		silent time.Duration
		want   error
	}{
		{"late for 55 s", 55 * time.Second, nil},
		{"gone", time.Hour, late},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			status := func(context.Context) (*control.Status, error) {
				if time.Since(began) < tt.silent {
					return nil, late
				}
				return &control.Status{Update: &control.Update{Assigned: "2.0.0", Staged: "2.0.0"}}, nil
			}
			err := awaitStaged(t.Context(), status, control.Update{Assigned: "2.0.0", Bytes: 1, Total: 2}, func(notice) {})
			if !errors.Is(err, tt.want) || time.Since(began) > 2*time.Minute {
				t.Errorf("%s: %v after %v; want %v", tt.name, err, time.Since(began), tt.want)
			}
		})
	}
}
