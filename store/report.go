package store

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// Proofs are what a journal is verified with.
type Proofs struct {
	// Open reads a receipt of an origin; nil: no receipt's signatures are checked.
	Open func(note []byte, origin string) (journal.Receipt, error)

	// Receipt is one from elsewhere, that the station gave; nil: there is none.
	Receipt []byte

	// Progress hears now and then how many of the records were read; nil: nobody does.
	Progress func(read, of uint64)
}

// A Report is what a verified journal is.
type Report struct {
	OK      bool      `json:"ok"`
	Bad     *Bad      `json:"bad,omitempty"` // the first; nil: none is
	Epoch   string    `json:"epoch"`
	First   uint64    `json:"first"`   // the record that is leaf 0
	Leaves  int64     `json:"leaves"`  // of the log
	Root    tlog.Hash `json:"root"`    // as it was computed
	Removed int64     `json:"removed"` // leaves that were removed, below the receipt
	Unsent  int64     `json:"unsent"`  // leaves whose records made room
	Oldest  uint64    `json:"oldest"`  // the first record that is kept, of this epoch or an earlier one
	Newest  uint64    `json:"newest"`
	Receipt *Received `json:"receipt,omitempty"` // the newest that was held against the records
}

// Bad is a record, or one of several, that is not what was written. Seq 0: the file does
// not say which.
type Bad struct {
	Seq  uint64 `json:"seq"`
	UpTo uint64 `json:"up_to"` // it is one of those from Seq to this
	Why  string `json:"why"`
}

// Received is a receipt: the station has the records up to Seq.
type Received struct {
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time,omitzero"` // when the station signed
	Checked bool      `json:"checked"`       // its signatures were
}

func (b *Bad) Error() string {
	switch {
	case b.Seq == 0:
		return b.Why
	case b.Seq < b.UpTo:
		return fmt.Sprintf("one of the records %d to %d: %s", b.Seq, b.UpTo, b.Why)
	}
	return fmt.Sprintf("record %d: %s", b.Seq, b.Why)
}
