package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"railgate/configs"
	"railgate/driver/scanner"
	"railgate/driver/scanset"
)

func newScanner(g *gate) *cobra.Command {
	c := &cobra.Command{
		Use: "scanner", Short: "Set a scanner up, or test what it sends", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newScannerSetup(g), newScannerTest(g), newScannerSheet())
	return c
}

// A scannerSetup is what railgate scanner setup is told.
type scannerSetup struct {
	family string
	show   bool
	allow  bool // set-up by barcodes
	asJSON bool
	find   func(scanset.Port, []*scanset.Family) (*scanset.Scanner, error) // but in tests
}

func newScannerSetup(g *gate) *cobra.Command {
	var s scannerSetup
	c := &cobra.Command{
		Use:   "setup [DEVICE]",
		Short: "Set a serial scanner up by its maker's protocol",
		Long: `Setup finds which maker's protocol a scanner on a serial port speaks, and at which rate, and sets it up for a
gate: continuous reading, QR codes alone, symbology identifiers, no set-up by barcodes, 115200 baud; as much of that as its
maker's manual says how. Each setting is read back where the protocol can. They stay when the power goes. What is left out
is said, and is done with the barcodes of the scanner's manual, before setup forbids these (--allow-codes).

DEVICE is the scanner's port; without it, that of the configuration's only serial scanner. railgated must not read it:
systemctl stop railgated. With --show nothing is changed.`,
		Example: `  railgate scanner setup --show
  railgate scanner setup --family honeywell /dev/railgate/scanner`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return s.run(c, g, args) },
	}
	c.Flags().StringVar(&s.family, "family", "", "the `maker`: "+strings.Join(familyNames(), ", ")+" (default: whichever answers)")
	c.Flags().BoolVar(&s.show, "show", false, "only show how it is set")
	c.Flags().BoolVar(&s.allow, "allow-codes", false, "only let it take its manual's barcodes again, for what setup leaves out; then setup once more")
	c.Flags().BoolVar(&s.asJSON, "json", false, "print JSON: device, family, baud, settings, left_out")
	return c
}

func familyNames() (names []string) {
	for _, f := range scanset.Families() {
		names = append(names, f.Name)
	}
	return names
}

// A setupReport is what was found and done.
type setupReport struct {
	Device   string           `json:"device"`
	Family   string           `json:"family"`
	ID       string           `json:"id"`
	Baud     int              `json:"baud"` // now
	Settings []scanset.Result `json:"settings"`
	LeftOut  []string         `json:"left_out"`
	Error    string           `json:"error,omitempty"`
}

func (s *scannerSetup) run(c *cobra.Command, g *gate, args []string) error {
	families := scanset.Families()
	if s.family != "" {
		f := scanset.FamilyOf(s.family)
		if f == nil {
			return usageError{fmt.Errorf("scanner setup: %q is not a family; want one of %s", s.family, strings.Join(familyNames(), ", "))}
		}
		families = []*scanset.Family{f}
	}
	device, err := serialDevice(g, args)
	if err != nil {
		return err
	}
	port, err := scanset.Open(device)
	switch {
	case errors.Is(err, scanner.ErrTaken):
		return fmt.Errorf("%w: the lane must not read it meanwhile: systemctl stop railgated, and systemctl start railgated afterwards", err)
	case err != nil:
		return err
	}
	defer port.Close()
	if !s.asJSON {
		fmt.Fprintf(c.ErrOrStderr(), "asking %s, at %d to %d baud\n", device, scanset.Bauds[len(scanset.Bauds)-1], scanset.Baud)
	}
	if s.find == nil {
		s.find = func(p scanset.Port, f []*scanset.Family) (*scanset.Scanner, error) {
			return scanset.Find(p, f, scanset.AnswerTime)
		}
	}
	found, err := s.find(port, families)
	if err != nil {
		return fmt.Errorf("%s: %w", device, noScanner(err))
	}
	return s.set(c.OutOrStdout(), g, device, found)
}

// noScanner says what to do where nothing answers.
func noScanner(err error) error {
	if !errors.Is(err, scanset.ErrNone) {
		return err
	}
	return fmt.Errorf("%w: is it this port, is it set to serial (RS-232, USB COM), and of a family that setup knows (%s)? Others are set up by the barcodes of their manuals", err, strings.Join(familyNames(), ", "))
}

// serialDevice is the port that was named, or the one of the configuration.
func serialDevice(g *gate, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	cfg, err := g.load()
	if err != nil {
		return "", fmt.Errorf("scanner setup: name the scanner's port, for the configuration does not: %w", err)
	}
	var ports []string
	for i := range cfg.Scanners {
		if cfg.Scanners[i].Driver == "serial" {
			ports = append(ports, cfg.Scanners[i].Port)
		}
	}
	if len(ports) != 1 {
		return "", usageError{fmt.Errorf("scanner setup: the configuration has %d serial scanners (%s); name a port", len(ports), strings.Join(ports, ", "))}
	}
	return ports[0], nil
}

// load reads the configuration.
func (g *gate) load() (*configs.Config, error) {
	path := g.config
	if path == "" {
		path = configs.DefaultPath
	}
	return configs.Load(path)
}

// set sets the scanner up, and says what became of it.
func (s *scannerSetup) set(out io.Writer, g *gate, device string, found *scanset.Scanner) error {
	if s.allow && !found.Family.AllowCodes() {
		return fmt.Errorf("%s: nothing that we could read says how %s takes barcodes again; it does after its factory defaults", device, found.Family.Words)
	}
	r := setupReport{Device: device, Family: found.Family.Name, ID: found.ID, LeftOut: found.Family.LeftOut, Settings: []scanset.Result{}}
	if !s.asJSON {
		fmt.Fprintf(out, "%s: %s, %d baud (%s)\n", device, found.Family.Words, found.Baud, found.ID)
	}
	err := found.Setup(s.show, func(result scanset.Result) {
		r.Settings = append(r.Settings, result)
		if !s.asJSON {
			fmt.Fprintf(out, "  %-40s %s\n", result.What, result.State)
		}
	})
	if r.Baud = found.Baud; err != nil {
		r.Error = err.Error()
	}
	if s.asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		r.sayRest(out, g)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", device, err)
	case !s.show && !r.good():
		return exitError(exitFailed)
	}
	return nil
}

func (r *setupReport) good() bool {
	for i := range r.Settings {
		if !r.Settings[i].Good() {
			return false
		}
	}
	return true
}

// sayRest says what is left to do by hand.
func (r *setupReport) sayRest(out io.Writer, g *gate) {
	if len(r.Settings) > 0 && slices.ContainsFunc(r.Settings, func(s scanset.Result) bool { return s.Name == "setup_codes_off" && s.Good() }) {
		fmt.Fprintln(out, "  it takes no barcodes now: railgate scanner setup --allow-codes, then by hand, then setup again")
	}
	for _, left := range r.LeftOut {
		fmt.Fprintf(out, "  by hand: %s\n", left)
	}
	cfg, err := g.load()
	if err != nil {
		return
	}
	for i := range cfg.Scanners {
		if s := &cfg.Scanners[i]; s.Port == r.Device && s.Baud != r.Baud {
			fmt.Fprintf(out, "  then: railgate config set scanner.%s.baud %d\n", s.Name, r.Baud)
		}
	}
}
