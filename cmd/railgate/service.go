package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

func newService(g *gate) *cobra.Command {
	var why string
	c := &cobra.Command{
		Use:   "service free|closed|diagnosis|none",
		Short: "Take the lane over for ten minutes, or give it back",
		Long: `Service does what a staff code does: free passage, lane closed, or the diagnosis on the
screen, for ten minutes; none gives the lane back. It says what the lane becomes and until
when. Who, why and how long is journaled; free passage needs a reason.`,
		Example:   `  railgate service free --why "the passage sensor is broken"`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"free", "closed", "diagnosis", "none"},
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] == "free" && strings.TrimSpace(why) == "" {
				return usageError{errors.New(`free passage needs a reason, for the record: --why "…"`)}
			}
			client, err := g.client()
			if err != nil {
				return err
			}
			answer, err := client.Service(c.Context(), args[0], why)
			if err == nil {
				_, err = fmt.Fprintln(c.OutOrStdout(), takenOver(&answer, time.Now().In(zoneAt(c.Context(), client))))
			}
			return err
		},
	}
	c.Flags().StringVar(&why, "why", "", "the `reason`, for the record; free needs one")
	return c
}

// takenOver says what the lane becomes, and until when by the clock of now's zone.
func takenOver(s *control.Service, now time.Time) string {
	words := "the lane is given back"
	if s.Until != nil {
		words = serviceWords(s.Service, s.Until.In(now.Location()), now)
	}
	if len(s.OutOfService) > 0 {
		words += "; the lane is out of service: " + strings.Join(s.OutOfService, "; ")
	}
	return words
}

// serviceWords is a takeover for a person, by the clock of until's zone.
func serviceWords(mode string, until, now time.Time) string {
	words := map[string]string{"free": "free passage", "closed": "closed by staff", "diagnosis": "diagnosis on the screen"}[mode]
	if words == "" {
		words = mode
	}
	return fmt.Sprintf("%s until %s, %v left", words, until.Format(time.TimeOnly), until.Sub(now).Round(time.Second))
}
