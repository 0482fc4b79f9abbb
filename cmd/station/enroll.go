package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"railgate/cmd/station/ledger"
	"railgate/store/identity"
)

func newEnroll(d *desk) *cobra.Command {
	var o serveOptions
	replace := false
	cmd := &cobra.Command{
		Use:   "enroll FILE|-|CODE",
		Short: "Take a gate's public keys, so that its journal is taken",
		Long: `Enroll takes what railgate identity --json prints on the gate, from a file or standard input
(-), or the text of the code on the gate's screen. A station that is serving lets the gate in
within a second; no other gate is disconnected.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := identityFrom(args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			p, err := identity.ParsePublic(data)
			if err != nil {
				return err
			}
			at, l, err := d.openLedger(c, o)
			if err != nil {
				return err
			}
			defer l.Close()
			if p.Station != at.info.Station {
				return fmt.Errorf("gate %s says that it is of station %s; this is %s", p.Gate, p.Station, at.info.Station)
			}
			err = l.Enroll(c.Context(), p, d.now(), replace)
			if errors.Is(err, ledger.ErrOther) {
				err = fmt.Errorf("%w; --replace takes these, for a gate that was installed again", err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "gate %s of station %s is enrolled\n", p.Gate, p.Station)
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "other keys replace those that the gate had")
	return cmd
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
