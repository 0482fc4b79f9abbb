package clock

import (
	"os"
	"strings"
	"testing"
	"time"
)

const year = 365 * 24 * time.Hour

// faults are the rows of docs/security.md's table "When the clock is wrong": the
// first cell is name, the second is see.
var faults = []struct {
	name string
	see  string
	// play plays the fault in a world of its own, to the instant at which its cause is
	// gone. What the passengers met is in the world's tally.
	play func() *world
	want tally         // the most seconds that were not granted; granted counts nothing
	well time.Duration // the most that it takes from then on
}{
	{
		name: "boot in 1970",
		see:  "lane closed, until the time daemon or the station has the time",
		play: func() *world {
			w := newWorld(-56 * year)
			w.pass(10 * time.Minute)
			w.off, w.synced = 0, true
			return w
		},
		want: tally{closed: 600}, well: time.Second,
	},
	{
		name: "boot in 2099",
		see:  "lane closed, until the time daemon or the station has the time",
		play: func() *world {
			w := newWorld(73 * year)
			w.pass(10 * time.Minute)
			w.off, w.synced = 0, true
			return w
		},
		want: tally{closed: 600}, well: time.Second,
	},
	{
		name: "boot in 2099, and a time server says so too",
		see:  "every code denied as out of date, until a minute after the server is right",
		play: func() *world {
			w := newWorld(73 * year)
			w.synced, w.crowd = true, true
			w.pass(10 * time.Minute)
			w.off = 0
			return w
		},
		want: tally{denied: 600}, well: 62 * time.Second,
	},
	{
		name: "boot a year back, and a time server says so too",
		see:  "lane closed, until the server is right",
		play: func() *world {
			w := newWorld(-year)
			w.synced = true
			w.pass(10 * time.Minute)
			w.off = 0
			return w
		},
		want: tally{closed: 600}, well: time.Second,
	},
	{
		name: "a year back while running",
		see:  "nothing: holdover goes on, for 28 hours",
		play: func() *world {
			w := running()
			w.off = -year
			w.pass(24 * time.Hour)
			w.off = 0
			return w
		},
		well: 0,
	},
	{
		name: "+8 h for a minute",
		see:  "nothing: holdover goes on",
		play: func() *world {
			w := running()
			w.crowd = false
			w.off = 8 * time.Hour
			w.pass(time.Minute)
			w.off = 0
			return w
		},
		well: 0,
	},
	{
		name: "+8 h from now on",
		see:  "nothing: their codes contradict the new time, and holdover goes on for 28 hours",
		play: func() *world {
			w := running()
			w.off = 8 * time.Hour
			w.pass(24 * time.Hour)
			w.off = 0
			return w
		},
		well: 0,
	},
	{
		name: "+8 h from now on, at night",
		see:  "the first code denied; it contradicts the new time, and the old one counts again",
		play: func() *world {
			w := running()
			w.crowd, w.off = false, 8*time.Hour
			w.pass(5 * time.Hour)
			w.crowd, w.seen = true, tally{}
			w.pass(time.Hour)
			w.off = 0
			return w
		},
		want: tally{denied: 8}, well: 0,
	},
	{
		name: "+1 year for 3 s, then a restart",
		see:  "nothing: holdover goes on, over the restart too",
		play: func() *world {
			w := running()
			w.off = year
			w.pass(3 * time.Second)
			w.restart()
			w.off = 0
			w.pass(time.Minute)
			w.restart()
			return w
		},
		well: 0,
	},
	{
		name: "+100 days for 70 s, at night",
		see:  "the last 10 s denied, if anybody is there",
		play: func() *world {
			w := running()
			w.crowd = false
			w.off = 100 * 24 * time.Hour
			w.pass(70 * time.Second)
			w.off = 0
			return w
		},
		want: tally{denied: 10}, well: 0,
	},
	{
		name: "a leap second",
		see:  "nothing",
		play: func() *world {
			w := running()
			w.off = -time.Second
			w.pass(time.Hour)
			w.off = 0
			return w
		},
		well: 0,
	},
	{
		name: "90 s jump while running",
		see:  "nothing: their codes contradict the new time, and holdover goes on for 28 hours",
		play: func() *world {
			w := running()
			w.off = 90 * time.Second
			w.pass(time.Hour)
			w.off = 0
			return w
		},
		well: 0,
	},
	{
		name: "90 s jump that mends a clock which was wrong",
		see:  "a minute longer denied, then nothing",
		play: func() *world {
			w := running()
			w.off, w.slew = 0, -6000 // slower than what is noticed
			w.pass(15000 * time.Second)
			w.slew, w.seen = 0, tally{}
			w.off = 0
			return w
		},
		well: 62 * time.Second,
	},
	{
		name: "slewed by 90 s within minutes",
		see:  "nothing: a slew is a jump as well",
		play: func() *world {
			w := running()
			w.slew = 83333 // chrony's fastest
			w.pass(18 * time.Minute)
			w.slew, w.off = 0, 0
			return w
		},
		well: 0,
	},
	{
		name: "200 ppm",
		see:  "nothing while the time daemon has a server",
		play: func() *world {
			w := running()
			w.ppm = 200
			w.pass(24 * time.Hour)
			return w
		},
		well: 0,
	},
	{
		name: "no battery clock and no network for three days",
		see:  "lane closed, until the network is back",
		play: func() *world {
			w := running()
			w.truth = w.truth.Add(10 * time.Minute)
			w.off, w.synced, w.crowd = -10*time.Minute, false, false // systemd goes on from the file's time
			w.reboot()
			w.pass(72 * time.Hour)
			w.off, w.synced = 0, true
			return w
		},
		want: tally{closed: 72 * 3600}, well: time.Second,
	},
	{
		name: "no network for three days while running",
		see:  "nothing for 28 hours, then lane closed until the network is back",
		play: func() *world {
			w := running()
			w.ppm, w.synced = 40, false
			w.pass(72 * time.Hour)
			w.off, w.synced = 0, true
			return w
		},
		want: tally{closed: 72*3600 - 99_990}, well: time.Second,
	},
	{
		name: "suspend and resume",
		see:  "nothing",
		play: func() *world {
			w := running()
			w.sleep(3*time.Hour, true)
			w.pass(time.Minute)
			return w
		},
		well: 0,
	},
	{
		name: "suspend and resume, without a battery clock",
		see:  "codes denied as too early, until a minute after the time daemon has set the clock",
		play: func() *world {
			w := running()
			w.synced, w.crowd = false, false
			w.sleep(3*time.Hour, false)
			w.pass(time.Minute)
			w.off, w.synced = 0, true
			return w
		},
		want: tally{denied: 60}, well: 62 * time.Second,
	},
}

func TestClockFaults(t *testing.T) {
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			w := tt.play()
			if w.err != nil {
				t.Fatal(w.err)
			}
			if w.seen.denied > tt.want.denied || w.seen.closed > tt.want.closed {
				t.Errorf("passengers met %+v; want at most %+v", w.seen, tt.want)
			}
			if tt.want != (tally{}) && w.seen.denied+w.seen.closed == 0 {
				t.Errorf("passengers met nothing; want the fault")
			}
			w.pass(tt.well)
			if w.observe(); !w.right() {
				t.Errorf("%v after its cause is gone: off by %v, %+v", tt.well, w.wrong(), w.trust.State())
			}
			// And it stays so: nothing is left that needs a command.
			w.seen = tally{}
			w.pass(time.Hour)
			if w.err != nil || w.seen.granted != 3600 || w.trust.State().Source != Synchronised {
				t.Errorf("an hour later: %+v, %+v, %v", w.seen, w.trust.State(), w.err)
			}
		})
	}
}

// The documents' table names the same faults, and says the same of them.
func TestClockFaultsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text2, found := strings.Cut(string(text), "\n## When the clock is wrong\n")
	if !found {
		t.Fatal("docs/security.md has no section \"When the clock is wrong\"")
	}
	section, _, _ := strings.Cut(text2, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) > 4 && !strings.Contains(line, "---") {
			rows = append(rows, []string{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])})
		}
	}
	if len(rows) != len(faults)+1 {
		t.Fatalf("%d rows; want a head and %d faults", len(rows), len(faults))
	}
	for i, row := range rows[1:] {
		if row[0] != faults[i].name || row[1] != faults[i].see {
			t.Errorf("row %d is %q; want %q, %q", i+1, row, faults[i].name, faults[i].see)
		}
	}
}
