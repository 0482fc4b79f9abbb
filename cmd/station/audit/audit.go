// Package audit holds a station's ledger against itself and against what was signed: every
// record is there once and says what it said, every tree has the root that its gate signed
// and the station receipted, every receipt is in its place.
//
// What is found is the first that is wrong in each log. A record that was altered together
// with its own hash is known by the next receipt: then the records between two receipts are
// named, among which it is.
//
// Nothing signed says, and so nobody can audit, what the ledger counts and shows beside the
// records: the counts by minute, the lane and the facts of a gate, when it was heard of, what
// was refused, uses of tickets, how far a stream was read, when and why a rollback was seen,
// the hour under which a receipt lies, whether a head was doubted, since when a gate has had a
// key that it has no more, its provisioning key as long as that is a key.
package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/journal"
)

// A Finding is the first that is wrong in a log.
type Finding struct {
	Kind string `json:"kind"` // one of the constants below
	Seq  uint64 `json:"seq"`  // the record's number; the first one's of several; 0: it is no record
	Upto uint64 `json:"upto"` // the last one's
	What string `json:"what"` // in words
}

// Kinds of findings.
const (
	Missing  = "missing"  // a record is not there
	Altered  = "altered"  // it is not as it came
	Repeated = "repeated" // there are more records than there were
	Receipt  = "receipt"  // a receipt is missing, or not as it was given
	Head     = "head"     // the tree is not the one that was signed
	OfLog    = "log"      // a whole log, or its row, is missing or damaged
	OfGate   = "gate"     // a gate's keys are not what was enrolled
	Rollback = "rollback" // what proves that a gate was rolled back is no proof
	File     = "file"     // the database itself is damaged
)

// A Log is what was found of one epoch of a gate.
type Log struct {
	Gate     string   `json:"gate"`
	Epoch    string   `json:"epoch"`
	First    uint64   `json:"first"`   // the number of its first record
	Records  int64    `json:"records"` // that are there
	Receipts int      `json:"receipts"`
	Covered  int64    `json:"covered"` // how many the newest receipt is for: nothing signed vouches for later ones yet
	Bare     int64    `json:"bare"`    // of which there is no more than the hash: the gate had no room for their bodies
	Finding  *Finding `json:"finding"` // nil: nothing is wrong
}

// Options are what is audited.
type Options struct {
	Ledger   *ledger.Ledger
	Station  string
	Gate     string                        // "": all
	Receipts func() (note.Verifier, error) // of the station's cosignatures
	Anchors  map[string][]byte             // newest receipts that were kept elsewhere, by origin
	Copies   []Copy                        // who else keeps records: asked in turn, only where one was changed with its hash
	Progress func(records, of int64)       // is told now and then; nil: nobody is
	Found    func(Log)                     // is told of each log as it is done; nil: nobody is
}

// ErrGate is a gate that is not enrolled.
var ErrGate = fmt.Errorf("no such gate is enrolled")

// Run audits, and returns what it found of each log: by gate, in the order of its epochs. It
// holds one record at a time.
func Run(ctx context.Context, o Options) ([]Log, error) {
	receipts, err := o.Receipts()
	if err != nil {
		return nil, err
	}
	a := &audit{o: o, receipts: receipts, seen: map[string]bool{}}
	sound, err := a.database(ctx)
	if err != nil {
		return nil, err
	}
	if err = a.run(ctx, sound); err != nil && !sound && ctx.Err() == nil {
		a.add(Log{Finding: &Finding{Kind: File, What: "it cannot be read: " + err.Error()}})
		err = nil
	}
	return a.logs, err
}

// run audits the gates. In a database that is not sound one that cannot be read is a finding.
func (a *audit) run(ctx context.Context, sound bool) error {
	o := a.o
	gates, err := o.Ledger.Gates(ctx)
	if err != nil {
		return err
	}
	gates = slices.DeleteFunc(gates, func(g ledger.Gate) bool {
		return g.Station != o.Station || o.Gate != "" && g.Gate != o.Gate
	})
	if o.Gate != "" && len(gates) == 0 && !o.anchored(o.Gate) {
		return fmt.Errorf("gate %q: %w", o.Gate, ErrGate)
	}
	for _, g := range gates {
		n, err := o.Ledger.Size(ctx, g.ID)
		if err != nil {
			return err
		}
		a.of += n
	}
	for _, g := range gates {
		err := o.Ledger.View(ctx, func(r ledger.Reader) error { return a.gate(ctx, r, g) })
		switch {
		case err == nil:
		case sound || ctx.Err() != nil:
			return fmt.Errorf("gate %s: %w", g.Gate, err)
		default:
			a.add(Log{Gate: g.Gate, Finding: &Finding{Kind: OfGate, What: "it cannot be read: " + err.Error()}})
		}
	}
	a.absent()
	return nil
}

// audit is one run.
type audit struct {
	o        Options
	receipts note.Verifier
	seen     map[string]bool // origins
	logs     []Log
	done, of int64
}

// gate audits the logs of a gate.
func (a *audit) gate(ctx context.Context, r ledger.Reader, g ledger.Gate) error {
	keys, err := r.Keys(ctx, g.ID)
	if err != nil {
		return err
	}
	names, err := r.EpochNames(ctx, g.ID)
	if err != nil {
		return err
	}
	found := enrolled(g, keys)
	if found == nil {
		found, err = a.rolledBack(ctx, r, g, keys, names)
	}
	if err != nil {
		return err
	}
	if found != nil {
		a.add(Log{Gate: g.Gate, Finding: found})
	}
	for _, name := range names {
		origin, err := journal.Origin(g.Station, g.Gate, name)
		if err != nil {
			a.add(Log{Gate: g.Gate, Epoch: name, Finding: &Finding{Kind: OfLog, What: err.Error()}})
			continue
		}
		l := &walk{a: a, gate: g, keys: keys, origin: origin, log: Log{Gate: g.Gate, Epoch: name}}
		a.seen[origin] = true
		if err := l.run(ctx, r, name); err != nil {
			return err
		}
		a.add(l.log)
	}
	return nil
}

func (a *audit) add(l Log) {
	a.logs = append(a.logs, l)
	if a.o.Found != nil {
		a.o.Found(l)
	}
}

// absent finds logs that were receipted and are not in the ledger at all.
func (a *audit) absent() {
	var origins []string
	for origin := range a.o.Anchors {
		if !a.seen[origin] {
			origins = append(origins, origin)
		}
	}
	slices.Sort(origins)
	for _, origin := range origins {
		station, gate, epoch := split(origin)
		if station == a.o.Station && (a.o.Gate == "" || gate == a.o.Gate) {
			a.add(Log{Gate: gate, Epoch: epoch, Finding: &Finding{Kind: OfLog, What: "it was receipted, and is not in the ledger"}})
		}
	}
}

func (o Options) anchored(gate string) bool {
	for origin := range o.Anchors {
		if station, g, _ := split(origin); station == o.Station && g == gate {
			return true
		}
	}
	return false
}

// split takes an origin apart.
func split(origin string) (station, gate, epoch string) {
	parts := strings.Split(origin, ".")
	if len(parts) != 4 {
		return "", "", ""
	}
	return parts[1], parts[2], parts[3]
}

// A mark is a head that the records must have.
type mark struct {
	tree tlog.Tree
	what string
}

// A walk audits one log.
type walk struct {
	a      *audit
	gate   ledger.Gate
	keys   []ledger.Key
	origin string
	log    Log

	epoch  *ledger.Epoch
	marks  []mark // by leaves
	edge   journal.Edge
	sound  int64        // leaves up to which a mark was right,
	before journal.Edge // the edge there,
	span   *span        // and the records up to the first mark that was not
	newest int64        // the time that the record before says
	bares  []stretch    // records without a body of which no later one has told yet
}

func (w *walk) run(ctx context.Context, r ledger.Reader, name string) error {
	epochs, err := r.Epochs(ctx, w.gate.ID)
	if err != nil {
		w.find(Finding{Kind: OfLog, What: err.Error()})
		return ctx.Err()
	}
	i := slices.IndexFunc(epochs, func(e *ledger.Epoch) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	w.epoch = epochs[i]
	w.log.First, w.log.Covered = w.epoch.First, w.epoch.Receipt.Leaves()
	if err := w.signed(ctx, r); err != nil {
		return err
	}
	if err := r.Records(ctx, w.epoch.ID, w.record); err != nil {
		return err
	}
	w.progress(true)
	w.end()
	w.unannounced()
	if err := w.narrow(ctx, r); err != nil {
		return err
	}
	if newest := i == len(epochs)-1; w.log.Finding == nil {
		w.unsent(newest)
	}
	return nil
}

// find keeps the first that is wrong. One with a record's number that is lower is the first.
func (w *walk) find(f Finding) {
	if f.Upto < f.Seq {
		f.Upto = f.Seq
	}
	if old := w.log.Finding; old == nil || old.Seq == 0 && f.Seq > 0 {
		w.log.Finding = &f
	}
}

// signed reads the receipts, and finds one that is missing or is not what was given.
func (w *walk) signed(ctx context.Context, r ledger.Reader) error {
	kept, err := r.Receipts(ctx, w.epoch.ID)
	if err != nil {
		return err
	}
	w.log.Receipts = len(kept)
	newest, at := int64(0), time.Time{}
	for _, k := range kept {
		rc, err := w.open(k.Note)
		switch {
		case err != nil:
			w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt for %d records: %v", k.Leaves, err)})
			continue
		case rc.Tree().N != k.Leaves || !rc.Time().Equal(k.Time):
			w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt for %d records of %v says %d records, %v", k.Leaves, k.Time, rc.Tree().N, rc.Time())})
		case k.Leaves < newest:
			w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt for %d records came after one for %d", k.Leaves, newest)})
		}
		newest, at = max(newest, rc.Tree().N), k.Time
		w.marks = append(w.marks, mark{rc.Tree(), "the receipt"})
	}
	switch {
	case int64(len(kept)) != w.epoch.Kept:
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("%d receipts are kept; there were %d", len(kept), w.epoch.Kept)})
	case newest != w.epoch.Receipt.Leaves():
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the newest receipt is for %d records; one for %d was given", newest, w.epoch.Receipt.Leaves())})
	}
	w.row(at)
	w.marks = append(w.marks, mark{w.epoch.Receipt.Edge.Tree(), "the edge at the newest receipt"}, mark{w.epoch.Edge.Tree(), "the log's edge"})
	if text := w.a.o.Anchors[w.origin]; text != nil {
		w.anchor(text, newest)
	}
	slices.SortStableFunc(w.marks, func(a, b mark) int { return int(a.tree.N - b.tree.N) })
	return nil
}

// anchor holds the ledger against the newest receipt that was kept elsewhere.
func (w *walk) anchor(text []byte, newest int64) {
	rc, err := w.open(text)
	if err != nil {
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt that is kept beside the ledger: %v", err)})
		return
	}
	if n := rc.Tree().N; n > newest {
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the newest receipt is for %d records, and one for %d was given: the ledger is older than it", newest, n)})
	}
	w.marks = append(w.marks, mark{rc.Tree(), "the receipt that is kept beside the ledger"})
}

// open opens a receipt of this log.
func (w *walk) open(text []byte) (rc journal.Receipt, err error) {
	err = byAnyKey(w.keys, w.origin, func(v note.Verifier) (err error) {
		rc, err = journal.OpenReceipt(text, w.origin, v, w.a.receipts)
		return err
	})
	return rc, err
}

// record holds one record against the one before it, its hash and its columns.
func (w *walk) record(row *ledger.Row) error {
	want := w.epoch.First + uint64(w.log.Records)
	seq := uint64(row.Seq)
	switch {
	case row.Seq < 0 || seq < want:
		w.find(Finding{Kind: Repeated, Seq: max(1, seq), What: fmt.Sprintf("record %d is before the log's first, %d", row.Seq, w.epoch.First)})
		return nil // it is in no tree
	case seq > want:
		w.find(Finding{Kind: Missing, Seq: want, Upto: seq - 1, What: "not there"})
	}
	said, leaf := ledger.Read(row.Body), tlog.RecordHash(row.Body)
	switch {
	case len(row.Body) == 0 && len(row.Leaf) == len(leaf):
		copy(leaf[:], row.Leaf)
		w.bare(seq)
	case !bytes.Equal(row.Leaf, leaf[:]):
		w.find(Finding{Kind: Altered, Seq: seq, What: "its bytes do not have its hash"})
	}
	if row.Columns != ledger.ColumnsOf(said) {
		w.find(Finding{Kind: Altered, Seq: seq, What: "its columns do not say what it says"})
	}
	w.made(said)
	w.edge.Append(leaf)
	w.log.Records++
	w.newest = row.Columns.Time
	w.reach()
	w.progress(false)
	return nil
}

// reach holds the tree so far against the marks that have as many leaves.
func (w *walk) reach() {
	n := w.edge.Tree
	for len(w.marks) > 0 && w.marks[0].tree.N <= w.log.Records {
		m := w.marks[0]
		w.marks = w.marks[1:]
		if m.tree.N == 0 || m.tree.N < w.log.Records {
			continue
		}
		if t := n(); t.Hash != m.tree.Hash {
			if w.span == nil {
				w.span = &span{w.epoch.First + uint64(w.sound), w.epoch.First + uint64(t.N) - 1, w.before, m.tree.Hash}
			}
			w.find(Finding{Kind: Altered, Seq: w.epoch.First + uint64(w.sound), Upto: w.epoch.First + uint64(t.N) - 1, What: "one of these records is not as it was: the tree does not have the root of " + m.what})
			continue
		}
		w.sound, w.before = w.log.Records, w.edge
	}
}

// end finds records that are missing or too many at the end.
func (w *walk) end() {
	first := w.epoch.First
	for _, m := range w.marks {
		if m.tree.N > w.log.Records {
			w.find(Finding{Kind: Missing, Seq: first + uint64(w.log.Records), Upto: first + uint64(m.tree.N) - 1, What: "not there; " + m.what + " has it"})
		}
	}
	if n := w.epoch.Leaves(); n < w.log.Records {
		w.find(Finding{Kind: Repeated, Seq: first + uint64(n), Upto: first + uint64(w.log.Records) - 1, What: "the log ends before it"})
	}
	if n := w.epoch.Counted; n != w.epoch.Leaves() {
		w.find(Finding{Kind: Head, What: fmt.Sprintf("the log's row counts %d records, and its edge has %d", n, w.epoch.Leaves())})
	}
	if at := w.epoch.Newest; !w.epoch.NewestIs(w.newest) {
		w.find(Finding{Kind: Head, What: fmt.Sprintf("the log's row has a newest record of %v, and it is of another time", at)})
	}
}

// unsent finds records that the gate has signed for and that never came: an epoch that has
// ended gets no more.
func (w *walk) unsent(newest bool) {
	have := w.epoch.Leaves()
	if w.epoch.Asked <= have {
		return
	}
	what := "the gate has signed for it, and it has not come"
	if !newest {
		what = "the gate has signed for it and began another epoch: it will not come"
	}
	w.find(Finding{Kind: Missing, Seq: w.epoch.First + uint64(have), Upto: w.epoch.First + uint64(w.epoch.Asked) - 1, What: what})
}

const sayEach = 20_000

func (w *walk) progress(last bool) {
	if !last {
		w.a.done++
	}
	if w.a.o.Progress != nil && (last || w.a.done%sayEach == 0) {
		w.a.o.Progress(w.a.done, w.a.of)
	}
}
