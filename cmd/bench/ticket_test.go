package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// A passenger without a ticket is let in a moment after the station has sold one: station,
// message server, gate and phone are the real ones.
func TestATicketThatIsSoldOpensTheGate(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	gate, now := b.gates[0], time.Now()
	row := func(sub string) string {
		return fmt.Sprintf("%s,single,G1,%s,%s,,,", sub, now.Add(-time.Hour).Format(time.RFC3339), now.Add(3*time.Hour).Format(time.RFC3339))
	}
	policy, manifest := b.path("policy.toml"), b.path("tickets.csv")
	for path, text := range map[string]string{
		policy:   "[lane]\ntickets = \"required\"\npassback = \"off\"\n",
		manifest: "sub,kind,train,from,until,station,count,people\n" + row("00112233445566ff") + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	zone := time.FixedZone("the station's", 8*60*60)
	for _, args := range [][]string{{"publish", "policy", gate.name, policy}, {"publish", "manifest", now.In(zone).Format(time.DateOnly), manifest}} {
		if err := b.station.do(args...); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(what string, f func(*control.Tickets) bool) {
		t.Helper()
		if err := gate.wait(t.Context(), what, func(s *control.Status) bool { return s.Tickets != nil && f(s.Tickets) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := gate.client().Sync(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wait("does not ask for tickets", func(k *control.Tickets) bool { return k.Needed && len(k.Days) == 1 })
	tb := openTable(t, b, b.url.String(), wide, high)
	tb.applies(newPassenger())
	tb.holds("no_ticket")
	records, err := gate.client().Records(0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(records, func(r journal.Record) bool { return r.Reason == "no_ticket" })
	if i < 0 {
		t.Fatal("no record of the denial")
	}
	if err := b.station.do("publish", "ticket", "--row", row(hex.EncodeToString([]byte(records[i].Holder)))); err != nil {
		t.Fatal(err)
	}
	wait("does not hear of the ticket", func(k *control.Tickets) bool { return k.Days[0].Added == 1 })
	tb.holds("ok")
}
