package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/durable"
	"railgate/store/journal"
)

// This file holds a journal against its log without trusting the file: every record is
// read, and the root is computed from the records.

// Verify holds the journal in a file against its log, and against the station's receipts.
// An error is one of reading: what is wrong with the journal is in the report. While a
// daemon has the file the error is ErrLocked.
func Verify(path string, p Proofs) (report Report, err error) {
	r := &Reader{path: path}
	err = r.with(func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		report = verify(f, info.Size(), p)
		return nil
	})
	if errors.Is(err, durable.ErrNotFile) {
		return Report{Bad: &Bad{Why: err.Error()}}, nil
	}
	return report, err
}

// A verification reads one journal. Each step stops it at the first thing that is wrong.
type verification struct {
	r        io.ReaderAt
	meta     meta
	proofs   Proofs
	report   *Report
	sets     sets
	log      epoch        // as the file says
	edge     journal.Edge // as its records say
	last     tlog.Hash    // of the leaf before
	receipts []claim      // the smallest first,
	held     int          // of which so many were held against the records
	good     int64        // how many leaves have a root that the station has signed,
	same     int64        // and how many one that the file's edge has
	next     uint64       // the number of the record that is due
	twice    uint64       // the first record that is the same as the one before; 0: none is
	wrong    *Bad         // what the roots say
}

// A claim is that the station has a tree of this log.
type claim struct {
	tree tlog.Tree
	Received
}

func verify(f io.ReaderAt, size int64, p Proofs) Report {
	v := &verification{r: f, proofs: p, report: &Report{}}
	v.report.Bad = v.find()
	if v.report.Bad == nil { // the last: it names no record
		if _, err := inspect(f, size); err != nil {
			v.report.Bad = &Bad{Why: err.Error()}
		}
	}
	v.report.OK = v.report.Bad == nil
	return *v.report
}

// find finds the first that is bad.
func (v *verification) find() *Bad {
	for _, step := range []func() *Bad{v.begin, v.claims, v.chunks, v.records, v.end} {
		bad := step()
		if bad == nil {
			continue
		}
		if v.wrong != nil && (bad.Seq == 0 || v.wrong.Seq <= bad.Seq) {
			bad = v.wrong
		}
		if v.twice > 0 && bad.Seq <= v.twice && v.twice <= bad.UpTo {
			return &Bad{v.twice, v.twice, "it repeats the record before it; " + bad.Why}
		}
		return bad
	}
	return nil
}

// begin reads what the file says of itself.
func (v *verification) begin() *Bad {
	m, torn, err := newestMeta(v.r)
	if err == nil && torn {
		err = errors.New("a meta page is torn: the newest record may be missing")
	}
	var values valueMap
	if err == nil {
		v.meta = m
		values, err = bucketValues(v.r, m, metaBucket)
	}
	for key, sealed := range values {
		if _, bad := unseal([]byte(key), sealed); bad != nil {
			err = fmt.Errorf("meta: %q: %w", key, bad)
		}
	}
	var edge edgeValue
	if err == nil {
		err = errors.Join(getMeta(values, setsName, &v.sets), getMeta(values, edgeName, &edge))
	}
	if err != nil {
		return &Bad{Why: err.Error()}
	}
	said := epoch{name: edge.Epoch, first: edge.First, edge: edge.Edge}
	v.report.Oldest, v.report.Newest = v.sets.First, v.sets.Last
	if said.name == "" || v.sets.First == 0 {
		return &Bad{Why: "the file is of a version that kept no log: railgated begins one when it starts"}
	}
	var ends string
	if v.log, ends, err = loadEpoch(values, v.sets.First, said.end()); err != nil || ends != "" {
		return &Bad{Why: "log: " + errors.Join(err, errorOf(ends)).Error()}
	}
	v.edge = v.log.base
	r := v.report
	r.Epoch, r.First, r.Leaves, r.Removed, r.Unsent = v.log.name, v.log.first, v.log.edge.N(), v.log.base.N(), v.log.bare
	return nil
}

// errorOf is a text as an error; nil where there is none.
func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// claims reads the receipts.
func (v *verification) claims() *Bad {
	if kept := v.log.received; kept.Edge.N() > 0 {
		if bad := v.claim(kept.Note, "the receipt in the file"); bad != nil {
			return bad
		}
	}
	if v.proofs.Receipt != nil {
		if bad := v.claim(v.proofs.Receipt, "the receipt from elsewhere"); bad != nil {
			return bad
		}
	}
	slices.SortFunc(v.receipts, func(a, b claim) int { return int(a.tree.N - b.tree.N) })
	return nil
}

func (v *verification) claim(note []byte, what string) *Bad {
	origin, tree, err := journal.UnverifiedHead(note)
	c := claim{tree, Received{Seq: v.log.first + uint64(tree.N) - 1}}
	if err == nil && v.proofs.Open != nil {
		var r journal.Receipt
		if r, err = v.proofs.Open(note, origin); err == nil {
			c.tree, c.Time, c.Checked = r.Tree(), r.Time(), true
		}
	}
	switch {
	case err != nil:
		return &Bad{Why: what + ": " + err.Error()}
	case epochIn(origin) != v.log.name:
		return &Bad{Why: fmt.Sprintf("%s is of epoch %q, and the log of %q: was the store rolled back, or replaced?", what, epochIn(origin), v.log.name)}
	}
	v.receipts = append(v.receipts, c)
	return nil
}

// chunks reads the leaves whose records made room.
func (v *verification) chunks() (bad *Bad) {
	v.hold() // of the base
	next, left := v.log.bareFrom(), v.log.bare
	err := eachChunk(v.r, v.meta, func(chunk []Leaf) {
		for _, leaf := range chunk {
			switch {
			case leaf.Seq < v.log.first || bad != nil:
				continue
			case leaf.Seq != next:
				bad = wrongNumber(leaf.Seq, next)
				continue
			case left == 0:
				bad = &Bad{leaf.Seq, leaf.Seq, "there is a leaf of it too many"}
				continue
			}
			v.add(leaf)
			next, left = next+1, left-1
		}
	})
	switch {
	case bad != nil:
		return bad
	case err != nil:
		return &Bad{next, next, err.Error()}
	case left > 0:
		return &Bad{next, next + uint64(left) - 1, "its leaf is missing"}
	}
	return nil
}

// wrongNumber says what is wrong with a record whose number is not the next.
func wrongNumber(seq, next uint64) *Bad {
	if seq < next {
		return &Bad{seq, seq, "it is there twice, or out of its order"}
	}
	return &Bad{next, seq - 1, "missing"}
}

// add adds a leaf to the log.
func (v *verification) add(leaf Leaf) {
	if v.edge.N() > v.log.base.N() && leaf.Hash == v.last && v.twice == 0 {
		v.twice = leaf.Seq
	}
	v.last = leaf.Hash
	v.edge.Append(leaf.Hash)
	v.hold()
}

// hold holds the root of what was read so far against the file's edge, and the station's.
func (v *verification) hold() {
	if from, to, ok := v.edge.Differ(v.log.edge); ok && from < to {
		if v.differs(to, "its leaf is not the one that was written with it") {
			v.wrong.Seq = max(v.wrong.Seq, v.log.first+uint64(from))
		}
	} else if ok {
		v.same = v.edge.N()
	}
	for v.held < len(v.receipts) && v.receipts[v.held].tree.N <= v.edge.N() {
		c := v.receipts[v.held]
		v.held++
		switch {
		case c.tree.N < v.edge.N(): // its records were removed
		case c.tree != v.edge.Tree():
			v.differs(c.tree.N, "the root of the records up to "+fmt.Sprint(c.Seq)+" is not the one that the station has signed")
		default:
			v.good, v.report.Receipt = c.tree.N, &c.Received
		}
	}
}

// differs notes that a tree of n leaves is another than what was signed or written, unless
// a smaller one was. The first of them that is bad follows the last root that was right.
func (v *verification) differs(n int64, why string) bool {
	if v.wrong != nil {
		return false
	}
	from := min(max(v.good, v.log.base.N()), n-1)
	v.wrong = &Bad{v.log.first + uint64(from), v.log.first + uint64(n) - 1, why}
	return true
}

// records reads the records, each page of them.
func (v *verification) records() (bad *Bad) {
	v.next = v.sets.First
	t := newTree(v.r, v.meta)
	err := t.buckets(v.meta.root, func(name string, value []byte) error {
		if name != string(journalBucket) {
			return nil
		}
		if root := binary.LittleEndian.Uint64(value); root != 0 {
			return t.leaves(root, func(id uint64, first []byte) error { return v.page(t.leaf(id, first)) })
		}
		p, err := inline(value)
		if err != nil {
			return err
		}
		return v.page(p.elements())
	})
	switch {
	case errors.As(err, &bad):
		return bad
	case err != nil:
		return &Bad{v.next, v.next, err.Error()}
	case v.next <= v.sets.Last:
		return &Bad{v.next, v.sets.Last, "missing"}
	}
	return nil
}

// page reads the records of a page.
func (v *verification) page(list []element, err error) error {
	for i := 0; i < len(list) && err == nil; i++ {
		if bad := v.record(list[i]); bad != nil {
			return bad
		}
		v.next++
		if p := v.proofs.Progress; p != nil && v.next%4096 == 0 {
			p(v.next-v.sets.First, v.sets.Last-v.sets.First+1)
		}
	}
	return err
}

// record reads the record that is the next.
func (v *verification) record(e element) *Bad {
	seq := seqOf(e.key)
	switch {
	case e.flags != 0 || len(e.key) != 8:
		return &Bad{v.next, v.next, "something else is in its place"}
	case seq != v.next:
		return wrongNumber(seq, v.next)
	case seq > v.sets.Last:
		return &Bad{seq, seq, "added: it is behind the journal's end"}
	}
	body, err := unseal(e.key, e.value)
	if err != nil {
		return &Bad{seq, seq, err.Error()}
	}
	leaf, err := leafOf(seq, body)
	if err != nil {
		return &Bad{seq, seq, err.Error()}
	}
	r := readRecord(e.key, e.value)
	switch {
	case r.Kind == "":
		return &Bad{seq, seq, "it is of no kind"}
	case seq < v.log.first:
		return nil // of an earlier epoch: its checksum is all that there is
	case (r.Kind == journal.Epoch) != (seq == v.log.first):
		return &Bad{seq, seq, "an epoch begins with one record of kind epoch, and with no other"}
	}
	v.add(leaf)
	return nil
}

// end holds what was read against the ends of the log, and of what the station has.
func (v *verification) end() *Bad {
	v.report.Root = v.edge.Tree().Hash
	seq := func(n int64) uint64 { return v.log.first + uint64(n) }
	switch n, log := v.edge.N(), v.log.edge.N(); {
	case v.wrong != nil:
	case n < log:
		v.wrong = &Bad{seq(v.same), seq(log) - 1, fmt.Sprintf("missing: the log has %d leaves, and there are %d records", log, n)}
	case n > log:
		v.wrong = &Bad{seq(v.same), seq(n) - 1, fmt.Sprintf("added: the log has %d leaves, and there are %d records", log, n)}
	case v.held < len(v.receipts):
		c := v.receipts[len(v.receipts)-1]
		v.wrong = &Bad{seq(v.good), c.Seq, fmt.Sprintf("missing: the station has %d records, and there are %d: was the store rolled back?", c.tree.N, n)}
	}
	return v.wrong
}
