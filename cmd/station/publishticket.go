package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"railgate/cmd/station/ledger"
	"railgate/cmd/station/repository"
	"railgate/store/manifest"
)

// soldTickets are what publish ticket is told.
type soldTickets struct {
	serveOptions
	day    string
	csv    string
	rows   []string
	refund bool
}

func newPublishTicket(d *desk) *cobra.Command {
	var o soldTickets
	cmd := &cobra.Command{
		Use:   "ticket",
		Short: "Sell tickets during the day, or take them back",
		Long: `Ticket adds tickets to those of a service day, or takes some back, without another manifest:
gates have them a second or two later, by the bus, once station serve or collect runs. Rows are
those of a manifest, with the columns
` + manifest.Header + `.
Every row that is wrong is named; with one such row nothing is sold. A ticket counts for the
day that it was sold for; the manifest of that day and of the next lists it too, if it is
published later. To take one back, give the row with which it was sold, and --refund.`,
		Example: "  station publish ticket --dir D --row 6b1f00112233aabb,single,G1302,2026-11-29T07:40:00+08:00,2026-11-29T08:12:00+08:00,GZQ,,\n  station publish ticket --dir D --csv sold.csv --refund",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return d.sell(c, &o)
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.day, "day", "", "the service day, such as 2026-11-29; `DAY` is today by the station's zone")
	f.StringVar(&o.csv, "csv", "", "a `FILE` of rows, with a manifest's header; - is standard input")
	f.StringArrayVar(&o.rows, "row", nil, "one `ROW`, without a header; may be given more than once")
	f.BoolVar(&o.refund, "refund", false, "take the tickets back")
	return cmd
}

func (d *desk) sell(c *cobra.Command, o *soldTickets) error {
	changes, err := o.read(c.InOrStdin(), c.ErrOrStderr())
	if err != nil {
		return err
	}
	p, l, err := d.openLedger(c, o.serveOptions)
	if err != nil {
		return err
	}
	defer l.Close()
	signer, err := d.ticketSigner(p)
	if err != nil {
		return err
	}
	day, err := d.serviceDay(p, o.day)
	if err != nil {
		return err
	}
	if err := roomFor(c, p, l, day, changes); err != nil {
		return err
	}
	err = l.Add(c.Context(), p.info.Station, day, dayNumber(d.now().AddDate(0, 0, -keptManifests)), d.now(), additions(p.info.Station, day, changes, signer)...)
	if err != nil {
		return err
	}
	done := "sold"
	if o.refund {
		done = "taken back"
	}
	fmt.Fprintf(c.OutOrStdout(), "%s for %d: %d\n", done, day, len(changes))
	date := time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, time.UTC)
	var n counts
	for s, i := d.serviceDayOf(o.serveOptions, date), 0; i < len(changes); i++ {
		n.see(&changes[i].Row, s)
	}
	for _, unusual := range n.unusual(date.Format(time.DateOnly)) {
		fmt.Fprintf(c.ErrOrStderr(), "station: %s\n", unusual)
	}
	return nil
}

// read reads the rows, and names those that are wrong.
func (o *soldTickets) read(in io.Reader, errOut io.Writer) (changes []manifest.Change, err error) {
	var from io.Reader = strings.NewReader(manifest.Header + "\n" + strings.Join(o.rows, "\n"))
	switch {
	case (o.csv == "") == (len(o.rows) == 0):
		return nil, usageError{errors.New("want --csv FILE, or --row ROW")}
	case o.csv == "-":
		from = in
	case o.csv != "":
		f, err := os.Open(o.csv)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	ids, bad := map[[32]byte]bool{}, 0
	wrong := func(e *manifest.RowError) error {
		bad++
		fmt.Fprintln(errOut, e)
		return nil
	}
	err = manifest.ReadCSV(from, func(line int, r *manifest.Row) error {
		switch id := r.ID(); {
		case len(changes) >= manifest.MaxAdded:
			return manifest.ErrManyAdded
		case ids[id]:
			return wrong(&manifest.RowError{Line: line, Why: "is a ticket that is there already"})
		default:
			ids[id] = true
		}
		changes = append(changes, manifest.Change{Row: *r, Refunded: o.refund})
		return nil
	}, wrong)
	switch {
	case err != nil:
		return nil, err
	case bad > 0:
		return nil, fmt.Errorf("%d of %d rows are wrong; nothing is sold or taken back", bad, bad+len(changes))
	case len(changes) == 0:
		return nil, errors.New("there is no row")
	}
	return changes, nil
}

// serviceDay is a day that was asked for, of those around now.
func (d *desk) serviceDay(p *place, asked string) (int, error) {
	zone, err := time.LoadLocation(p.info.Zone)
	if err != nil {
		return 0, err
	}
	now := d.now().In(zone)
	if asked == "" {
		return dayNumber(now), nil
	}
	day, err := time.Parse(time.DateOnly, asked)
	if err != nil {
		return 0, usageError{fmt.Errorf("day %q; want one such as 2026-11-29", asked)}
	}
	for n := -1; n <= 1; n++ {
		if dayNumber(now.AddDate(0, 0, n)) == dayNumber(day) {
			return dayNumber(day), nil
		}
	}
	return 0, usageError{fmt.Errorf("day %s; gates take tickets of yesterday, today (%s) and tomorrow: publish that day's manifest", asked, now.Format(time.DateOnly))}
}

func dayNumber(t time.Time) int {
	y, m, d := t.Date()
	return y*10000 + int(m)*100 + d
}

// additions are functions that sign the notes of some changes.
func additions(station string, day int, changes []manifest.Change, by note.Signer) (sign []func(uint64) ([]byte, error)) {
	for len(changes) > 0 {
		some := changes[:min(manifest.MaxChanges, len(changes))]
		changes = changes[len(some):]
		sign = append(sign, func(serial uint64) ([]byte, error) {
			return (&manifest.Addition{Station: station, Day: day, Serial: serial, Changes: some}).Sign(by)
		})
	}
	return sign
}

// roomFor refuses what gates would not keep.
func roomFor(c *cobra.Command, p *place, l *ledger.Ledger, day int, changes []manifest.Change) error {
	said, err := saidOf(c, p, l, day, day)
	if err != nil {
		return err
	}
	for _, change := range changes {
		said[change.Row.ID()] = change
	}
	if len(said) > manifest.MaxAdded {
		return manifest.ErrManyAdded
	}
	return nil
}

// saidOf is what was said of tickets for the days from one to another: of each the newest.
func saidOf(c *cobra.Command, p *place, l *ledger.Ledger, from, to int) (map[[32]byte]manifest.Change, error) {
	key, err := p.info.Tickets()
	if err != nil {
		return nil, err
	}
	said := map[[32]byte]manifest.Change{}
	for last := uint64(0); ; {
		all, err := l.Additions(c.Context(), p.info.Station, from, last, 1000)
		if err != nil || len(all) == 0 {
			return said, err
		}
		for _, a := range all {
			last = a.Serial
			x, err := manifest.OpenAddition(a.Note, p.info.Station, key)
			if err != nil {
				return nil, fmt.Errorf("ledger: addition %d: %w", a.Serial, err)
			}
			for _, change := range x.Changes {
				if a.Day <= to {
					said[change.Row.ID()] = change
				}
			}
		}
	}
}

// ticketSigner signs the station's additions. A station of before they were has a key made, and
// station.json published with it.
func (d *desk) ticketSigner(p *place) (note.Signer, error) {
	keys := filepath.Join(p.dir, "keys")
	if p.keys.tickets == nil {
		key, err := repository.MakeKey(keys, ticketsKey)
		if err != nil {
			return nil, err
		}
		p.keys.tickets = key
	}
	if p.info.TicketKey == "" {
		all, err := p.keys.describe(p.info.Station, p.info.Zone, p.info.Servers)
		if err != nil {
			return nil, err
		}
		p.info.TicketKey = all.TicketKey
		if err := d.publishStation(p.dir, p.info); err != nil {
			return nil, err
		}
	}
	return p.keys.ticketSigner(p.info)
}
