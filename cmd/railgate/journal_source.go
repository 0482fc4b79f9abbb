package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"railgate/cmd/control"
	"railgate/store"
	"railgate/store/journal"
)

// A source is a gate's journal: the daemon's, and the file's where there is no daemon, or one
// that has let go of the file because it cannot write to it. A daemon that has the file and
// does not answer is starting, or has started since: it is asked again until it answers, for
// as long as patience says.
type source struct {
	ctx      context.Context
	dir      string
	daemon   *control.Client
	patience time.Duration
	file     *store.Reader // nil: the daemon is asked
}

func newSource(ctx context.Context, dir string, patience time.Duration) *source {
	return &source{ctx: ctx, dir: dir, daemon: control.NewClient(dir), patience: patience}
}

// records are up to n that follow a sequence number, oldest first.
func (s *source) records(after uint64, n int) ([]journal.Record, error) {
	for end := time.Now().Add(s.patience); ; {
		records, err := s.read(after, n)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("%s holds no journal: %w", s.dir, err)
		case !errors.Is(err, store.ErrLocked):
			return records, err
		case time.Now().After(end):
			return nil, heldError(s.dir, err)
		}
		select {
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// read asks once.
func (s *source) read(after uint64, n int) (records []journal.Record, err error) {
	if s.file == nil {
		records, err = s.daemon.RecordsAfter(s.ctx, after, n)
		if !unanswered(err) {
			return records, err
		}
		if s.file, err = store.OpenReader(s.dir); err != nil {
			return nil, err
		}
	}
	records, err = s.file.Records(after, n)
	if errors.Is(err, store.ErrLocked) {
		s.file = nil
	}
	return records, err
}

// unanswered tells whether the daemon has no journal to tell: then the file may have.
func unanswered(err error) bool {
	return errors.Is(err, control.ErrNotRunning) || errors.Is(err, control.ErrNoStore)
}

// newest is the newest record's sequence number; 0: there is none.
func (s *source) newest() (uint64, error) {
	low, high := uint64(0), uint64(0) // records follow low, and none follows high
	for {
		next, err := s.follows(high)
		if err != nil || next == 0 {
			if err != nil || high-low < 2 {
				return high, err
			}
			break
		}
		low, high = next-1, min(2*next, math.MaxInt64)
	}
	for high-low > 1 {
		mid := low + (high-low)/2
		next, err := s.follows(mid)
		switch {
		case err != nil:
			return 0, err
		case next == 0:
			high = mid
		default:
			low = next - 1
		}
	}
	return high, nil
}

// follows is the first record that follows a sequence number; 0: none does.
func (s *source) follows(seq uint64) (uint64, error) {
	r, err := s.records(seq, 1)
	if err != nil || len(r) == 0 {
		return 0, err
	}
	return r[0].Seq, nil
}
