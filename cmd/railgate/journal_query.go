package main

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"railgate/configs"
	"railgate/store/journal"
)

// A query is which records somebody wants. What is empty asks for nothing.
type query struct {
	since, until time.Time
	kinds        []string
	reasons      []string
	certificates []string // prefixes of ids, in hex
}

// matches tells whether a record is one, whatever its time is.
func (q *query) matches(r *journal.Record) bool {
	return (len(q.kinds) == 0 || slices.Contains(q.kinds, string(r.Kind))) &&
		(len(q.reasons) == 0 || slices.Contains(q.reasons, r.Reason)) &&
		(len(q.certificates) == 0 || q.hasCertificate(r))
}

func (q *query) hasCertificate(r *journal.Record) bool {
	id := hexID(r.Certificate)
	return slices.ContainsFunc(q.certificates, func(prefix string) bool { return strings.HasPrefix(id, prefix) })
}

// within tells whether a time is wanted.
func (q *query) within(at time.Time) bool {
	return !at.Before(q.since) && (q.until.IsZero() || !at.After(q.until))
}

// timed tells whether the time matters.
func (q *query) timed() bool { return !q.since.IsZero() || !q.until.IsZero() }

// check finds what no record can be.
func (q *query) check() error {
	if !q.until.IsZero() && q.until.Before(q.since) {
		return errors.New("--until is before --since")
	}
	for i, prefix := range q.certificates {
		prefix = strings.ToLower(prefix)
		if _, err := hex.DecodeString(prefix + "0"[:len(prefix)%2]); err != nil || prefix == "" {
			return fmt.Errorf("--cti %q is not the beginning of a certificate's id; want hex digits, as the journal prints them", q.certificates[i])
		}
		q.certificates[i] = prefix
	}
	return nil
}

// A sieve hands on the records of a journal, told in its order, that a query asks for.
//
// A record whose time was not trusted may say any time, 1970 after a power cut, so it goes by
// the records around it: it is wanted where the trusted one before it or the one behind it is.
type sieve struct {
	query *query
	write func(*journal.Record) error

	held  []journal.Record // of a time that was not trusted, until the next trusted record
	in    bool             // the last trusted record was within the query's time
	after bool             // and it was later than that
	kinds map[string]bool  // that were seen
	why   map[string]bool  // the reasons that were seen
	wrote int

	oldest, newest time.Time // of the trusted times that were seen
}

func newSieve(q *query, write func(*journal.Record) error) *sieve {
	return &sieve{query: q, write: write, kinds: map[string]bool{}, why: map[string]bool{}}
}

// take takes the next record.
func (s *sieve) take(r *journal.Record) error {
	s.kinds[string(r.Kind)] = true
	if r.Reason != "" {
		s.why[r.Reason] = true
	}
	if !r.Unsure && (s.oldest.IsZero() || r.Time.Before(s.oldest)) {
		s.oldest = r.Time
	}
	if !r.Unsure && r.Time.After(s.newest) {
		s.newest = r.Time
	}
	matches := s.query.matches(r)
	switch {
	case !s.query.timed():
	case !r.Unsure:
		s.in, s.after = s.query.within(r.Time), !s.query.until.IsZero() && r.Time.After(s.query.until)
		if s.in {
			if err := s.release(); err != nil {
				return err
			}
		}
		s.held = nil
		matches = matches && s.in
	case !s.in:
		if matches {
			s.held = append(s.held, *r)
		}
		return nil
	}
	if !matches {
		return nil
	}
	s.wrote++
	return s.write(r)
}

// release writes what is held.
func (s *sieve) release() error {
	held := s.held
	s.held = nil
	for i := range held {
		s.wrote++
		if err := s.write(&held[i]); err != nil {
			return err
		}
	}
	return nil
}

// end is the journal's end: what is held is newer than the last trusted record.
func (s *sieve) end() error {
	if s.after {
		s.held = nil
	}
	s.in = s.in || !s.after // of what follows
	return s.release()
}

// nothing says what there is, where nothing is as the query asks; "": something was. Times are by the clock of zone.
func (s *sieve) nothing(zone *time.Location) string {
	words := func(what string, asked []string, seen map[string]bool) string {
		there := slices.Sorted(maps.Keys(seen))
		near := ""
		for _, word := range asked {
			near = cmp.Or(near, configs.Meant(word, there))
		}
		return "no such record; " + near + "the " + what + " here are " + strings.Join(there, ", ")
	}
	switch {
	case s.wrote > 0:
		return ""
	case len(s.kinds) == 0:
		return "the journal has no records"
	case s.query.since.After(s.newest) && !s.newest.IsZero():
		return "no such record; the newest is of " + s.newest.In(zone).Format(recordTime)
	case !s.query.until.IsZero() && s.query.until.Before(s.oldest):
		return "no such record; the oldest is of " + s.oldest.In(zone).Format(recordTime)
	case len(s.query.kinds) > 0:
		return words("kinds", s.query.kinds, s.kinds)
	case len(s.query.reasons) > 0 && len(s.why) > 0:
		return words("reasons", s.query.reasons, s.why)
	}
	return "no such record"
}

// A tail keeps the last records.
type tail struct {
	most int // 0: all of them
	kept []journal.Record
}

func (t *tail) add(r *journal.Record) error {
	if t.most > 0 && len(t.kept) >= 2*t.most { // so that each record is moved once at most
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.most:]...)
	}
	t.kept = append(t.kept, *r)
	return nil
}

// last are the records, oldest first.
func (t *tail) last() []journal.Record {
	if t.most > 0 && len(t.kept) > t.most {
		return t.kept[len(t.kept)-t.most:]
	}
	return t.kept
}
