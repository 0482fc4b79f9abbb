package store

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

var (
	// ErrForked is the answer to a receipt that this log does not extend: the station has
	// more leaves of it, or others. It proves that the store was rolled back.
	ErrForked = errors.New("the station has records of this log that are not here")

	// ErrRemoved is the answer where a root is that of records which were removed.
	ErrRemoved = errors.New("the records of that root were removed")

	errOtherEpoch = errors.New("it is of another epoch")
)

// Receipt is the newest receipt of this epoch: the station has the records up to seq.
// Where there is none, note is nil and seq is one below the first of the log.
func (s *Store) Receipt() (seq uint64, note []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch.sent(), append([]byte(nil), s.epoch.received.Note...)
}

// RootAt is the tree of the log's first n leaves. It reads the records between the
// nearest root that is known and that one, a batch at a time.
func (s *Store) RootAt(n int64) (tlog.Tree, error) {
	edge, err := s.edgeAt(n, s.epochName())
	if err != nil {
		return tlog.Tree{}, err
	}
	return edge.Tree(), nil
}

func (s *Store) epochName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch.name
}

// rootBatch bounds how long a grant waits for whoever computes a root.
const rootBatch = 256

// edgeAt is the edge of the first n leaves of an epoch.
func (s *Store) edgeAt(n int64, epoch string) (edge journal.Edge, err error) {
	edge, err = s.nearest(n, epoch)
	for err == nil && edge.N() < n {
		err = s.extend(&edge, n, epoch)
	}
	return edge, err
}

// nearest is the largest known edge of at most n leaves.
func (s *Store) nearest(n int64, epoch string) (journal.Edge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.epoch
	switch {
	case s.db == nil:
		return journal.Edge{}, s.err
	case e.name != epoch:
		return journal.Edge{}, errOtherEpoch
	case n > e.edge.N():
		return journal.Edge{}, fmt.Errorf("%w: it is of %d leaves, and here are %d", ErrForked, n, e.edge.N())
	case n == e.edge.N():
		return e.edge, nil
	case n >= e.received.Edge.N() && e.received.Edge.N() > e.base.N():
		return e.received.Edge, nil
	case n >= e.base.N():
		return e.base, nil
	}
	return journal.Edge{}, ErrRemoved
}

// extend adds a batch of leaves to an edge, up to n.
func (s *Store) extend(edge *journal.Edge, n int64, epoch string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.err
	}
	if s.epoch.name != epoch {
		return errOtherEpoch
	}
	next := s.epoch.first + uint64(edge.N())
	leaves, err := s.leaves(next-1, int(min(rootBatch, n-edge.N())))
	for _, leaf := range leaves {
		if leaf.Seq != next {
			return ErrRemoved // meanwhile
		}
		edge.Append(leaf.Hash)
		next++
	}
	if err == nil && len(leaves) == 0 {
		err = ErrRemoved
	}
	return err
}

// PutReceipt keeps a receipt of this log: its records are with the station. It is on the
// disk with the next record, or within a minute. One that is older than the newest is
// nothing new. ErrForked is the answer to one that this log does not extend.
func (s *Store) PutReceipt(r journal.Receipt) error {
	epoch := epochOf(r)
	edge, err := s.compare(r, epoch)
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", r.Origin(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.db == nil:
		return s.err
	case s.epoch.name != epoch:
		return fmt.Errorf("receipt of %s: %w", r.Origin(), errOtherEpoch)
	case edge.N() > s.epoch.received.Edge.N():
		s.epoch.received, s.epoch.due = received{Epoch: epoch, Note: r.Note(), Edge: edge}, true
	}
	return nil
}

// keepReceipt writes a receipt that waits for a record. The caller holds mu.
func (s *Store) keepReceipt() error {
	if s.db == nil || !s.epoch.due {
		return nil
	}
	log := s.epoch
	if err := s.update(log.putReceipt); err != nil {
		s.fail(err)
		return s.err
	}
	s.epoch = log
	return nil
}

// epochOf is the epoch of a receipt's log; "": it has none.
func epochOf(r journal.Receipt) string { return epochIn(r.Origin()) }

// epochIn is the epoch in an origin.
func epochIn(origin string) string { return origin[strings.LastIndexByte(origin, '.')+1:] }

// compare holds a receipt against the log, and returns the edge at its size.
func (s *Store) compare(r journal.Receipt, epoch string) (journal.Edge, error) {
	edge, err := s.edgeAt(r.Tree().N, epoch)
	if err == nil && edge.Tree() != r.Tree() {
		err = fmt.Errorf("%w: the root of %d leaves is another", ErrForked, edge.N())
	}
	return edge, err
}

// StoreRolledBack is the reason of the record with which the epoch after a roll-back
// begins.
const StoreRolledBack = "store_rolled_back"

// RolledBack has the store go on after a roll-back, of which the station's word is the
// proof: it has records of this log that are not here, so spent codes are not here. The
// store is blind, as after damage, and another epoch begins with the record of it. What
// proves nothing is an error.
func (s *Store) RolledBack(proof journal.Receipt, why string) error {
	epoch := epochOf(proof)
	_, err := s.compare(proof, epoch)
	switch {
	case err == nil:
		return fmt.Errorf("receipt of %s: this log extends it: nothing was rolled back", proof.Origin())
	case !errors.Is(err, ErrForked):
		return fmt.Errorf("receipt of %s: %w", proof.Origin(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.err
	}
	if s.epoch.name != epoch {
		return fmt.Errorf("receipt of %s: %w", proof.Origin(), errOtherEpoch)
	}
	s.log.Error("the store was rolled back: codes from before now are denied", "err", err, "why", why)
	boot, at := s.opt.Boot()
	blind := blindness{Blind: true, RolledBack: true, Boot: boot, At: at, Why: fmt.Sprintf("the store was rolled back (%s): %v", why, err)}
	return s.nextEpoch(journal.Record{Kind: journal.Epoch, Reason: StoreRolledBack, Detail: blind.Why}, &blind)
}
