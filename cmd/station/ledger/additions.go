package ledger

import (
	"context"
	"time"
)

// An Addition is what was sold, or taken back, since a day's manifest: a note that the station
// has signed.
type Addition struct {
	Serial uint64
	Day    int // yyyymmdd
	Note   []byte
}

// Add keeps additions to a day's tickets, all or none: sign makes the note of each, from its
// number. Numbers rise with the clock, so that they do over a ledger that was put back from a
// copy. Those of days before oldest are forgotten.
func (l *Ledger) Add(ctx context.Context, station string, day, oldest int, now time.Time, sign ...func(serial uint64) ([]byte, error)) error {
	return l.Update(ctx, func(t *Tx) error {
		var newest int64
		if err := t.row(`SELECT coalesce(max(serial), 0) FROM additions WHERE station = $1`, station).Scan(&newest); err != nil {
			return err
		}
		for _, f := range sign {
			newest = max(newest+1, now.UnixMilli())
			note, err := f(uint64(newest))
			if err != nil {
				return err
			}
			if err := t.repeat(`INSERT INTO additions (station, serial, day, note) VALUES ($1, $2, $3, $4)`, station, newest, day, note); err != nil {
				return err
			}
		}
		return t.exec(`DELETE FROM additions WHERE station = $1 AND day < $2`, station, oldest)
	})
}

// Additions are a station's, of days from a day on and with numbers above one, in their order
// and no more than some.
func (r Reader) Additions(ctx context.Context, station string, day int, above uint64, most int) (all []Addition, err error) {
	err = each(ctx, r.from, func(scan func(...any) error) error {
		var a Addition
		var serial, day int64
		if err := scan(&serial, &day, &a.Note); err != nil {
			return err
		}
		a.Serial, a.Day = uint64(serial), int(day)
		all = append(all, a)
		return nil
	}, `SELECT serial, day, note FROM additions WHERE station = $1 AND day >= $2 AND serial > $3 ORDER BY serial LIMIT $4`, station, day, int64(above), most)
	return all, err
}
