package office

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// noon is a moment that is far from the end of a month.
var noon = time.Date(2026, 11, 10, 12, 0, 0, 0, RailwayTime)

var everyClass = verify.Rules{Classes: []verify.Class{1, 2, 3}}

func goodForm() Form {
	return Form{Name: "李雷", Document: ResidentCard, Number: "11010519491231002X", Confirmed: true, City: "北京"}
}

// apply is an approved or denied application by a session, ids counted up.
func apply(d *dossier, session string, at time.Time) (*Certificate, Reason) {
	id := verify.CertificateID(fmt.Sprintf("cert%04d", len(d.Applications)))
	return d.apply(id, verify.ByChain, session, "", at)
}

func mustApply(t *testing.T, d *dossier, session string, at time.Time) *Certificate {
	t.Helper()
	c, r := apply(d, session, at)
	if r != "" {
		t.Fatalf("at %v: denied, %s", at, r)
	}
	return c
}

func TestR5CertificateIsValidFor24Hours(t *testing.T) {
	var d dossier
	c := mustApply(t, &d, "s", noon)
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{-time.Second, false}, {0, true}, {24*time.Hour - time.Second, true}, {24 * time.Hour, false}} {
		if got := c.valid(noon.Add(tt.after)); got != tt.want {
			t.Errorf("%v after the approval: valid %v; want %v", tt.after, got, tt.want)
		}
	}
	claims := c.claims("holder01", noon)
	if claims.Expires-claims.IssuedAt != 86400 {
		t.Errorf("a code's certificate lasts %d s; want 86400", claims.Expires-claims.IssuedAt)
	}
}

func TestR6ThreeApprovalsACalendarMonth(t *testing.T) {
	day := 24 * time.Hour
	first := time.Date(2026, 11, 1, 0, 0, 0, 0, RailwayTime) // still October in Greenwich
	var d dossier
	mustApply(t, &d, "s", first.Add(-time.Second)) // October's
	mustApply(t, &d, "s", first.Add(day))
	mustApply(t, &d, "s", first.Add(3*day))
	if c, r := d.reverify("s", first.Add(3*day+time.Hour)); c == nil {
		t.Fatalf("viewing: %s", r)
	}
	if _, r := apply(&d, "s", first.Add(3*day+time.Hour)); r != StillValid {
		t.Fatalf("while one is valid: %q", r)
	}
	mustApply(t, &d, "s", first.Add(6*day)) // viewing and a denial used none
	for _, at := range []time.Time{first.Add(9 * day), first.AddDate(0, 1, 0).Add(-time.Second)} {
		if _, r := apply(&d, "s", at); r != MonthlyLimit {
			t.Errorf("the fourth, at %v: %q; want %q", at, r, MonthlyLimit)
		}
	}
	if w := MonthlyLimit.Words(); w.Next != "window" {
		t.Errorf("the fourth is sent to %q; want the police window", w.Next)
	}
	mustApply(t, &d, "s", first.AddDate(0, 1, 0)) // December, in Shanghai
}

// The month is Shanghai's, of its year.
func TestR6TheMonthIsShanghais(t *testing.T) {
	begins, ends := time.Date(2026, 10, 31, 16, 0, 0, 0, time.UTC), time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]int{begins.AddDate(-1, 0, 1): 0, begins.Add(-1): 0, begins: 1, ends.Add(-1): 1, ends: 0} {
		d := dossier{Certificates: []Certificate{{Approved: at}}}
		if got := d.approvedIn(begins.AddDate(0, 0, 9)); got != want {
			t.Errorf("approved at %v, it counts %d times in November 2026; want %d", at, got, want)
		}
	}
}

// A check that was passed serves to see the valid certificate, whatever the reason why
// the application is denied.
func TestR7ADeniedApplicantSeesTheValidOne(t *testing.T) {
	var d dossier
	for _, days := range []int{-6, -4, 0} {
		mustApply(t, &d, "old", noon.AddDate(0, 0, days))
	}
	for after, want := range map[time.Duration]Reason{time.Hour: StillValid, 22 * time.Hour: MonthlyLimit} {
		at := noon.Add(after)
		c, r := apply(&d, "new"+string(want), at)
		if c != nil || r != want {
			t.Fatalf("after %v: %v, %q; want %q", after, c, r, want)
		}
		seen := d.seenBy("new" + string(want))
		if seen != d.last() || !seen.Live.Equal(at) || d.seenBy("old") != nil && seen == d.seenBy("old") {
			t.Errorf("after %v, denied for %s: sees %+v; want the valid one, checked at %v", after, r, seen, at)
		}
	}
}

func TestR7AgainInTheLast3Hours(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  Reason
	}{
		{"at once", time.Second, StillValid},
		{"a second before the last 3 hours", 21*time.Hour - time.Second, StillValid},
		{"as the last 3 hours begin", 21 * time.Hour, ""},
		{"a second before the end", 24*time.Hour - time.Second, ""},
		{"at the end", 24 * time.Hour, ""},
	} {
		var d dossier
		mustApply(t, &d, "s", noon)
		if _, r := apply(&d, "s", noon.Add(tt.after)); r != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, r, tt.want)
		}
	}
	var d dossier
	mustApply(t, &d, "s", noon)
	second := mustApply(t, &d, "s", noon.Add(22*time.Hour))
	if c := d.current(noon.Add(23 * time.Hour)); c == nil || c.ID != second.ID {
		t.Errorf("while both are valid %v is shown; want the newer", c)
	}
	mustApply(t, new(dossier), "s", noon) // another person's counts for nothing
}

func TestR8CodesChangeEvery60SecondsAndAtOnce(t *testing.T) {
	var d dossier
	c := mustApply(t, &d, "s", noon)
	keys := benchKeys(t, noon)
	show := func(at time.Time) string { return sign(t, keys, c.claims("holder01", at), at).Text() }
	keyset := keysetOf(t, keys)
	text := show(noon)
	for _, tt := range []struct {
		after time.Duration
		want  verify.Reason
	}{{0, verify.OK}, {60 * time.Second, verify.OK}, {70*time.Second - 1, verify.OK}, {70 * time.Second, verify.CodeExpired}} {
		if v := verify.Decide(text, keyset, everyClass, noon.Add(tt.after)); v.Reason != tt.want {
			t.Errorf("%v after: %s; want %s", tt.after, v.Reason, tt.want)
		}
	}
	if again := show(noon.Add(time.Second)); again == text {
		t.Error("refreshed a second later, the code is the same")
	}
	if codePeriod != time.Duration(keys.Issuer.Period)*time.Second || liveFor != time.Duration(keys.Issuer.Liveness)*time.Second || validFor != time.Duration(keys.Issuer.Validity)*time.Second {
		t.Error("the keyset tells gates other times than the rules have")
	}
}

func TestR9ThirtyMinutesAfterTheCheckNoCode(t *testing.T) {
	var d dossier
	c := mustApply(t, &d, "s", noon)
	for _, tt := range []struct {
		after time.Duration
		want  Reason
	}{{0, ""}, {30*time.Minute - time.Second, ""}, {30 * time.Minute, LivenessDue}, {24 * time.Hour, CertificateEnded}} {
		if got := c.MayShow(noon.Add(tt.after)); got != tt.want {
			t.Errorf("%v after the check: %q; want %q", tt.after, got, tt.want)
		}
	}
	later := noon.Add(40 * time.Minute)
	if c, r := d.reverify("s", later); r != "" || c.MayShow(later) != "" || c.MayShow(later.Add(30*time.Minute)) != LivenessDue {
		t.Errorf("after a new check: %v, %q; want codes for another 30 minutes", c, r)
	}
}

func TestR10NobodyVerifiesWhatIsNotThere(t *testing.T) {
	var d dossier
	if c, r := d.reverify("s", noon); c != nil || r != NoCertificate {
		t.Errorf("with nothing on record: %v, %q; want %q", c, r, NoCertificate)
	}
	mustApply(t, &d, "s", noon)
	if c, r := d.reverify("s", noon.Add(24*time.Hour)); c != nil || r != CertificateEnded {
		t.Errorf("after its end: %v, %q; want %q", c, r, CertificateEnded)
	}
	d.last().Session = "" // the page was closed
	if c := d.seenBy(""); c != nil {
		t.Errorf("nobody's session sees %+v", c)
	}
}

// The wire has whole seconds: a certificate that was approved within one begins with it.
func TestR5ApprovedInWholeSeconds(t *testing.T) {
	var d dossier
	c := mustApply(t, &d, "s", noon.Add(700*time.Millisecond))
	if !c.Approved.Equal(noon) || !c.Live.Equal(noon) || !d.Applications[0].Time.Equal(noon) || d.Applications[0].Certificate != c.ID {
		t.Errorf("%+v, %+v; want both of noon, and of one certificate", c, d.Applications[0])
	}
	if p := paperClaims("holder01", "paper001", noon.Add(700*time.Millisecond)); p.IssuedAt != mint.Seconds(noon) || p.Live != p.IssuedAt || p.Expires != p.IssuedAt+86400 {
		t.Errorf("paper: %+v; want it issued and live at noon, for a day", p)
	}
}

func TestR10AClosedPageMustVerifyAgain(t *testing.T) {
	var d dossier
	mustApply(t, &d, "first page", noon)
	if d.seenBy("first page") == nil {
		t.Fatal("the page that applied does not see the certificate")
	}
	for _, session := range []string{"", "second page"} {
		if d.seenBy(session) != nil {
			t.Errorf("session %q sees it without a check", session)
		}
	}
	if c, r := d.reverify("second page", noon.Add(time.Hour)); r != "" || d.seenBy("second page") != c {
		t.Errorf("after a check the second page does not see it: %s", r)
	}
	if d.seenBy("first page") != nil {
		t.Error("two pages see it: one person holds one phone")
	}
}

func TestR11HistoryOfAMonthForSignedInUsers(t *testing.T) {
	var d dossier
	mustApply(t, &d, "s", noon.AddDate(0, -1, -1))
	mustApply(t, &d, "s", noon.AddDate(0, -1, 0)) // exactly a month ago
	mustApply(t, &d, "s", noon.AddDate(0, 0, -2))
	apply(&d, "s", noon.AddDate(0, 0, -2).Add(time.Minute)) // denied
	got := d.history(true, "", noon)
	if len(got) != 3 || got[0].Denied != StillValid || !got[2].Time.Equal(noon.AddDate(0, -1, 0)) {
		t.Errorf("history %+v; want the last month's three, newest first", got)
	}
	if got := d.history(false, "", noon); got != nil {
		t.Errorf("a visitor sees %+v", got)
	}
}

// The month is the calendar's, to the end of its last day.
func TestR11TheMonthEndsWithItsDay(t *testing.T) {
	day := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, RailwayTime)
	}
	for _, tt := range []struct {
		applied, now time.Time
		want         bool
	}{
		{day(3, 1, 0), day(4, 1, 0), true},
		{day(3, 1, 0), day(4, 1, 23), true},
		{day(3, 1, 23), day(4, 2, 0), false},
		{day(3, 1, 12), day(3, 31, 12), true},
		{day(2, 28, 0), day(3, 31, 23), true}, // there is no 31 February
		{day(2, 27, 23), day(3, 31, 0), false},
		{day(2, 28, 0), day(3, 29, 0), true},
		{day(2, 28, 23), day(3, 28, 23), true},
		{day(1, 31, 0), day(2, 28, 23), true},
		{time.Date(2025, 12, 31, 0, 0, 0, 0, RailwayTime), day(1, 31, 23), true},
	} {
		since := monthsBefore(tt.now, 1)
		if hour, minute, second := since.Clock(); hour+minute+second+since.Nanosecond() != 0 {
			t.Errorf("a month before %v is %v; want the beginning of a day", tt.now, since)
		}
		d := dossier{Applications: []Application{{Time: tt.applied}}}
		if got := len(d.history(true, "", tt.now)) == 1; got != tt.want {
			t.Errorf("of %v, at %v: seen %v; want %v", tt.applied, tt.now, got, tt.want)
		}
	}
}

func TestR15RunsOutOnTheWay(t *testing.T) {
	var d dossier
	c := mustApply(t, &d, "s", noon)
	arrival := noon.Add(25 * time.Hour)
	if got := c.MayShow(arrival); got != CertificateEnded {
		t.Errorf("on arrival: %q; want %q", got, CertificateEnded)
	}
	if d.seenBy("s") != c {
		t.Error("the page cannot tell its passenger that it has ended")
	}
	if _, r := d.reverify("s", arrival); r != CertificateEnded {
		t.Errorf("verifying again: %q; it helps no more", r)
	}
	if w := CertificateEnded.Words(); w.Next != "apply" {
		t.Errorf("the passenger is offered %q; want to apply again", w.Next)
	}
	mustApply(t, &d, "s", arrival)
}

func TestR16PaperFromThePoliceWindow(t *testing.T) {
	keys := benchKeys(t, noon)
	text := sign(t, keys, paperClaims("holder01", "paper001", noon), noon).Text()
	keyset := keysetOf(t, keys)
	for _, tt := range []struct {
		after time.Duration
		want  verify.Reason
	}{{0, verify.OK}, {5 * time.Hour, verify.OK}, {24*time.Hour - time.Second, verify.OK}, {24 * time.Hour, verify.CertificateExpired}} {
		v := verify.Decide(text, keyset, everyClass, noon.Add(tt.after))
		if v.Reason != tt.want || v.Class != verify.Paper || v.Rotation != verify.Static {
			t.Errorf("%v after: %s, class %d, %v; want %s, paper, static", tt.after, v.Reason, v.Class, v.Rotation, tt.want)
		}
	}
	for _, r := range []Reason{NotResidentCard, MonthlyLimit} {
		if w := r.Words(); w.Next != "window" {
			t.Errorf("%s: sent to %q; want the police window", r, w.Next)
		}
	}
}

func TestEveryReasonHasItsWords(t *testing.T) {
	for r, d := range denials {
		if d.Chinese == "" || d.English == "" || d.Do == "" || d.DoEnglish == "" {
			t.Errorf("%s lacks words: %+v", r, d)
		}
	}
}

func TestDossierForgets(t *testing.T) {
	var d dossier
	for i := range 5 {
		mustApply(t, &d, "s", noon.AddDate(0, -4+i, 0))
	}
	for range 100 {
		apply(&d, "s", noon.Add(time.Minute)) // denied
	}
	if !d.prune(noon.Add(time.Hour)) || len(d.Certificates) != 3 || len(d.Applications) != 32 {
		t.Errorf("%d certificates, %d applications; want 3, 32", len(d.Certificates), len(d.Applications))
	}
	apply(&d, "s", noon.Add(time.Minute))
	last := d.Applications[32]
	if d.prune(noon.Add(time.Hour)); len(d.Applications) != 32 || d.Applications[31] != last {
		t.Errorf("one more: %d applications, the last %+v; want 32, the newest", len(d.Applications), d.Applications[len(d.Applications)-1])
	}
	one := dossier{Applications: []Application{{Time: noon, Denied: MonthlyLimit}}}
	if !one.prune(noon.Add(time.Hour)) {
		t.Error("a dossier of one application is forgotten")
	}
	if d.prune(noon.AddDate(0, 3, 0)) {
		t.Errorf("three months later there is still %+v", d)
	}
}

func benchKeys(t *testing.T, now time.Time) *mint.KeyFile {
	t.Helper()
	f := mint.NewKeyFile("bench")
	f.Version = 1
	if err := f.AddKey(verify.EdDSA, now.Add(-time.Hour), now.AddDate(0, 0, 30), everyClass.Classes...); err != nil {
		t.Fatal(err)
	}
	return f
}

func sign(t *testing.T, f *mint.KeyFile, c verify.Claims, at time.Time) verify.Credential {
	t.Helper()
	s, err := f.Signer(verify.EdDSA, verify.Temporary, at)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := s.Issue(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func keysetOf(t *testing.T, f *mint.KeyFile) *verify.Keyset {
	t.Helper()
	keys, err := f.Keyset()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
