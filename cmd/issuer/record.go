package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	actlog "railgate/cmd/issuer/acts"
	"railgate/cmd/issuer/office"
	"railgate/store/journal"
)

func newRecord(dir *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "record",
		Short: "Prove or print the record of what officers did",
		Long: `Record reads what officers did at the police window: who issued, printed, looked up or
ended what. Each act has a head that the issuer signed with it: so the first act that was
altered, dropped, moved or repeated is known. What was cut off the end is known by a head
that was kept elsewhere.

It works whether or not issuer serve runs, and on a copy of its folder (--dir).`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; issuer record --help lists them", args[0])}
			}
			return c.Help()
		},
	}
	for _, sub := range []*cobra.Command{newRecordVerify(dir), newRecordList(dir), newRecordHead(dir)} {
		sub.Args = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("%s takes no arguments, and was given %q", c.CommandPath(), args[0])}
			}
			return nil
		}
		c.AddCommand(sub)
	}
	return c
}

func newRecordVerify(dir *string) *cobra.Command {
	var kept []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing in the record was changed, or name the first act that was",
		Example: "  issuer record head --dir issuer-data > /media/stick/head-1129\n" +
			"  issuer record verify --dir issuer-data --head /media/stick/head-1129",
		RunE: func(c *cobra.Command, _ []string) error {
			return withRecord(c.Context(), *dir, func(r *office.Record) error {
				heads, err := readHeads(r, kept)
				if err != nil {
					return err
				}
				tree, err := r.Verify(heads, nil)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%d acts, as they were signed, and all of %d heads that were kept\n", tree.N, len(heads))
				return err
			})
		},
	}
	c.Flags().StringArrayVar(&kept, "head", nil, "a head that was kept elsewhere, by issuer record head (`file`; may be given more than once)")
	return c
}

// readHeads opens heads that were kept.
func readHeads(r *office.Record, paths []string) (heads []tlog.Tree, err error) {
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		tree, _, err := journal.OpenHead(data, actlog.Origin, r.Key())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		heads = append(heads, tree)
	}
	return heads, nil
}

func newRecordList(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Print the acts, one a line, as JSON; those before one that was changed",
		RunE: func(c *cobra.Command, _ []string) error {
			return withRecord(c.Context(), *dir, func(r *office.Record) error {
				enc := json.NewEncoder(c.OutOrStdout())
				_, err := r.Verify(nil, func(number int64, a actlog.Act) error {
					return enc.Encode(struct {
						Number int64 `json:"number"`
						actlog.Act
					}{number, a})
				})
				return err
			})
		},
	}
}

func newRecordHead(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "head",
		Short: "Print the last head, to be kept elsewhere",
		RunE: func(c *cobra.Command, _ []string) error {
			return withRecord(c.Context(), *dir, func(r *office.Record) error {
				head, err := r.Head()
				if err == nil && len(head) == 0 {
					err = errors.New("there are no acts on record")
				}
				if err == nil {
					_, err = c.OutOrStdout().Write(head)
				}
				return err
			})
		},
	}
}

// withRecord opens the record in a folder, or a copy of it, as it is now, where an issuer serve
// has the file.
func withRecord(ctx context.Context, dir string, do func(*office.Record) error) error {
	copied, err := copyServed(ctx, dir)
	open := func() (*office.Record, error) { return office.OpenRecordIn(dir, copied) }
	switch {
	case errors.Is(err, errNobodyServes):
		open = func() (*office.Record, error) { return office.OpenRecord(dir) }
	case err != nil:
		return err
	default:
		defer os.Remove(copied)
	}
	r, err := open()
	if err != nil {
		return err
	}
	return errors.Join(do(r), r.Close())
}

// copyServed copies the register of the issuer serve that has a folder open to a file of its own.
func copyServed(ctx context.Context, dir string) (path string, err error) {
	response, err := askSocket(ctx, filepath.Join(dir, socketName), http.MethodGet, "record", nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the issuer does not give its record: %s", response.Status)
	}
	f, err := os.CreateTemp("", "railgate-record-") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, response.Body)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("copying the record: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}
