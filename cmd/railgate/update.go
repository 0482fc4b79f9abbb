package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"railgate/cmd/progress"
	"railgate/store/durable"
	"railgate/store/update"
)

// updateFlags are what railgate update is told.
type updateFlags struct {
	station, downgrade, yes, json bool
	from, sum                     string
}

func newUpdate(g *gate) *cobra.Command {
	var f updateFlags
	c := &cobra.Command{
		Use:   "update FILE | --from-station",
		Short: "Install a release into the other slot, and restart into it",
		Long: `Update installs a release into the slot that does not run, and restarts the gate into it. The
release is kept once it has proved good: railgated is ready, its devices work, and somebody
has crossed, or five minutes have passed. Otherwise the gate falls back to the release from
before, by itself and once, and does not install that one again until a person asks for it.

FILE is a bundle (.raucb), such as on a USB stick. It is read through and must be a file that
the nation's list of releases has; the list is beside it on the stick (a whole copy of the
nation's repository), in the folder of --from, or the one that railgate sync brought. With
--from-station it is the release that the gate's station gives it.

A gate without a nation's repository has no list: then --sha256 is the hash that whoever made
the bundle told you by another way than the stick, and you are asked.

A release that is older than what this gate has had is refused; --downgrade installs it, asks
first, and is journaled.`,
		Example: "  sudo railgate update /media/usb/arm64.raucb\n  sudo railgate update --from-station",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return usageError{err}
			}
			if f.station {
				return f.fromStation(c, g)
			}
			if os.Geteuid() != 0 {
				return errNotRoot
			}
			u, err := newUpdater(g, teller(c, f.json))
			if err != nil {
				return err
			}
			return f.fromFile(c, u, args[0])
		},
	}
	c.Flags().BoolVar(&f.station, "from-station", false, "install the release that the gate's station gives it")
	c.Flags().StringVar(&f.from, "from", "", "the `folder` with a copy of the nation's repository")
	c.Flags().StringVar(&f.sum, "sha256", "", "without a repository: the bundle's `hash`, as its maker told it")
	c.Flags().BoolVar(&f.downgrade, "downgrade", false, "install it although it is older")
	c.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON, a line for each step")
	return c
}

var errNotRoot = errors.New("update: only root can write a slot; run it with sudo")

// check says what is wrong with the command line.
func (f *updateFlags) check(args []string) error {
	sum, err := hex.DecodeString(f.sum)
	switch {
	case f.station && len(args) > 0:
		return errors.New("update: either a file or --from-station")
	case !f.station && len(args) == 0:
		return errors.New("update: which release? name a file, or --from-station")
	case f.station && (f.from != "" || f.sum != ""):
		return errors.New("update: --from and --sha256 are for a file")
	case f.sum != "" && (err != nil || len(sum) != 32):
		return fmt.Errorf("update: --sha256 %q; want 64 hexadecimal digits", f.sum)
	}
	return nil
}

// fromFile installs a bundle that lies in a file.
func (f *updateFlags) fromFile(c *cobra.Command, u *updater, name string) error {
	if _, err := os.Stat(name); err != nil { // before anything is said of lists
		return fmt.Errorf("update: %w", err)
	}
	r, err := f.identify(c.Context(), u, name)
	if err != nil {
		return err
	}
	if err := f.ask(c, u, r); err != nil {
		return err
	}
	from, err := durable.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	return u.install(c.Context(), from, r, order{byHand: true, downgrade: f.downgrade})
}

// identify finds out which release a file is: by the nation's list, or by the hash that a
// technician was told.
func (f *updateFlags) identify(ctx context.Context, u *updater, name string) (*release, error) {
	switch {
	case u.cfg.Sync.Nation != "" && f.sum != "":
		return nil, errors.New("update: this gate has a nation's repository (sync.nation), whose list decides; leave --sha256 out")
	case u.cfg.Sync.Nation != "":
		return u.find(ctx, name, f.from)
	case f.sum == "":
		return nil, fmt.Errorf("update: %w: sync.nation is empty. If whoever made %s told you its SHA-256 by another way than with the file: --sha256 HASH", errNoList, name)
	}
	u.tell(notice{Step: "find", Says: "reading " + name})
	length, sum, err := hashOf(name)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(sum, f.sum) {
		return nil, fmt.Errorf("%s: %w: its sha256 is %s", name, errSum, sum)
	}
	version, err := u.slots.Version(ctx, name)
	if err == nil && !update.GoodVersion(version) {
		err = fmt.Errorf("%s calls itself version %q; want one such as 1.4.0", name, version)
	}
	return &release{version, length, sum, true}, err
}

// ask asks before anything is done.
func (f *updateFlags) ask(c *cobra.Command, u *updater, r *release) error {
	s, err := update.Load(u.dir)
	if err != nil {
		return err
	}
	if f.yes {
		return nil
	}
	out := c.ErrOrStderr()
	if f.sum != "" {
		fmt.Fprintln(out, "No nation's list vouches for this bundle: only the hash that you gave.")
	}
	if f.downgrade {
		fmt.Fprintln(out, "An older release may have faults that are known; what this gate has kept since may be unreadable for it.")
	}
	running := s.Running
	if running == "" {
		running = "an unknown release"
	}
	fmt.Fprintf(out, "Release %s is installed; %s runs now. The gate restarts when it is written: a minute without the lane.\nGo on? [y/N] ", r.version, running)
	if !agreed(c.InOrStdin()) {
		fmt.Fprintln(out, "Nothing was changed.")
		return exitError(exitFailed)
	}
	return nil
}

// teller prints how an update goes: lines of JSON, or words and bars.
func teller(c *cobra.Command, asJSON bool) func(notice) {
	out := c.OutOrStdout()
	if asJSON {
		enc := json.NewEncoder(out)
		return func(n notice) { enc.Encode(n) }
	}
	return printer(out)
}

// printer shows bytes and percents as a bar, and everything else as a line, once.
func printer(out io.Writer) func(notice) {
	var bar *progress.Bar
	var last notice
	return func(n notice) {
		if n.Step != last.Step && bar != nil {
			bar.Clear()
			bar = nil
		}
		switch {
		case n.Total > 0 && bar == nil:
			bar = progress.Bytes(out, n.Step+" "+n.Release, n.Total)
		case n.Step == "install" && bar == nil:
			bar = progress.Count(out, n.Step+" "+n.Release, 100)
		case bar == nil && (n.Step != last.Step || n.Says != last.Says):
			fmt.Fprintf(out, "%s %s: %s\n", n.Step, n.Release, n.Says)
		}
		if bar != nil {
			bar.Set(max(n.Bytes, int64(n.Percent)))
		}
		last = n
	}
}
