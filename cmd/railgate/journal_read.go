package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// A reading is what railgate journal was asked for.
type reading struct {
	query
	sinceText, untilText string
	lines                int // 0: all
	follow, reverse      bool
	json                 bool
	zone                 *time.Location
}

// followed is how many records railgate journal --follow begins with, as journalctl does.
const followed = 10

func (v *reading) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&v.sinceText, "since", "S", "", "only records at this `time` or later: \"2026-11-23 04:00\", 04:00, today, -1h, \"20 min ago\"")
	f.StringVarP(&v.untilText, "until", "U", "", "only records at this `time` or earlier")
	f.StringSliceVar(&v.kinds, "kind", nil, "only records of this `kind`, or of one of several: decision,passage")
	f.StringSliceVar(&v.reasons, "reason", nil, "only records with this `reason`, or with one of several: already_used,passback")
	f.StringSliceVar(&v.certificates, "cti", nil, "only records of a certificate whose `id` begins so, in hex")
	f.IntVarP(&v.lines, "lines", "n", 0, "only the newest `N` of them")
	f.BoolVarP(&v.reverse, "reverse", "r", false, "newest first")
	f.BoolVarP(&v.follow, "follow", "f", false, "go on with each new record, until Ctrl-C")
	f.BoolVar(&v.json, "json", false, "print NDJSON")
}

const readLong = `Journal prints what happened at the gate, oldest first: from the daemon while it runs and has
its store, else from the file. Times are those of the gate's zone, and so are those of --since and
--until, unless they name another. Relative ones are by the gate's clock. A record whose time was
not trusted goes by the records around it.

With --follow it begins with the newest ten records (all, with --since; others with -n) and goes on.
It waits for a daemon that restarts: no record is left out or printed twice.`

const readExample = `  railgate journal -n 20
  railgate journal --since "2026-11-23 04:00" --until 06:00 --reason already_used
  railgate journal --since -1h --kind forced,tailgating
  railgate journal --cti 3fa9 --reverse
  railgate journal --follow --json`

// check completes what was asked for; a wrong one is a usageError.
func (v *reading) check(c *cobra.Command, s *control.Status) error {
	now := time.Now()
	if v.zone = lane.Shanghai; s != nil {
		v.zone = zoneOf(s.Zone)
		if !s.Clock.Time.IsZero() {
			now = s.Clock.Time
		}
	}
	var err error
	for _, t := range []struct {
		flag, text string
		at         *time.Time
	}{{"--since", v.sinceText, &v.since}, {"--until", v.untilText, &v.until}} {
		if t.text == "" {
			continue
		}
		if *t.at, err = parseWhen(t.text, now, v.zone); err != nil {
			return fmt.Errorf("%s: %w", t.flag, err)
		}
	}
	switch {
	case v.lines < 0 || c.Flags().Changed("lines") && v.lines == 0:
		return fmt.Errorf("--lines %d; want a number from 1", v.lines)
	case v.follow && v.reverse:
		return fmt.Errorf("--follow and --reverse: what is to come is the newest")
	case v.follow && v.untilText != "":
		return fmt.Errorf("--follow and --until: what is to come has no end; use one of them")
	case v.follow && v.lines == 0 && v.sinceText == "":
		v.lines = followed
	}
	return v.query.check()
}

// zoneOf is a zone by its name; China's where there is no such zone, as on a gate without zones.
func zoneOf(name string) *time.Location {
	if zone, err := time.LoadLocation(name); err == nil && name != "" && name != lane.Shanghai.String() {
		return zone
	}
	return lane.Shanghai
}

// zoneAt is the zone of a gate that may not answer.
func zoneAt(ctx context.Context, client *control.Client) *time.Location {
	s, err := client.Status(ctx)
	if err != nil {
		return zoneOf("")
	}
	return zoneOf(s.Zone)
}

// zone is the gate's zone, or China's where the gate does not answer.
func (g *gate) zone(ctx context.Context) *time.Location {
	client, err := g.client()
	if err != nil {
		return zoneOf("")
	}
	return zoneAt(ctx, client)
}

func (g *gate) readJournal(c *cobra.Command, v *reading) error {
	dir, err := g.folder()
	if err != nil {
		return err
	}
	s, err := control.NewClient(dir).Status(c.Context())
	if err != nil {
		s = nil // the file is read
	}
	if err := v.check(c, s); err != nil {
		return usageError{fmt.Errorf("journal: %w", err)}
	}
	ctx, stop := signal.NotifyContext(c.Context(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	err = v.run(ctx, newSource(ctx, dir, startsWithin), c.OutOrStdout(), c.ErrOrStderr())
	if ctx.Err() != nil {
		return nil // Ctrl-C
	}
	return err
}

// run prints what was asked for.
func (v *reading) run(ctx context.Context, from *source, out, errOut io.Writer) error {
	print := newRecordWriter(out, v.json, v.zone)
	kept := tail{most: v.lines}
	write := print
	if v.lines > 0 || v.reverse {
		write = kept.add
	}
	after, err := v.begin(from)
	if err != nil {
		return err
	}
	through := newSieve(&v.query, func(r *journal.Record) error { return write(r) })
	take := func(r *journal.Record) error {
		after = max(after, r.Seq)
		return through.take(r)
	}
	if err := export(from.records, after, take); err != nil {
		return err
	}
	if err := through.end(); err != nil {
		return err
	}
	last := kept.last()
	if v.reverse {
		slices.Reverse(last)
	}
	for i := range last {
		if err := print(&last[i]); err != nil {
			return err
		}
	}
	if why := through.nothing(v.zone); why != "" {
		if v.follow {
			why += "; waiting for one"
		}
		fmt.Fprintln(errOut, "railgate:", visible(why))
	}
	if !v.follow {
		return nil
	}
	write = print
	return from.follow(ctx, after, take, errOut)
}

// begin is the sequence number behind which the records that are wanted begin. It goes
// backwards from the newest, so that the last minutes of years are there at once.
//
// It stops at a stretch of records without one that is wanted by its time: clocks are set, but
// not so far back for so many records.
func (v *reading) begin(from *source) (uint64, error) {
	if v.lines == 0 && v.since.IsZero() {
		return 0, nil
	}
	high, err := from.newest()
	for found := 0; high > 0 && err == nil; {
		low := high - min(high, recordsAtOnce)
		var batch []journal.Record
		if batch, err = from.records(low, int(high-low)); err != nil || len(batch) == 0 {
			return low, err
		}
		sure, late := 0, 0
		for i := range batch {
			r := &batch[i]
			if r.Unsure {
				continue
			}
			sure++
			if !r.Time.Before(v.since) {
				late++
			}
			if r.Seq <= high && v.within(r.Time) && v.matches(r) {
				found++
			}
		}
		if v.lines > 0 && found >= v.lines || sure > 0 && late == 0 {
			return low, nil
		}
		high = low
	}
	return 0, err
}
