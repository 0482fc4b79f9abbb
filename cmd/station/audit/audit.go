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
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

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
