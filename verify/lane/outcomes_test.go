package lane

import (
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

func TestALaneThatLetsNobodyInSaysWhy(t *testing.T) {
	denied := func(r verify.Reason) journal.Record {
		return journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: string(r)}
	}
	granted := journal.Record{Kind: journal.Decision, Decision: journal.Granted, Reason: "ok"}
	passed, nobody := journal.Record{Kind: journal.Passage}, journal.Record{Kind: journal.NoPassage}
	checked := journal.Record{Kind: journal.Decision, Decision: journal.Granted, Direction: "check"}
	staff := journal.Record{Kind: journal.ServiceBegin, Decision: journal.Granted}
	late := journal.Record{Kind: journal.TooLate}
	add := func(n int, records ...journal.Record) func(*Outcomes) {
		return func(o *Outcomes) {
			for i := range n {
				for _, r := range records {
					o.Add(r, time.Duration(i)*time.Second)
				}
			}
		}
	}
	for _, tt := range []struct {
		name string
		fill func(*Outcomes)
		now  time.Duration
		want verify.Reason
	}{
		{"another issuer's keyset", add(10, denied(verify.UnknownKey)), 10 * time.Second, verify.UnknownKey},
		{"nine say nothing", add(9, denied(verify.UnknownKey)), 10 * time.Second, ""},
		{"a passenger's fault", add(50, denied("already_used")), time.Minute, ""},
		{"noise", add(50, denied(verify.Malformed)), time.Minute, ""},
		{"one got in", add(12, denied(verify.UnknownKey), granted, passed), time.Minute, ""},
		{"one is walking", add(12, denied(verify.UnknownKey), granted), time.Minute, verify.UnknownKey},
		{"a check, which nobody crosses", add(12, denied(verify.UnknownKey), checked), time.Minute, ""},
		{"staff take the lane over", add(12, denied(verify.UnknownKey), staff), time.Minute, verify.UnknownKey},
		{"a turnstile that does not move", add(12, granted, nobody), time.Minute, NoPassage},
		{"one who went back, of many", add(12, granted, passed, granted, nobody), time.Minute, ""},
		{"the clock is half an hour fast", add(12, denied(verify.LivenessExpired)), time.Minute, verify.LivenessExpired},
		{"the clock is twenty minutes fast", add(6, denied(verify.LivenessExpired), denied(verify.CodeExpired)), time.Minute, verify.CodeExpired},
		{"the clock is a day fast", add(12, denied(verify.CertificateExpired)), time.Minute, verify.CertificateExpired},
		{"a class that the lane does not take", add(12, denied(verify.ClassNotAccepted)), time.Minute, verify.ClassNotAccepted},
		{"an issuer's other rules", add(12, denied(verify.BadClaims)), time.Minute, verify.BadClaims},
		{"revoked certificates", add(12, denied(verify.Revoked)), time.Minute, ""},
		{"a disk that takes seconds", add(12, granted, late), time.Minute, TooLate},
		{"the clock is wrong", add(12, denied(verify.CodeExpired)), time.Minute, verify.CodeExpired},
		{"not most of them", add(10, denied(verify.CodeExpired), denied(verify.Malformed), denied("already_used")), time.Minute, ""},
		{"five minutes ago", add(10, denied(verify.UnknownKey)), 9*time.Second + outcomesFor + 1, ""},
		{"the last of them still counts", add(10, denied(verify.UnknownKey)), outcomesFor, verify.UnknownKey},
		{"a flood of noise after them", func(o *Outcomes) {
			add(10, denied(verify.UnknownKey))(o)
			add(outcomesKept, denied(verify.Malformed))(o)
		}, time.Minute, ""},
	} {
		var o Outcomes
		tt.fill(&o)
		if got, _ := o.Fault(tt.now); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
		if len(o.recent) > outcomesKept {
			t.Errorf("%s: %d are kept", tt.name, len(o.recent))
		}
	}
}

func TestOutcomesRows(t *testing.T) {
	denied := func(r verify.Reason) journal.Record {
		return journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: string(r)}
	}
	granted, passed := journal.Record{Kind: journal.Decision, Decision: journal.Granted}, journal.Record{Kind: journal.Passage}
	late := journal.Record{Kind: journal.TooLate}
	many := func(n int, r journal.Record) (all []journal.Record) {
		for range n {
			all = append(all, r)
		}
		return all
	}
	for _, tt := range []struct {
		name    string
		records [][]journal.Record
		want    verify.Reason
		n       int
	}{
		{"one of thirteen got in", [][]journal.Record{many(12, denied(verify.UnknownKey)), {granted, passed}}, "", 0},
		{"exactly half of them", [][]journal.Record{many(10, denied(verify.UnknownKey)), many(10, denied(verify.Malformed))}, "", 0},
		{"one more than half", [][]journal.Record{many(11, denied(verify.UnknownKey)), many(10, denied(verify.Malformed))}, verify.UnknownKey, 11},
		{"two got in, one too late", [][]journal.Record{many(12, denied(verify.UnknownKey)), {granted, passed, granted, late}}, "", 0},
		{"one got in before those that were denied, and was too late", [][]journal.Record{{granted}, many(12, denied(verify.UnknownKey)), {late}}, verify.UnknownKey, 12},
		{"all too late", [][]journal.Record{many(12, granted), many(12, late)}, TooLate, 12},
		{"a record that decides nothing", [][]journal.Record{many(12, journal.Record{Kind: journal.Forced, Reason: string(verify.UnknownKey)})}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var o Outcomes
			now := time.Hour
			for _, rs := range tt.records {
				for _, r := range rs {
					o.Add(r, now)
				}
			}
			if got, n := o.Fault(now + outcomesFor); got != tt.want || n != tt.n {
				t.Errorf("Fault = %q, %d; want %q, %d", got, n, tt.want, tt.n)
			}
			if got, n := o.Fault(now + outcomesFor + 1); got != "" || n != 0 {
				t.Errorf("Fault five minutes later = %q, %d; want none", got, n)
			}
		})
	}
}

func TestAFloodPushesTheOldestOutcomeOut(t *testing.T) {
	var o Outcomes
	o.Add(journal.Record{Kind: journal.Decision, Decision: journal.Granted}, 0)
	o.Add(journal.Record{Kind: journal.Passage}, 0)
	for range outcomesKept - 1 {
		o.Add(journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: "unknown_key"}, 0)
	}
	if got, n := o.Fault(0); got != "" || n != 0 {
		t.Errorf("Fault = %q, %d; want none, for one got in", got, n)
	}
	o.Add(journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: "unknown_key"}, 0)
	if got, n := o.Fault(0); got != verify.UnknownKey || n != outcomesKept {
		t.Errorf("Fault = %q, %d; want unknown_key, %d: the oldest is gone, and no other", got, n, outcomesKept)
	}
}
