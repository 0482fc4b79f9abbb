package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"railgate/cmd/progress"
	"railgate/store"
	"railgate/store/bus"
	"railgate/store/durable"
	"railgate/store/identity"
	"railgate/store/journal"
)

// A verification is what journal verify was asked for.
type verification struct {
	file, gateKey, receiptKey, receipt string
	json                               bool
}

func newJournalVerify(g *gate) *cobra.Command {
	var v verification
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove the journal whole, or name the first bad record",
		Long: `Verify reads every record in the store's file, computes the root of the log from them, and
holds it against the one that was written with them and against the station's receipts. It
trusts nothing in the file, and names the first record that is bad, missing or there twice;
or the records among which it is.

With --gate-key and --receipt-key the signatures of receipts are checked. With --receipt it
holds the file against a receipt from elsewhere, that the station gave: only that shows that
a whole file is an older copy, receipt and all. railgated must not have the file: stop it, or
give --file a copy.`,
		Example: "  railgate journal verify --receipt-key railgate.GZQ.receipts+0b8f5a3a+BN… --gate-key Rsl5…\n  railgate journal verify --file /media/usb/gate.db --receipt a07.receipt --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if v.file == "" {
				dir, err := g.folder()
				if err != nil {
					return err
				}
				v.file = filepath.Join(dir, storeName)
			}
			return v.run(c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&v.file, "file", "", "a store's `file`, or a copy of one, in place of the gate's")
	c.Flags().StringVar(&v.gateKey, "gate-key", "", "the gate's `key` of checkpoints: a vkey, or base64 as railgate identity prints it")
	c.Flags().StringVar(&v.receiptKey, "receipt-key", "", "the station's `vkey` of receipts, as in station.json")
	c.Flags().StringVar(&v.receipt, "receipt", "", "a `file` with a receipt from the station")
	c.Flags().BoolVar(&v.json, "json", false, "print JSON")
	return c
}

func (v *verification) run(out, errOut io.Writer) error {
	read := recordsRead{out: errOut}
	p := store.Proofs{Progress: read.tell}
	var err error
	if p.Open, err = v.opener(); err != nil {
		return usageError{err}
	}
	if v.receipt != "" {
		if p.Receipt, err = durable.ReadFile(v.receipt, 1<<20); err != nil {
			return err
		}
	}
	report, err := store.Verify(v.file, p)
	read.clear()
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; stop railgated first (systemctl stop railgated), or verify a copy with --file", err)
	}
	if err != nil {
		return err
	}
	if v.json {
		err = json.NewEncoder(out).Encode(report)
	} else {
		_, err = fmt.Fprintln(out, reportLine(report))
	}
	if err == nil && !report.OK {
		return exitError(exitDenied)
	}
	return err
}

// opener checks receipts with both keys; without any it is nil.
func (v *verification) opener() (func([]byte, string) (journal.Receipt, error), error) {
	if v.gateKey == "" && v.receiptKey == "" {
		return nil, nil
	}
	if v.gateKey == "" || v.receiptKey == "" {
		return nil, errors.New("journal verify: a receipt has two signatures: give both --gate-key and --receipt-key")
	}
	receipts, err := receiptVerifier(v.receiptKey)
	if err != nil {
		return nil, fmt.Errorf("--receipt-key: %w", err)
	}
	key, err := gateKey(v.gateKey)
	if err != nil {
		return nil, fmt.Errorf("--gate-key: %w", err)
	}
	return func(msg []byte, origin string) (journal.Receipt, error) {
		gate, err := identity.Public{Journal: key}.Verifier(origin)
		if err != nil {
			return journal.Receipt{}, err
		}
		return journal.OpenReceipt(msg, origin, gate, receipts)
	}, nil
}

// receiptVerifier is that of a station's vkey, which names the station.
func receiptVerifier(vkey string) (note.Verifier, error) {
	name, _, _ := strings.Cut(vkey, "+")
	station := strings.TrimSuffix(strings.TrimPrefix(name, "railgate."), ".receipts")
	return (&bus.Station{Station: station, ReceiptKey: vkey}).Receipts()
}

// gateKey is the key in a vkey, whatever its name, for that is an epoch's; or in base64.
func gateKey(text string) ([]byte, error) {
	if _, err := note.NewVerifier(text); err == nil {
		text = strings.SplitN(text, "+", 3)[2]
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(key) == 33 {
		key = key[1:] // the algorithm's number
	}
	if err != nil || len(key) != 32 {
		return nil, errors.New("want a vkey, or the 44 characters of base64 that railgate identity prints")
	}
	return key, nil
}

// recordsRead shows how many records were read.
type recordsRead struct {
	out io.Writer
	bar *progress.Bar
}

func (r *recordsRead) tell(read, of uint64) {
	if r.bar == nil {
		r.bar = progress.Count(r.out, "records", int64(of))
	}
	r.bar.Set(int64(read))
}

func (r *recordsRead) clear() {
	if r.bar != nil {
		r.bar.Clear()
	}
}

// reportLine is a report for a person.
func reportLine(r store.Report) string {
	if !r.OK {
		return "BAD: " + r.Bad.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "records %d to %d are whole; epoch %s: %d leaves from record %d on, root %s", r.Oldest, r.Newest, r.Epoch, r.Leaves, r.First, r.Root)
	if r.Unsent > 0 {
		fmt.Fprintf(&b, "\nof %d records before them only the leaf hashes are kept", r.Unsent)
	}
	switch {
	case r.Receipt == nil:
		b.WriteString("\nno receipt: only the file itself says so")
	case !r.Receipt.Checked:
		fmt.Fprintf(&b, "\nthe receipt up to record %d has this root; its signatures were not checked (--gate-key, --receipt-key)", r.Receipt.Seq)
	default:
		fmt.Fprintf(&b, "\nthe station has signed the root up to record %d, at %s", r.Receipt.Seq, r.Receipt.Time.In(zoneOf("")).Format(time.RFC3339))
	}
	return b.String()
}
