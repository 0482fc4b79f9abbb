package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/store"
	"railgate/store/journal"
)

func newJournal(g *gate) *cobra.Command {
	var v reading
	c := &cobra.Command{
		Use: "journal", Short: "Read what happened at a gate", Long: readLong, Example: readExample, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return g.readJournal(c, &v) },
	}
	v.addFlags(c)
	c.AddCommand(newJournalExport(g), newJournalVerify(g))
	return c
}

func newJournalExport(g *gate) *cobra.Command {
	var asJSON bool
	var after uint64
	var file string
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the whole journal, oldest first",
		Long: `Export prints the journal, oldest first: from the daemon while it runs and has its
store, else from the file. With --file it saves what can be read of a damaged file that was
set aside.`,
		Example: "  railgate journal export --json > journal.ndjson\n  railgate journal export --file /var/lib/railgate/gate.db.damaged-20261123T040000.000Z",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			write := newRecordWriter(c.OutOrStdout(), asJSON, g.zone(c.Context()))
			if file != "" {
				return exportFile(file, after, write)
			}
			dir, err := g.folder()
			if err != nil {
				return err
			}
			return exportFolder(c.Context(), dir, after, write, startsWithin)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print NDJSON")
	c.Flags().Uint64Var(&after, "after", 0, "only records that follow this `seq`")
	c.Flags().StringVar(&file, "file", "", "a damaged store `file` to read what can be read of")
	return c
}

const recordsAtOnce = 1000

// exportFolder reads a gate's journal behind a record.
func exportFolder(ctx context.Context, dir string, after uint64, write func(*journal.Record) error, patience time.Duration) error {
	return export(newSource(ctx, dir, patience).records, after, write)
}

// startsWithin is how long a daemon that has the file may take to answer.
const startsWithin = 10 * time.Second

// heldError says which file is held, and by whom.
func heldError(dir string, err error) error {
	path := filepath.Join(dir, storeName)
	others := thisHost().fileHolders(path, 0)
	if len(others) == 0 {
		return fmt.Errorf("%s is held by another process, and no railgated answers: %w", path, err)
	}
	return fmt.Errorf("%s is held by %v, which does not answer; try again when railgated has started, or end it: %s", path, others[0], others[0].end())
}

func export(records func(after uint64, n int) ([]journal.Record, error), after uint64, write func(*journal.Record) error) error {
	for {
		batch, err := records(after, recordsAtOnce)
		if err != nil {
			return err
		}
		for i := range batch {
			if err := write(&batch[i]); err != nil {
				return err
			}
			after = max(after, batch[i].Seq)
		}
		if len(batch) < recordsAtOnce {
			return nil
		}
	}
}

// exportFile saves what can be read of a damaged file. Nothing at all is an error: the file is removed behind it.
func exportFile(path string, after uint64, write func(*journal.Record) error) error {
	read := 0
	err := store.Salvage(path, func(r journal.Record) error {
		read++
		if r.Seq <= after {
			return nil
		}
		return write(&r)
	})
	if err == nil && read == 0 {
		err = fmt.Errorf("not one record can be read of %s, and nothing was saved: keep the file for who can look at it, or remove it by hand", path)
	}
	return err
}

func newRecordWriter(out io.Writer, asJSON bool, zone *time.Location) func(*journal.Record) error {
	if asJSON {
		enc := json.NewEncoder(out)
		return func(r *journal.Record) error { return enc.Encode(r) }
	}
	return func(r *journal.Record) error {
		_, err := fmt.Fprintln(out, recordLine(r, zone))
		return err
	}
}

// recordTime is how a record's time is printed, and may be typed.
const recordTime = "2006-01-02 15:04:05.000Z07"

// recordLine is a record for a person, by the clock of a zone.
func recordLine(r *journal.Record, zone *time.Location) string {
	words := []string{fmt.Sprintf("%6d", r.Seq), r.Time.In(zone).Format(recordTime), string(r.Kind)}
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+value)
		}
	}
	add("", string(r.Decision))
	add("", r.Reason)
	add("", r.Direction)
	add("sub=", hexID(r.Holder))
	add("cti=", hexID(r.Certificate))
	add("kid=", hexID(r.KeyID))
	if r.Slot != nil {
		add("slot=", fmt.Sprint(*r.Slot))
	}
	add("scanner=", r.Scanner)
	add("flag=", r.Flag)
	if r.Count > 0 {
		add("count=", fmt.Sprint(r.Count))
	}
	if r.Unsure {
		add("", "(the clock was not trusted)")
	}
	add("", r.Detail)
	return strings.Join(words, " ")
}

func hexID(id journal.ID) string {
	text, _ := id.MarshalText() // cannot fail
	return string(text)
}

// age says how long ago something was, for a person.
func age(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}
