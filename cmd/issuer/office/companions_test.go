package office

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"railgate/verify"
)

// numberOf is a good card's number of somebody born on a day, as yyyymmdd, the nth there.
func numberOf(born string, n int) string {
	body := fmt.Sprintf("110105%s%03d", born, n)
	sum, weight := 0, 1<<17
	for i := range body {
		sum += int(body[i]-'0') * (weight % 11)
		weight /= 2
	}
	return body + string("10X98765432"[sum%11])
}

// family is an office with a signed-in guardian, who may add companions.
type family struct {
	t     *testing.T
	o     *Office
	token string
}

func newFamily(t *testing.T) *family {
	o := newOffice(t, t.TempDir())
	_, token := signedIn(t, o, "guardian")
	return &family{t, o, token}
}

func (f *family) guardian() Session { f.t.Helper(); return session(f.t, f.o, f.token) }

func child(n int) Form {
	return Form{Name: "林小满", Document: ResidentCard, Number: numberOf("20200601", n), Confirmed: true}
}

// adds adds a companion, whose session comes back.
func (f *family) adds(form Form) Session {
	f.t.Helper()
	if err := f.o.AddCompanion(form, f.guardian()); err != nil {
		f.t.Fatal(err)
	}
	all, err := f.o.Companions(f.guardian())
	if err != nil || len(all) == 0 {
		f.t.Fatalf("%d companions, %v", len(all), err)
	}
	return f.forOne(all[len(all)-1].ID)
}

func (f *family) forOne(id string) Session {
	f.t.Helper()
	who, err := f.o.For(f.guardian(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return who
}

func TestR21WhoMayBeACompanion(t *testing.T) {
	f := newFamily(t)
	now := f.o.Now().In(RailwayTime)
	born := func(years, days int) string { return now.AddDate(-years, 0, days).Format("20060102") }
	with := func(change func(*Form)) Form { form := child(1); change(&form); return form }
	for _, tt := range []struct {
		name string
		form Form
		want Reason
	}{
		{"a child", child(1), ""},
		{"18 tomorrow", with(func(f *Form) { f.Number = numberOf(born(18, 1), 2) }), ""},
		{"18 today", with(func(f *Form) { f.Number = numberOf(born(18, 0), 3) }), NotCompanion},
		{"60 tomorrow", with(func(f *Form) { f.Number = numberOf(born(60, 1), 4) }), NotCompanion},
		{"60 today", with(func(f *Form) { f.Number = numberOf(born(60, 0), 5) }), ""},
		{"the guardian does not confirm", with(func(f *Form) { f.Confirmed = false }), NotGuardian},
		{"a passport", with(func(f *Form) { f.Document = "passport" }), NotResidentCard},
		{"a number with a slip", with(func(f *Form) { f.Number = "110105202006010019" }), BadNumber},
		{"no name", with(func(f *Form) { f.Name = " " }), Incomplete},
		{"who is there already, typed wide", with(func(f *Form) { f.Number = "  " + f.Number }), CompanionKnown},
		{"oneself", goodForm(), CompanionKnown},
	} {
		err := f.o.AddCompanion(tt.form, f.guardian())
		if want := Deny(tt.want); tt.want == "" && err != nil || tt.want != "" && !errors.Is(err, want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
	if err := f.o.AddCompanion(child(9), visitor(t, f.o)); !errors.Is(err, Deny(SignedOut)) {
		t.Errorf("a visitor: %v; want that one signs in first", err)
	}
	if err := f.o.AddCompanion(child(9), Session{over: true}); !errors.Is(err, Deny(SignInOver)) {
		t.Errorf("whose sign-in is over: %v", err)
	}
}

func TestR21UpToFiveCompanions(t *testing.T) {
	f := newFamily(t)
	for n := range mostCompanions {
		f.adds(child(n + 1))
	}
	if err := f.o.AddCompanion(child(6), f.guardian()); !errors.Is(err, Deny(TooManyCompanions)) {
		t.Fatalf("the sixth: %v; want %s", err, TooManyCompanions)
	}
	all, err := f.o.Companions(f.guardian())
	if err != nil || len(all) != mostCompanions {
		t.Fatalf("%d companions, %v", len(all), err)
	}
	if err := f.o.DropCompanion(all[2].ID, f.guardian()); err != nil {
		t.Fatal(err)
	}
	f.adds(child(6))
	if _, err := f.o.For(f.guardian(), all[2].ID); !errors.Is(err, Deny(NoCompanion)) {
		t.Errorf("who was taken away: %v", err)
	}
	if left, _ := f.o.Companions(f.guardian()); len(left) != 5 || left[2].ID != all[3].ID || left[4].Person.Number != child(6).Number {
		t.Errorf("%d are left: %+v; want the others, in their order", len(left), left)
	}
}

// Two tabs that add at once do not make six.
func TestR21AddedInTwoTabs(t *testing.T) {
	f := newFamily(t)
	before := f.guardian()
	f.adds(child(1))
	if err := f.o.AddCompanion(child(2), before); err == nil {
		t.Error("what another tab did not see is written over")
	}
	if all, _ := f.o.Companions(f.guardian()); len(all) != 1 {
		t.Errorf("%d companions; want the first tab's", len(all))
	}
}

// Each companion has a certificate and a count (R6) of their own; the guardian's are untouched.
func TestR21EachHasACertificateAndACountOfTheirOwn(t *testing.T) {
	f := newFamily(t)
	a, b := f.adds(child(1)), f.adds(child(2))
	mine := mustPass(t, f.o, f.guardian(), "apply", verify.ByIssuer)
	var ids []verify.CertificateID
	midMonth(t, f.o)
	for range perMonth {
		ids = append(ids, mustPass(t, f.o, a, "apply", verify.ByIssuer).ID)
		if err := f.o.Advance(validFor); err != nil {
			t.Fatal(err)
		}
	}
	if why := f.fails(a, "apply"); why != MonthlyLimit {
		t.Errorf("the fourth of one companion: %q; want %s", why, MonthlyLimit)
	}
	other, own := mustPass(t, f.o, b, "apply", verify.ByIssuer), mustPass(t, f.o, f.guardian(), "apply", verify.ByIssuer)
	if other.ID == ids[2] || own.ID == mine.ID || own.ID == other.ID {
		t.Error("two people have one certificate")
	}
	for who, want := range map[*Session]string{&b: child(2).Number, new(f.guardian()): goodForm().Number} {
		c, p, err := f.o.Shown(*who)
		if err != nil || p.Number != want {
			t.Errorf("shown %v of %+v, %v; want that of %s", c, p, err, want)
		}
	}
	_, claims, _, err := f.o.Credential(Proof{}, b)
	if err != nil || claims.Holder != f.o.vault.holder(ResidentCard, child(2).Number) || claims.Certificate != other.ID {
		t.Errorf("claims of %x, %x, %v; want the companion's", claims.Holder, claims.Certificate, err)
	}
	if other.Guardian != f.o.vault.holder(ResidentCard, goodForm().Number) || own.Guardian != "" {
		t.Errorf("guardians %x and %x; want who acted for the companion on record", other.Guardian, own.Guardian)
	}
	all, err := f.o.Companions(f.guardian())
	if err != nil {
		t.Fatal(err)
	}
	if h, err := f.o.History(f.forOne(all[0].ID)); err != nil || len(h) != perMonth+1 {
		t.Errorf("%d lines of the companion's history, %v; want the companion's alone", len(h), err)
	}
}

// fails is why an errand is denied, its check included.
func (f *family) fails(who Session, kind string) Reason {
	f.t.Helper()
	var d Denied
	ticket, err := f.o.Begin(kind, Form{City: "北京"}, verify.ByIssuer, who)
	if err == nil {
		_, err = checks(f.t, f.o, ticket, "passes", who)
	}
	if !errors.As(err, &d) {
		f.t.Fatalf("%v; want a denial", err)
	}
	return d.Reason
}

// The check of a companion's errand is the guardian's, whatever the form says.
func TestR21TheGuardianIsChecked(t *testing.T) {
	f := newFamily(t)
	a := f.adds(child(1))
	for n, begin := range []func() ([]byte, error){
		func() ([]byte, error) {
			return f.o.Begin("apply", Form{Name: "王五", Document: "passport", Number: "E1", City: "北京"}, verify.ByIssuer, a)
		},
		func() ([]byte, error) { return f.o.Recheck(a) },
	} {
		ticket, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		var e errand
		plain, err := f.o.vault.open(ticket, inTicket)
		if err != nil || fileDecoding.Unmarshal(plain, &e) != nil {
			t.Fatal(err)
		}
		if e.Person.Number != goodForm().Number || e.subject().Number != child(1).Number {
			t.Errorf("%s is checked for %s; want the guardian, for the child", e.Person.Number, e.subject().Number)
		}
		if n == 0 {
			mustPass(t, f.o, a, "apply", verify.ByIssuer)
		}
	}
	if !f.guardian().account.Proven {
		t.Error("the guardian's check does not count as the account's own person's")
	}
}

// Somebody else than the guardian was checked: the words are a guardian's, and it counts as a failure.
func TestR21SomebodyElseIsCheckedForACompanion(t *testing.T) {
	f := newFamily(t)
	a := f.adds(child(1))
	for n := range failuresAtMost {
		_, err := f.o.Check(t.Context(), depart(t, f.o, mustBegin(t, f.o, "apply", a), a), Answer{Code: "passes", State: "王五|1"}, a)
		if got := reasonOf(t, err); got != GuardianMismatch {
			t.Fatalf("try %d: %s; want %s", n+1, got, GuardianMismatch)
		}
	}
	if _, _, err := f.o.Depart(t.Context(), mustBegin(t, f.o, "apply", a), "", a); reasonOf(t, err) != CheckTooMany {
		t.Errorf("once more: %v; want %s", err, CheckTooMany)
	}
}

// A companion's certificate is seen in the guardian's own session alone, until the guardian signs
// out or takes the companion away.
func TestR21WhoSeesACompanionsCertificate(t *testing.T) {
	f := newFamily(t)
	a := f.adds(child(1))
	c := mustPass(t, f.o, a, "apply", verify.ByIssuer)
	id := func() string { all, _ := f.o.Companions(f.guardian()); return all[0].ID }
	if got, _, err := f.o.Shown(f.forOne(id())); err != nil || got.ID != c.ID {
		t.Fatalf("the guardian is shown %v, %v", got, err)
	}
	if _, _, err := f.o.Shown(f.guardian()); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("as one's own: %v; want that the child's is not the guardian's", err)
	}
	second, _ := signedIn(t, f.o, "guardian") // another browser
	elsewhere, err := f.o.For(second, id())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.o.Shown(elsewhere); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("in another browser: %v; want a check first", err)
	}
	stranger, _ := signedIn(t, f.o, "stranger")
	if _, err := f.o.For(stranger, id()); !errors.Is(err, Deny(NoCompanion)) {
		t.Errorf("another account: %v", err)
	}
	if _, err := f.o.For(visitor(t, f.o), id()); !errors.Is(err, Deny(SignedOut)) {
		t.Errorf("a visitor: %v", err)
	}
	if err := f.o.SignOut(f.guardian()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.o.Shown(a); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("after signing out: %v", err)
	}
	_, f.token = signedIn(t, f.o, "guardian")
	b := f.forOne(id())
	if got := mustPass(t, f.o, b, "view", verify.ByIssuer); got.ID != c.ID {
		t.Errorf("viewed again: %s; want %s", got.ID, c.ID)
	}
	if err := f.o.DropCompanion(id(), f.guardian()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.o.Shown(b); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("of who was taken away: %v", err)
	}
}

// Whoever knows an elder's name and number, and passes a check as themselves, does not get to see
// the certificate that the elder applied for, nor take it from the elder's phone.
func TestR21ACompanionsOwnCertificateIsNotTaken(t *testing.T) {
	f := newFamily(t)
	elder := child(1)
	elder.Number = numberOf("19450601", 1)
	a := f.adds(elder)
	phone := visitor(t, f.o)
	elder.City = "北京"
	ticket, err := f.o.Begin("apply", elder, verify.ByIssuer, phone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checks(t, f.o, ticket, "passes", phone)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"view", "apply"} {
		if why := f.fails(a, kind); why != HeldByAnother {
			t.Errorf("%s: %q; want %s", kind, why, HeldByAnother)
		}
		if _, _, err := f.o.Shown(a); !errors.Is(err, Deny(VerifyAgain)) {
			t.Errorf("%s: the guardian is shown it, or: %v", kind, err)
		}
		if got, _, err := f.o.Shown(phone); err != nil || got.ID != c.ID {
			t.Errorf("%s: the elder's phone is shown %v, %v", kind, got, err)
		}
	}
	if err := f.o.Advance(validFor - reapplyIn); err != nil {
		t.Fatal(err)
	}
	if got := mustPass(t, f.o, a, "apply", verify.ByIssuer); got.ID == c.ID {
		t.Error("in the last 3 hours: the elder's own certificate")
	}
	if got, _, err := f.o.Shown(phone); err != nil || got.ID != c.ID {
		t.Errorf("the elder's phone is shown %v, %v; want its own, which is valid still", got, err)
	}

	// The guardian's phone is lost: it is the guardian's one that is revoked, of the two.
	held := credential(t, f.o, a)
	ticket, err = f.o.Begin("revoke", Form{Confirmed: true}, verify.ByIssuer, a)
	if err == nil {
		_, err = checks(t, f.o, ticket, "passes", a)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := atGate(t, f.o, soon(t, f.o), held, f.o.Now()); got != verify.Revoked {
		t.Errorf("what the guardian's phone holds: %s; want %s", got, verify.Revoked)
	}
	if got, _, err := f.o.Shown(phone); err != nil || got.ID != c.ID {
		t.Errorf("the elder's phone is shown %v, %v; want its own, which the guardian did not apply for", got, err)
	}
}

// elderly is somebody with a phone of their own, whose name and number a guardian knows.
func elderly() Form {
	form := child(1)
	form.Number, form.City = numberOf("19450601", 1), "北京"
	return form
}

// byThemselves is an application for a certificate from a visitor's phone.
func (f *family) byThemselves(form Form, phone Session) *Certificate {
	f.t.Helper()
	return mustPassAs(f.t, f.o, phone, "apply", form, verify.ByIssuer)
}

// A guardian whose application is denied, for the companion has had three in the month, does not
// get to see the one that the companion applied for, nor takes it from the companion's phone.
func TestR21ADeniedGuardianSeesNoCertificateOfTheCompanionsOwn(t *testing.T) {
	f := newFamily(t)
	midMonth(t, f.o)
	_, f.token = signedIn(t, f.o, "guardian-later")
	a, phone := f.adds(elderly()), visitor(t, f.o)
	var c *Certificate
	for range perMonth {
		if c != nil {
			if err := f.o.Advance(validFor - reapplyIn); err != nil {
				t.Fatal(err)
			}
		}
		c = f.byThemselves(elderly(), phone)
	}
	if err := f.o.Advance(validFor - reapplyIn); err != nil {
		t.Fatal(err)
	}
	if why := f.fails(a, "revoke"); why != HeldByAnother {
		t.Errorf("the guardian revokes: %q; want %s", why, HeldByAnother)
	}
	if why := f.fails(a, "apply"); why != MonthlyLimit {
		t.Errorf("in the last 3 hours of the third: %q; want %s", why, MonthlyLimit)
	}
	if got, _, err := f.o.Shown(a); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("the guardian is shown %v, %v; want nothing", got, err)
	}
	if got, _, err := f.o.Shown(phone); err != nil || got.ID != c.ID || !got.From.IsZero() {
		t.Errorf("the elder's phone is shown %+v, %v; want its own, of which nothing is void", got, err)
	}
}

// Of a companion's history a guardian sees what that guardian applied for, and the holder all.
func TestR21AGuardianSeesNoHistoryOfTheCompanionsOwn(t *testing.T) {
	f := newFamily(t)
	a, phone := f.adds(elderly()), visitor(t, f.o)
	mustPass(t, f.o, f.guardian(), "apply", verify.ByIssuer) // which proves the account
	lines := func(want int, when string) {
		t.Helper()
		all, err := f.o.Companions(f.guardian())
		if err != nil {
			t.Fatal(err)
		}
		if h, err := f.o.History(f.forOne(all[0].ID)); err != nil || len(h) != want {
			t.Errorf("%s: %d lines, %v; want %d", when, len(h), err, want)
		}
	}
	f.byThemselves(elderly(), phone)
	lines(0, "the elder has applied")
	if err := f.o.Advance(validFor); err != nil {
		t.Fatal(err)
	}
	mustPass(t, f.o, a, "apply", verify.ByIssuer)
	lines(1, "the guardian has applied")
	rec, err := f.o.register.person(f.o.vault.holder(ResidentCard, elderly().Number))
	if err != nil || len(rec.Dossier.history(true, "", f.o.Now())) != 2 {
		t.Errorf("%+v, %v; want that the elder sees both", rec, err)
	}
}

// The phone of a guardian is lost, and the companion has applied for a newer certificate on a phone
// of their own: the guardian's is revoked, and the newer one stays.
func TestR21AGuardianRevokesTheEarlierOfTwo(t *testing.T) {
	f := newFamily(t)
	a, phone := f.adds(elderly()), visitor(t, f.o)
	mustPass(t, f.o, a, "apply", verify.ByIssuer)
	if err := f.o.Advance(validFor - reapplyIn); err != nil {
		t.Fatal(err)
	}
	if got := mustPass(t, f.o, a, "view", verify.ByIssuer); got == nil {
		t.Fatal("the guardian sees nothing")
	}
	held := credential(t, f.o, a)
	c := f.byThemselves(elderly(), phone)
	theirs := credential(t, f.o, phone)
	ticket, err := f.o.Begin("revoke", Form{Confirmed: true}, verify.ByIssuer, a)
	if err == nil {
		_, err = checks(t, f.o, ticket, "passes", a)
	}
	if err != nil {
		t.Fatalf("the guardian revokes: %v", err)
	}
	list := soon(t, f.o)
	if got := atGate(t, f.o, list, held, f.o.Now()); got != verify.Revoked {
		t.Errorf("what the guardian's phone holds: %s; want %s", got, verify.Revoked)
	}
	if got := atGate(t, f.o, list, theirs, f.o.Now()); got != verify.OK {
		t.Errorf("what the elder's phone holds: %s; want %s", got, verify.OK)
	}
	if got, _, err := f.o.Shown(phone); err != nil || got.ID != c.ID {
		t.Errorf("the elder's phone is shown %v, %v", got, err)
	}
}

// A child grows up: the next certificate is applied for with one's own phone.
func TestR21ACompanionWhoGrewUp(t *testing.T) {
	f := newFamily(t)
	form := child(1)
	form.Number = numberOf(f.o.Now().In(RailwayTime).AddDate(-18, 0, 1).Format("20060102"), 1)
	a := f.adds(form)
	mustPass(t, f.o, a, "apply", verify.ByIssuer)
	if err := f.o.Advance(25 * time.Hour); err != nil {
		t.Fatal(err)
	}
	a = f.forOne(func() string { all, _ := f.o.Companions(f.guardian()); return all[0].ID }())
	if why := f.fails(a, "apply"); why != NotCompanion {
		t.Errorf("at 18: %q; want %s", why, NotCompanion)
	}
}

// An infant without a card is sent to the window.
func TestR23AnInfantWithoutACard(t *testing.T) {
	f := newFamily(t)
	err := f.o.AddCompanion(Form{Name: "林小宝", Document: NoCard, Confirmed: true}, f.guardian())
	if !errors.Is(err, Deny(NoCardYet)) || NoCardYet.Words().Next != "window" {
		t.Errorf("%v, next %q; want the window", err, NoCardYet.Words().Next)
	}
}
