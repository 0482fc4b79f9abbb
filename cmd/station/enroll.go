package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"railgate/cmd/station/ledger"
	"railgate/store/identity"
)

// An enrolment is what enroll is told.
type enrolment struct {
	d       *desk
	serve   serveOptions
	replace bool

	gate, direction, network, gateway string
	dns                               []string
	where                             whereabouts
	code                              codeOptions
	signer                            bool
	print, files                      string
}

func newEnroll(d *desk) *cobra.Command {
	e := &enrolment{d: d}
	cmd := &cobra.Command{
		Use:   "enroll FILE|-|CODE",
		Short: "Take gates' public keys, so that their journals are taken, and make the codes that provision them",
		Long: `Enroll takes what railgate identity --json prints on the gate, from a file or standard input
(-), or the text of the code on the gate's screen, or the lines below that, as they are read out. A
station that is serving lets the gate in within a second; no other gate is disconnected.

A gate that is not provisioned has no name yet: --gate gives it one, and enroll makes its set-up
code (RGP1), for that gate's keys alone, to be held to the gate's own scanner within --for. It says
where the repositories are (--nation, --repository; the next time they are remembered), and by which
first root the gate begins.

With --print it does so for all gates of a file: FILE is CSV (with commas or semicolons) with a header of gate, direction, keys,
and where they are wanted network, gateway and dns; or TOML with [[gate]] and the same keys. The
sheet is a page for a browser to print on A4, a code for each gate.

Gates take codes only of signers that their image has, or that a technician confirms: --signer
prints this station's, as a line of /etc/railgate/provision.keys.`,
		Example: "  station enroll --gate A07 --direction entry --nation https://rail.example/nation --repository https://gzq.example/station RGID1:…\n" +
			"  station enroll --print sheet.html gates.csv\n  station enroll --signer",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return e.run(c, args) },
	}
	e.serve.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&e.replace, "replace", false, "other keys replace those that the gate had")
	f.StringVar(&e.gate, "gate", "", "the `name` of a gate that has none yet")
	f.StringVar(&e.direction, "direction", "entry", "entry, exit or check")
	f.StringVar(&e.network, "network", "", "dhcp, or the gate's `address`, such as 10.1.2.3/24; it is left as it is")
	f.StringVar(&e.gateway, "gateway", "", "with an address: the `address` of its gateway")
	f.StringSliceVar(&e.dns, "dns", nil, "with an address: name `servers`, three at most")
	e.where.flags(cmd)
	e.code.flags(cmd)
	f.BoolVar(&e.signer, "signer", false, "print the key and the fingerprint of this station's signer of set-up codes")
	f.StringVar(&e.print, "print", "", "write a sheet of codes, a web `page` for A4, for the gates of FILE")
	f.StringVar(&e.files, "files", "", "write each code into a `folder` too, as GATE.provision, for a stick or railgate flash")
	return cmd
}

func (e *enrolment) run(c *cobra.Command, args []string) error {
	switch {
	case e.signer && len(args) == 0:
		return e.printSigner(c)
	case e.signer || len(args) != 1:
		return usageError{errors.New("enroll: want one file or code, or --signer alone")}
	case e.print != "" && e.gate != "":
		return usageError{errors.New("enroll: --gate is for one gate; with --print the file has the names")}
	}
	at, l, err := e.d.openLedger(c, e.serve)
	if err != nil {
		return err
	}
	defer l.Close()
	if e.print != "" {
		return e.printSheet(c, at, l, args[0])
	}
	data, err := identityFrom(args[0], c.InOrStdin())
	if err != nil {
		return err
	}
	p, err := identity.ParsePublic(data)
	if err != nil {
		return err
	}
	if p.Named() {
		return e.enrollNamed(c, at, l, p)
	}
	if e.gate == "" {
		return usageError{errors.New("enroll: the gate has no name yet: --gate NAME gives it one")}
	}
	return e.enrollNew(c, at, l, p)
}

// enrollNamed takes the keys of a gate that knows who it is.
func (e *enrolment) enrollNamed(c *cobra.Command, at *place, l *ledger.Ledger, p identity.Public) error {
	if p.Station != at.info.Station {
		return fmt.Errorf("gate %s says that it is of station %s; this is %s", p.Gate, p.Station, at.info.Station)
	}
	if e.gate != "" && e.gate != p.Gate {
		return fmt.Errorf("the gate says that it is %s; railgate provision --reset on it takes its name back", p.Gate)
	}
	if err := e.enroll(c.Context(), l, p); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "gate %s of station %s is enrolled\n", p.Gate, p.Station)
	return err
}

// enroll takes the keys of gates, of all of them or of none.
func (e *enrolment) enroll(ctx context.Context, l *ledger.Ledger, gates ...identity.Public) error {
	err := l.EnrollAll(ctx, gates, e.d.now(), e.replace)
	if errors.Is(err, ledger.ErrOther) {
		err = fmt.Errorf("%w; --replace takes these, for a gate that was installed again", err)
	}
	return err
}

const maxIdentity = 64 << 10

// identityFrom reads an argument of enroll.
func identityFrom(arg string, in io.Reader) ([]byte, error) {
	switch {
	case arg == "-":
		return io.ReadAll(io.LimitReader(in, maxIdentity))
	case strings.HasPrefix(arg, "RGID1:"):
		return []byte(arg), nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxIdentity))
}
