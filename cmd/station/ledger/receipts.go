package ledger

import (
	"context"
	"errors"
	"time"
)

// Receipted keeps a receipt: note is a head of an epoch that the station has cosigned, and
// e.Receipt's edge is the tree there. It replaces the one before of the same hour, or of an
// hour that has not come: the station's clock went back.
func (t *Tx) Receipted(e *Epoch, note []byte, at time.Time) error {
	hour := at.Unix() / 3600
	if err := t.row(`SELECT coalesce(max(hour), $2) FROM receipts WHERE epoch = $1 AND hour > $2`, e.ID, hour).Scan(&hour); err != nil {
		return err
	}
	return t.ReceiptedIn(e, note, at, hour)
}

// ReceiptedIn is Receipted in the place of an hour.
func (t *Tx) ReceiptedIn(e *Epoch, note []byte, at time.Time, hour int64) error {
	edge, err := e.Receipt.Edge.MarshalBinary()
	if err != nil {
		return err
	}
	var same int64
	if err := t.row(`SELECT count(*) FROM receipts WHERE epoch = $1 AND hour = $2`, e.ID, hour).Scan(&same); err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO receipts (epoch, hour, leaves, note, time) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (epoch, hour) DO UPDATE SET leaves = excluded.leaves, note = excluded.note, time = excluded.time`,
		e.ID, hour, e.Receipt.Leaves(), note, micros(at)); err != nil {
		return err
	}
	e.Receipt.Note, e.Receipt.Time, e.Kept, e.Doubted = note, at, e.Kept+1-same, false
	return t.exec(`UPDATE epochs SET receipt_leaves = $2, receipt_edge = $3, receipts = $4, receipt_time = $5, doubted = 0 WHERE id = $1`, e.ID, e.Receipt.Leaves(), edge, e.Kept, micros(at))
}

// Note is the newest receipt of an epoch; nil where it has none.
func (t *Tx) Note(e *Epoch) ([]byte, error) {
	rows, err := t.tx.QueryContext(t.ctx, `SELECT note FROM receipts WHERE epoch = $1 AND leaves = $2`, e.ID, e.Receipt.Leaves())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var note []byte
	for rows.Next() {
		err = errors.Join(err, rows.Scan(&note))
	}
	return note, errors.Join(err, rows.Err())
}

// AskedFor keeps the head of the most leaves that the gate has signed.
func (t *Tx) AskedFor(e *Epoch, leaves int64, head []byte) error {
	if leaves <= e.Asked {
		return nil
	}
	e.Asked = leaves
	return t.exec(`UPDATE epochs SET asked = $2, asked_note = $3 WHERE id = $1`, e.ID, leaves, head)
}

// ForgetAsked forgets what the gate has signed for: it was another log's.
func (t *Tx) ForgetAsked(e *Epoch) error {
	e.Asked = 0
	return t.exec(`UPDATE epochs SET asked = 0, asked_note = NULL WHERE id = $1`, e.ID)
}

// Receipts are the receipts that are kept of an epoch, the oldest first.
func (r Reader) Receipts(ctx context.Context, epoch int64) ([]Kept, error) {
	return collect(ctx, r.from, func(scan func(...any) error) (k Kept, err error) {
		var at int64
		err = scan(&k.Hour, &k.Leaves, &k.Note, &at)
		k.Time = fromMicros(at)
		return k, err
	}, `SELECT hour, leaves, note, time FROM receipts WHERE epoch = $1 ORDER BY hour`, epoch)
}

// Kept is a receipt as it is kept.
type Kept struct {
	Hour   int64 // since 1970: its place
	Leaves int64
	Note   []byte
	Time   time.Time
}

// A Rollback is a gate whose log is behind what the station has cosigned, or no extension
// of it: its card is an older copy, or a copy that another gate runs.
type Rollback struct {
	Gate  int64 // its id
	Epoch string
	Time  time.Time
	Head  []byte // what the gate had signed
	Proof []byte // the receipt that contradicts it
	Why   string
}

// RolledBack keeps that a gate was seen rolled back.
func (t *Tx) RolledBack(r Rollback) error {
	return t.exec(`INSERT INTO rollbacks (gate, epoch, time, head, proof, why) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (gate, epoch) DO UPDATE SET time = excluded.time, head = excluded.head, proof = excluded.proof, why = excluded.why`,
		r.Gate, r.Epoch, micros(r.Time), r.Head, r.Proof, clean(r.Why))
}

// Rollbacks are all that were seen, the newest first; of one gate, or of every one for 0.
func (r Reader) Rollbacks(ctx context.Context, gate int64) ([]Rollback, error) {
	return collect(ctx, r.from, func(scan func(...any) error) (r Rollback, err error) {
		var at int64
		err = scan(&r.Gate, &r.Epoch, &at, &r.Head, &r.Proof, &r.Why)
		r.Time = fromMicros(at)
		return r, err
	}, `SELECT gate, epoch, time, head, proof, why FROM rollbacks WHERE gate = $1 OR $1 = 0 ORDER BY time DESC`, gate)
}

// Refused are messages of one kind that were not taken.
type Refused struct {
	Station, Gate string // Gate "?": of gates that are not enrolled
	Why           string
	N             int64
	First, Last   time.Time
	Detail        string // of the last one
}

// Refuse counts messages that were not taken.
func (t *Tx) Refuse(r Refused) error {
	return t.exec(`INSERT INTO refused (station, gate, why, n, first, last, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (station, gate, why) DO UPDATE SET n = refused.n + excluded.n, last = excluded.last, detail = excluded.detail`,
		clean(r.Station), clean(r.Gate), clean(r.Why), r.N, micros(r.First), micros(r.Last), clean(r.Detail))
}

// AllRefused are the messages that were not taken, the newest first.
func (r Reader) AllRefused(ctx context.Context) ([]Refused, error) {
	return collect(ctx, r.from, func(scan func(...any) error) (r Refused, err error) {
		var first, last int64
		err = scan(&r.Station, &r.Gate, &r.Why, &r.N, &first, &last, &r.Detail)
		r.First, r.Last = fromMicros(first), fromMicros(last)
		return r, err
	}, `SELECT station, gate, why, n, first, last, detail FROM refused ORDER BY last DESC, station, gate, why`)
}
