package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"railgate/store/journal"
	"railgate/store/manifest"
)

// This file is about tickets that the station sold, or took back, since it published a day's
// manifest. They come by the bus, signed.

func (k *tickets) addedFile(day int) string {
	return filepath.Join(k.dir, strconv.Itoa(day)+".added")
}

// openAdded begins with what came before the start.
func (k *tickets) openAdded() {
	files, _ := filepath.Glob(filepath.Join(k.dir, "????????.added")) // the pattern is a good one
	for _, path := range files {
		if m := sourceName.FindStringSubmatch(filepath.Base(path)); m != nil {
			day, _ := strconv.Atoi(m[1])
			k.addedOf(day)
		}
	}
}

// addedOf are a day's additions. Only newTickets and whoever follows the bus call it.
func (k *tickets) addedOf(day int) *manifest.Added {
	k.mu.Lock()
	a := k.added[day]
	k.mu.Unlock()
	if a != nil {
		return a
	}
	err := os.MkdirAll(k.dir, 0o750)
	a, errOpen := manifest.OpenAdded(k.addedFile(day), day)
	if err = errors.Join(err, errOpen); err != nil {
		k.log.Error("not all tickets that were sold during the day can be read; the station's bus has them", "day", day, "err", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.added[day] = a
	return a
}

func (k *tickets) removeAdded(day int) {
	k.mu.Lock()
	a := k.added[day]
	delete(k.added, day)
	k.mu.Unlock()
	if a != nil {
		a.Close()
	}
	os.Remove(k.addedFile(day))
}

// takeTickets takes an addition as it came by the bus. One that is not the station's, or of
// another day than those around now, is left out.
func (y *syncer) takeTickets(msg []byte) {
	if y == nil || y.tickets == nil {
		return
	}
	if err := y.addTickets(msg); err != nil {
		y.tickets.warn(err)
	}
}

func (y *syncer) addTickets(msg []byte) error {
	station := y.Station()
	if station == nil {
		return errors.New("the gate knows no station")
	}
	key, err := station.Tickets()
	if err != nil {
		return err
	}
	x, err := manifest.OpenAddition(msg, station.Station, key)
	if err != nil {
		return err
	}
	return y.tickets.take(x)
}

// take takes an addition into use. The bus tells it once: one of a day that is over by a clock that
// is ahead may be today's.
func (k *tickets) take(x *manifest.Addition) error {
	if days := k.days(); k.over(x.Day) || len(days) > 0 && x.Day > days[len(days)-1] {
		return nil // it came late, or is of no day around now
	}
	err := k.addedOf(x.Day).Take(x)
	select {
	case k.save <- struct{}{}:
	default:
	}
	return err
}

const (
	warnEvery = time.Minute
	// saveAgain is how long after an error the additions are saved again.
	saveAgain = 10 * time.Second
)

// warn says why an addition is not in use, now and then: the stream keeps it, and gives it
// again.
func (k *tickets) warn(err error) {
	k.mu.Lock()
	late := time.Since(k.warned) >= warnEvery
	if late {
		k.warned = time.Now()
	}
	k.mu.Unlock()
	if !late {
		return
	}
	k.log.Warn("tickets that were sold during the day are refused, or not yet on the disk", "err", err)
	k.note(journal.Record{Kind: journal.Synced, Detail: fmt.Sprintf("tickets of the day refused: %v", err)})
}

// keepAdded has the disk keep what came by the bus.
func (k *tickets) keepAdded(ctx context.Context) error {
	again := time.NewTicker(saveAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			k.saveAdded()
			return nil
		case <-k.save:
		case <-again.C:
		}
		k.saveAdded()
	}
}

func (k *tickets) saveAdded() {
	k.mu.Lock()
	var all []*manifest.Added
	for _, a := range k.added {
		all = append(all, a)
	}
	k.mu.Unlock()
	for _, a := range all {
		if err := a.Save(); err != nil && !errors.Is(err, os.ErrClosed) {
			k.warn(err)
		}
	}
}
