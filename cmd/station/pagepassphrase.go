package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"railgate/cmd/station/page"
)

func newPassphrase(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "passphrase",
		Short: "Set the passphrase of the station's page",
		Long: `Passphrase keeps a new passphrase of the station's page in the folder of --dir, hashed with
scrypt. Whoever is signed in must sign in again. A station that runs needs no restart.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			passphrase, err := d.asker.askNew("the station's page")
			if err != nil {
				return err
			}
			path := filepath.Join(d.part(stationPart), page.PassphraseName)
			if err := page.SetPassphrase(path, passphrase); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), path)
			return nil
		},
	}
}
