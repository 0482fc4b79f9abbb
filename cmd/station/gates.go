package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/station/ledger"
	"railgate/store/bus"
)

// A gateView is what the station knows of a gate.
type gateView struct {
	Gate       string        `json:"gate"`
	Station    string        `json:"station"`
	State      string        `json:"state"`           // fresh, stale, silent: how long ago it was heard of
	Heard      time.Time     `json:"heard,omitzero"`  // zero: never
	Lane       string        `json:"lane"`            // open, out_of_service, emergency, service, stopped
	Closed     string        `json:"closed"`          // why nobody passes; "": people do
	Since      time.Time     `json:"since,omitzero"`  // when the lane became so
	Epoch      string        `json:"epoch"`           // the newest
	Records    int64         `json:"records"`         // of all epochs
	Newest     time.Time     `json:"newest,omitzero"` // the newest record's own time
	Receipted  int64         `json:"receipted"`       // records of the newest epoch that have a receipt
	Receipt    time.Time     `json:"receipt,omitzero"`
	Missing    int64         `json:"missing"`     // records that the gate has signed for and that have not come
	RolledBack string        `json:"rolled_back"` // why the gate is an old card or a copy; "": it is not
	Refused    string        `json:"refused"`     // what was refused of it in the last day
	People     ledger.People `json:"people"`      // since the service day began
	Release    string        `json:"release"`     // the program that runs, as it names itself; "": not known
	Update     string        `json:"update"`      // what became of the newest release there; "": nothing

	id           int64
	direction    string
	rolledBackAt time.Time
	refusedAt    time.Time
	enrolled     time.Time
	facts        map[string]ledger.Fact
}

// How long a gate may not be heard of. One that is connected is heard of every few seconds.
const (
	staleAfter  = time.Minute
	silentAfter = time.Hour
)

func freshness(heard, now time.Time) string {
	switch d := now.Sub(heard); {
	case heard.IsZero() || d > silentAfter || d < -staleAfter: // by a clock that was ahead
		return "silent"
	case d > staleAfter:
		return "stale"
	}
	return "fresh"
}

// dayBegins is the hour at which a service day begins, after the last train.
const dayBegins = 4

// serviceDay is when the service day of a time began.
func serviceDay(now time.Time, zone string) time.Time {
	at, err := time.LoadLocation(zone)
	if err != nil {
		at = time.UTC
	}
	now = now.In(at)
	day := time.Date(now.Year(), now.Month(), now.Day(), dayBegins, 0, 0, 0, at)
	if day.After(now) {
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// views are the gates of a station, by name. heard is what is not in the ledger yet.
func (d *desk) views(ctx context.Context, l *ledger.Ledger, info *bus.Station, heard map[int64]time.Time) ([]*gateView, error) {
	gates, err := l.Gates(ctx)
	if err != nil {
		return nil, err
	}
	now := d.now()
	people, err := l.Passages(ctx, serviceDay(now, info.Zone))
	if err != nil {
		return nil, err
	}
	var views []*gateView
	byID := map[int64]*gateView{}
	for _, g := range gates {
		if g.Station != info.Station {
			continue
		}
		if at, ok := heard[g.ID]; ok {
			g.Heard = at
		}
		v := viewOf(g, now)
		v.People = people[g.ID]
		views, byID[g.ID] = append(views, v), v
	}
	return views, fill(ctx, l, info.Station, byID, now)
}

func viewOf(g ledger.Gate, now time.Time) *gateView {
	v := &gateView{id: g.ID, Gate: g.Gate, Station: g.Station, Heard: g.Heard, State: freshness(g.Heard, now), Lane: "open", Since: g.Lane.Since, direction: g.Lane.Direction, enrolled: g.Enrolled}
	if s := g.Lane.State; s != "" {
		v.Lane = s
	}
	switch v.Lane {
	case "out_of_service":
		v.Closed = g.Lane.Why
	case "stopped":
		v.Closed = "railgated was stopped"
	}
	return v
}

// fill adds what other tables say of gates.
func fill(ctx context.Context, l *ledger.Ledger, station string, views map[int64]*gateView, now time.Time) error {
	epochs, err := l.Epochs(ctx, 0)
	if err != nil {
		return err
	}
	for _, e := range epochs {
		if v := views[e.Gate]; v != nil {
			v.Epoch, v.Newest, v.Receipted, v.Receipt = e.Name, e.Newest, e.Receipt.Leaves(), e.Receipt.Time
			v.Records += e.Leaves()
			v.Missing = max(0, e.Asked-e.Leaves())
		}
	}
	rollbacks, err := l.Rollbacks(ctx, 0)
	if err != nil {
		return err
	}
	for _, r := range rollbacks {
		if v := views[r.Gate]; v != nil && v.RolledBack == "" {
			v.RolledBack, v.rolledBackAt = r.Why, r.Time
		}
	}
	facts, err := l.Facts(ctx)
	if err != nil {
		return err
	}
	for id, v := range views {
		v.facts = facts[id]
		v.Release, v.Update = v.facts[ledger.FactRelease].Said, v.facts[ledger.FactUpdate].Said
	}
	refused, err := l.AllRefused(ctx)
	if err != nil {
		return err
	}
	byName := map[string]*gateView{}
	for _, v := range views {
		byName[v.Gate] = v
	}
	for _, r := range refused {
		if v := byName[r.Gate]; v != nil && r.Station == station && v.Refused == "" && now.Sub(r.Last) < 24*time.Hour {
			v.Refused, v.refusedAt = fmt.Sprintf("%s: %s (%d)", r.Why, r.Detail, r.N), r.First
		}
	}
	return nil
}

func newGates(d *desk) *cobra.Command {
	var o serveOptions
	asJSON := false
	cmd := &cobra.Command{
		Use:   "gates",
		Short: "List the gates: heard of, closed and why, people, records, receipts",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, l, err := d.openLedger(c, o)
			if err != nil {
				return err
			}
			defer l.Close()
			views, err := d.views(c.Context(), l, p.info, nil)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), views)
			}
			return d.printGates(c.OutOrStdout(), views)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each gate")
	return cmd
}

// openLedger opens the station's ledger beside a station that may be serving.
func (d *desk) openLedger(c *cobra.Command, o serveOptions) (*place, *ledger.Ledger, error) {
	p, err := d.place(o.station)
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.Open(c.Context(), p.database(o.database))
	return p, l, err
}

func printJSON[T any](w io.Writer, all []T) error {
	e := json.NewEncoder(w)
	for _, v := range all {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// agoBy tells how long ago something was, by a clock. That may have gone back since.
func agoBy(now time.Time) func(at time.Time) string {
	return func(at time.Time) string {
		switch age := now.Sub(at).Round(time.Second); {
		case at.IsZero():
			return "never"
		case age < 0:
			return (-age).String() + " ahead of this clock"
		default:
			return age.String() + " ago"
		}
	}
}

func (d *desk) printGates(w io.Writer, views []*gateView) error {
	ago := agoBy(d.now())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "GATE\tSTATE\tHEARD\tLANE\tIN\tOUT\tRECORDS\tRECEIPT\tEPOCH\tRELEASE\tTROUBLE")
	var entered, left int64
	for _, v := range views {
		entered, left = entered+v.People.Entered, left+v.People.Left
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d, %s\t%s\t%s\t%s\n", v.Gate, v.State, ago(v.Heard), v.Lane, v.People.Entered, v.People.Left,
			v.Records, v.Receipted, ago(v.Receipt), v.Epoch, v.release(), v.trouble())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d gates, %d people inside\n", len(views), ledger.People{Entered: entered, Left: left}.Inside())
	return err
}

// updateFailed is in what a gate says of a release that it went back from.
const updateFailed = " failed: "

// release is the program that runs, and what became of the newest release.
func (v *gateView) release() string {
	if v.Update == "" || strings.Contains(v.Update, updateFailed) {
		return v.Release
	}
	return v.Release + "; " + v.Update
}

// trouble is the worst that is wrong with a gate, in words.
func (v *gateView) trouble() string {
	switch {
	case v.RolledBack != "":
		return "rolled back: " + v.RolledBack
	case v.Closed != "":
		return "closed: " + v.Closed
	case v.Refused != "":
		return "refused: " + v.Refused
	case strings.Contains(v.Update, updateFailed):
		return "release " + v.Update
	case v.Missing > 0:
		return fmt.Sprintf("%d records have not come", v.Missing)
	}
	return ""
}
