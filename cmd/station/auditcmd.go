package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/station/audit"
	"railgate/cmd/station/collect"
)

// errAudit is an audit that has found something.
var errAudit = errors.New("the audit has found something")

func newAudit(d *desk) *cobra.Command {
	var o serveOptions
	asJSON, progress, file := false, false, ""
	cmd := &cobra.Command{
		Use:   "audit [GATE]",
		Short: "Hold the ledger against what gates signed and the station receipted",
		Long: `Audit reads every record: each must be there once, as it came, and make the tree that the
gate signed and the station receipted. Every receipt must be in its place. It names the first
record of each log that is missing, altered or repeated, and exits with 1 where there is one.
A station that is serving goes on.

A record that was changed together with its hash is one of those up to the next receipt. Which
one the bus can tell, which keeps them for seven days, and the gate's own file: with --copy.
Neither is believed unless its records make the root that was signed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, l, err := d.openLedger(c, o)
			if err != nil {
				return err
			}
			defer l.Close()
			anchors, err := collect.ReadAnchors(p.file(anchorsFile))
			if err != nil {
				return err
			}
			run := audit.Options{Ledger: l, Station: p.info.Station, Receipts: p.info.Receipts, Anchors: anchors, Copies: []audit.Copy{p.busCopy(o.nats)}}
			if len(args) > 0 {
				run.Gate = args[0]
			}
			switch {
			case file != "" && run.Gate == "":
				return usageError{errors.New("--copy FILE is one gate's: name it, station audit GATE --copy FILE")}
			case file != "":
				run.Copies = append(run.Copies, fileCopy(file))
			}
			if progress {
				run.Progress = sayProgress(c.ErrOrStderr(), d.now)
			}
			logs, err := audit.Run(c.Context(), run)
			if err != nil {
				return err
			}
			return printAudit(c.OutOrStdout(), logs, asJSON)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.nats, "nats", "", "the `URL` of the message server to ask; by itself the one of station.json")
	cmd.Flags().StringVar(&file, "copy", "", "the gate's gate.db or a copy of it: a `FILE` whose records tell which one was changed here")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each log")
	cmd.Flags().BoolVar(&progress, "progress", false, "say on standard error how far it is")
	return cmd
}

func sayProgress(w io.Writer, now func() time.Time) func(done, of int64) {
	began := now()
	return func(done, of int64) {
		fmt.Fprintf(w, "\r%d of %d records, %v ", done, of, now().Sub(began).Round(100*time.Millisecond))
		if done >= of {
			fmt.Fprintln(w)
		}
	}
}

func printAudit(w io.Writer, logs []audit.Log, asJSON bool) error {
	bad, records, whole := 0, int64(0), 0
	for _, l := range logs {
		if l.Epoch != "" {
			whole++
		}
		if l.Finding != nil {
			bad++
		}
		records += l.Records
	}
	if asJSON {
		if err := printJSON(w, logs); err != nil {
			return err
		}
	} else {
		for _, l := range logs {
			fmt.Fprintln(w, auditLine(l))
		}
		fmt.Fprintf(w, "%d logs, %d records, %d with something wrong\n", whole, records, bad)
	}
	if bad > 0 {
		return errAudit
	}
	return nil
}

func auditLine(l audit.Log) string {
	head, f := fmt.Sprintf("gate %s, epoch %s:", l.Gate, l.Epoch), l.Finding
	switch {
	case l.Gate == "":
		head = "ledger:"
	case l.Epoch == "":
		head = fmt.Sprintf("gate %s:", l.Gate)
	}
	switch {
	case f == nil:
		bare := ""
		if l.Bare > 0 {
			bare = fmt.Sprintf(", %d as hashes alone, for the gate had no room", l.Bare)
		}
		return fmt.Sprintf("%s %d records from %d on, %d with a receipt%s: good", head, l.Records, l.First, l.Covered, bare)
	case f.Seq == 0:
		return fmt.Sprintf("%s %s: %s", head, f.Kind, f.What)
	case f.Upto > f.Seq:
		return fmt.Sprintf("%s records %d to %d: %s: %s", head, f.Seq, f.Upto, f.Kind, f.What)
	}
	return fmt.Sprintf("%s record %d: %s: %s", head, f.Seq, f.Kind, f.What)
}
