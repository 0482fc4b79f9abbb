package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/cmd/railgate/guide"
	"railgate/store/durable"
)

func newInit(g *gate) *cobra.Command {
	i := &initialiser{gate: g}
	c := &cobra.Command{
		Use:   "init",
		Short: "Set the gate up, question by question, to the end of the power-off tests",
		Long: `Init leads through the set-up of a gate, for who stands in front of it. It finds the scanner by a test card that it shows,
writes the configuration, has railgated open the turnstile once and asks whether that was heard, waits for somebody to
walk through and for the fire loop, and ends with the power-off tests of docs/installation.md, whose answers it saves
beside the configuration as a report with date, gate and name.

Nothing moves without a yes, and without its record in the journal. Ctrl-C interrupts it anywhere; it goes on there.
On a terminal it shows forms, elsewhere, and where ACCESSIBLE is set or TERM is dumb, plain lines.`,
		Args: cobra.NoArgs,
		RunE: i.run,
	}
	c.Flags().StringVar(&i.card, "card", "", "only write the test card as a PNG picture into `file`, or show it for -")
	c.Flags().StringVar(&i.dev, "dev", "/dev", "the `folder` of devices")
	c.Flags().StringVar(&i.boards, "boards", "/usr/share/doc/railgate/boards", "the `folder` of the boards' configurations")
	c.Flags().DurationVar(&i.wait, "wait", time.Minute, "how long it waits for the card, for who walks through, and for the fire loop")
	return c
}

// An initialiser is railgate init.
type initialiser struct {
	gate              *gate
	card, dev, boards string
	wait              time.Duration
}

func (i *initialiser) run(c *cobra.Command, _ []string) error {
	colours := newPainter(c.OutOrStdout()).on
	if i.card != "" {
		return i.writeCard(c, colours)
	}
	ctx, stop := signal.NotifyContext(c.Context(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	path := i.gate.configPath()
	folder := filepath.Dir(path)
	if err := unix.Access(folder, unix.W_OK); err != nil {
		return fmt.Errorf("%s cannot be written: %w%s", folder, err, asRoot(err))
	}
	g := &guide.Gate{
		Config: path, State: filepath.Join(folder, "init.json"), Folder: folder, Dev: i.dev, Boards: i.boards,
		Write:     func(old, text []byte) error { return writeConfig(path, old, text) },
		Client:    control.NewClient,
		Lines:     guide.FindLines,
		Systemctl: systemctl,
		Who:       cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER")),
		Version:   version, Colours: colours, Now: func() time.Time { return time.Now().In(zoneOf("")) }, Wait: i.wait,
	}
	switch err := g.Run(ctx, guide.NewTerminal(ctx, c.InOrStdin(), c.OutOrStdout())); {
	case errors.Is(err, guide.ErrStopped):
		return exitError(exitFailed)
	default:
		return err
	}
}

func (i *initialiser) writeCard(c *cobra.Command, colours bool) error {
	if i.card == "-" {
		return guide.DrawCard(c.OutOrStdout(), colours)
	}
	var picture bytes.Buffer
	if err := guide.WriteCard(&picture); err != nil {
		return err
	}
	return durable.WriteFile(i.card, picture.Bytes(), 0o644)
}

// systemctl starts or stops railgated.
func systemctl(ctx context.Context, verb string) error {
	if _, err := thisHost().run(ctx, "systemctl", verb, "railgated"); err != nil {
		return fmt.Errorf("systemctl %s railgated: %w%s", verb, err, asRoot(err))
	}
	return nil
}

// writeConfig puts a configuration in place, if the file is still what was read; where there was none it makes one
// that railgated's group can read.
func writeConfig(path string, old, text []byte) error {
	f, err := readConfigFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(old) == 0:
		mode, uid, gid := fs.FileMode(0o640), -1, -1
		if user := thisHost().serviceUser(); os.Geteuid() == 0 && user != nil {
			uid, gid = 0, user.gid
		}
		return durable.WriteFileAs(path, text, mode, uid, gid)
	case err != nil:
		return err
	case bytes.Equal(f.data, text):
		return nil
	}
	f.data = old
	return f.replace(text)
}
