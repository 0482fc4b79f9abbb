package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/station/repository"
	"railgate/store/durable"
	gatesync "railgate/store/sync"
	"railgate/verify"
)

// This file brings what is revoked from the issuer to the gates: it is fetched every few
// seconds, verified, put beside the metadata of the station's repository, and published on the
// bus. Gates verify it again: the station can hold a list back, and no more.

const (
	revokersFile    = "revokers.json" // in the folder that station init made
	revocationsFile = "revocations"   // in the repository's public folder
	fetchEvery      = 3 * time.Second
	fetchTimeout    = 20 * time.Second
	listAheadAtMost = 5 * time.Minute // of this clock, as at a gate
)

// errFutureList is a list that no gate would take, and that would outlast here all that follow.
var errFutureList = errors.New("it was signed in the future")

// A courier fetches lists. Its methods may be called concurrently.
type courier struct {
	from     gatesync.Source
	name     string // of the list there
	where    string // for people
	revokers string // a file
	public   string // where the list is put
	now      func() time.Time
	log      *slog.Logger

	mu   sync.Mutex // guards the fields below
	list []byte     // the newest; nil: none has come
	iat  time.Time
	why  string // why none came lately; "": it did
}

// newCourier begins with the list that was put into the repository last.
func newCourier(where, revokers, public string, now func() time.Time, log *slog.Logger) (*courier, error) {
	c := &courier{where: where, revokers: revokers, public: public, now: now, log: log}
	switch at := strings.LastIndexByte(where, '/'); {
	case strings.HasPrefix(where, "https://") || strings.HasPrefix(where, "http://"):
		if at < len("https://") {
			return nil, usageError{fmt.Errorf("--revocations %s names no list; want such as https://issuer.example/v1/revocations", where)}
		}
		c.from, c.name = gatesync.NewWeb(where[:at], nil), where[at+1:]
	default:
		path, err := filepath.Abs(where)
		if err != nil {
			return nil, err
		}
		c.from, c.name = gatesync.Folder(filepath.Dir(path)), filepath.Base(path)
	}
	if kept, err := durable.ReadFile(filepath.Join(public, revocationsFile), verify.MaxRevocations); err == nil {
		c.take(kept) // what it says of the key comes with the first fetch
	}
	return c, nil
}

// newest is the newest list; nil: none has come.
func (c *courier) newest() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// trouble is why no list came lately, in words; "": it did.
func (c *courier) trouble() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// Run fetches until ctx ends.
func (c *courier) Run(ctx context.Context) error {
	for tick := time.NewTicker(fetchEvery); ; {
		err := c.fetch(ctx)
		if ctx.Err() == nil {
			c.say(err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
	}
}

func (c *courier) say(err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	c.mu.Lock()
	changed := why != c.why
	c.why = why
	c.mu.Unlock()
	switch {
	case changed && err != nil:
		c.log.Error("what is revoked does not come; it is tried again", "from", c.where, "err", err)
	case changed:
		c.log.Info("what is revoked comes again", "from", c.where)
	}
}

func (c *courier) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	data, err := gatesync.Read(ctx, c.from, c.name, verify.MaxRevocations)
	if err != nil {
		return err
	}
	return c.take(data)
}

// take verifies a list, and puts it in the place of an older one.
func (c *courier) take(data []byte) error {
	text, err := durable.ReadFile(c.revokers, verify.MaxRevokers)
	if err != nil {
		return fmt.Errorf("the keys that sign revocations: %w", err)
	}
	by, err := verify.ParseRevokers(text)
	if err != nil {
		return err
	}
	list, err := verify.OpenRevocations(data, by, c.now())
	if err != nil {
		return err
	}
	if list.IssuedAt.After(c.now().Add(listAheadAtMost)) {
		return fmt.Errorf("%w: %s", errFutureList, list.IssuedAt.UTC().Format(time.RFC3339))
	}
	c.mu.Lock()
	iat := c.iat
	c.mu.Unlock()
	if !list.IssuedAt.After(iat) {
		return nil // it is the one that is here, or an older one
	}
	if err := durable.WriteFile(filepath.Join(c.public, revocationsFile), data, 0o644); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.iat = data, list.IssuedAt
	return nil
}

func newPublishRevokers(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "revokers FILE",
		Short: "Publish the keys that sign revocations",
		Long: `Revokers publishes revokers.json, which issuer keys makes: the keys by which gates know a list
of what is revoked. station serve --revocations goes by it, too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			keys, err := verify.ParseRevokers(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := d.publish(repository.File{Name: revokersFile, Data: data}); err != nil {
				return err
			}
			if err := durable.WriteFile(filepath.Join(d.dir, revokersFile), data, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published revokers.json: %d keys\n", len(keys.Keys))
			return nil
		},
	}
}

// revocations is the courier of a station that was told where lists are; nil: it was not.
func (s *station) revocations() (*courier, error) {
	if s.o.revocations == "" {
		if s.o.revokers != "" {
			return nil, usageError{errors.New("--revokers needs --revocations")}
		}
		return nil, nil
	}
	return newCourier(s.o.revocations, s.revokersPath(), filepath.Join(s.d.part(stationPart), "public"), s.d.now, s.log)
}

// revokersPath is the file with the keys that sign lists.
func (s *station) revokersPath() string {
	if s.o.revokers != "" {
		return s.o.revokers
	}
	return filepath.Join(s.d.dir, revokersFile)
}
