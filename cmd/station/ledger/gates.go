package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"railgate/store/identity"
)

// A Gate is an enrolled gate, and the newest that is known of it.
type Gate struct {
	ID int64
	identity.Public
	Enrolled time.Time
	Heard    time.Time // when the station heard of it last; zero: never
	Lane     Lane
}

// A Lane is what a gate's newest record says of its lane.
type Lane struct {
	Direction string    // entry, exit or check; "": not known
	State     string    // "" where people may pass, "out_of_service", "emergency", "service", "stopped"
	Why       string    // in the record's words
	Since     time.Time // that record's
}

// ErrOther is a gate that is enrolled already, with other keys.
var ErrOther = errors.New("a gate of this name is enrolled with other keys")

// ErrTaken is a key that another gate has.
var ErrTaken = errors.New("another gate has one of these keys: its data folder, or gate.seed, was copied")

// Enroll takes a gate's keys. No two gates have the same: the message server knows a gate by its
// key alone, and would take the one for the other. Keys that it has already change nothing; other keys replace
// the old ones only where replace says so, for a gate that was installed again.
func (l *Ledger) Enroll(ctx context.Context, p identity.Public, now time.Time, replace bool) error {
	return l.EnrollAll(ctx, []identity.Public{p}, now, replace)
}

// EnrollAll takes the keys of several gates as [Ledger.Enroll] does, of all of them or of none.
func (l *Ledger) EnrollAll(ctx context.Context, gates []identity.Public, now time.Time, replace bool) error {
	return l.Update(ctx, func(t *Tx) error {
		for _, p := range gates {
			if err := t.take(p, now, replace); err != nil {
				return err
			}
		}
		return nil
	})
}

// take takes a gate's keys.
func (t *Tx) take(p identity.Public, now time.Time, replace bool) error {
	if err := t.keysAreFree(p); err != nil {
		return err
	}
	old, err := t.gate(p.Station, p.Gate)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return t.enroll(p, now)
	case err != nil:
		return err
	case old.Bus == p.Bus && bytes.Equal(old.Journal, p.Journal) && bytes.Equal(old.Provisioning, p.Provisioning):
		return nil
	case !replace:
		return fmt.Errorf("gate %s of station %s: %w", p.Gate, p.Station, ErrOther)
	}
	return t.replaceKeys(old.ID, p, now)
}

// keysAreFree looks for another gate with one of these keys.
func (t *Tx) keysAreFree(p identity.Public) error {
	var station, gate string
	row := t.tx.QueryRowContext(t.ctx, `SELECT station, gate FROM gates
		WHERE (bus = $1 OR journal = $2 OR provisioning = $3) AND NOT (station = $4 AND gate = $5)`, p.Bus, p.Journal, p.Provisioning, p.Station, p.Gate)
	switch err := row.Scan(&station, &gate); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("gate %s of station %s: gate %s of station %s: %w", p.Gate, p.Station, gate, station, ErrTaken)
}

func (t *Tx) enroll(p identity.Public, now time.Time) error {
	id, err := t.nextID("gates")
	if err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO gates (id, station, gate, journal, bus, provisioning, enrolled, heard, direction, lane, why, since)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', '', '', 0)`, id, p.Station, p.Gate, p.Journal, p.Bus, p.Provisioning, micros(now)); err != nil {
		return err
	}
	return t.exec(`INSERT INTO gate_keys (gate, since, journal) VALUES ($1, $2, $3)`, id, micros(now), p.Journal)
}

func (t *Tx) replaceKeys(id int64, p identity.Public, now time.Time) error {
	if err := t.exec(`UPDATE gates SET journal = $2, bus = $3, provisioning = $4, enrolled = $5 WHERE id = $1`,
		id, p.Journal, p.Bus, p.Provisioning, micros(now)); err != nil {
		return err
	}
	return t.exec(`INSERT INTO gate_keys (gate, since, journal) VALUES ($1, $2, $3)
		ON CONFLICT (gate, since) DO UPDATE SET journal = excluded.journal`, id, micros(now), p.Journal)
}

const gateColumns = `id, station, gate, journal, bus, provisioning, enrolled, heard, direction, lane, why, since`

func scanGate(scan func(...any) error) (Gate, error) {
	var g Gate
	var enrolled, heard, since int64
	err := scan(&g.ID, &g.Station, &g.Gate, &g.Journal, &g.Bus, &g.Provisioning, &enrolled, &heard, &g.Lane.Direction, &g.Lane.State, &g.Lane.Why, &since)
	g.Enrolled, g.Heard, g.Lane.Since = fromMicros(enrolled), fromMicros(heard), fromMicros(since)
	return g, err
}

func (t *Tx) gate(station, gate string) (Gate, error) {
	return scanGate(t.row(`SELECT `+gateColumns+` FROM gates WHERE station = $1 AND gate = $2`, station, gate).Scan)
}

// Gates are the enrolled gates, in the order of station and name.
func (r Reader) Gates(ctx context.Context) ([]Gate, error) {
	return collect(ctx, r.from, scanGate, `SELECT `+gateColumns+` FROM gates ORDER BY station, gate`)
}

// A Key is one that a gate's checkpoints were signed with.
type Key struct {
	Since   time.Time
	Journal []byte
}

// Keys are all keys that a gate's checkpoints were signed with, the newest first.
func (r Reader) Keys(ctx context.Context, gate int64) ([]Key, error) {
	return collect(ctx, r.from, func(scan func(...any) error) (k Key, err error) {
		var since int64
		err = scan(&since, &k.Journal)
		k.Since = fromMicros(since)
		return k, err
	}, `SELECT since, journal FROM gate_keys WHERE gate = $1 ORDER BY since DESC`, gate)
}

// collect is the rows of a query, of which there are few.
func collect[T any](ctx context.Context, db querier, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := each(ctx, db, func(row func(...any) error) error {
		one, err := scan(row)
		all = append(all, one)
		return err
	}, query, args...)
	return all, err
}

// each hands the rows of a query to found, one at a time.
func each(ctx context.Context, db querier, found func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := found(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Heard keeps when gates were heard of, by their ids.
func (t *Tx) Heard(gates map[int64]time.Time) error {
	for id, at := range gates {
		if err := t.repeat(`UPDATE gates SET heard = $2 WHERE id = $1`, id, micros(at)); err != nil {
			return err
		}
	}
	return nil
}
