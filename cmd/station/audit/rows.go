package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"railgate/cmd/station/ledger"
	"railgate/store/identity"
	"railgate/store/journal"
)

// This file is about rows that are no records: the database itself, a gate's keys, what its
// log's row says, the proofs of rollbacks.

// database audits the file, and tells whether it is sound.
func (a *audit) database(ctx context.Context) (sound bool, err error) {
	problems, err := a.o.Ledger.Structure(ctx)
	if err != nil || len(problems) == 0 {
		return err == nil, err
	}
	a.add(Log{Finding: &Finding{Kind: File, What: "the database is damaged: " + strings.Join(problems, "; ")}})
	return false, nil
}

// enrolled audits a gate's keys.
func enrolled(g ledger.Gate, keys []ledger.Key) *Finding {
	text, err := json.Marshal(g.Public)
	if err == nil {
		_, err = identity.ParsePublic(text)
	}
	switch {
	case err != nil:
	case len(keys) == 0:
		err = errors.New("it has no key")
	case string(keys[0].Journal) != string(g.Journal):
		err = errors.New("its key is not the newest of its keys")
	case !keys[0].Since.Equal(g.Enrolled):
		err = fmt.Errorf("it was enrolled %v, and has its key since %v", g.Enrolled, keys[0].Since)
	}
	if err != nil {
		return &Finding{Kind: OfGate, What: err.Error()}
	}
	return nil
}

// rolledBack audits what proves that a gate was rolled back: the notes that are there must be
// signed. Of an old card that sent records and no head there is none.
func (a *audit) rolledBack(ctx context.Context, r ledger.Reader, g ledger.Gate, keys []ledger.Key, epochs []string) (*Finding, error) {
	all, err := r.Rollbacks(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		origin, err := journal.Origin(g.Station, g.Gate, b.Epoch)
		if !slices.Contains(epochs, b.Epoch) {
			err = errors.New("the gate has no such epoch")
		}
		if err == nil && len(b.Head) > 0 {
			err = byAnyKey(keys, origin, func(v note.Verifier) error { _, _, err := journal.OpenHead(b.Head, origin, v); return err })
		}
		if err == nil && len(b.Proof) > 0 {
			err = byAnyKey(keys, origin, func(v note.Verifier) error { _, err := journal.OpenReceipt(b.Proof, origin, v, a.receipts); return err })
		}
		if err != nil {
			return &Finding{Kind: Rollback, What: fmt.Sprintf("the proof that epoch %s was rolled back: %v", b.Epoch, err)}, nil
		}
	}
	return nil, nil
}

// byAnyKey tries whichever key the gate had.
func byAnyKey(keys []ledger.Key, origin string, open func(note.Verifier) error) error {
	err := errors.New("the gate has no key")
	for _, key := range keys {
		v, bad := (identity.Public{Journal: key.Journal}).Verifier(origin)
		if bad == nil {
			bad = open(v)
		}
		if err = bad; err == nil {
			return nil
		}
	}
	return err
}

// row holds what the log's own row says against its receipts and its records.
func (w *walk) row(receipted time.Time) {
	e := w.epoch
	wrong := func(format string, args ...any) { w.find(Finding{Kind: Head, What: fmt.Sprintf(format, args...)}) }
	if e.Vouched != e.Receipt.Leaves() {
		wrong("the log's row has a receipt for %d records, and its edge one for %d", e.Vouched, e.Receipt.Leaves())
	}
	if !e.Receipt.Time.Equal(receipted) {
		wrong("the log's row has a receipt of %v, and the newest is of %v", e.Receipt.Time, receipted)
	}
	if e.Asked == 0 && e.Head == nil {
		return
	}
	asked := int64(0)
	err := byAnyKey(w.keys, w.origin, func(v note.Verifier) error {
		tree, _, err := journal.OpenHead(e.Head, w.origin, v)
		asked = tree.N
		return err
	})
	switch {
	case err != nil:
		wrong("the head that the gate signed last: %v", err)
	case asked != e.Asked:
		wrong("the gate has signed a head of %d records, and the log's row says %d", asked, e.Asked)
	}
}
