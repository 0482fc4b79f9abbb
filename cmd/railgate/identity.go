package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"railgate/configs"
	"railgate/store/identity"
)

func newIdentity(g *gate) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Show the gate's public keys, by which its station enrolls it",
		Long: `Identity prints who the gate is: its names and its public keys, and the text of the code that
its screen shows in diagnosis, or while it waits to be provisioned: then it has no names, and the
keys are lines that can be read out. A station takes either (station enroll). None of it is secret.
It asks railgated; where that does not run it reads gate.seed in the data folder, which
railgated makes when it starts for the first time.`,
		Example: "  railgate identity\n  railgate identity --json > A07.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := g.identity(c)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(p)
			}
			return printIdentity(c.OutOrStdout(), p)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, which a station takes")
	return cmd
}

// identity is the gate's: the daemon's word, or the data folder's.
func (g *gate) identity(c *cobra.Command) (identity.Public, error) {
	client, err := g.client()
	if err == nil {
		s, err := client.Status(c.Context())
		switch {
		case err != nil:
		case s.Bus != nil && s.Bus.Identity != "":
			return identity.ParsePublic([]byte(s.Bus.Identity))
		case s.Provision != nil && s.Provision.Identity != "":
			return identity.ParsePublic([]byte(s.Provision.Identity))
		}
	}
	cfg, err := configs.Load(cmp.Or(g.config, configs.DefaultPath))
	if err != nil {
		return identity.Public{}, err
	}
	if cfg.Sync.Station == "" && !cfg.Provision.Waiting {
		return identity.Public{}, errors.New("this gate has no station: sync.station is empty")
	}
	// Only railgated makes a seed: one that root made, it could not read.
	if _, err := os.Stat(filepath.Join(cfg.Data, identity.SeedFile)); err != nil {
		return identity.Public{}, fmt.Errorf("%w; start railgated, which makes one", err)
	}
	id, err := identity.Load(cfg.Data)
	if err != nil {
		return identity.Public{}, err
	}
	if cfg.Provision.Waiting {
		return id.Public("", ""), nil
	}
	return id.Public(cfg.Station, cfg.Gate), nil
}

func printIdentity(w io.Writer, p identity.Public) error {
	text, err := p.Text()
	if err != nil {
		return err
	}
	if !p.Named() {
		lines, err := p.Lines()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "not provisioned: these are its keys, for station enroll --gate NAME\n\n%s\n\n%s\n", strings.Join(lines, "\n"), text)
		return err
	}
	_, err = fmt.Fprintf(w, "station       %s\ngate          %s\njournal       %x\nbus           %s\nprovisioning  %x\n\n%s\n", p.Station, p.Gate, p.Journal, p.Bus, p.Provisioning, text)
	return err
}
