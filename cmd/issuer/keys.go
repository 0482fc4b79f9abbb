package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/verify"
	"railgate/verify/mint"
)

func newKeys(dir *string) *cobra.Command {
	var id string
	var algs []string
	var days int
	var add bool
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make signing keys and the keyset that gates read, or list them",
		Long: `Keys makes a signing key of each algorithm and writes keys.json, the keyset that gates
read. Where there are keys already it lists them; --add makes another of each, which
signs from now on, while gates go on trusting the old ones.`,
		Example: "  issuer keys --dir issuer-data\n  issuer keys --dir issuer-data --add --alg SM2",
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := mint.LoadKeyFile(*dir)
			fresh := errors.Is(err, mint.ErrNoKeys)
			if fresh {
				f, err = mint.NewKeyFile(id), nil
			}
			if err != nil {
				return err
			}
			if fresh || add {
				if err := addKeys(f, algs, days); err != nil {
					return err
				}
				if err := f.Save(*dir); err != nil {
					return err
				}
			}
			return listKeys(c.OutOrStdout(), f, filepath.Join(*dir, mint.KeysetName))
		},
	}
	c.Flags().StringVar(&id, "id", "bench", "the issuer's `name`, for new keys")
	c.Flags().StringSliceVar(&algs, "alg", []string{"EdDSA", "ES256", "SM2"}, "the `algorithms` to make keys for")
	c.Flags().IntVar(&days, "days", 30, "how many days a new key may sign")
	c.Flags().BoolVar(&add, "add", false, "make another key of each algorithm")
	return c
}

func addKeys(f *mint.KeyFile, algs []string, days int) error {
	if days < 1 || days > 3650 {
		return usageError{fmt.Errorf("--days %d; want 1 to 3650", days)}
	}
	// A gate whose clock is a little slow must take the first code as well.
	from := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, name := range algs {
		a, err := parseAlgorithm(name)
		if err != nil {
			return err
		}
		if err := f.AddKey(a, from, from.AddDate(0, 0, days), verify.Temporary, verify.Paper, verify.Staff); err != nil {
			return err
		}
	}
	f.Version++
	return nil
}

func parseAlgorithm(name string) (verify.Algorithm, error) {
	a, err := verify.ParseAlgorithm(name)
	if err != nil {
		return 0, usageError{err}
	}
	return a, nil
}

func listKeys(out io.Writer, f *mint.KeyFile, keyset string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, version %d, issuer %s\n", keyset, f.Version, f.Issuer.ID)
	for _, k := range f.Keys {
		fmt.Fprintf(w, "%s\t%s\tsigns until %s\n", k.KeyID, k.Algorithm, k.NotAfter.UTC().Format(time.RFC3339))
	}
	return w.Flush()
}
