// Railgate is the technician's tool: it asks a gate how it is, reads its journal,
// checks codes and pictures, and makes outputs safe.
//
// railgate help exit-codes lists its exit statuses.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/slots"
)

// Set by the linker: the version, and when it was made (seconds since 1970).
var (
	version = "devel"
	built   = "0"
)

func main() {
	if isSlots(os.Args[0]) {
		os.Exit(runSlots(slots.FindTryboot(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	c, err := root.ExecuteC()
	var exit exitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(errOut, "railgate:", visibleLines(err.Error())) // a server's words, or a stick's, may be in it
		if errors.Is(err, control.ErrNotRunning) {
			fmt.Fprintln(errOut, "railgate: hint: railgate doctor looks for the reason; --data or --config name another gate")
		}
		if errors.Is(err, control.ErrMayNotAsk) {
			fmt.Fprintln(errOut, "railgate: hint: run it with sudo; from now on without, once you are in the group: sudo usermod -a -G railgate YOUR-NAME, then log in again")
		}
	}
	return exitStatus(err, asks(c))
}

func newRoot() *cobra.Command {
	g := new(gate)
	root := &cobra.Command{
		Use:   "railgate",
		Short: "Look after a gate",
		Long: "Railgate asks a gate how it is, reads its journal, checks codes and pictures, and makes its outputs safe.\n\n" +
			"Exit statuses:\n\n" + exitWords(),
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{meantFlag(c, err)} })
	flags := root.PersistentFlags()
	flags.StringVar(&g.data, "data", "", "the gate's data `folder` (default: the configuration's)")
	flags.StringVar(&g.config, "config", "", "the gate's configuration `file` (default "+configs.DefaultPath+")")
	commands := []*cobra.Command{
		newStatus(g), newDoctor(g), newWatch(g), newJournal(g), newSupportBundle(g), newClock(g), newKeys(g), newSync(g), newUpdate(g), newUpdateBoot(g), newUpdateStaged(g), newIdentity(g), newProvision(g), newProvisionNetwork(g), newVerify(), newScan(), newScanner(g), newService(g), newSim(g), newOutputsSafe(g), newConfig(g), newInit(g), newFlash(), newTUFClient(), newMan(root), newExitCodes(), newBlinkCodes(),
	}
	for _, c := range commands {
		strict(c)
		root.AddCommand(c)
	}
	return root
}

// strict makes a usageError of wrong arguments, in a command and those below it.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				near := ""
				if len(args) > 0 && len(c.ValidArgs) > 0 {
					near = configs.Meant(args[0], c.ValidArgs)
				}
				return usageError{fmt.Errorf("%s: %w", c.CommandPath(), withHint(err, near))}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// withHint adds what was meant.
func withHint(err error, near string) error {
	if near == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, strings.TrimSpace(near))
}

// meantFlag names the flag that was meant in the place of an unknown one.
func meantFlag(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := configs.Meant(unknown.GetSpecifiedName(), names); near != "" {
		return withHint(err, strings.Replace(near, "is it ", "is it --", 1))
	}
	return err
}

// noArgs refuses a command that there is not, and names the one that was meant.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError{fmt.Errorf("%q is not a command; did you mean %s? %s --help lists them", args[0], strings.Join(near, " or "), c.CommandPath())}
	}
	return usageError{fmt.Errorf("%q is not a command; %s --help lists them", args[0], c.CommandPath())}
}

// gate is the gate that a command is about.
type gate struct {
	data   string
	config string
}

// folder is the gate's data folder: as given, or as the configuration says.
func (g *gate) folder() (string, error) {
	if g.data != "" {
		return g.data, nil
	}
	path := g.config
	if path == "" {
		path = configs.DefaultPath
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return "/var/lib/railgate", nil
		}
	}
	c, err := configs.Load(path)
	if err != nil {
		return "", err
	}
	return c.Data, nil
}

func (g *gate) client() (*control.Client, error) {
	dir, err := g.folder()
	if err != nil {
		return nil, err
	}
	return control.NewClient(dir), nil
}
