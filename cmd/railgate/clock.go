package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

func newClock(g *gate) *cobra.Command {
	c := &cobra.Command{
		Use:   "clock",
		Short: "Show what the gate knows of the time, or lower what is proven of it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newClockShow(g), newClockAccept(g))
	return c
}

func newClockShow(g *gate) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Say what time it is, who says so, and what is proven",
		Long:  "Show asks the daemon what it believes of the time, and why.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil {
				return err
			}
			s, err := client.Status(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(s.Clock)
			}
			return printClock(c.OutOrStdout(), &s.Clock, zoneOf(s.Zone))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printClock(out io.Writer, c *control.Clock, zone *time.Location) error {
	source := string(c.Source)
	if c.Why != "" {
		source += ": " + c.Why
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "time\t%s\t%s\n", c.Time.In(zone).Format(time.RFC3339), source)
	note := ""
	switch {
	case c.Disputed:
		note = "jumped, and is contradicted by passengers' codes or the station"
	case c.Stepped:
		note = "jumped, and is not believed"
	}
	fmt.Fprintf(w, "system clock\t%s\t%s\n", c.Wall.In(zone).Format(time.RFC3339), note)
	fmt.Fprintf(w, "proven\t%s\t%s before; nothing is forgotten by a later time\n", c.Proven.In(zone).Format(time.RFC3339), round(c.Time.Sub(c.Proven)))
	if c.Holdover > 0 {
		fmt.Fprintf(w, "holdover\tgood for %s\toff by %s at most\n", round(secondsOf(c.Holdover)), secondsOf(c.Error).Round(time.Millisecond))
	}
	if c.Suspect {
		fmt.Fprintf(w, "passengers\tmost codes are outside their minute\t\n")
	}
	return w.Flush()
}

func secondsOf(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

func newClockAccept(g *gate) *cobra.Command {
	var why string
	var yes bool
	c := &cobra.Command{
		Use:   "accept TIME --why REASON",
		Short: "Lower what is proven of the time, after a signer's clock was ahead",
		Long: `Accept is for one case: somebody who signs had a clock that was ahead, so the gate holds a
time for proven that has not come, and no right clock is trusted. Set the signer's clock
first. TIME is a time that has certainly been reached, such as 2026-11-23T04:00:00Z.

The gate cannot know which codes it forgot by the wrong time. So the lane closes until no
rotating code from before can be valid, and paper from before is denied for its day. It is
journaled with the reason. It asks before it does anything; --yes is for scripts.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			at, err := time.Parse(time.RFC3339, args[0])
			switch {
			case err != nil:
				return usageError{fmt.Errorf("clock accept: time %q; want one such as 2026-11-23T04:00:00Z", args[0])}
			case strings.TrimSpace(why) == "":
				return usageError{fmt.Errorf("clock accept: --why is missing: say why, for the journal")}
			}
			return accept(c, g, at, why, yes)
		},
	}
	c.Flags().StringVar(&why, "why", "", "the `reason`, for the journal")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func accept(c *cobra.Command, g *gate, at time.Time, why string, yes bool) error {
	client, err := g.client()
	if err != nil {
		return err
	}
	s, err := client.Status(c.Context())
	if err != nil {
		return err
	}
	zone := zoneOf(s.Zone)
	if !yes {
		fmt.Fprintf(c.OutOrStdout(), "Proven time is lowered from %s to %s.\n", s.Clock.Proven.In(zone).Format(time.RFC3339), at.In(zone).Format(time.RFC3339))
		fmt.Fprint(c.OutOrStdout(), "The lane closes until no rotating code from before can be valid; paper from before is denied for its day.\nGo on? [y/N] ")
		if !agreed(c.InOrStdin()) {
			fmt.Fprintln(c.OutOrStdout(), "Nothing was changed.")
			return exitError(exitFailed)
		}
	}
	if err := client.AcceptTime(context.WithoutCancel(c.Context()), at, why); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "Proven time is %s.\n", at.In(zone).Format(time.RFC3339))
	return nil
}

// agreed reads one line, and tells whether it says yes.
func agreed(in io.Reader) bool {
	line, _ := bufio.NewReader(io.LimitReader(in, 100)).ReadString('\n') // no answer is no
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}
