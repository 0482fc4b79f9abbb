// Railgated is the gate: it reads codes from its scanners, decides, and opens the
// turnstile.
//
//	railgated --config /etc/railgate/railgated.toml
//	railgated --check       says what is wrong with the configuration and the devices
//
// It exits with 0 when it was asked to stop, with 1 when it failed, and with 2 when
// its usage or its configuration is wrong, or when it panicked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/cmd/railgated/logsink"
	"railgate/configs"
)

func main() { os.Exit(live(os.Args[1:], os.Stderr)) }

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitAgain  = -1 // not for outside: the gate begins again, with another configuration
)

// live runs a gate, and again where its configuration has become another. Then it is the same
// process for systemd, with nothing of the old gate in it.
func live(args []string, stderr io.Writer) int {
	status := run(args, stderr)
	if status != exitAgain {
		return status
	}
	err := unix.Exec("/proc/self/exe", os.Args, os.Environ())
	fmt.Fprintln(stderr, "railgated: beginning again:", err)
	return exitFailed // systemd starts it
}

// options are what the command line says.
type options struct {
	config  string
	check   bool
	debug   bool
	version bool
}

// parse reads the command line. Its error has been printed.
func (o *options) parse(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("railgated", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.config, "config", configs.DefaultPath, "the configuration `file`")
	flags.BoolVar(&o.check, "check", false, "check the configuration and the devices, and exit")
	flags.BoolVar(&o.debug, "debug", false, "log everything (SIGUSR1 does so while running)")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("%q is not understood; see railgated --help", flags.Arg(0))
		fmt.Fprintln(stderr, "railgated:", err)
		return err
	}
	return nil
}

func run(args []string, stderr io.Writer) int {
	out := logsink.New(stderr)
	defer out.Close(logsink.LastWords)
	var o options
	switch err := o.parse(args, out); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case o.version:
		fmt.Println("railgated", version)
		return exitOK
	}
	cfg, err := configs.Load(o.config)
	var first *configs.KeysetFile
	var missing error
	if err == nil {
		first, missing = cfg.CheckKeyset()
		missing = errors.Join(missing, cfg.CheckDevices())
		if o.check || !worked(cfg) && !cfg.Provision.Wait {
			err = missing
		}
		if o.check {
			err = errors.Join(err, cfg.CheckOpens(), checkListen(cfg))
			if cfg.Provision.Waiting && err == nil {
				fmt.Fprintf(out, "%s: good; the gate waits to be provisioned\n", o.config)
				return exitOK
			}
		}
	}
	if err != nil {
		fmt.Fprintln(out, err)
		if missing != nil && !o.check {
			newDevices(cfg, slog.New(slog.DiscardHandler)) // makes the outputs inactive: it may be the scanner alone that is missing
		}
		return exitUsage
	}
	if o.check {
		fmt.Fprintf(out, "%s: good\n", o.config)
		return exitOK
	}
	return runGate(cfg, first, missing, o.debug, out)
}

// checkListen says why nothing can listen on HTTP's address. It may be this gate's own
// daemon that listens there, which is no error.
func checkListen(cfg *configs.Config) error {
	if cfg.HTTP.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", cfg.HTTP.Listen)
	if err == nil {
		return l.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	taken := func(c control.Cause) bool { return c.Cause == control.HTTPPortTaken }
	if s, err := control.NewClient(cfg.Data).Status(ctx); err == nil && !slices.ContainsFunc(s.Causes, taken) {
		return nil
	}
	return cfg.Problem("http.listen", "%v; choose another port, or stop the program that uses it", err)
}

// runGate runs a gate until it is asked to stop or fails; first is the keyset's file as it
// was checked, missing says what the machine no longer has.
func runGate(cfg *configs.Config, first *configs.KeysetFile, missing error, debug bool, out *logsink.Sink) int {
	ignoreSignals()
	level := new(slog.LevelVar)
	if debug {
		level.Set(slog.LevelDebug)
	}
	log := logsink.NewLog(out, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime()})
	slog.SetDefault(log) // libraries that log do so here
	if missing != nil {
		log.Warn("a device or file that this configuration needs is missing; the configuration worked before, or came with the board, so railgated starts without it and waits for it", "err", missing)
	}
	g, err := newGate(cfg, first, log, level)
	if err == nil {
		err = g.run()
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errAgain):
		log.Info(errAgain.Error())
		return exitAgain
	}
	log.Error("railgated ends", "err", err)
	var problem *configs.Problem
	if errors.As(err, &problem) {
		return exitUsage
	}
	return exitFailed
}

// withoutTime leaves the time out where journald adds its own.
func withoutTime() func([]string, slog.Attr) slog.Attr {
	if os.Getenv("JOURNAL_STREAM") == "" {
		return nil
	}
	return func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
}
