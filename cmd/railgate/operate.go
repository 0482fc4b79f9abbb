package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"railgate/configs"
	"railgate/driver/turnstile"
)

func newSim(g *gate) *cobra.Command {
	return &cobra.Command{
		Use:   "sim walk|passage|emergency [0|1]",
		Short: "Change an input of a simulated turnstile",
		Long:  "Sim makes someone walk through a simulated turnstile, or sets its passage sensor or its emergency input to 1 (active) or 0.",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			active := true
			if len(args) == 2 {
				if args[1] != "0" && args[1] != "1" {
					return usageError{fmt.Errorf("sim: level %q; want 0 or 1", args[1])}
				}
				active = args[1] == "1"
			}
			client, err := g.client()
			if err != nil {
				return err
			}
			return client.Sim(c.Context(), args[0], active)
		},
	}
}

func newOutputsSafe(g *gate) *cobra.Command {
	return &cobra.Command{
		Use:   "outputs-safe",
		Short: "Make the gate's outputs inactive when its daemon is gone",
		Long: `Outputs-safe releases the relay and darkens the panel. systemd runs it whenever railgated
has ended, however it ended. It needs no store, no network and no valid configuration:
the daemon leaves a small file that names its outputs.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := g.outputsFile()
			if err != nil {
				return err
			}
			outputs, err := turnstile.LoadOutputs(path)
			if err != nil {
				return err
			}
			if err := outputs.MakeSafe(); err != nil {
				return fmt.Errorf("outputs may still be active: %w", err)
			}
			return nil
		},
	}
}

// outputsFile finds the file that the daemon left. It looks even where the
// configuration cannot be read.
func (g *gate) outputsFile() (string, error) {
	dirs := []string{os.Getenv("RUNTIME_DIRECTORY"), "/run/railgate"}
	if g.data != "" {
		dirs = []string{g.data}
	} else if g.config != "" {
		if dir, err := g.folder(); err == nil {
			dirs = []string{dir}
		}
	} else if dir, err := g.folder(); err == nil {
		dirs = append(dirs, dir)
	}
	for _, dir := range append(dirs, "/var/lib/railgate") {
		path := filepath.Join(dir, turnstile.OutputsName)
		if _, err := os.Stat(path); dir != "" && err == nil {
			return path, nil
		}
	}
	return "", errors.New("no outputs.json: railgated has never driven an output here; --data names another gate's folder")
}

func newMan(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages to a folder's man1 and man5",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE:   func(_ *cobra.Command, args []string) error { return writeManuals(root, args[0]) },
	}
}

// writeManuals writes the tool's pages and the configuration's. They show when this was made, so that two builds of one
// commit have the same pages.
func writeManuals(root *cobra.Command, dir string) error {
	commands, formats := filepath.Join(dir, "man1"), filepath.Join(dir, "man5")
	if err := errors.Join(os.MkdirAll(commands, 0o755), os.MkdirAll(formats, 0o755)); err != nil {
		return err
	}
	seconds, _ := strconv.ParseInt(built, 10, 64) // the linker's
	made := time.Unix(seconds, 0).UTC()
	head := &doc.GenManHeader{Title: "RAILGATE", Section: "1", Source: "railgate " + version, Manual: "Railgate", Date: &made}
	return errors.Join(doc.GenManTree(root, head, commands), os.WriteFile(filepath.Join(formats, "railgated.toml.5"), configs.Manual(version, made), 0o644))
}
