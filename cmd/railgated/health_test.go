package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// Every device works and nobody gets in: a gate with another issuer's keyset is not well.
func TestAGateThatLetsNobodyInIsDegraded(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	d := s.start()
	old := s.signer
	s.makeKeys() // for the daemon to read before long; the phones' codes are still of the old one
	s.signer, old = old, s.signer
	d.until("the new keyset in use", func() bool { return strings.Count(d.log.String(), "keyset in use") == 2 })
	for n := range 12 {
		d.scan(d.code())
		d.waitFor(n+1, func(r *journal.Record) bool { return r.Decision == journal.Denied })
	}
	st := d.status()
	if problems := strings.Join(st.Problems, "; "); st.Health != control.Degraded || !strings.Contains(problems, "nobody gets in: 12") || !strings.Contains(problems, "railgate keys show") {
		t.Errorf("health %s, problems %s; want degraded, for the keyset", st.Health, problems)
	}
	if len(st.Causes) != 1 || st.Causes[0].Cause != "bad_signature" || st.Causes[0].Remedy != "railgate --config "+s.path("gate.toml")+" keys install KEYS.JSON" {
		t.Errorf("causes = %+v; want bad_signature with its remedy", st.Causes)
	}
	s.signer = old
	d.scan(d.code())
	d.wantPulses(1)
	d.until("healthy once somebody is in", func() bool { return d.status().Health == control.Healthy })
}

// Each of our reasons is in the table of causes, or telling it would end the daemon.
func TestEachOfOurReasonsIsACause(t *testing.T) {
	for _, r := range lane.Ours() {
		if c := control.NewCause(string(r), nobodyGetsIn(r, 12)); c.Severity != control.Degraded || c.Hands == "" && c.Remedy == "" {
			t.Errorf("%s: %+v", r, c)
		}
	}
}

// The alert that somebody stands before a closed lane has each of our reasons.
func TestTheAlertHasEachOfOurReasons(t *testing.T) {
	_, rule, _ := strings.Cut(readFile(t, "../../configs/prometheus/alerts.yml"), "alert: GateNobodyGetsIn")
	rule, _, _ = strings.Cut(rule, "for: ")
	_, names, _ := strings.Cut(rule, `cause=~"`)
	names, _, _ = strings.Cut(names, `"`)
	got := strings.Split(names, "|")
	for _, r := range lane.Ours() {
		if !slices.Contains(got, string(r)) {
			t.Errorf("the alert asks for %v, not for %s", got, r)
		}
	}
	if len(got) != len(lane.Ours()) {
		t.Errorf("the alert asks for %d causes; want %d", len(got), len(lane.Ours()))
	}
}

// A turnstile that clicks and does not move: every device is up, and nobody crosses.
func TestAGateOnWhichNobodyCrossesIsDegraded(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t, func(c string) string {
		return strings.Replace(strings.Replace(c, `passage_after = "20ms"`, `passage_after = "never"`, 1), `open_for = "1s"`, `open_for = "50ms"`, 1)
	})
	d := s.start()
	for n := range 10 {
		d.scan(d.code())
		d.waitFor(n+1, kind(journal.NoPassage))
	}
	st := d.status()
	if st.Health != control.Degraded || len(st.Causes) != 1 || st.Causes[0].Cause != "no_passage" || !strings.Contains(st.Causes[0].Hands, "turnstile") {
		t.Errorf("%s, %+v; want degraded, for nobody crosses", st.Health, st.Causes)
	}
	if _, text, _ := get(t, url+"/metrics"); !strings.Contains(text, `railgate_cause{cause="no_passage"} 1`) || !strings.Contains(text, `railgate_cause{cause="unknown_key"} 0`) {
		t.Errorf("metrics lack the cause, or have another:\n%s", text)
	}
	d.scan(d.code())
	if err := d.client().Sim(t.Context(), "walk", true); err != nil {
		t.Fatal(err)
	}
	d.until("healthy once somebody crosses", func() bool {
		if d.status().Health == control.Healthy {
			return true
		}
		d.scan(d.code())
		d.client().Sim(t.Context(), "walk", true)
		return false
	})
}

func TestTheSuspectedCauseIsNamed(t *testing.T) {
	for reason, want := range map[verify.Reason]string{
		verify.UnknownKey: "railgate keys show", verify.KeyNotValid: "too old", verify.CodeExpired: "railgate clock show", lane.TooLate: "disk", lane.NoPassage: "turnstile", verify.ClassNotAccepted: "classes", verify.BadProof: "rules", verify.LivenessExpired: "railgate clock show", lane.NoTicket: "manifest",
	} {
		if got := nobodyGetsIn(reason, 12); !strings.Contains(got, want) || !strings.Contains(got, string(reason)) {
			t.Errorf("%s: %s; want %s", reason, got, want)
		}
	}
}

// What keeps a lane closed has its name, its remedy, and the name that scripts knew it by.
func TestACauseHasItsRemedy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(*site)
		want   string
		health control.Health
	}{
		{"no keyset's file", func(s *site) { os.Remove(s.path("keys.json")) }, control.KeysetMissing, control.Degraded},
		{"no keyset", func(s *site) { os.Remove(s.path("keys.json")); s.forgetKeys() }, control.KeysetMissing, control.OutOfService},
		{"garbage", func(s *site) { s.write("keys.json", "garbage"); s.forgetKeys() }, control.KeysetInvalid, control.OutOfService},
		{"no scanner", func(s *site) { s.unplug() }, control.ScannerDown, control.OutOfService},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, "")
			s.work()
			tt.damage(s)
			d := s.start()
			var causes []string
			d.until("told "+tt.want, func() bool {
				causes = nil
				for _, c := range d.status().Causes {
					causes = append(causes, c.Cause)
					if m, ok := control.MeaningOf(c.Cause); !ok || c.Remedy == "" || c.Why == "" || c.Alias != m.Alias || time.Since(c.Since).Abs() > time.Minute {
						t.Errorf("cause %+v; want it of the table, with a remedy and its beginning", c)
					}
				}
				return slices.Contains(causes, tt.want)
			})
			if h := d.status().Health; h != tt.health {
				t.Errorf("%s, with causes %v; want %s", h, causes, tt.health)
			}
		})
	}
}

// forgetKeys removes the copy of the last keyset.
func (s *site) forgetKeys() {
	if err := os.Remove(s.path("data/" + control.KeptKeysetName)); err != nil {
		s.t.Fatal(err)
	}
}
