package ledger

import (
	"context"
	"time"
)

// A Fact is what a gate's newest record about something says.
type Fact struct {
	Said  string    // "": nothing any more
	Since time.Time // that record's
}

// What facts are about: a closed set.
const (
	FactRelease = "release" // the program that runs, as it names itself
	FactKeyset  = "keyset"
	FactNation  = "nation"  // how far the gate is behind the nation's repository
	FactStation = "station" // and the station's
	FactUpdate  = "update"  // what became of the newest release there
	FactClock   = "clock"   // what disputes its clock
)

// SetFact keeps a fact of a gate.
func (t *Tx) SetFact(gate int64, what string, f Fact) error {
	return t.repeat(`INSERT INTO facts (gate, what, said, since) VALUES ($1, $2, $3, $4)
		ON CONFLICT (gate, what) DO UPDATE SET said = excluded.said, since = excluded.since`, gate, what, clean(f.Said), micros(f.Since))
}

// Facts are the gates' facts, by their ids and by what they are about.
func (l *Ledger) Facts(ctx context.Context) (map[int64]map[string]Fact, error) {
	all := map[int64]map[string]Fact{}
	return all, each(ctx, l.read, func(scan func(...any) error) error {
		var gate, since int64
		var what, said string
		if err := scan(&gate, &what, &said, &since); err != nil {
			return err
		}
		if all[gate] == nil {
			all[gate] = map[string]Fact{}
		}
		all[gate][what] = Fact{said, fromMicros(since)}
		return nil
	}, `SELECT gate, what, said, since FROM facts`)
}
