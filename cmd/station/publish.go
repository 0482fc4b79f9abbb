package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/station/repository"
	"railgate/verify"
)

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
			if err := d.publish(repository.File{Name: "keys.json", Data: data}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published keys.json: version %d, %d keys\n", keys.Version, len(keys.Keys))
			return nil
		},
	})
	cmd.AddCommand(newPublishPolicy(d), newPublishManifest(d), newPublishTicket(d), newPublishRevokers(d), newPublishRelease(d), newPublishRoot(d), newPublishAssign(d))
	return cmd
}

// publish publishes what the nation says.
func (d *desk) publish(files ...repository.File) error {
	r, err := repository.Open(d.part(nationPart), d.now)
	if err != nil {
		return err
	}
	return r.Publish(files, d.asker.ask)
}

// warnBefore is how long before a timestamp ends a run that finds it so says so.
const warnBefore = 24 * time.Hour

// clockMay is by how much a clock may have been set back without a word.
const clockMay = 10 * time.Minute

func newTimestamp(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "timestamp",
		Short: "Say again that what is published is the newest",
		Long: `Timestamp signs timestamp.json again, for a timer: gates that get none for three days say that
they are out of date.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var all error // one that cannot be signed does not let the other end
			for _, dir := range d.parts() {
				if err := d.timestamp(c, dir); err != nil {
					all = errors.Join(all, fmt.Errorf("%s: %w", dir, err))
				}
			}
			return all
		},
	}
}

func (d *desk) timestamp(c *cobra.Command, dir string) error {
	r, err := repository.Open(dir, d.now)
	if err != nil {
		return err
	}
	if left := r.Expires().Sub(d.now()); left < warnBefore {
		fmt.Fprintf(c.ErrOrStderr(), "station: the timestamp of %s had %v left: is the timer running?\n", dir, left.Round(time.Minute))
	}
	if ahead := r.SignedAt().Sub(d.now()); ahead > clockMay {
		fmt.Fprintf(c.ErrOrStderr(), "station: the timestamp of %s was signed at %s, %v after now by this machine's clock: one of the two was wrong. If it is this one, set it and sign again: gates refuse what has ended\n", dir, r.SignedAt().Format(time.RFC3339), ahead.Round(time.Minute))
	}
	if err := r.Timestamp(); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s is good until %s\n", dir, r.Expires().Format(time.RFC3339))
	return nil
}

func newRestored(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "restored",
		Short: "Sign all that is published again, after the folder was put back from a copy",
		Long: `Restored is for a repository that was put back from a copy. Gates have seen newer versions, and
refuse it (repository_refused) until its versions are above these. It signs the list of files, the
snapshot and the timestamp under versions that no gate has seen. What is listed is what the copy
has: publish again what came after it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var all error
			for _, dir := range d.parts() {
				r, err := repository.Open(dir, d.now)
				if err == nil {
					err = r.Restored(d.asker.ask)
				}
				if err != nil {
					all = errors.Join(all, fmt.Errorf("%s: %w", dir, err))
					continue
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is signed again, and good until %s; publish again what the copy does not have\n", dir, r.Expires().Format(time.RFC3339))
			}
			return all
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
	asJSON, ofBus := false, false
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what is published, and until when it is good",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if ofBus {
				return d.showBus(c)
			}
			for _, dir := range d.parts() {
				if err := d.show(c, dir, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each repository")
	cmd.Flags().BoolVar(&ofBus, "bus", false, "print the public key of the station's own user on the bus")
	return cmd
}

func (d *desk) showBus(c *cobra.Command) error {
	p, err := d.place("")
	if err != nil {
		return err
	}
	name, err := p.keys.bus.PublicKey()
	if err == nil {
		fmt.Fprintln(c.OutOrStdout(), name)
	}
	return err
}

func (d *desk) show(c *cobra.Command, dir string, asJSON bool) error {
	r, err := repository.Open(dir, d.now)
	if err != nil {
		return err
	}
	s := shown{Dir: dir, Public: r.Public(), Files: append([]string{}, r.Names()...), Expires: r.Expires()}
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(s)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s, good until %s\n", s.Public, s.Expires.Format(time.RFC3339))
	for _, name := range s.Files {
		fmt.Fprintln(c.OutOrStdout(), " ", name)
	}
	return nil
}
