package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"railgate/driver"
)

// A pulse is a loop that must turn, by its number of turns.
type pulse struct {
	name  string
	beats func() uint64
}

func devicePulse(kind string, d interface {
	fmt.Stringer
	Health() driver.Health
}) pulse {
	return pulse{kind + " " + d.String(), func() uint64 { return d.Health().Beats }}
}

// A watchdog tells systemd that the gate lives, but only while every loop turns: a
// daemon that answers and does not read its scanner is dead.
type watchdog struct {
	every  time.Duration
	pulses []pulse
	log    *slog.Logger
	feed   func() // tells systemd
}

// newWatchdog gives nil where systemd asks for no sign of life.
func newWatchdog(pulses []pulse, notify func(string) error, log *slog.Logger) *watchdog {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil || limit == 0 {
		return nil
	}
	return &watchdog{every: limit / 3, pulses: pulses, log: log, feed: func() { notify(daemon.SdNotifyWatchdog) }}
}

// Run feeds until ctx ends.
func (w *watchdog) Run(ctx context.Context) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	last := make([]uint64, len(w.pulses))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C: // not before: the loops are only beginning to turn
		}
		if hung := w.hung(last); hung == "" {
			w.feed()
		} else {
			w.log.Error("a loop hangs; systemd will restart railgated", "loop", hung)
		}
	}
}

// hung names the first loop that has not turned since it was asked last.
func (w *watchdog) hung(last []uint64) (name string) {
	for i, p := range w.pulses {
		n := p.beats()
		if n == last[i] && name == "" {
			name = p.name
		}
		last[i] = n
	}
	return name
}

// notifyWait bounds a word to systemd, whose socket may be full.
const notifyWait = 200 * time.Millisecond

// notify tells systemd something (sd_notify(3)); without systemd it does nothing.
func notify(state string) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetWriteDeadline(time.Now().Add(notifyWait))
	_, err = c.Write([]byte(state))
	return err
}
