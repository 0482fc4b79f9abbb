package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"railgate/cmd/station/repository"
	"railgate/store/journal"
	"railgate/store/sync"
)

func newPublishRoot(d *desk) *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use:   "root STATION FILE",
		Short: "Publish the first root of a station's repository, by the nation",
		Long: `Root publishes station/public/1.root.json of a station that another operator has, as
stations/STATION/root.json: gates of that station begin with it. What it is changed to later is
signed by the station's own root keys and needs no word of the nation's. A station that has a root
here gets another one with --replace alone: whoever has that root's keys is the station then.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			station, path := args[0], args[1]
			if !journal.GoodName(station) {
				return usageError{fmt.Errorf("station %q; want 1 to 32 letters, digits, - and _", station)}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := sync.CheckFirstRoot(data); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			r, err := repository.Open(d.part(nationPart), d.now)
			if err != nil {
				return err
			}
			name := rootName(station)
			if slices.Contains(r.Names(), name) && !replace {
				before, err := os.ReadFile(r.Path(name))
				if err != nil || !bytes.Equal(before, data) {
					return fmt.Errorf("station %s has another root here: if its keys are lost, and its operator says so, publish this one with --replace", station)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is published already\n", name)
				return nil
			}
			if err := r.Publish([]repository.File{{Name: name, Data: data}}, d.asker.ask); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published %s\n", name)
			return nil
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "take the place of another root of this station")
	return cmd
}
