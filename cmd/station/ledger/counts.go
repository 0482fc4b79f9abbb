package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Minute is how many records of one kind a gate wrote in a minute of their own time.
type Minute struct {
	Gate                    int64 // its id
	Minute                  int64 // since 1970
	Kind, Reason, Direction string
}

// Start is when the minute began.
func (m Minute) Start() time.Time { return time.Unix(m.Minute*60, 0).UTC() }

// Count adds to the minutes.
func (t *Tx) Count(minutes map[Minute]int64) error {
	for m, n := range minutes {
		if err := t.repeat(`INSERT INTO minutes (gate, minute, kind, reason, direction, n) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (gate, minute, kind, reason, direction) DO UPDATE SET n = minutes.n + excluded.n`,
			m.Gate, m.Minute, clean(m.Kind), clean(m.Reason), clean(m.Direction), n); err != nil {
			return err
		}
	}
	return nil
}

// Minutes hands the counts from a time on to found, minute by minute.
func (r Reader) Minutes(ctx context.Context, from time.Time, found func(Minute, int64) error) error {
	return each(ctx, r.from, func(scan func(...any) error) error {
		var m Minute
		var n int64
		if err := scan(&m.Gate, &m.Minute, &m.Kind, &m.Reason, &m.Direction, &n); err != nil {
			return err
		}
		return found(m, n)
	}, `SELECT gate, minute, kind, reason, direction, n FROM minutes WHERE minute >= $1 ORDER BY minute`, from.Unix()/60)
}

// ForgetMinutes removes the counts of minutes before a time.
func (t *Tx) ForgetMinutes(before time.Time) error {
	return t.exec(`DELETE FROM minutes WHERE minute < $1`, before.Unix()/60)
}

// People are how many people have passed a station's or a gate's lanes, by direction.
type People struct {
	Entered int64 `json:"entered"`
	Left    int64 `json:"left"`
}

// Inside is how many are in the station: never below none, for a station that is counted
// from the middle of a day.
func (p People) Inside() int64 { return max(0, p.Entered-p.Left) }

// Passages are the people that passed from a time on, by gate's id.
func (r Reader) Passages(ctx context.Context, from time.Time) (map[int64]People, error) {
	all := map[int64]People{}
	return all, each(ctx, r.from, func(scan func(...any) error) error {
		var gate, n int64
		var direction string
		if err := scan(&gate, &direction, &n); err != nil {
			return err
		}
		p := all[gate]
		switch direction {
		case "entry":
			p.Entered += n
		case "exit":
			p.Left += n
		}
		all[gate] = p
		return nil
	}, `SELECT gate, direction, sum(n) FROM minutes WHERE kind = 'passage' AND minute >= $1 GROUP BY gate, direction`, from.Unix()/60)
}

// SetLane keeps what a gate's newest record says of its lane.
func (t *Tx) SetLane(gate int64, l Lane) error {
	return t.exec(`UPDATE gates SET direction = $2, lane = $3, why = $4, since = $5 WHERE id = $1`, gate, clean(l.Direction), clean(l.State), clean(l.Why), micros(l.Since))
}

// SetUses keeps a gate's own count of the uses of a multi-ride ticket, which only grows but
// for a ride that is given back; the newest message of a gate counts.
func (t *Tx) SetUses(station, gate, ticket string, n int64) error {
	return t.repeat(`INSERT INTO uses (station, ticket, gate, n) VALUES ($1, $2, $3, $4)
		ON CONFLICT (station, ticket, gate) DO UPDATE SET n = excluded.n`, station, clean(ticket), gate, n)
}

// Uses is how often a multi-ride ticket was used at a station, at all of its gates together.
func (r Reader) Uses(ctx context.Context, station, ticket string) (n int64, err error) {
	err = r.from.QueryRowContext(ctx, `SELECT coalesce(sum(n), 0) FROM uses WHERE station = $1 AND ticket = $2`, station, clean(ticket)).Scan(&n)
	return n, err
}

// A Position is how far a stream has been read.
type Position struct {
	Stream  string
	Created time.Time // the stream's: one that was made at another time is another stream
	Seq     uint64    // of the last message that was read
}

// Position is how far a stream of a name has been read.
func (r Reader) Position(ctx context.Context, stream string) (Position, error) {
	p := Position{Stream: stream}
	var created, seq int64
	err := r.from.QueryRowContext(ctx, `SELECT created, seq FROM positions WHERE stream = $1`, stream).Scan(&created, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	p.Created, p.Seq = fromMicros(created), uint64(seq)
	return p, err
}

// ErrMoved is a stream's position that somebody else has moved.
var ErrMoved = errors.New("another process reads the same stream into this ledger")

// Advance moves a position from where it was; ErrMoved where it is elsewhere.
func (t *Tx) Advance(was, now Position) error {
	if err := t.exec(`INSERT INTO positions (stream, created, seq) VALUES ($1, 0, 0) ON CONFLICT (stream) DO NOTHING`, now.Stream); err != nil {
		return err
	}
	ok, err := t.changed(`UPDATE positions SET created = $2, seq = $3 WHERE stream = $1 AND created = $4 AND seq = $5`,
		now.Stream, micros(now.Created), int64(now.Seq), micros(was.Created), int64(was.Seq))
	if err == nil && !ok {
		err = fmt.Errorf("stream %s: %w", now.Stream, ErrMoved)
	}
	return err
}
