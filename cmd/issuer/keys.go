package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/issuer/office"
	"railgate/verify"
	"railgate/verify/mint"
)

// keysFlags are what issuer keys is told.
type keysFlags struct {
	id         string
	algs       []string
	days       int
	add, staff bool
	revoker    bool
}

func newKeys(dir *string) *cobra.Command {
	var o keysFlags
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make signing keys and the keyset that gates read, or list them",
		Long: `Keys makes a signing key of each algorithm and writes keys.json, the keyset that gates
read. Where there are keys already it lists them; --add makes another of each, which
signs from now on, while gates go on trusting the old ones.

These keys sign passengers' codes: classes 1 and 2. With --staff it makes keys that sign
staff codes (class 3) and nothing else: a gate takes staff codes from no other key. An
issuer serve that is running reads new keys within ten minutes.

One more key, in revoker.json, signs revocations and can sign nothing else; gates know it
by revokers.json, which the nation publishes beside keys.json. With --revoker keys makes the
next one: it signs a week from now, so that it can be published before.`,
		Example: "  issuer keys --dir issuer-data\n  issuer keys --dir issuer-data --add --alg SM2\n  issuer keys --dir issuer-data --staff",
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := mint.LoadKeyFile(*dir)
			fresh := errors.Is(err, mint.ErrNoKeys)
			if fresh {
				f, err = mint.NewKeyFile(o.id), nil
			}
			if err != nil {
				return err
			}
			if err := o.makeKeys(f, *dir, fresh); err != nil {
				return err
			}
			if err := listKeys(c.OutOrStdout(), f, filepath.Join(*dir, mint.KeysetName)); err != nil {
				return err
			}
			r, err := o.revokers(f.Issuer.ID, *dir)
			if err != nil {
				return err
			}
			return listRevokers(c.OutOrStdout(), r, filepath.Join(*dir, mint.RevokersName))
		},
	}
	c.Flags().StringVar(&o.id, "id", "bench", "the issuer's `name`, for new keys")
	c.Flags().StringSliceVar(&o.algs, "alg", []string{"EdDSA", "ES256", "SM2"}, "the `algorithms` to make keys for")
	c.Flags().IntVar(&o.days, "days", 30, "how many days a new key may sign")
	c.Flags().BoolVar(&o.add, "add", false, "make another key of each algorithm")
	c.Flags().BoolVar(&o.staff, "staff", false, "make keys that sign staff codes, and nothing else")
	c.Flags().BoolVar(&o.revoker, "revoker", false, "make the next key that signs revocations")
	return c
}

// revokers are the keys that sign revocations: the first is made where there is none.
func (o *keysFlags) revokers(issuer, dir string) (*mint.RevokerFile, error) {
	alg, err := parseAlgorithm(o.algs[0])
	if err != nil {
		return nil, err
	}
	_, missing := mint.LoadRevokers(dir)
	f, err := office.EnsureRevoker(dir, issuer, alg, time.Now())
	if err != nil || !o.revoker || errors.Is(missing, mint.ErrNoRevoker) {
		return f, err
	}
	from := time.Now().Truncate(time.Second).AddDate(0, 0, 7)
	if err := f.Add(issuer, alg, from, from.AddDate(1, 0, 0)); err != nil {
		return nil, err
	}
	return f, f.Save(dir)
}

func listRevokers(out io.Writer, f *mint.RevokerFile, path string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, version %d\n", path, f.Version)
	for _, k := range f.Keys {
		fmt.Fprintf(w, "%s\t%s\trevocations of %s\tsigns from %s until %s\n", k.KeyID, k.Algorithm, k.Issuer, k.NotBefore.UTC().Format(time.RFC3339), k.NotAfter.UTC().Format(time.RFC3339))
	}
	return w.Flush()
}

// makeKeys makes those that are missing or asked for, and writes them.
func (o *keysFlags) makeKeys(f *mint.KeyFile, dir string, fresh bool) error {
	var classes [][]verify.Class
	if fresh || o.add && !o.staff {
		classes = append(classes, mint.Passengers())
	}
	if o.staff && (o.add || !hasStaffKey(f)) {
		classes = append(classes, []verify.Class{verify.Staff})
	}
	if classes == nil {
		return nil
	}
	for _, c := range classes {
		if err := o.addKeys(f, c); err != nil {
			return err
		}
	}
	f.Version++
	return f.Save(dir)
}

func hasStaffKey(f *mint.KeyFile) bool {
	return slices.ContainsFunc(f.Keys, func(k mint.PrivateKey) bool { return slices.Equal(k.Classes, []uint{uint(verify.Staff)}) })
}

func (o *keysFlags) addKeys(f *mint.KeyFile, classes []verify.Class) error {
	if o.days < 1 || o.days > 3650 {
		return usageError{fmt.Errorf("--days %d; want 1 to 3650", o.days)}
	}
	// A gate whose clock is a little slow must take the first code as well.
	from := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, name := range o.algs {
		a, err := parseAlgorithm(name)
		if err != nil {
			return err
		}
		if err := f.AddKey(a, from, from.AddDate(0, 0, o.days), classes...); err != nil {
			return err
		}
	}
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
		fmt.Fprintf(w, "%s\t%s\tclasses %v\tsigns until %s\n", k.KeyID, k.Algorithm, k.Classes, k.NotAfter.UTC().Format(time.RFC3339))
	}
	return w.Flush()
}
