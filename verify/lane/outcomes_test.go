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
		{"one got in", add(12, denied(verify.UnknownKey), granted), time.Minute, ""},
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
