package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/station/repository"
	"railgate/verify"
)

func newInit(d *desk) *cobra.Command {
	online := false
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a repository: its keys and a first, empty publication",
		Long: `Init makes keys and a first, empty publication. Two of three root keys sign who may sign
what; they and the targets key are encrypted, each under a passphrase. With --online the
targets key has none, as a station's needs, whose manifest changes daily.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := repository.Create(d.dir, repository.Options{Passphrase: d.asker.askNew, OnlineTargets: online, WorkFactor: d.workFactor, Now: d.now})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), `made %s
gates begin with %s
serve            %s
then             station publish --dir %s keyset keys.json
and every day    station timestamp --dir %s
`, d.dir, filepath.Join(r.Public(), "1.root.json"), r.Public(), d.dir, d.dir)
			return nil
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "the targets key has no passphrase")
	return cmd
}

func newPublish(d *desk) *cobra.Command {
	cmd := &cobra.Command{Use: "publish", Short: "Publish a file"}
	cmd.AddCommand(&cobra.Command{
		Use:   "keyset FILE",
		Short: "Publish the issuers' keyset",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			keys, err := verify.ParseKeyset(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := d.publish(repository.File{Name: "keys.json", Path: args[0]}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published keys.json: version %d, %d keys\n", keys.Version, len(keys.Keys))
			return nil
		},
	})
	return cmd
}

func (d *desk) publish(files ...repository.File) error {
	r, err := repository.Open(d.dir, d.now)
	if err != nil {
		return err
	}
	return r.Publish(files, d.asker.ask)
}

// warnBefore is how long before a timestamp ends a run that finds it so says so.
const warnBefore = 24 * time.Hour

func newTimestamp(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "timestamp",
		Short: "Say again that what is published is the newest",
		Long: `Timestamp signs timestamp.json again, for a timer: gates that get none for three days say that
they are out of date.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := repository.Open(d.dir, d.now)
			if err != nil {
				return err
			}
			if left := r.Expires().Sub(d.now()); left < warnBefore {
				fmt.Fprintf(c.ErrOrStderr(), "station: the timestamp had %v left: is the timer running?\n", left.Round(time.Minute))
			}
			if err := r.Timestamp(); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "good until %s\n", r.Expires().Format(time.RFC3339))
			return nil
		},
	}
}

// shown is what show prints.
type shown struct {
	Dir     string    `json:"dir"`
	Public  string    `json:"public"`
	Files   []string  `json:"files"`
	Expires time.Time `json:"expires"` // the timestamp
}

func newShow(d *desk) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what is published, and until when it is good",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := repository.Open(d.dir, d.now)
			if err != nil {
				return err
			}
			s := shown{Dir: d.dir, Public: r.Public(), Files: append([]string{}, r.Names()...), Expires: r.Expires()}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(s)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s, good until %s\n", s.Public, s.Expires.Format(time.RFC3339))
			for _, name := range s.Files {
				fmt.Fprintln(c.OutOrStdout(), " ", name)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
