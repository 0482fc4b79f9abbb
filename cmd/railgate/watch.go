package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"railgate/cmd/control"
	"railgate/store/journal"
)

func newWatch(g *gate) *cobra.Command {
	var asJSON, plain bool
	c := &cobra.Command{
		Use:   "watch",
		Short: "Follow what happens at the gate",
		Long: `Watch shows what happens at the gate until q or Ctrl-C: on a terminal the gate's health, what
to do about each cause, its devices and lines, how long passages take, and each decision with its
reason; elsewhere, where TERM is dumb, and with --plain, a line for each thing that happens. It
waits for a daemon that restarts. Keys: q ends it, p holds it, c shows the causes alone.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
			defer stop()
			if !asJSON && !plain && isLive(c.InOrStdin(), c.OutOrStdout()) {
				return watchLive(ctx, client, c.InOrStdin(), c.OutOrStdout())
			}
			return watchLines(ctx, client, asJSON, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print NDJSON")
	c.Flags().BoolVar(&plain, "plain", false, "print lines on a terminal, too")
	return c
}

// isLive tells whether in and out are a terminal that can show a view.
func isLive(in io.Reader, out io.Writer) bool {
	if t := os.Getenv("TERM"); t == "" || t == "dumb" {
		return false
	}
	for _, f := range []any{in, out} {
		if f, ok := f.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
			return false
		}
	}
	return true
}

// watchLines prints a line for each thing that happens, until ctx ends.
func watchLines(ctx context.Context, client *control.Client, asJSON bool, out, errOut io.Writer) error {
	p, enc := newPainter(out), json.NewEncoder(out)
	var zone *time.Location
	var unwritten error // what watch is written to is full, or gone
	err := events(ctx, client, func(e control.Event) bool {
		if asJSON {
			unwritten = enc.Encode(e)
			return unwritten == nil
		}
		if zone == nil { // now it answers
			zone = zoneAt(ctx, client)
		}
		if line := eventLine(p, &e, zone); line != "" {
			_, unwritten = fmt.Fprintln(out, line)
		}
		return unwritten == nil
	}, func() {
		fmt.Fprintln(errOut, "railgate: railgated is not running; waiting for it")
	})
	return cmp.Or(unwritten, err)
}

// eventsRetry is how soon a daemon that does not answer is asked again.
const eventsRetry = time.Second

// events hands each event to see until ctx ends or see returns false. Where the daemon does not
// answer, absent is called once, and it is waited for.
func events(ctx context.Context, client *control.Client, see func(control.Event) bool, absent func()) error {
	for waiting := false; ; {
		err := client.Events(ctx, func(e control.Event) bool {
			waiting = false
			return see(e)
		})
		switch {
		case ctx.Err() != nil || err == nil:
			return nil
		case !errors.Is(err, control.ErrNotRunning):
			return err
		case !waiting:
			absent()
		}
		waiting = true
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(eventsRetry):
		}
	}
}

// eventLine is an event for a person; "" for one that says nothing new to them.
func eventLine(p painter, e *control.Event, zone *time.Location) string {
	if e.Record == nil {
		return ""
	}
	return p.dim(e.Record.Time.In(zone).Format("15:04:05.000")) + "  " + recordWords(p, e.Record)
}

// recordWords is a record for a person, without its time.
func recordWords(p painter, r *journal.Record) string {
	line := p.yellow(string(r.Kind))
	switch {
	case r.Decision == journal.Granted:
		line = p.green("granted")
	case r.Decision == journal.Denied:
		line = p.red("denied") + " " + visible(r.Reason)
	case r.Kind == journal.Passage, r.Kind == journal.InService, r.Kind == journal.Cleared:
		line = string(r.Kind)
	}
	for _, extra := range []struct{ name, value string }{{"", r.Scanner}, {"sub ", hexID(r.Holder)}, {"", r.Flag}, {"", r.Detail}} {
		if extra.value != "" {
			line += "  " + p.dim(extra.name) + visible(extra.value)
		}
	}
	if r.Count > 0 {
		line += fmt.Sprintf("  × %d", r.Count)
	}
	return line
}

// visible is a text without what a terminal obeys, on one line.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '·'
		}
		return r
	}, text)
}

// visibleLines is visible for a text of several lines.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = visible(strings.ReplaceAll(lines[i], "\t", " "))
	}
	return strings.Join(lines, "\n")
}
