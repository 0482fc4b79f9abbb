package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

func newSync(g *gate) *cobra.Command {
	from, asJSON := "", false
	cmd := &cobra.Command{
		Use:   "sync [--from FOLDER]",
		Short: "Fetch the keyset and the station's files now, from their repositories or from a USB stick",
		Long: `Sync has railgated ask its repositories now. With --from it takes those in a folder, such as
on a USB stick: the same files, which prove themselves in the same way. The folder is the
nation's public/, or has copies of two of them as nation/ and station/; what else is on the stick
stays there.`,
		Example: "  railgate sync\n  railgate sync --from /media/usb",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil {
				return err
			}
			var body io.Reader
			if from != "" {
				s, err := client.Status(c.Context())
				if err != nil {
					return err
				}
				if body, err = archiveOf(c.Context(), from, s.Station, time.Now()); err != nil {
					return err
				}
			}
			answer, err := client.Sync(c.Context(), body)
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(answer)
			} else {
				printSync(c.OutOrStdout(), answer, zoneAt(c.Context(), client))
			}
			if err == nil && answer.Error != "" {
				err = fmt.Errorf("the nation's repository cannot be used: %s", answer.Error)
			}
			if err == nil && answer.Station != nil && answer.Station.Error != "" {
				err = fmt.Errorf("the station's repository cannot be used: %s", answer.Station.Error)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "take the repository in a `folder`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printSync(w io.Writer, s control.Sync, zone *time.Location) {
	printRepository(w, zone, s.Nation, s.State, s.Last, s.Version, s.Expires)
	if t := s.Station; t != nil {
		printRepository(w, zone, t.URL, t.State, t.Last, t.Version, t.Expires)
	}
}

func printRepository(w io.Writer, zone *time.Location, where, state string, reached time.Time, version int64, expires time.Time) {
	last := "never"
	if !reached.IsZero() {
		last = reached.In(zone).Format(time.DateTime)
	}
	fmt.Fprintf(w, "%s: %s, reached %s", where, state, last)
	if version > 0 {
		fmt.Fprintf(w, ", version %d, good until %s", version, expires.In(zone).Format(time.DateTime))
	}
	fmt.Fprintln(w)
}
