package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/bus"
	"railgate/store/manifest"
)

// rowAt is a ticket of a holder's, good at an instant.
func rowAt(at time.Time, n int) string {
	at = at.UTC().Truncate(time.Second)
	return fmt.Sprintf("%016x,single,G%d,%s,%s,GZQ,,", n, n, at.Add(-time.Hour).Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339))
}

// next is the next addition that a gate hears, and it holds to what station.json says.
func (g *laneGate) next(info *bus.Station) *manifest.Addition {
	g.t.Helper()
	key, err := info.Tickets()
	if err != nil {
		g.t.Fatal(err)
	}
	select {
	case msg := <-g.sold:
		a, err := manifest.OpenAddition(msg, "GZQ", key)
		if err != nil {
			g.t.Fatal(err)
		}
		return a
	case <-time.After(60 * time.Second):
		g.t.Fatal("no addition comes")
	}
	return nil
}

// What the station sells reaches its gates, in order; also what it sold while it did not serve,
// and again once its stream was lost.
func TestTicketsThatAreSoldReachTheGates(t *testing.T) {
	t.Parallel()
	r, now := newStation(t), time.Now()
	r.enroll("A07")
	g := r.gate("A07", t.TempDir())
	until(t, "in touch", g.InTouch)
	if out := r.must("publish", "ticket", "--row", rowAt(now, 1), "--row", rowAt(now, 2)); !strings.HasPrefix(out, "sold for ") {
		t.Errorf("it says %q", out)
	}
	first := g.next(r.info())
	if len(first.Changes) != 2 || first.Changes[0].Refunded || first.Changes[1].Row.Train != "G2" {
		t.Fatalf("%+v; want both tickets", first)
	}
	g.stop()
	r.stop()
	r.must("publish", "ticket", "--row", rowAt(now, 2), "--refund")
	if err := os.RemoveAll(filepath.Join(r.dir, "station", "bus")); err != nil {
		t.Fatal(err)
	}
	r.serve()
	g = r.gate("A07", t.TempDir())
	again, back := g.next(r.info()), g.next(r.info())
	if again.Serial != first.Serial || back.Serial <= first.Serial || !back.Changes[0].Refunded || back.Changes[0].Row.ID() != first.Changes[1].Row.ID() {
		t.Errorf("%+v, then %+v; want the first again, then the refund", again, back)
	}
}

// Many rows are many notes. A row that is wrong is named, and nothing is sold then.
func TestRowsThatAreSold(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	row := func(n int) string {
		return strings.TrimSuffix(strings.Replace(fmt.Sprintf(ticketRow, n), "0011223344556677", fmt.Sprintf("%016x", n+1), 1), "\n")
	}
	text := manifest.Header + "\n"
	for n := range 150 {
		text += row(n) + "\n"
	}
	if out := s.must("publish", "ticket", "--csv", s.write("sold.csv", text)); out != "sold for 20261129: 150\n" {
		t.Errorf("it says %q", out)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--row", "x,y"}, "line 2: has 2 columns"},
		{[]string{"--row", row(1), "--row", row(1)}, "line 3: is a ticket that is there already"},
		{[]string{"--row", row(1), "--row", "x"}, "1 of 2 rows are wrong"},
		{nil, "want --csv FILE, or --row ROW"},
		{[]string{"--csv", s.write("empty.csv", manifest.Header+"\n")}, "there is no row"},
		{[]string{"--row", row(1), "--csv", "sold.csv"}, "want --csv FILE, or --row ROW"},
		{[]string{"--row", row(1), "--day", "2026-12-24"}, "gates take tickets of yesterday, today (2026-11-29) and tomorrow"},
		{[]string{"--row", row(1), "--day", "24.12."}, "want one such as"},
	} {
		out, err := s.run(append([]string{"publish", "ticket"}, tt.args...)...)
		if err == nil || !strings.Contains(out+err.Error(), tt.want) {
			t.Errorf("%v: %v, %s; want an error with %q", tt.args, err, out, tt.want)
		}
	}
}

// What gates take and nobody can use is sold, and said.
func TestTicketsOfAnotherDayAreSaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	row := strings.TrimSuffix(fmt.Sprintf(ticketRow, 1), "\n")
	for other, want := range map[string]string{
		strings.ReplaceAll(row, "2026-11-29", "2026-11-27"): "1 of 1 tickets are not valid on 2026-11-29",
		strings.Replace(row, "GZQ", "BJX", 1):               "1 of 1 tickets are for another station only",
	} {
		if out := s.must("publish", "ticket", "--row", other); !strings.Contains(out, "sold for 20261129: 1\n") || !strings.Contains(out, want) {
			t.Errorf("%s: %s; want %q", other, out, want)
		}
	}
}

// A manifest that is published later has what was sold meanwhile, and not what was taken back;
// the next day's has what is good on it.
func TestTheNextManifestHasWhatWasSold(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	row := func(n int) string { return strings.TrimSuffix(fmt.Sprintf(ticketRow, n), "\n") }
	const month = "0011223344556677,period,,2026-11-29T00:00:00+08:00,2026-12-29T00:00:00+08:00,GZQ,,"
	csv := s.write("m.csv", manifest.Header+"\n"+row(1)+"\n"+row(2)+"\n"+row(3)+"\n")
	s.must("publish", "ticket", "--row", row(3), "--row", row(4), "--row", row(5), "--row", month)
	s.must("publish", "ticket", "--row", row(1), "--row", row(5), "--refund")
	if out := s.must("publish", "manifest", "2026-11-29", csv); !strings.Contains(out, "4 tickets; 2 were sold meanwhile; 1 were taken back meanwhile") {
		t.Errorf("it says %q", out)
	}
	trains := func(day string, number int) (all string) {
		table := s.path("table" + day)
		if err := manifest.Load(s.write(day+".zst", string(s.get("station", "manifest/"+day+".csv.zst"))), table, number, func() {}, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		tab, err := manifest.Open(table)
		if err != nil {
			t.Fatal(err)
		}
		defer tab.Close()
		rows, err := tab.Lookup("\x00\x11\x22\x33\x44\x55\x66\x77")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			all += " " + cmp.Or(r.Train, "month")
		}
		return all
	}
	sorted := func(text string) string { all := strings.Fields(text); slices.Sort(all); return strings.Join(all, " ") }
	if got := sorted(trains("2026-11-29", 20261129)); got != "G2 G3 G4 month" {
		t.Errorf("the day's manifest has %s; want G2, G3, G4 and the month's", got)
	}
	s.must("publish", "manifest", "2026-11-30", s.write("next.csv", manifest.Header+"\n"+strings.ReplaceAll(row(9), "11-29", "11-30")+"\n"))
	if got := sorted(trains("2026-11-30", 20261130)); got != "G9 month" {
		t.Errorf("the next day's manifest has %s; want G9 and the month's", got)
	}
}

// A station of before there were additions gets a key with the first ticket that it sells.
func TestAnOldStationSellsTickets(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	station := s.path("nation/station")
	if err := os.Remove(filepath.Join(station, "keys", "tickets.key")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(station, stationFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var old map[string]any
	if err := json.Unmarshal(data, &old); err != nil {
		t.Fatal(err)
	}
	delete(old, "ticket_key")
	data, _ = json.Marshal(old)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	s.must("publish", "ticket", "--row", strings.TrimSuffix(fmt.Sprintf(ticketRow, 1), "\n"))
	info, err := bus.ParseStation(s.get("station", stationFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := info.Tickets(); err != nil {
		t.Errorf("station.json as it is published: %v", err)
	}
	s.must("publish", "ticket", "--row", strings.TrimSuffix(fmt.Sprintf(ticketRow, 2), "\n"))
}
