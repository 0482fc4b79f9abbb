package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signals fall into four kinds. Some stop the gate, SIGHUP and SIGUSR1 ask it for
// something, fatal ones end it with its relay released, and it ignores the rest: those
// here because their default is to end or to suspend a process, and the others because
// Go's runtime does so. Nothing helps against SIGKILL and SIGSTOP but systemd.

// fatal are the signals at which Go's runtime prints its goroutines and ends. systemd's
// watchdog sends SIGABRT.
var fatal = []os.Signal{
	unix.SIGQUIT, unix.SIGABRT, unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSTKFLT, unix.SIGSYS,
}

// ignoreSignals keeps a journal that is restarted from ending a gate (SIGPIPE), and a
// terminal from suspending one.
func ignoreSignals() {
	signal.Ignore(unix.SIGPIPE, unix.SIGTTIN, unix.SIGTTOU, unix.SIGTSTP)
}

func notifySignals() chan os.Signal {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1)
	signal.Notify(signals, fatal...) // if they are sent: a fault of the program's own stays one
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
				g.keys.reload()
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
	g.log.Error("railgated ends at once; what its goroutines do follows", "signal", s.String())
	if h, ok := g.log.Handler().(logHandler); ok {
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
