package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/journal"
)

// This file names the one record that was changed together with its hash. The ledger alone
// cannot: the next root says only that one of the records below it is another. Whoever else
// keeps the records can: where their hashes make the root that was signed, they are right, and
// what differs from them was changed.

// A Copy is another who keeps records.
type Copy struct {
	Name string // "the bus"
	// Leaves are the leaf hashes of records of a log, by their numbers; those that it has.
	Leaves func(ctx context.Context, gate, epoch string, from, upto uint64) (map[uint64]tlog.Hash, error)
}

// A span is records of which one was changed, and the root that they should make.
type span struct {
	from, upto uint64
	edge       journal.Edge // before them
	root       tlog.Hash
}

// narrow names the record among those of the log's finding.
func (w *walk) narrow(ctx context.Context, r ledger.Reader) error {
	s, f := w.span, w.log.Finding
	if s == nil || f == nil || f.Seq != s.from || f.Upto != s.upto {
		return nil
	}
	have, err := r.Leaves(ctx, w.epoch.ID, s.from, s.upto)
	if err != nil {
		return err
	}
	for _, c := range w.a.o.Copies {
		kept, err := c.Leaves(ctx, w.gate.Gate, w.log.Epoch, s.from, s.upto)
		switch seq, ok := s.changed(have, kept); {
		case err != nil:
			f.What += fmt.Sprintf("; %s cannot tell which: %v", c.Name, err)
		case len(kept) == 0:
			f.What += fmt.Sprintf("; %s has no copy of them", c.Name)
		case !ok:
			f.What += fmt.Sprintf("; with the %d that %s has a copy of they have another root, too", len(kept), c.Name)
		default:
			f.Seq, f.Upto = seq, seq
			f.What = fmt.Sprintf("it is not as it was, nor is its hash: %s has another one, which makes the signed root", c.Name)
			return nil
		}
	}
	return nil
}

// changed is the first record that is not as it is in a copy which makes the root.
func (s *span) changed(have, kept map[uint64]tlog.Hash) (first uint64, ok bool) {
	edge := s.edge
	for seq := s.upto; seq >= s.from; seq-- {
		if leaf, ok := kept[seq]; ok && leaf != have[seq] {
			first = seq
		}
	}
	for seq := s.from; seq <= s.upto; seq++ {
		leaf, ok := kept[seq]
		if !ok {
			leaf = have[seq]
		}
		edge.Append(leaf)
	}
	return first, first > 0 && edge.Tree().Hash == s.root
}
