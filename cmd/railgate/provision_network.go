package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"railgate/configs"
	"railgate/store/durable"
	"railgate/store/update"
	"railgate/verify"
)

// networkFile is before those of the image and of a technician (systemd.network(5)).
const networkFile = "10-railgate.network"

// newProvisionNetwork is for a unit of a gate that was provisioned: it has systemd-networkd do what
// the configuration says of the network, and records for root whose gate this is.
func newProvisionNetwork(g *gate) *cobra.Command {
	dir, updates := "", ""
	c := &cobra.Command{
		Use:    "provision-network",
		Short:  "Write the network that the gate was told, for systemd-networkd",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := configs.Load(cmp.Or(g.config, configs.DefaultPath))
			if err != nil {
				return err
			}
			return errors.Join(writeNetwork(dir, &cfg.Network), pinNation(updates, cfg.Sync.NationRoot))
		},
	}
	c.Flags().StringVar(&dir, "to", "/run/systemd/network", "the `folder`")
	c.Flags().StringVar(&updates, "updates", update.Folder, "the `folder` in which root keeps what it knows of updates")
	return c
}

// writeNetwork writes the file, or removes it where nothing is said of the network.
func writeNetwork(dir string, n *verify.Network) error {
	path := filepath.Join(dir, networkFile)
	if n.Address == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return durable.WriteFile(path, formatNetwork(n), 0o644)
}

// formatNetwork is a network as systemd-networkd has it: of every wired port that is a device.
func formatNetwork(n *verify.Network) []byte {
	var b strings.Builder
	b.WriteString("# Written by railgate from the configuration's [network].\n[Match]\nType=ether\nKind=!*\n\n[Network]\n")
	if n.Address == verify.DHCP {
		b.WriteString("DHCP=yes\n")
		return []byte(b.String())
	}
	fmt.Fprintf(&b, "Address=%s\n", n.Address)
	if n.Gateway != "" {
		fmt.Fprintf(&b, "Gateway=%s\n", n.Gateway)
	}
	for _, server := range n.DNS {
		fmt.Fprintf(&b, "DNS=%s\n", server)
	}
	return []byte(b.String())
}
