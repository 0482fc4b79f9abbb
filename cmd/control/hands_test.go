package control

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// A command that only looks mends nothing: what to do stands beside it.
func TestWhatNoCommandMendsIsDoneByHand(t *testing.T) {
	looks := regexp.MustCompile(`^(dmesg|ls|gpioinfo|du|journalctl|ip|ss|editor|sudo|\{keyset\}|\{railgate\} (watch|status|clock show|sync))( |$)`)
	for _, m := range Meanings() {
		switch h := hands[m.Cause]; {
		case h == "" && looks.MatchString(m.Remedy):
			t.Errorf("%s: %q only looks; want what to do by hand", m.Cause, m.Remedy)
		case h != "" && (!strings.HasSuffix(h, ".") || strings.ContainsAny(h, "|`\n")):
			t.Errorf("%s: %q; want sentences, for a row of a table", m.Cause, h)
		}
	}
	for _, table := range []map[string]string{hands, proofs} {
		for id := range table {
			if _, ok := MeaningOf(id); !ok {
				t.Errorf("%s: no such cause", id)
			}
		}
	}
}

func TestACauseHasItsProof(t *testing.T) {
	c := NewCause(ScannerMissing, "seen", "{config}", "/srv/a b.toml")
	if c.Proof != "railgate --config '/srv/a b.toml' watch    # a line for each code that is shown" || !strings.Contains(c.Hands, "plug") {
		t.Errorf("%+v; want what to do, and the command that proves it", c)
	}
	if c := NewCause(DataMissing, "seen"); c.Proof != "railgate doctor" || c.Hands != "" {
		t.Errorf("%+v; want the doctor, and nothing to do by hand", c)
	}
}

// Who keeps the clock decides what mends one that is before what is proven.
func TestAClockBelowWhatIsProvenHasTheRemedyOfItsKeeper(t *testing.T) {
	for _, tt := range []struct {
		name          string
		keeper        Keeper
		remedy, hands string
	}{
		{"network time is off", Keeper{}, "timedatectl set-ntp true && railgate clock show", "network cable"},
		{"and the clock is at 1970", Keeper{BeforeBuild: true}, "timedatectl set-ntp true && railgate clock show", "network cable"},
		{"a time server that gives 1970", Keeper{Synced: true, BeforeBuild: true}, "timedatectl timesync-status", "timesyncd.conf"},
		{"no station", Keeper{Synced: true}, `railgate clock accept "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --why `, "time server"},
		{"a station", Keeper{Synced: true, Station: true}, `railgate clock accept "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --why `, "station's server"},
	} {
		c := BelowProven("seen", tt.keeper)
		if c.Cause != ClockBelowFloor || !strings.HasPrefix(c.Remedy, tt.remedy) || !strings.Contains(c.Hands, tt.hands) || c.Proof != "railgate clock show" {
			t.Errorf("%s: %+v; want %q, %q", tt.name, c, tt.remedy, tt.hands)
		}
	}
}

// A command is one that a shell reads, whatever the gate's files are called, and nothing is left
// to fill in but KEYS.JSON, which a person has.
func TestEachCommandCanBePasted(t *testing.T) {
	odd := "/srv/it's \"a\" $(b) `c`;d&e|f>g\\h"
	names := []string{"{config}", odd + ".toml", "{keys}", odd + ".json", "{data}", odd, "{user}", "a b", "{group}", "c d", "{device_group}", "e f", "{line}", "7",
		"{etc_keys}", odd, "{drop_ins}", odd, "{device}", odd, "{file}", odd}
	left := regexp.MustCompile(`\{[a-z_]+\}`)
	for _, m := range Meanings() {
		c := NewCause(m.Cause, "seen", names...)
		below := BelowProven("seen", Keeper{Synced: true, Station: true}, names...)
		for _, command := range []string{c.Remedy, c.Proof, NewCause(m.Cause, "seen", append(names, "{sync}", "x")...).Remedy, below.Remedy} {
			if left.MatchString(command) || strings.ContainsAny(command, "\n<") {
				t.Errorf("%s: %s; want nothing left to fill in", m.Cause, command)
			}
			if out, err := exec.Command("sh", "-n", "-c", command).CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v %s", m.Cause, command, err, out)
			}
		}
		if left.MatchString(c.Hands) {
			t.Errorf("%s: %s; want nothing left to fill in", m.Cause, c.Hands)
		}
	}
}
