// Package page is what a station shows: a page for its staff, live and signed in, and
// metrics for Prometheus. It knows neither the database nor the bus: a [Source] tells it
// how the station is.
package page

import (
	"context"
	"slices"
	"time"
)

// A Source knows how the station is. It may be called concurrently.
type Source interface {
	// Overview is how the station is now. Whoever asks does not change it.
	Overview(ctx context.Context) (*Overview, error)
	// Changed returns a channel that is closed once an overview taken before the call may
	// be out of date.
	Changed() <-chan struct{}
}

// An Overview is how a station is at one instant. It names no passenger.
type Overview struct {
	Station  string    `json:"station"`
	Zone     string    `json:"zone"`    // of the times that are shown, an IANA name; "": UTC
	Version  string    `json:"version"` // the station's program's
	Time     time.Time `json:"time"`    // the station's clock
	Gates    []Gate    `json:"gates"`   // by name
	People   People    `json:"people"`
	Minutes  []Minute  `json:"minutes"`  // of the last hour, oldest first; one without decisions may be missing
	Ends     []End     `json:"ends"`     // of keys, certificates and what is published, the soonest first
	Problems []string  `json:"problems"` // of the station itself, in words
	Counts   Counts    `json:"-"`        // for Prometheus
}

// A Gate is what the station knows of one gate.
type Gate struct {
	Name      string    `json:"name"`
	Direction string    `json:"direction"`        // entry, exit, check; "": not known yet
	Heard     time.Time `json:"heard,omitzero"`   // when anything of it came last; zero: never
	Closed    string    `json:"closed"`           // why its lane is out of service; "": it is not
	Sync      string    `json:"sync"`             // how far it is behind its repository: fresh, stale, degraded, stopped; "": not known
	Release   string    `json:"release"`          // the version that it runs; "": not known
	Keyset    string    `json:"keyset"`           // the keyset's version, in words; "": not known
	Troubles  []Trouble `json:"troubles"`         // that are not over
	Records   uint64    `json:"records"`          // that the station has, of all epochs
	Behind    uint64    `json:"behind"`           // records that it has announced and that have not come
	Receipt   time.Time `json:"receipt,omitzero"` // when it got its newest receipt; zero: never
	Granted   int       `json:"granted"`          // in the last minute
	Denied    int       `json:"denied"`
}

// A Trouble is something wrong with a gate that staff must see, whatever its state is.
type Trouble struct {
	Kind  string    `json:"kind"` // one of the constants below
	Since time.Time `json:"since,omitzero"`
	Why   string    `json:"why"` // what was seen, in words
}

// Kinds of trouble.
const (
	RolledBack    = "store_rolled_back" // an older copy of its store: spent codes are forgotten
	ClockDisputed = "clock_disputed"    // its clock and the station's, or its passengers', disagree
	Refused       = "refused"           // the station does not take its journal
	SpentLost     = "spent_codes_lost"  // it denies all until no code of before can be valid
)

// Troubles are all kinds.
func Troubles() []string { return []string{RolledBack, ClockDisputed, Refused, SpentLost} }

// has tells whether a gate has a trouble of a kind.
func (g *Gate) has(kind string) bool {
	return slices.ContainsFunc(g.Troubles, func(t Trouble) bool { return t.Kind == kind })
}

// People counts whoever went through the gates since a service day began.
type People struct {
	Entered int       `json:"entered"`
	Left    int       `json:"left"`
	Since   time.Time `json:"since,omitzero"`
}

// Inside is how many people are inside: nobody can be, below zero, whatever was counted.
func (p People) Inside() int { return max(0, p.Entered-p.Left) }

// A Minute is what was decided and who passed in one minute.
type Minute struct {
	Begins  time.Time      `json:"begins"`
	Entered int            `json:"entered"`
	Left    int            `json:"left"`
	Reasons map[string]int `json:"reasons"` // decisions by reason; ok is granted
}

// An End is an instant after which something is of no use.
type End struct {
	What string    `json:"what"` // key, certificate, repository
	Name string    `json:"name"` // which: "keys.json 3f2a…", "station GZQ, timestamp"
	Ends time.Time `json:"ends"`
}

// Counts are since the station's program began.
type Counts struct {
	Records  map[string]uint64 // taken into the database, by gate
	Receipts uint64            // that were given
	Refusals map[string]uint64 // of records and checkpoints, by a reason of a closed set
	Errors   map[string]uint64 // of collecting, by what failed: bus, database, ...
	Beats    uint64            // the station's heartbeats
	LastBeat time.Time         // zero: none yet
	Answered uint64            // requests for the time
	News     uint64            // what the stream has, told to all gates at once
	Sold     uint64            // additions to the day's tickets that went to the gates
}
