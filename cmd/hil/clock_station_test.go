package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// A remote is a gate whose time is its station's alone: no battery for its clock, no time
// daemon. Its disk outlasts its machine.
type remote struct {
	*gate
	station *station
	disk    string
	boots   time.Time // what its clock says then
}

func newRemote(t testing.TB, boots time.Time) *remote {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder(t), "data.ext4"))
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{gate: new(gate), disk: filepath.Join(t.TempDir(), "disk"), boots: boots}
	if err := os.WriteFile(r.disk, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r.makeKeys(t)
	r.station = newStation(t)
	r.station.publish(r.keys)
	r.config = r.station.config()
	return r
}

// powerOn boots the gate with its clock as it is without a battery, and with no network, and
// waits until it is closed for its clock.
func (r *remote) powerOn(t testing.TB) {
	t.Helper()
	home := folder(t)
	s := setup{
		files: map[string]string{"bin/railgated": filepath.Join(home, "bin/railgated"), "bin/railgate": filepath.Join(home, "bin/railgate")},
		plain: map[string]string{rootsPath + "/nation.root.json": r.station.root()},
		disk:  "file=" + r.disk, modules: []string{"virtio_blk", "crc32c_generic", "ext4"}, words: []string{"data=/dev/vda"},
	}
	r.station.wire(&s)
	r.launched = false
	r.machine = newMachine(t, s)
	r.cable(false)
	r.online()
	r.plug()
	r.until("the scanner is there", func() bool { return r.exists(scannerPort) })
	r.write(configPath, r.config, 0o644)
	r.ask("Time", r.boots, new(struct{}))
	r.launch()
	r.until("closed, with no time that it trusts", func() bool {
		if !strings.Contains(r.said(), "msg=ready") {
			return false
		}
		s := r.status()
		return s.Mode == "out_of_service" && !s.Clock.Trusted && s.Clock.Wall.Year() == r.boots.Year()
	})
}

// arrives is somebody who is there when the cable is plugged in, and shows code after code until
// the gate opens, and walks through. It tells how long that took, and the code that opened.
func (r *remote) arrives() (took time.Duration, code, certificate string) {
	r.t.Helper()
	codes := map[string]string{} // by their certificates: one that waits at the scanner may open after the next
	from := r.cable(true)
	r.until("the gate opens", func() bool {
		code, certificate := r.code()
		codes[certificate] = code
		r.scan(code)
		for shown := time.Now(); time.Since(shown) < 100*time.Millisecond && len(r.since(from, relayPin)) == 0; {
			time.Sleep(2 * time.Millisecond)
		}
		return len(r.since(from, relayPin)) > 0
	})
	took = r.raised(from).at.Sub(from)
	r.until("closed, and nobody waits any more", func() bool {
		last := time.Now()
		r.set(passagePin, true)
		time.Sleep(quiet)
		r.set(passagePin, false)
		time.Sleep(waits)
		return r.status().Mode == "closed" && len(r.since(last.Add(quiet), relayPin)) == 0
	})
	for certificate, code := range codes {
		if granted, _ := r.decided(certificate); granted > 0 {
			return took, code, certificate
		}
	}
	r.t.Fatalf("none of %d codes has a grant in the journal, and the relay was active", len(codes))
	return
}

// waits is for longer than a reading waits for its answer.
const waits = 1500 * time.Millisecond

// goesByTheStation wants a gate that works by the station's time, and by no other.
func (g *gate) goesByTheStation() {
	g.t.Helper()
	s := g.status()
	g.t.Logf("%s: %v", s.Health, s.Problems)
	if !s.Clock.Trusted || s.Clock.Source != "station" || !g.near(s.Clock.Time) || g.near(s.Clock.Wall) || s.Clock.Proven.After(time.Now()) {
		g.t.Errorf("clock %+v; want the station's time, a wrong wall clock, and nothing proven that has not come", s.Clock)
	}
}

// A gate of a station, without a battery for its clock and without a time daemon, works within
// two seconds of its link, whatever its clock said.
func TestClockComesFromTheStation(t *testing.T) {
	t.Parallel()
	for _, boots := range []time.Time{time.Unix(3600, 0), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)} {
		t.Run(fmt.Sprint("boots in ", boots.UTC().Year()), func(t *testing.T) {
			r := newRemote(t, boots)
			r.powerOn(t)
			r.station.enroll(r.gate)
			took, code, certificate := r.arrives()
			t.Logf("the first boot, which fetches keyset and station.json: opens %v after its link", ms(took))
			r.goesByTheStation()
			best := patience
			for range 3 {
				r.machine.clean()
				r.powerOn(t)
				took, _, _ := r.arrives()
				t.Logf("opens %v after its link", ms(took))
				r.goesByTheStation()
				if best = min(best, took); best < worksWithin {
					break
				}
			}
			if best >= worksWithin {
				t.Errorf("opens %v after its link at best; want less than %v", ms(best), worksWithin)
			}
			r.isSpent(code, certificate)
			r.inTurn(t)
		})
	}
}

const worksWithin = 2 * time.Second

// inTurn wants a whole journal: no record that is missing, none that was pruned.
func (r *remote) inTurn(t *testing.T) {
	t.Helper()
	records := r.journal()
	for i, rec := range records {
		if rec.Seq != uint64(i+1) || rec.Kind == journal.Pruned {
			t.Fatalf("record %d of %d: number %d, %s", i+1, len(records), rec.Seq, rec.Kind)
		}
	}
	if !slices.ContainsFunc(records, func(r journal.Record) bool { return r.Kind == journal.TimeAsked }) {
		t.Error("no record asks for the time")
	}
}

// Debian's time daemon is lied to, beside a station that tells the right time: the station
// wins, at once and for as long as the lie lasts. No passenger comes meanwhile whose code
// would tell.
func TestTheStationWinsOverALyingTimeServer(t *testing.T) {
	longWait(t)
	s := newStation(t)
	g := newSystem(t, s.config(), withTimesyncd, func(_ testing.TB, m *setup) {
		s.wire(m)
		m.plain["overlay"+rootsPath+"/nation.root.json"] = s.root()
	})
	s.publish(g.keys)
	serve := func(ahead time.Duration) {
		g.story.tell("hand", "has the time server say %v ahead", ahead)
		g.ask("Serve", time.Now().Add(ahead), new(struct{}))
	}
	var code, certificate string
	g.step("the station alone", func(t *testing.T) {
		g.ask("Time", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), new(struct{}))
		g.until("closed for its clock", func() bool {
			r := g.attempt("railgate", "status", "--json")
			return strings.Contains(r.Output, control.ClockNotSynchronised)
		})
		s.enroll(g)
		g.online()
		g.within(bootPatience, "the lane works", func() bool { return g.status().Mode == "closed" })
		g.goesByTheStation()
		code, certificate = g.passes()
	})
	for _, ahead := range []time.Duration{8 * time.Hour, -8 * time.Hour} {
		g.step(fmt.Sprintf("a time server that is %v ahead", ahead), func(t *testing.T) {
			serve(ahead)
			g.disputed(ahead)
			time.Sleep(70 * time.Second) // a jump that nobody disputes is believed after a minute
			g.disputed(ahead)
			g.passes()
			g.isSpent(code, certificate)
		})
	}
	g.step("a time server that is right", func(t *testing.T) {
		serve(0)
		g.right()
		g.passes()
		g.isSpent(code, certificate)
	})
}

// disputed waits until the gate disputes the system's clock, which is so far ahead, and wants it
// to work by the station's time.
func (g *gate) disputed(ahead time.Duration) {
	g.t.Helper()
	g.until("clock_disputed", func() bool {
		c := g.status().Clock
		return c.Disputed && (time.Until(c.Wall)-ahead).Abs() < 30*time.Second
	})
	g.goesByTheStation()
	if s := g.status(); s.Mode != "closed" || s.Health != control.Degraded {
		g.t.Errorf("disputed: %s, %s; want a lane that works, and degraded", s.Mode, s.Health)
	}
}
