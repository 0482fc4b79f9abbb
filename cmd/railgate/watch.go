package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store/journal"
)

func newWatch(g *gate) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "watch",
		Short: "Follow what happens at the gate",
		Long:  "Watch prints what happens at the gate, a line each, until Ctrl-C. It waits for a daemon that restarts.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			p, enc := newPainter(c.OutOrStdout()), json.NewEncoder(c.OutOrStdout())
			for waiting := false; ; {
				err := client.Events(ctx, func(e control.Event) bool {
					waiting = false
					if asJSON {
						return enc.Encode(e) == nil
					}
					if line := eventLine(p, &e); line != "" {
						fmt.Fprintln(c.OutOrStdout(), line)
					}
					return true
				})
				switch {
				case ctx.Err() != nil:
					return nil
				case !errors.Is(err, control.ErrNotRunning):
					return err
				case !waiting:
					fmt.Fprintln(c.ErrOrStderr(), "railgate: railgated is not running; waiting for it")
				}
				waiting = true
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(time.Second):
				}
			}
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print NDJSON")
	return c
}

// eventLine is an event for a person; "" for one that says nothing new to them.
func eventLine(p painter, e *control.Event) string {
	r := e.Record
	if r == nil {
		return ""
	}
	word := p.yellow(string(r.Kind))
	switch {
	case r.Decision == journal.Granted:
		word = p.green("granted")
	case r.Decision == journal.Denied:
		word = p.red("denied") + " " + r.Reason
	case r.Kind == journal.Passage, r.Kind == journal.InService, r.Kind == journal.Cleared:
		word = string(r.Kind)
	}
	line := fmt.Sprintf("%s  %s", p.dim(r.Time.Local().Format("15:04:05.000")), word)
	for _, extra := range []struct{ name, value string }{{"", r.Scanner}, {"sub ", hexID(r.Holder)}, {"", r.Flag}, {"", r.Detail}} {
		if extra.value != "" {
			line += "  " + p.dim(extra.name) + extra.value
		}
	}
	if r.Count > 0 {
		line += fmt.Sprintf("  × %d", r.Count)
	}
	return line
}
