package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"railgate/cmd/control"
	"railgate/store/journal"
	"railgate/store/manifest"
	"railgate/verify"
	"railgate/verify/lane"
)

// packed is a manifest of some lines, as it is published.
func packed(t testing.TB, lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(z, manifest.Header)
	for _, l := range lines {
		fmt.Fprintln(z, l)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func ticketLine(holder verify.HolderID, kind string, from, until time.Time, station, count, people string) string {
	return fmt.Sprintf("%s,%s,G1,%s,%s,%s,%s,%s", hex.EncodeToString([]byte(holder)), kind, from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339), station, count, people)
}

func manifestOf(day time.Time) string {
	return "manifest/" + day.In(lane.Shanghai).Format(time.DateOnly) + ".csv.zst"
}

// Tickets reach the lane from the station: a ride is used up by a passage, over a restart too, and a bad manifest changes nothing.
func TestALaneAsksForTickets(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	now := time.Now()
	rider, early, foreign := p.claims(), p.claims(), p.claims()
	lines := []string{
		ticketLine(rider.Holder, "multi", now.Add(-time.Hour), now.Add(time.Hour), "GZQ", "2", ""),
		ticketLine(early.Holder, "single", now.Add(time.Hour), now.Add(2*time.Hour), "GZQ", "", ""),
		ticketLine(foreign.Holder, "single", now.Add(-time.Hour), now.Add(time.Hour), "BJX", "", ""),
	}
	d := p.start()
	d.until("the station", func() bool { s := d.status().Sync.Station; return s != nil && s.State == "fresh" })
	p.policy(d, "[lane]\ntickets = \"required\"\npassback = \"off\"\n")
	d.until("no manifest told", func() bool { return slices.Contains(causes(d.status()), control.ManifestMissing) })
	p.station.put(map[string]string{manifestOf(now): packed(t, lines...)})
	d.until("the manifest", func() bool { s := d.status().Tickets; return len(s.Days) == 1 && s.Days[0].Tickets == 3 })
	if got := causes(d.status()); len(got) > 0 {
		t.Errorf("causes %v; want none", got)
	}
	d.scan(p.code())
	d.waitFor(1, decided("denied", "no_ticket"))
	d.scan(p.mint(early))
	d.waitFor(1, decided("denied", "too_early"))
	d.scan(p.mint(foreign))
	d.waitFor(1, decided("denied", "wrong_station"))
	again := func() string {
		c := p.claims()
		c.Holder = rider.Holder
		return p.mint(c)
	}
	d.scan(again())
	d.waitFor(1, kind(journal.Passage))
	p.station.put(map[string]string{manifestOf(now): packed(t, append(lines, "x")...)})
	d.until("the bad one refused", func() bool {
		s := d.status()
		return slices.Contains(causes(s), control.ManifestRefused) && s.Tickets.Days[0].Tickets == 3
	})
	d.waitFor(1, func(r *journal.Record) bool { return strings.Contains(r.Detail, "refused: line 5: has 1 columns") })
	p.station.put(map[string]string{manifestOf(now): packed(t, lines...)})
	d.until("a good one", func() bool { return !slices.Contains(causes(d.status()), control.ManifestRefused) })
	d.stop()
	d = p.start()
	d.until("the table after a restart", func() bool { return len(d.status().Tickets.Days) == 1 })
	d.scan(again())
	d.waitFor(2, kind(journal.Passage))
	d.scan(again())
	d.waitFor(2, decided("denied", "no_ticket"))
}

// folder is a folder of tickets without a daemon.
func newFolder(t *testing.T, now *time.Time) *tickets {
	t.Helper()
	k := newTickets(t.TempDir(), func() (time.Time, bool) { return *now, true }, func() time.Time { return *now }, func(journal.Record) {}, slog.New(slog.DiscardHandler))
	if err := os.MkdirAll(k.dir, 0o750); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.closeAll)
	return k
}

func (k *tickets) put(t *testing.T, day int, text string) {
	t.Helper()
	if err := os.WriteFile(k.source(day), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What was half written when the gate was killed is taken away by its next start.
func TestHalfATableIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "manifest"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".table-1", ".fetched-2", ".runs-3", "20261129.csv.zst"} {
		if err := os.WriteFile(filepath.Join(dir, "manifest", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newTickets(dir, nil, nil, nil, nil)
	if left, err := os.ReadDir(filepath.Join(dir, "manifest")); err != nil || len(left) != 1 || left[0].Name() != "20261129.csv.zst" {
		t.Errorf("%v, %v; want the manifest alone", left, err)
	}
}

func noRides(journal.ID) int { return 0 }

// Yesterday's table counts until its last train, not midnight; tomorrow's counts already.
func TestAServiceDayEndsWithItsLastTrain(t *testing.T) {
	midnight := time.Date(2026, 11, 30, 0, 0, 0, 0, lane.Shanghai)
	now := midnight.Add(-10 * time.Minute)
	k := newFolder(t, &now)
	night, next := verify.HolderID("holder-night"), verify.HolderID("holder-next-")
	k.put(t, 20261129, packed(t, ticketLine(night, "single", midnight.Add(-time.Hour), midnight.Add(90*time.Minute), "", "", ""), ticketLine("holder-period", "period", midnight.Add(-time.Hour), midnight.Add(300*time.Hour), "", "", "")))
	k.put(t, 20261130, packed(t, ticketLine(next, "single", midnight.Add(-20*time.Minute), midnight.Add(time.Hour), "", "", "")))
	k.look(t.Context())
	has := func(h verify.HolderID) bool { return len(k.of(journal.ID(h), now, noRides)) == 1 }
	if !has(night) || !has(next) || !has("holder-period") {
		t.Error("before midnight: want both days' tickets")
	}
	now = midnight.Add(80 * time.Minute)
	if k.look(t.Context()); !has(night) || !has("holder-period") {
		t.Error("after midnight and before the last train: want yesterday's tickets")
	}
	now = midnight.Add(90 * time.Minute)
	if has("holder-period") {
		t.Error("after the last train a ticket counts that today's manifest does not list")
	}
	now = midnight.Add(49 * time.Hour)
	k.look(t.Context())
	if left, _ := os.ReadDir(k.dir); len(left) > 0 {
		t.Errorf("%v is left two days later", left)
	}
}

// A clock that is days ahead until somebody sets it takes no day's tickets away, nor what was sold
// during the day, before or meanwhile. What is over goes once that is proven.
func TestAClockThatIsAheadTakesNoTicketsAway(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, lane.Shanghai)
	right := now
	k := newFolder(t, &now)
	proven := now.Add(-time.Hour)
	k.proven = func() time.Time { return proven }
	line := ticketLine("holder-1", "single", now.Add(-time.Hour), now.Add(time.Hour), "", "", "")
	k.put(t, 20261129, packed(t, line))
	sold := func(n byte) manifest.Row {
		return manifest.Row{Holder: "holder-sold", Kind: manifest.Single, Train: fmt.Sprint("G", n), From: now.Add(-time.Hour).Unix(), Until: right.Add(time.Hour).Unix(), Count: 1, People: 1}
	}
	has := func(when string, want int) {
		t.Helper()
		if one, all := len(k.of("holder-1", right, noRides)), len(k.of("holder-sold", right, noRides)); one != 1 || all != want {
			t.Errorf("%s: %d and %d tickets; want 1 and %d", when, one, all, want)
		}
	}
	if err := k.take(addition(20261129, 1, false, sold(1))); err != nil {
		t.Fatal(err)
	}
	k.look(t.Context())
	has("before", 1)
	now = right.Add(72 * time.Hour)
	k.look(t.Context())
	if err := k.take(addition(20261129, 2, false, sold(2))); err != nil {
		t.Fatal(err)
	}
	now = right
	k.look(t.Context())
	has("after the clock was set", 2)
	now = right.Add(72 * time.Hour)
	proven = now
	k.look(t.Context())
	if left, _ := os.ReadDir(k.dir); len(left) > 0 {
		t.Errorf("%v is left three days later", left)
	}
}

// Where nothing is proven, weeks do not fill the disk.
func TestTicketsOfWeeksAreNotKept(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, lane.Shanghai)
	k := newFolder(t, &now)
	k.proven = func() time.Time { return time.Time{} }
	for range 20 {
		k.put(t, dayOf(now), packed(t, ticketLine("holder-1", "single", now.Add(-time.Hour), now.Add(time.Hour), "", "", "")))
		k.look(t.Context())
		if len(k.of("holder-1", now, noRides)) != 1 {
			t.Errorf("%v: the day's ticket is not there", now)
		}
		now = now.AddDate(0, 0, 1)
	}
	if left, _ := filepath.Glob(filepath.Join(k.dir, "*.csv.zst")); len(left) != mostDays {
		t.Errorf("manifests of %d days; want %d", len(left), mostDays)
	}
}

// A table that could not be made for want of room is made once there is room.
func TestATableThatTheDiskRefusedIsMadeLater(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, lane.Shanghai)
	k := newFolder(t, &now)
	var notes []journal.Record
	k.note = func(r journal.Record) { notes = append(notes, r) }
	k.put(t, 20261129, packed(t, ticketLine("holder-1", "single", now.Add(-time.Hour), now.Add(time.Hour), "", "", "")))
	if err := os.Mkdir(k.table(20261129), 0o700); err != nil { // the table cannot take its place
		t.Fatal(err)
	}
	for range 3 {
		k.look(t.Context())
	}
	if len(notes) != 1 || len(k.refused) != 1 {
		t.Errorf("%v, refused %v; want one record of it", notes, k.refused)
	}
	if err := os.Remove(k.table(20261129)); err != nil {
		t.Fatal(err)
	}
	if k.look(t.Context()); len(k.of("holder-1", now, noRides)) != 1 || len(k.refused) != 0 {
		t.Errorf("refused %v; want the ticket", k.refused)
	}
}

// A table that is damaged is made again of its source: at the start, and when a ticket is looked up.
func TestADamagedTableIsMadeAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, lane.Shanghai)
	line := ticketLine("holder-1", "period", now.Add(-time.Hour), now.Add(time.Hour), "", "", "")
	for _, after := range []bool{false, true} {
		k := newFolder(t, &now)
		k.put(t, 20261129, packed(t, line))
		k.look(t.Context())
		f, err := os.OpenFile(k.table(20261129), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte{0xff}, 80+40)
		f.Close()
		if after { // a restart
			k.closeAll()
			clear(k.seen)
		} else if len(k.of("holder-1", now, noRides)) != 0 {
			t.Fatal("a damaged row is taken")
		}
		k.look(t.Context())
		if got := k.of("holder-1", now, noRides); len(got) != 1 {
			t.Errorf("after a restart %v: %v; want the ticket", after, got)
		}
	}
}

// One ticket that two days list is one.
func TestATicketOfTwoDaysIsOne(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, lane.Shanghai)
	k := newFolder(t, &now)
	line := ticketLine("holder-1", "multi", now.Add(-time.Hour), now.Add(48*time.Hour), "", "5", "3")
	k.put(t, 20261129, packed(t, line))
	k.put(t, 20261130, packed(t, line))
	k.look(t.Context())
	got := k.of("holder-1", now, func(journal.ID) int { return 2 })
	if len(got) != 1 || got[0].Used != 2 || got[0].Count != 5 || got[0].People != 3 || got[0].Kind != lane.MultiTicket || len(got[0].ID) != 32 {
		t.Errorf("%+v; want one, of 5 rides, 2 taken", got)
	}
}

// million is a manifest of a million rows, once for all benchmarks.
func million(b *testing.B) string {
	b.Helper()
	now := time.Now()
	lines := make([]string, 1_000_000)
	for i := range lines {
		lines[i] = ticketLine(verify.HolderID(fmt.Sprintf("other-%010d", rand.Uint32())+strconv.Itoa(i)), "single", now.Add(-time.Hour), now.Add(time.Hour), "GZQ", "", "")
	}
	return packed(b, lines...)
}

// anonymous is the daemon's resident memory that no file is behind, in MB.
func (d *process) anonymous() float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "status"))
	if err != nil {
		d.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	var kB float64
	fmt.Sscan(rest, &kB)
	return kB / 1e3
}

// loadingRounds is how often a gate without manifests and one that loads a manifest take turns: what
// else a machine does comes to both of them.
const loadingRounds = 6

// BenchmarkLoadingAMillionTickets measures what it takes, and what the passages beside it do, in turns
// with passages beside nothing.
func BenchmarkLoadingAMillionTickets(b *testing.B) {
	text := million(b)
	for b.Loop() {
		benchmarkLoading(b, text)
	}
}

func benchmarkLoading(b *testing.B, text string) {
	s := newSite(b, "", func(c string) string {
		return strings.Replace(c, "keys ", "#keys ", 1) + "\n[sync]\nnation = \"/nowhere/nation\"\nstation = \"/nowhere/station\"\nroots = \"/nowhere\"\n"
	})
	keys, err := os.ReadFile(s.path("keys.json"))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(s.path("data/manifest"), 0o750); err != nil {
		b.Fatal(err)
	}
	s.write("data/"+control.KeptKeysetName, string(keys))
	trace := followTrace(b, s.path("trace.ndjson"))
	day := dayOf(time.Now().In(lane.Shanghai))
	var quiet, during, loads []float64
	most, after := 0.0, 0.0
	for range loadingRounds {
		for _, load := range []bool{false, true} {
			if err := os.RemoveAll(s.path("data/manifest")); err != nil {
				b.Fatal(err)
			}
			if err := os.MkdirAll(s.path("data/manifest"), 0o750); err != nil {
				b.Fatal(err)
			}
			if load {
				s.write(fmt.Sprintf("data/manifest/%d.csv.zst", day), text)
			}
			d := s.start() // which looks at the folder at once
			began := time.Now()
			took, until := &quiet, func() bool { d.anonymous(); d.status(); return time.Since(began) > 12*time.Second }
			if load {
				took, until = &during, func() bool {
					most = max(most, d.anonymous())
					return len(d.status().Tickets.Days) == 1
				}
			}
			for end := began.Add(2 * time.Minute); !until(); {
				if time.Now().After(end) {
					b.Fatal("a manifest is not loaded in two minutes")
				}
				code := s.code()
				sent := time.Now()
				s.scan(code)
				*took = append(*took, micros(trace.next("open", 1).Sub(sent)))
				trace.next("open", 0)
				trace.next("passage", 0)
			}
			if load {
				loads = append(loads, time.Since(began).Seconds())
				time.Sleep(2 * time.Second)
				after = max(after, d.anonymous())
			}
			d.stop()
		}
	}
	slices.Sort(quiet)
	slices.Sort(during)
	slices.Sort(loads)
	q := func(all []float64, p float64) float64 { return all[int(p*float64(len(all)-1))] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(during)), "passages")
	b.ReportMetric(q(loads, 0.5), "load-s")
	b.ReportMetric(most, "anon-MB-loading")
	b.ReportMetric(after, "anon-MB-after")
	b.ReportMetric(q(quiet, 0.5), "p50-quiet-µs")
	b.ReportMetric(q(during, 0.5), "p50-loading-µs")
	b.ReportMetric(q(quiet, 0.99), "p99-quiet-µs")
	b.ReportMetric(q(during, 0.99), "p99-loading-µs")
}
