package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/station/repository"
	"railgate/store/bus"
	"railgate/store/journal"
)

// initial is what init is told.
type initial struct {
	online   bool
	station  string
	zone     string
	servers  []string
	noNation bool
}

func newInit(d *desk) *cobra.Command {
	var o initial
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make repositories, and a station's keys",
		Long: `Init makes keys and a first, empty publication. Two of three root keys sign who may sign
what; they and the targets key are encrypted, each under a passphrase. With --online the
targets key has none.

With --station it makes both repositories of one operator below the folder, nation/ and
station/: the station's targets key is online, since its manifest changes daily. It makes the
station's own keys too, for receipts, the time, the bus and TLS, publishes station.json, and
has the nation name the station's root. A nation/ that is there already is used.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.station == "" {
				return d.initOne(c, o.online)
			}
			return d.initStation(c, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.online, "online", false, "the targets key has no passphrase")
	f.StringVar(&o.station, "station", "", "make a station of this `name`, and the nation's repository where there is none")
	f.StringVar(&o.zone, "zone", "Asia/Shanghai", "the station's time `zone`")
	f.StringSliceVar(&o.servers, "server", nil, "where gates find the station's bus, as `tls://host:port`; this machine's name and port 4222")
	f.BoolVar(&o.noNation, "no-nation", false, "another operator has the nation's repository: make the station's alone")
	return cmd
}

func (d *desk) initOne(c *cobra.Command, online bool) error {
	r, err := repository.Create(d.dir, repository.Options{Passphrase: d.asker.askNew, OnlineTargets: online, WorkFactor: d.workFactor, Now: d.now})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), `made %s
gates begin with %s
serve            %s
then             station publish --dir %s keyset keys.json
and every day    station timestamp --dir %s
`, d.dir, filepath.Join(r.Public(), "1.root.json"), r.Public(), d.dir, d.dir)
	return nil
}

func (d *desk) initStation(c *cobra.Command, o initial) error {
	if !journal.GoodName(o.station) {
		return usageError{fmt.Errorf("station %q; want 1 to 32 letters, digits, - and _", o.station)}
	}
	if len(o.servers) == 0 {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		o.servers = []string{"tls://" + host + ":4222"}
	}
	hosts, err := hostsOf(o.servers)
	if err != nil {
		return usageError{err}
	}
	if _, err := time.LoadLocation(o.zone); err != nil {
		return usageError{fmt.Errorf("--zone: %w; want a name of the IANA time zone database, such as Asia/Shanghai", err)}
	}
	nation, station := filepath.Join(d.dir, nationPart), filepath.Join(d.dir, stationPart)
	if _, err := os.Stat(filepath.Join(station, "keys")); err == nil {
		return d.finishStation(c, o, nation, station)
	}
	if !o.noNation {
		if err := d.makeNation(nation, o.online); err != nil {
			return err
		}
	}
	info, err := d.makeStation(station, o, hosts)
	if err != nil {
		return err
	}
	if !o.noNation {
		if err := d.publishRoot(nation, o.station, station); err != nil {
			return fmt.Errorf("%s is made, and the nation does not name its root yet: %w; the same command goes on from here", station, err)
		}
	}
	d.sayStation(c, o, nation, station, info)
	return nil
}

// finishStation has the nation name the root of a station that an init made which ended before
// that: by a wrong passphrase of the nation's, or a power cut.
func (d *desk) finishStation(c *cobra.Command, o initial, nation, station string) error {
	exists := fmt.Errorf("%s: %w", station, repository.ErrExists)
	if o.noNation {
		return exists
	}
	p, err := d.place(o.station)
	if err != nil {
		return errors.Join(exists, err)
	}
	r, err := repository.Open(nation, d.now)
	if err != nil {
		return errors.Join(exists, err)
	}
	if slices.Contains(r.Names(), rootName(o.station)) {
		return exists
	}
	if err := d.publishRoot(nation, o.station, station); err != nil {
		return err
	}
	d.sayStation(c, o, nation, station, p.info)
	return nil
}

// makeNation makes the nation's repository where there is none.
func (d *desk) makeNation(dir string, online bool) error {
	_, err := repository.Open(dir, d.now)
	if !errors.Is(err, repository.ErrNone) {
		return err
	}
	_, err = repository.Create(dir, repository.Options{
		Passphrase:    func(key string) (string, error) { return d.asker.askNew("the nation's " + key) },
		OnlineTargets: online, WorkFactor: d.workFactor, Now: d.now,
	})
	return err
}

// makeStation makes the station's folder, whole or not at all.
func (d *desk) makeStation(dir string, o initial, hosts []string) (*bus.Station, error) {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, err
	}
	draft, err := os.MkdirTemp(d.dir, ".init-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(draft)
	made := filepath.Join(draft, stationPart)
	info, err := d.draftStation(made, o, hosts)
	if err == nil {
		err = os.Rename(made, dir)
	}
	return info, err
}

func (d *desk) draftStation(dir string, o initial, hosts []string) (*bus.Station, error) {
	_, err := repository.Create(dir, repository.Options{
		Passphrase:    func(key string) (string, error) { return d.asker.askNew("the station's " + key) },
		OnlineTargets: true, WorkFactor: d.workFactor, Now: d.now,
	})
	if err != nil {
		return nil, err
	}
	keys := filepath.Join(dir, "keys")
	if err := makeKeys(keys, hosts, d.now()); err != nil {
		return nil, err
	}
	ring, err := loadKeys(keys)
	if err != nil {
		return nil, err
	}
	info, err := ring.describe(o.station, o.zone, o.servers)
	if err != nil {
		return nil, err
	}
	return info, d.publishStation(dir, info)
}

func (d *desk) sayStation(c *cobra.Command, o initial, nation, station string, info *bus.Station) {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "made %s: station %s, at %v\n", station, info.Station, info.Servers)
	if o.noNation {
		fmt.Fprintf(out, "have the nation publish   station publish root %s %s\n", o.station, filepath.Join(station, "public", "1.root.json"))
	} else {
		fmt.Fprintf(out, "gates begin with          %s\n", filepath.Join(nation, "public", "1.root.json"))
		fmt.Fprintf(out, "publish the keyset        station publish --dir %s keyset keys.json\n", d.dir)
	}
	fmt.Fprintf(out, "enroll each gate          station enroll --dir %s FILE\n", d.dir)
	fmt.Fprintf(out, "serve both, and the bus   station serve --dir %s\n", d.dir)
	fmt.Fprintf(out, "and every day             station timestamp --dir %s\n", d.dir)
}
