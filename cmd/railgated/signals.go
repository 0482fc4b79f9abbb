package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"railgate/cmd/railgated/logsink"

	"golang.org/x/sys/unix"
)

// There are four kinds of signals. SIGTERM and SIGINT stop the gate, SIGHUP and SIGUSR1
// ask it for something, fatal ones end it after its relay is released, and the rest are
// ignored: by ignoreSignals those whose default is to end or to suspend a process, by
// Go's runtime the others. Only systemd helps after SIGKILL and SIGSTOP.

// fatal are the signals at which Go's runtime prints its goroutines and ends. systemd's
// watchdog sends SIGABRT.
var fatal = []os.Signal{
	unix.SIGQUIT, unix.SIGABRT, unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSTKFLT, unix.SIGSYS,
}

// ignoreSignals is for a journal that restarts (SIGPIPE), and for a terminal that suspends
// its processes.
func ignoreSignals() {
	signal.Ignore(unix.SIGPIPE, unix.SIGTTIN, unix.SIGTTOU, unix.SIGTSTP)
}

func notifySignals() chan os.Signal {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1)
	signal.Notify(signals, fatal...) // only if they are sent: a fault of the program itself still ends it
	return signals
}

// wait waits for the end: asked for (nil), or because a task failed, which ends ctx.
func (g *gate) wait(ctx context.Context, signals chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case s := <-signals:
			switch {
			case s == unix.SIGHUP:
				g.keys.Reload()
			case s == unix.SIGUSR1:
				g.toggleDebug()
			case slices.Contains(fatal, s):
				g.die(s)
			default:
				g.log.Info("railgated stops", "signal", s.String())
				return nil
			}
		}
	}
}

// die releases the relay, and lets Go's runtime do what it does at a fatal signal.
func (g *gate) die(s os.Signal) {
	g.releaseForGood()
	g.log.Error("railgated ends at once; its goroutines follow", "signal", s.String())
	if h, ok := g.log.Handler().(logsink.Handler); ok {
		h.Dying()
	}
	signal.Reset(s)
	unix.Kill(os.Getpid(), s.(syscall.Signal))
	select {}
}

func (g *gate) releaseForGood() {
	if t := g.devices.turnstile; t != nil {
		if err := t.ReleaseForGood(); err != nil {
			g.log.Error("releasing the relay", "err", err)
		}
	}
}

func (g *gate) toggleDebug() {
	if g.level.Level() == slog.LevelDebug {
		g.level.Set(slog.LevelInfo)
	} else {
		g.level.Set(slog.LevelDebug)
	}
	g.log.Info("debug log", "on", g.level.Level() == slog.LevelDebug)
}
