package update

import (
	"strings"
	"testing"
	"time"
)

func TestWhenAReleaseHasProvedGood(t *testing.T) {
	begin := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	well := Sighting{Answers: true, Started: begin}
	crossed, broken, closed, silent, restarted := well, well, well, Sighting{}, well
	crossed.Passages = 1
	broken.Down = []string{"scanner front"}
	closed.Causes = []string{"keyset_missing"}
	restarted.Started = begin.Add(time.Minute)
	type look struct {
		at time.Duration
		s  Sighting
	}
	for _, tt := range []struct {
		name   string
		before Before
		looks  []look
		good   bool
		why    string
	}{
		{"somebody crossed", Before{}, []look{{0, well}, {time.Minute, crossed}}, true, ""},
		{"five minutes", Before{}, []look{{0, well}, {5 * time.Minute, well}}, true, ""},
		{"less", Before{}, []look{{0, well}, {5*time.Minute - 1, well}}, false, "five minutes"},
		{"no answer", Before{}, []look{{0, silent}, {5 * time.Minute, silent}}, false, "does not answer"},
		{"an answer after a while", Before{}, []look{{0, silent}, {time.Minute, well}, {5 * time.Minute, well}}, false, "five minutes"},
		{"it began again and again", Before{}, []look{{0, well}, {4 * time.Minute, restarted}, {8 * time.Minute, well}}, false, "five minutes"},
		{"a device is missing", Before{}, []look{{0, broken}, {5 * time.Minute, broken}}, false, "scanner front"},
		{"it was missing before", Before{Down: []string{"scanner front"}}, []look{{0, broken}, {5 * time.Minute, broken}}, true, ""},
		{"another was missing before", Before{Down: []string{"panel"}}, []look{{0, broken}, {5 * time.Minute, broken}}, false, "scanner front"},
		{"closed", Before{}, []look{{0, closed}, {5 * time.Minute, closed}}, false, "keyset_missing"},
		{"closed before", Before{Causes: []string{"keyset_missing"}}, []look{{0, closed}, {5 * time.Minute, closed}}, true, ""},
		{"somebody crossed before a scanner failed", Before{}, []look{{0, well}, {time.Minute, broken}}, false, "scanner front"},
		{"a gap", Before{}, []look{{0, well}, {4 * time.Minute, silent}, {5 * time.Minute, well}}, false, "five minutes"},
	} {
		p := Proof{Before: tt.before}
		good := false
		for _, l := range tt.looks {
			good = p.Look(l.at, l.s)
		}
		if good != tt.good || !good && !strings.Contains(p.Why(), tt.why) {
			t.Errorf("%s: %v, %q; want %v, %q", tt.name, good, p.Why(), tt.good, tt.why)
		}
	}
}
