package lane

import (
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// At one instant a burst is journaled one by one, and then so many a second.
func TestHowManyDenialsAreJournaledOneByOne(t *testing.T) {
	for _, tt := range []struct {
		name          string
		verdict       verify.Verdict
		burst, second int
	}{
		{"what nobody signed", verify.Verdict{Reason: verify.BadSignature}, 100, 10},
		{"what somebody signed", verify.Verdict{Reason: verify.CodeExpired, Signed: true}, 500, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry())
			deny := func(n int) (single int) {
				p.records = nil
				for range n {
					p.feed(Judged{Verdict: tt.verdict})
				}
				for _, r := range p.records {
					if r.Count == 0 {
						single++
					}
				}
				return single
			}
			p.wait(time.Hour) // nothing is saved up beyond the burst
			if got := deny(600); got != tt.burst {
				t.Errorf("%d of 600 at once are journaled one by one; want %d", got, tt.burst)
			}
			if got := deny(1); got != 0 {
				t.Error("one more is")
			}
			p.now += time.Second
			if got := deny(60); got != tt.second {
				t.Errorf("%d are a second later; want %d", got, tt.second)
			}
		})
	}
}

func TestGarbageAndSignedCodesHaveAllowancesOfTheirOwn(t *testing.T) {
	p := newPlay(t, entry())
	for range 500 {
		p.feed(Judged{Verdict: verify.Verdict{Reason: verify.CodeExpired, Signed: true}})
	}
	for range 100 {
		p.feed(Judged{Verdict: verify.Verdict{Reason: verify.Malformed}})
	}
	if len(p.records) != 600 {
		t.Errorf("%d records; want 500 and 100", len(p.records))
	}
}

// Counted denials come a second after the first of them, a line for each reason.
func TestCountedDenials(t *testing.T) {
	p := newPlay(t, entry())
	deny := func(n int, r verify.Reason) {
		for range n {
			p.feed(Judged{Verdict: verify.Verdict{Reason: r}})
		}
	}
	deny(103, verify.Malformed)
	p.now += 50 * time.Millisecond
	deny(2, verify.UnknownKey)
	p.records = nil
	p.wait(950*time.Millisecond - 1)
	if len(p.records) != 0 {
		t.Errorf("%d records before the second is over; want none", len(p.records))
	}
	p.wait(1)
	want := journal.Record{Seq: 101, Time: noon.Add(time.Second), Kind: journal.Decision, Decision: journal.Denied, Reason: "malformed", Direction: "entry", Count: 3, Detail: "too many to record one by one"}
	if len(p.records) != 2 || p.records[0] != want || p.records[1].Reason != "unknown_key" || p.records[1].Count != 2 {
		t.Errorf("records = %+v; want 3 malformed, 2 of an unknown key", p.records)
	}
	if p.NextWake() != 50*time.Millisecond+denialShown {
		t.Errorf("the lane wakes at %v; want when the last denial's words are over", p.NextWake())
	}
}

// A code whose time was over stays denied when the clock goes back; the next one opens.
func TestACodeWhoseTimeWasOverStaysDenied(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(p.as(code, func(v *verify.Verdict) { v.Reason = verify.CodeExpired }))
	p.wait(10 * time.Second)
	p.log = nil
	p.read(p.as(code, func(v *verify.Verdict) { v.Reason = verify.OK }))
	p.want("show already_used", "denied already_used")
	p.read(p.code("a", 1))
	p.want("granted ok", "open", "show ok")
}

// What is remembered of a code that is denied: only what the time said, and no more than
// was proven.
func TestWhatIsRememberedOfADeniedCode(t *testing.T) {
	issued := noon.Add(-time.Hour)
	full := verify.Verdict{
		Signed: true, Certificate: "cti", Class: verify.Temporary, Rotation: verify.ByChain, Slot: 3,
		IssuedAt: issued, Begins: issued.Add(3 * time.Minute), Ends: issued.Add(4*time.Minute + 10*time.Second), Expires: issued.Add(24 * time.Hour),
	}
	use := journal.Use{Role: journal.Entry, Certificate: "cti", IssuedAt: issued.Unix(), Slot: 3, Begins: full.Begins.Unix()}
	unproven := use
	unproven.Begins = issued.Unix()
	for _, tt := range []struct {
		name   string
		change func(v *verify.Verdict, now *Instant)
		want   *journal.Use
		until  time.Time
	}{
		{"code_expired", func(v *verify.Verdict, _ *Instant) { v.Reason = verify.CodeExpired }, &use, full.Ends.Add(spentFor)},
		{"liveness_expired", func(v *verify.Verdict, _ *Instant) { v.Reason = verify.LivenessExpired }, &unproven, full.Expires.Add(spentFor)},
		{"certificate_expired", func(v *verify.Verdict, _ *Instant) { v.Reason = verify.CertificateExpired }, &unproven, full.Expires.Add(spentFor)},
		{"certificate_expired before the code's end", func(v *verify.Verdict, _ *Instant) {
			v.Reason, v.Expires = verify.CertificateExpired, v.Begins
		}, &unproven, full.Ends.Add(spentFor)},
		{"not_yet_valid", func(v *verify.Verdict, _ *Instant) { v.Reason = verify.NotYetValid }, nil, time.Time{}},
		{"bad_proof", func(v *verify.Verdict, _ *Instant) { v.Reason = verify.BadProof }, nil, time.Time{}},
		{"revoked", func(v *verify.Verdict, _ *Instant) { v.Reason = verify.Revoked }, nil, time.Time{}},
		{"paper", func(v *verify.Verdict, _ *Instant) { v.Reason, v.Rotation = verify.CertificateExpired, verify.Static }, nil, time.Time{}},
		{"a clock that is not trusted", func(v *verify.Verdict, now *Instant) { v.Reason, now.Trusted = verify.CodeExpired, false }, nil, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, now := full, Instant{Mono: time.Hour, Wall: noon, Trusted: true}
			tt.change(&v, &now)
			_, effects := newPlay(t, entry()).Step(Judged{Verdict: v}, now)
			got := only[Journal](t, effects)
			if (got.Use == nil) != (tt.want == nil) || got.Use != nil && *got.Use != *tt.want || !got.Until.Equal(tt.until) {
				t.Errorf("%+v until %v; want %+v until %v", got.Use, got.Until, tt.want, tt.until)
			}
		})
	}
}
