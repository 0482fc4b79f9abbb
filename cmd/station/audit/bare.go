package audit

import (
	"railgate/store/journal"
)

// This file is about records of which the ledger has no more than the leaf hash: the gate had no
// room for their bodies, and a later record of the same log says so. Where none does somebody has
// taken the body out of the ledger: the tree would not tell, for the hash is there.

// A stretch is records from one to another.
type stretch struct{ from, upTo uint64 }

// bare notes a record without a body.
func (w *walk) bare(seq uint64) {
	w.log.Bare++
	if n := len(w.bares); n > 0 && w.bares[n-1].upTo == seq-1 {
		w.bares[n-1].upTo = seq
		return
	}
	w.bares = append(w.bares, stretch{seq, seq})
}

// made takes what a record says of those before it.
func (w *walk) made(r journal.Record) {
	from, upTo, ok := journal.MadeRoom(r)
	if !ok {
		return
	}
	var rest []stretch
	for _, b := range w.bares {
		if b.from < from {
			rest = append(rest, stretch{b.from, min(b.upTo, from-1)})
		}
		if b.upTo > upTo {
			rest = append(rest, stretch{max(b.from, upTo+1), b.upTo})
		}
	}
	w.bares = rest
}

// unannounced finds the first record without a body of which no later one says so. What has no
// receipt yet may still be told of.
func (w *walk) unannounced() {
	covered := w.epoch.First + uint64(w.log.Covered)
	if len(w.bares) > 0 && w.bares[0].from < covered {
		b := w.bares[0]
		w.find(Finding{Kind: Altered, Seq: b.from, Upto: min(b.upTo, covered-1), What: "its body is missing, and no record says that the gate had no room for it"})
	}
}
