package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"railgate/store"
	"railgate/store/journal"
)

// followEvery is how often the daemon is asked for new records.
const followEvery = 250 * time.Millisecond

// follow hands on each record that is written after a sequence number, until ctx ends. A daemon
// that has gone has left its last records in the file; then it is waited for.
func (s *source) follow(ctx context.Context, after uint64, take func(*journal.Record) error, errOut io.Writer) error {
	var unwritten error // a record could not be printed
	once := func(r *journal.Record) error {
		if r.Seq <= after {
			return nil
		}
		after = r.Seq
		unwritten = take(r)
		return unwritten
	}
	daemon := func(after uint64, n int) ([]journal.Record, error) { return s.daemon.RecordsAfter(ctx, after, n) }
	for waiting := false; ; {
		err := export(daemon, after, once)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			waiting = false
		case unwritten != nil || errors.Is(err, fs.ErrPermission):
			return err
		case !waiting:
			waiting = true
			fmt.Fprintf(errOut, "railgate: %v; waiting for it\n", err)
			if err := s.left(after, once); unwritten != nil {
				return err
			} else if err != nil {
				fmt.Fprintln(errOut, "railgate:", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

// left hands on what the daemon that has gone left in its file. If the next one has the file
// already, that one tells.
func (s *source) left(after uint64, take func(*journal.Record) error) error {
	file, err := store.OpenReader(s.dir)
	if err == nil {
		err = export(file.Records, after, take)
	}
	if errors.Is(err, store.ErrLocked) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
