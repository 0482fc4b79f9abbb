package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"railgate/cmd/progress"
	"railgate/cmd/station/ledger"
	"railgate/cmd/station/repository"
	"railgate/store/manifest"
	"railgate/verify/lane"
)

// keptManifests is for how many days a manifest stays listed.
const keptManifests = 7

// usualManifests is for how many days ahead, or back, a manifest is published without a remark.
const usualManifests = 60

func newPublishManifest(d *desk) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "manifest DATE FILE.csv",
		Short: "Publish a day's tickets",
		Long: `Manifest publishes the tickets of a service day (2026-11-29), a CSV file with the columns
` + manifest.Header + `.
Every row that is wrong is named with its line and column; with one such row nothing is
published. What was sold by publish ticket, for that day or the day before and good on that
day, is added; what was taken back is left out. Manifests of more than a week before, and of
more than a week ago, are no longer listed.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			day, err := time.Parse(time.DateOnly, args[0])
			if err != nil {
				return usageError{fmt.Errorf("date %q; want one such as 2026-11-29", args[0])}
			}
			dir, err := os.MkdirTemp("", "station-manifest-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			said, err := d.said(c, o, day)
			if err != nil {
				return err
			}
			packed := filepath.Join(dir, "manifest.csv.zst")
			rows, err := packManifest(c.ErrOrStderr(), args[1], packed, said, d.serviceDayOf(o, day))
			if err == nil {
				err = tryManifest(packed, day)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			name := manifestName(day)
			if err := d.publishManifest(repository.File{Name: name, Path: packed}, day); err != nil {
				return err
			}
			for _, unusual := range rows.unusual(args[0]) {
				fmt.Fprintf(c.ErrOrStderr(), "station: %s\n", unusual)
			}
			if days := int(math.Round(day.Sub(d.now()).Hours() / 24)); max(days, -days) > usualManifests {
				fmt.Fprintf(c.ErrOrStderr(), "station: %s is %d days from now by this machine's clock: is the date right?\n", args[0], max(days, -days))
			}
			fmt.Fprintf(c.OutOrStdout(), "published %s: %d tickets%s\n", name, rows.all, rows.changes())
			return nil
		},
	}
	o.flags(cmd)
	return cmd
}

// counts are the rows of a manifest.
type counts struct {
	all, bad, added, left int
	otherTime             int // not valid at any time of the day
	otherStation          int // valid at another station only
}

// unusual is what may be a mistake, such as another day's file.
func (n *counts) unusual(date string) (says []string) {
	if n.all == 0 {
		says = append(says, "the file has no tickets: where tickets are required, nobody can enter on "+date)
	}
	if n.otherTime > 0 {
		says = append(says, fmt.Sprintf("%d of %d tickets are not valid on %s: is this the file of that day?", n.otherTime, n.all, date))
	}
	if n.otherStation > 0 {
		says = append(says, fmt.Sprintf("%d of %d tickets are for another station only", n.otherStation, n.all))
	}
	return says
}

// A span is where and when tickets of a service day are good.
type span struct {
	from, until int64  // seconds since 1970; its last train may leave after midnight
	station     string // "": not known
}

// serviceDayOf is the span of a day; a repository without a station's keys has China's.
func (d *desk) serviceDayOf(o serveOptions, day time.Time) span {
	zone, station := lane.Shanghai, ""
	if p, err := d.place(o.station); err == nil {
		station = p.info.Station
		if z, err := time.LoadLocation(p.info.Zone); err == nil {
			zone = z
		}
	}
	at := func(days, hour int) int64 {
		return time.Date(day.Year(), day.Month(), day.Day()+days, hour, 0, 0, 0, zone).Unix()
	}
	return span{at(0, 0), at(1, dayBegins), station}
}

// see counts a row.
func (n *counts) see(r *manifest.Row, s span) {
	n.all++
	if r.Until <= s.from || r.From >= s.until {
		n.otherTime++
	}
	if r.Station != "" && s.station != "" && r.Station != s.station {
		n.otherStation++
	}
}

func (n *counts) changes() (text string) {
	if n.added > 0 {
		text += fmt.Sprintf("; %d were sold meanwhile", n.added)
	}
	if n.left > 0 {
		text += fmt.Sprintf("; %d were taken back meanwhile", n.left)
	}
	return text
}

// said is what was said meanwhile of tickets that may be good on a day; nothing where the
// station sells none.
func (d *desk) said(c *cobra.Command, o serveOptions, day time.Time) (map[[32]byte]manifest.Change, error) {
	p, err := d.place(o.station)
	if errors.Is(err, errNoStation) || errors.Is(err, repository.ErrNoKey) || err == nil && p.info.TicketKey == "" {
		return nil, nil // a repository without a station's keys, or one that sells none
	}
	if err != nil {
		return nil, err
	}
	database := p.database(o.database)
	if _, err := os.Stat(database); err != nil && !ledger.IsPostgres(database) {
		return nil, nil
	}
	l, err := ledger.Open(c.Context(), database)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	zone, err := time.LoadLocation(p.info.Zone)
	if err != nil {
		return nil, err
	}
	said, err := saidOf(c, p, l, dayNumber(day.AddDate(0, 0, -1)), dayNumber(day))
	begins := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone).Unix()
	maps.DeleteFunc(said, func(_ [32]byte, c manifest.Change) bool { return c.Row.Until <= begins })
	return said, err
}

func manifestName(day time.Time) string {
	return "manifest/" + day.Format(time.DateOnly) + ".csv.zst"
}

// publishManifest publishes a day's manifest, and takes those off the list that are of long before
// that day and of long ago: neither a date with a wrong year nor a clock that is ahead takes today's.
func (d *desk) publishManifest(f repository.File, day time.Time) error {
	r, err := repository.Open(d.part(stationPart), d.now)
	if err != nil {
		return err
	}
	if now := d.now(); now.Before(day) {
		day = now
	}
	files, oldest := []repository.File{f}, manifestName(day.AddDate(0, 0, -keptManifests))
	for _, name := range r.Names() {
		if strings.HasPrefix(name, "manifest/") && name < oldest {
			files = append(files, repository.File{Name: name})
		}
	}
	return r.Publish(files, d.asker.ask)
}

// window is how much of a manifest a gate must hold to unpack it.
const window = 1 << 20

// packManifest reads all of a CSV file, names each bad row, and packs it with zstd. What was
// said of tickets meanwhile counts before the file.
func packManifest(errOut io.Writer, from, to string, said map[[32]byte]manifest.Change, s span) (n counts, err error) {
	in, err := os.Open(from)
	if err != nil {
		return n, err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return n, err
	}
	defer out.Close()
	z, err := zstd.NewWriter(out, zstd.WithWindowSize(window), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return n, err
	}
	bar, err := readingBar(errOut, in)
	if err != nil {
		return n, err
	}
	err = writeManifest(io.TeeReader(in, bar), z, said, &n, s, func(e *manifest.RowError) error {
		n.bad++
		bar.Clear()
		fmt.Fprintf(errOut, "%s: %v\n", from, e)
		return nil
	})
	bar.Clear()
	if err == nil && n.bad > 0 {
		err = fmt.Errorf("%d of %d rows are wrong; nothing is published", n.bad, n.all+n.bad)
	}
	if err == nil {
		err = z.Close()
	}
	return n, err
}

// writeManifest writes the rows of a file, as they are where nothing was said meanwhile.
func writeManifest(from io.Reader, to io.Writer, said map[[32]byte]manifest.Change, n *counts, s span, wrong func(*manifest.RowError) error) error {
	if len(said) == 0 {
		return manifest.ReadCSV(io.TeeReader(from, to), func(_ int, r *manifest.Row) error { n.see(r, s); return nil }, wrong)
	}
	w, listed := bufio.NewWriter(to), map[[32]byte]bool{}
	fmt.Fprintln(w, manifest.Header)
	write := func(r *manifest.Row) error {
		n.see(r, s)
		_, err := fmt.Fprintln(w, r.CSV())
		return err
	}
	err := manifest.ReadCSV(from, func(_ int, r *manifest.Row) error {
		id := r.ID()
		c, is := said[id]
		switch {
		case !is:
			return write(r)
		case c.Refunded:
			n.left++
			return nil
		case listed[id]:
			return write(r) // it is there twice, which is an error of the file
		}
		listed[id] = true
		return write(&c.Row)
	}, wrong)
	if err != nil {
		return err
	}
	for _, id := range slices.SortedFunc(maps.Keys(said), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }) {
		if c := said[id]; !c.Refunded && !listed[id] {
			n.added++
			if err := write(&c.Row); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// tryManifest makes the table that a gate makes, which finds tickets that are there twice.
func tryManifest(packed string, day time.Time) error {
	y, m, d := day.Date()
	never := func() error { return nil }
	return manifest.Load(packed, packed+".table", y*10000+int(m)*100+d, func() {}, never)
}

// readingBar shows how much of a file was read.
func readingBar(out io.Writer, in *os.File) (*progress.Bar, error) {
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	return progress.Bytes(out, "checking "+info.Name(), info.Size()), nil
}
