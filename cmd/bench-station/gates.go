package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/store/link"
)

// wall is a clock that is right, on a machine that keeps its time.
type wall struct{}

func (wall) Now() (time.Time, bool)                         { return time.Now(), true }
func (wall) Proven() time.Time                              { return time.Now().Add(-time.Second) }
func (wall) Confirm(string, time.Time, time.Duration) error { return nil }

// A gate is a real store and a real link, and passengers who are made up.
type gate struct {
	*link.Link
	name     string
	store    *store.Store
	identity *identity.Identity
	first    uint64 // makes its certificates its own
	grants   atomic.Int64
}

func newGate(number int, dir string) (*gate, error) {
	g := &gate{name: fmt.Sprintf("G%04d", number), first: uint64(number) << 32}
	dir = filepath.Join(dir, g.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if g.identity, err = identity.Load(dir); err != nil {
		return nil, err
	}
	g.store, err = store.Open(store.Options{Dir: dir, Days: 90, MaxBytes: 256 << 20, PassbackFor: 2 * time.Hour, Now: wall{}.Now, Station: func() bool { return true }}, quiet)
	if err != nil {
		return nil, err
	}
	g.Link = link.New(link.Options{
		Station: stationName, Gate: g.name, Dir: dir, Identity: g.identity, Store: g.store, Clock: wall{}, PassbackFor: 2 * time.Hour,
		Note: func(r journal.Record) { r.Time = time.Now(); g.store.Append(r) }, Log: quiet,
	})
	return g, nil
}

// run runs the gate's tasks and lets passengers through, at a rate, until ctx ends.
func (g *gate) run(ctx context.Context, wait *sync.WaitGroup, s *bus.Station, every, offset time.Duration) {
	wait.Go(func() { g.store.Run(ctx, func(error) {}) })
	wait.Go(func() { g.Link.Run(ctx) })
	g.Use(s, nil)
	wait.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(offset):
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			g.pass()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// pass lets one passenger through, and gives the code that it spent.
func (g *gate) pass() (journal.Use, error) {
	now := time.Now()
	id := journal.ID(binary.BigEndian.AppendUint64(nil, g.first+uint64(g.grants.Add(1))))
	slot := uint8(0)
	use := journal.Use{Role: journal.Entry, Certificate: id, IssuedAt: now.Unix(), Begins: now.Unix()}
	r := journal.Record{
		Time: now, Kind: journal.Decision, Decision: journal.Granted, Reason: "ok", Certificate: id, Holder: "holder " + id, KeyID: "kidkid", Slot: &slot,
		Direction: "entry", Scanner: "front", Issued: now.Unix(), Begins: now.Unix(), Ends: now.Unix() + 70,
	}
	proof, err := g.store.Grant(use, now.Add(2*time.Hour), r)
	if err != nil {
		return use, err
	}
	g.Wrote()
	g.store.AppendPassage(journal.Record{
		Time: now, Kind: journal.Passage, Certificate: id, Holder: r.Holder, KeyID: r.KeyID, Slot: &slot, Direction: "entry", Grant: proof.Seq(),
	}, r.Holder, journal.Entry, 0)
	g.Wrote()
	return use, nil
}

// unreceipted is how many of the gate's records have no receipt.
func (g *gate) unreceipted() int {
	log, err := g.store.Log()
	if err != nil {
		return 0
	}
	newest := log.First + uint64(log.Tree.N) - 1
	receipt, _ := g.store.Receipt()
	return int(newest - min(newest, receipt))
}
