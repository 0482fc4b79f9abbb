package ledger

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A Row is a record as the ledger has it, for an audit.
type Row struct {
	Seq        int64
	Leaf, Body []byte // good until the next row
	Columns    Columns
}

// Records hands the records of an epoch to found, in the order of their numbers, and holds
// one at a time.
func (r Reader) Records(ctx context.Context, epoch int64, found func(*Row) error) error {
	var row Row
	return each(ctx, r.from, func(scan func(...any) error) error {
		if err := scan(&row.Seq, &row.Leaf, &row.Body, &row.Columns.Time, &row.Columns.Kind, &row.Columns.Reason, &row.Columns.Direction); err != nil {
			return err
		}
		return found(&row)
	}, `SELECT seq, leaf, body, time, kind, reason, direction FROM records WHERE epoch = $1 ORDER BY seq`, epoch)
}

// Leaves are the leaf hashes of an epoch's records, by their numbers: of their bodies, where there
// are any.
func (r Reader) Leaves(ctx context.Context, epoch int64, from, upto uint64) (map[uint64]tlog.Hash, error) {
	leaves := map[uint64]tlog.Hash{}
	return leaves, each(ctx, r.from, func(scan func(...any) error) error {
		var seq int64
		var leaf, body []byte
		err := scan(&seq, &leaf, &body)
		hash := tlog.RecordHash(body)
		if len(body) == 0 { // it made room at the gate
			copy(hash[:], leaf)
		}
		leaves[uint64(seq)] = hash
		return err
	}, `SELECT seq, leaf, body FROM records WHERE epoch = $1 AND seq >= $2 AND seq <= $3`, epoch, int64(from), int64(upto))
}

// Size is how many records the ledger counts, of one gate or of every one for 0.
func (r Reader) Size(ctx context.Context, gate int64) (n int64, err error) {
	err = r.from.QueryRowContext(ctx, `SELECT coalesce(sum(leaves), 0) FROM epochs WHERE gate = $1 OR $1 = 0`, gate).Scan(&n)
	return n, err
}

// Newest are the newest records of a gate, the newest first, up to n.
func (r Reader) Newest(ctx context.Context, gate int64, n int) ([]Summary, error) {
	return collect(ctx, r.from, func(scan func(...any) error) (s Summary, err error) {
		var at int64
		err = scan(&s.Epoch, &s.Seq, &at, &s.Kind, &s.Reason, &s.Direction)
		s.Time = fromMicros(at)
		return s, err
	}, `SELECT e.epoch, r.seq, r.time, r.kind, r.reason, r.direction FROM records r JOIN epochs e ON e.id = r.epoch
		WHERE r.epoch = (SELECT max(id) FROM epochs WHERE gate = $1) ORDER BY r.seq DESC LIMIT $2`, gate, n)
}

// A Summary is what a page shows of a record.
type Summary struct {
	Epoch                   string
	Seq                     int64
	Time                    time.Time
	Kind, Reason, Direction string
}
