package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// An Epoch is one log of a gate: its records and what was receipted of them.
type Epoch struct {
	ID      int64
	Gate    int64  // its id
	Name    string // the epoch's, within the gate
	First   uint64 // the sequence number of leaf 0
	Edge    journal.Edge
	Counted int64     // how many leaves its row counts: as many as the edge has, unless somebody changed it
	Newest  time.Time // what the newest record says
	Receipt Receipt   // the newest
	Kept    int64     // how many receipts are kept
	Vouched int64     // for how many leaves its row says that there is a receipt: as many as the receipt's edge has
	Asked   int64     // the most leaves that the gate has signed for,
	Head    []byte    // and that head
	Doubted bool      // a head did not fit, and the records above the receipt were asked for again
}

// Leaves is how many records the ledger has.
func (e *Epoch) Leaves() int64 { return e.Edge.Tree().N }

// NewestIs tells whether the epoch's row has the time of a record's columns as its newest.
func (e *Epoch) NewestIs(time int64) bool { return micros(e.Newest) == time }

// A Receipt is what the station has cosigned.
type Receipt struct {
	Edge journal.Edge // the tree's there
	Note []byte
	Time time.Time
}

// Leaves is how many records the receipt is for.
func (r *Receipt) Leaves() int64 { return r.Edge.Tree().N }

const epochColumns = `e.id, e.gate, e.epoch, e.first, e.leaves, e.edge, e.newest, e.receipt_edge, e.receipt_time, e.receipts, e.receipt_leaves, e.asked, e.asked_note, e.doubted`

func scanEpoch(scan func(...any) error) (*Epoch, error) {
	e := &Epoch{}
	var edge, receipt []byte
	var first, newest, receipted, doubted int64
	if err := scan(&e.ID, &e.Gate, &e.Name, &first, &e.Counted, &edge, &newest, &receipt, &receipted, &e.Kept, &e.Vouched, &e.Asked, &e.Head, &doubted); err != nil {
		return nil, err
	}
	e.First, e.Newest, e.Receipt.Time, e.Doubted = uint64(first), fromMicros(newest), fromMicros(receipted), doubted != 0
	if err := e.Edge.UnmarshalBinary(edge); err != nil {
		return nil, fmt.Errorf("epoch %q: %w: %w", e.Name, ErrDamaged, err)
	}
	if err := e.Receipt.Edge.UnmarshalBinary(receipt); err != nil {
		return nil, fmt.Errorf("receipt of epoch %q: %w: %w", e.Name, ErrDamaged, err)
	}
	return e, nil
}

// ErrDamaged is a row that this program did not write so.
var ErrDamaged = errors.New("the ledger is damaged")

// Epoch is a gate's epoch; nil where the ledger has none of it.
func (t *Tx) Epoch(gate int64, name string) (*Epoch, error) {
	e, err := scanEpoch(t.row(`SELECT `+epochColumns+` FROM epochs e WHERE e.gate = $1 AND e.epoch = $2`, gate, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return e, err
}

// NewestEpoch is the name of the epoch that a gate began last; "" where it has none.
func (t *Tx) NewestEpoch(gate int64) (string, error) {
	var name string
	err := t.row(`SELECT epoch FROM epochs WHERE gate = $1 ORDER BY id DESC LIMIT 1`, gate).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return name, err
}

// Epochs are a gate's epochs, in the order in which they began; 0: every gate's.
func (r Reader) Epochs(ctx context.Context, gate int64) ([]*Epoch, error) {
	return collect(ctx, r.from, scanEpoch, `SELECT `+epochColumns+` FROM epochs e WHERE e.gate = $1 OR $1 = 0 ORDER BY e.gate, e.id`, gate)
}

// EpochNames are the names of a gate's epochs, in the order in which they began.
func (r Reader) EpochNames(ctx context.Context, gate int64) ([]string, error) {
	return collect(ctx, r.from, func(scan func(...any) error) (name string, err error) { err = scan(&name); return name, err },
		`SELECT epoch FROM epochs WHERE gate = $1 ORDER BY id`, gate)
}

// Begin makes an epoch without records.
func (t *Tx) Begin(gate int64, name string, first uint64) (*Epoch, error) {
	id, err := t.nextID("epochs")
	if err != nil {
		return nil, err
	}
	e := &Epoch{ID: id, Gate: gate, Name: name, First: first}
	none, err := e.Edge.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return e, t.exec(`INSERT INTO epochs (id, gate, epoch, first, leaves, edge, newest, receipt_leaves, receipt_edge, receipt_time, receipts, asked, doubted)
		VALUES ($1, $2, $3, $4, 0, $5, 0, 0, $5, 0, 0, 0, 0)`, id, gate, name, int64(first), none)
}

// A Record is a record as a gate sent it: its CBOR, and what that says.
type Record struct {
	Seq  uint64
	Leaf tlog.Hash
	Body []byte
	Said journal.Record
}

// Columns are what the ledger keeps of a record beside its body, for queries.
type Columns struct {
	Time                    int64 // microseconds since 1970
	Kind, Reason, Direction string
}

// Unreadable is the kind of a record that this version cannot read.
const Unreadable journal.Kind = "unreadable"

// Removed is the kind of a record whose body made room at the gate before it was sent: the
// ledger has its leaf hash alone.
const Removed journal.Kind = "removed"

// Read reads a record's body.
func Read(body []byte) journal.Record {
	if len(body) == 0 {
		return journal.Record{Kind: Removed}
	}
	var r journal.Record
	if err := journal.Decode(body, &r); err != nil {
		return journal.Record{Kind: Unreadable}
	}
	return r
}

// ColumnsOf derives the columns from a record.
func ColumnsOf(r journal.Record) Columns {
	return Columns{micros(r.Time), clean(string(r.Kind)), clean(r.Reason), clean(r.Direction)}
}

// clean makes a text one that every database takes.
func clean(s string) string {
	const longest = 200
	if len(s) > longest {
		s = s[:longest]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
}

const insertRecord = `INSERT INTO records (epoch, seq, leaf, body, time, kind, reason, direction) VALUES `

// rowsAtOnce is how many records one statement inserts: with PostgreSQL each statement is a
// round trip, with SQLite more parameters are slower.
const rowsAtOnce = 8

var insertRows = insertRecord + func() string {
	rows := make([]string, rowsAtOnce)
	for i := range rows {
		n := 8 * i
		rows[i] = fmt.Sprintf("($%d,$%d,$%d,$%d,$%d,$%d,$%d,$%d)", n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8)
	}
	return strings.Join(rows, ",")
}()

// Insert keeps records of an epoch. It changes e not: call Grown once e has grown by them.
func (t *Tx) Insert(e *Epoch, records []Record) error {
	for len(records) >= rowsAtOnce {
		var args []any
		for _, r := range records[:rowsAtOnce] {
			args = append(args, recordArgs(e, r)...)
		}
		if err := t.repeat(insertRows, args...); err != nil {
			return err
		}
		records = records[rowsAtOnce:]
	}
	for _, r := range records {
		if err := t.repeat(insertRecord+`($1,$2,$3,$4,$5,$6,$7,$8)`, recordArgs(e, r)...); err != nil {
			return err
		}
	}
	return nil
}

func recordArgs(e *Epoch, r Record) []any {
	c := ColumnsOf(r.Said)
	return []any{e.ID, int64(r.Seq), r.Leaf[:], r.Body, c.Time, c.Kind, c.Reason, c.Direction}
}

// Grown keeps how far an epoch has grown.
func (t *Tx) Grown(e *Epoch) error {
	edge, err := e.Edge.MarshalBinary()
	if err != nil {
		return err
	}
	return t.repeat(`UPDATE epochs SET leaves = $2, edge = $3, newest = $4 WHERE id = $1`, e.ID, e.Leaves(), edge, micros(e.Newest))
}

// Leaf is the leaf hash of a record that the ledger has.
func (t *Tx) Leaf(e *Epoch, seq uint64) (h tlog.Hash, err error) {
	var leaf []byte
	if err := t.row(`SELECT leaf FROM records WHERE epoch = $1 AND seq = $2`, e.ID, int64(seq)).Scan(&leaf); err != nil {
		return h, fmt.Errorf("record %d: %w", seq, err)
	}
	if copy(h[:], leaf); len(leaf) != len(h) {
		return h, fmt.Errorf("record %d: %w: a leaf hash of %d bytes", seq, ErrDamaged, len(leaf))
	}
	return h, nil
}

// EdgeAt is an epoch's right edge at n leaves, from the newest receipt's on; n is not
// below that.
func (t *Tx) EdgeAt(e *Epoch, n int64) (journal.Edge, error) {
	edge := e.Receipt.Edge
	from := e.First + uint64(edge.Tree().N)
	rows, err := t.tx.QueryContext(t.ctx, `SELECT leaf FROM records WHERE epoch = $1 AND seq >= $2 AND seq < $3 ORDER BY seq`, e.ID, int64(from), int64(e.First)+n)
	if err != nil {
		return edge, err
	}
	defer rows.Close()
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			return edge, err
		}
		if len(leaf) != tlog.HashSize {
			return edge, fmt.Errorf("epoch %q: a leaf hash of %d bytes: %w", e.Name, len(leaf), ErrGap)
		}
		edge.Append(tlog.Hash(leaf))
	}
	if got := edge.Tree().N; rows.Err() == nil && got != n {
		return edge, fmt.Errorf("epoch %q: %d records up to leaf %d: %w", e.Name, got, n, ErrGap)
	}
	return edge, rows.Err()
}

// ErrGap is a record that the ledger lacks and should have.
var ErrGap = errors.New("records are missing")

// Drop removes what an epoch has above its newest receipt, which nothing vouches for.
func (t *Tx) Drop(e *Epoch) error {
	if err := t.exec(`DELETE FROM records WHERE epoch = $1 AND seq >= $2`, e.ID, int64(e.First)+e.Receipt.Leaves()); err != nil {
		return err
	}
	e.Edge, e.Doubted = e.Receipt.Edge, true
	var newest int64
	if err := t.row(`SELECT coalesce(max(time), 0) FROM records WHERE epoch = $1 AND seq = $2`, e.ID, int64(e.First)+e.Leaves()-1).Scan(&newest); err != nil {
		return err
	}
	e.Newest = fromMicros(newest)
	if err := t.exec(`UPDATE epochs SET doubted = 1 WHERE id = $1`, e.ID); err != nil {
		return err
	}
	return t.Grown(e)
}
