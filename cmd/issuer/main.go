// Issuer is the reference issuer: what a gate's codes come from on a bench, in a
// demonstration and in tests.
//
//	issuer keys     makes signing keys and the keyset that gates read
//	issuer code     mints a code, as text and as a QR picture
//	issuer feed     shows codes to a gate on a bench, good and bad, as scanners would
//	issuer serve    serves the passenger's page and the police window, with the rules
//	issuer client   lets ticketing systems look codes up
//	issuer revoke   revokes what a lost phone or a slip holds
//	issuer record   proves or prints the record of what officers did
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

var version = "devel" // set by the linker

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// usageError is a command that was given wrongly.
type usageError struct{ error }

func run(args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, "issuer:", err)
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "issuer",
		Short:         "The reference issuer of electronic temporary IDs",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; issuer --help lists them", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	dir := root.PersistentFlags().String("dir", "issuer-data", "the issuer's `folder`: its private keys and keys.json")
	for _, c := range []*cobra.Command{newKeys(dir), newCode(dir), newFeed(dir), newServe(dir), newClient(dir), newRevoke(dir)} {
		if c.Args != nil {
			root.AddCommand(c)
			continue
		}
		c.Args = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("%s takes no arguments, and was given %q", c.CommandPath(), args[0])}
			}
			return nil
		}
		root.AddCommand(c)
	}
	root.AddCommand(newRecord(dir))
	return root
}
