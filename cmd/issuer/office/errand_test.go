package office

import (
	"errors"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
)

// reasonOf is the reason of a denial, or a failure of the test.
func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	var d Denied
	if err != nil && !errors.As(err, &d) {
		t.Fatal(err)
	}
	return d.Reason
}

func TestR1R3R12WhatAnErrandAsksFor(t *testing.T) {
	o := newOffice(t, t.TempDir())
	user, _ := signedIn(t, o, "owner")
	nowhere, unconfirmed, empty := goodForm(), goodForm(), Form{City: "北京"}
	nowhere.City, unconfirmed.Confirmed = "", false
	for _, tt := range []struct {
		name, kind string
		form       Form
		who        Session
		want       Reason
	}{
		{"a visitor applies", "apply", goodForm(), visitor(t, o), ""},
		{"a visitor applies from nowhere", "apply", nowhere, visitor(t, o), NoLocation},
		{"a visitor views from nowhere", "view", nowhere, visitor(t, o), ""},
		{"a visitor does not confirm", "apply", unconfirmed, visitor(t, o), NotConfirmed},
		{"a visitor does not confirm, viewing", "view", unconfirmed, visitor(t, o), NotConfirmed},
		{"a visitor fills in nothing", "apply", Form{Document: ResidentCard, City: "北京", Confirmed: true}, visitor(t, o), Incomplete},
		{"a user fills in nothing", "apply", empty, user, ""},
		{"a user applies from nowhere", "apply", Form{}, user, NoLocation},
		{"a user views", "view", Form{}, user, ""},
		{"nobody", "apply", goodForm(), Session{}, SessionEnded},
	} {
		ticket, err := o.Begin(tt.kind, tt.form, verify.ByChain, tt.who)
		if got := reasonOf(t, err); got != tt.want || (ticket == nil) != (tt.want != "") {
			t.Errorf("%s: %q and a ticket of %d bytes; want %q", tt.name, got, len(ticket), tt.want)
		}
	}
}

// What a user types is not looked at: an account acts for its own person.
func TestR12AnAccountActsForItsOwnPerson(t *testing.T) {
	o := newOffice(t, t.TempDir())
	user, _ := signedIn(t, o, "owner")
	f := Form{Name: "韩梅梅", Document: "passport", Number: "440106198803052464", City: "北京"}
	ticket, err := o.Begin("apply", f, verify.ByDevice, user)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checks(t, o, ticket, "passes", user)
	if err != nil || c.Rotation != verify.ByDevice {
		t.Fatal(c, err)
	}
	if _, p, err := o.Shown(user); err != nil || p.Name != goodForm().Name || p.Number != goodForm().Number || p.Document != ResidentCard {
		t.Errorf("the certificate is of %+v, %v; want the account's person", p, err)
	}
}

func TestAnErrandEndsWithItsTimeAndItsSession(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	now := o.Now().Truncate(time.Second)
	begin := func() []byte {
		ticket, err := o.Begin("apply", goodForm(), verify.ByChain, who)
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	stale := func(name string, ticket []byte, who Session) {
		t.Helper()
		if c, err := checks(t, o, ticket, "passes", who); c != nil || reasonOf(t, err) != CheckStale {
			t.Errorf("%s: %v, %v; want %s", name, c, err, CheckStale)
		}
	}
	stale("another session's", begin(), visitor(t, o))
	stale("nobody's", begin(), Session{})
	stale("nonsense", []byte("nonsense"), who)
	stale("nothing", nil, who)
	of, err := o.sealed(Person{Name: "李雷"}, inAccount)
	if err != nil {
		t.Fatal(err)
	}
	stale("what is sealed for another purpose", of, who)
	over, err := o.sealed(errand{Kind: "apply", Session: who.ID, Until: now.Unix()}, inTicket)
	if err != nil {
		t.Fatal(err)
	}
	stale("over at this second", over, who)
	late := begin()
	if err := o.Advance(10*time.Minute + time.Second); err != nil {
		t.Fatal(err)
	}
	stale("of ten minutes ago", late, who)
	if c, err := checks(t, o, begin(), "passes", who); err != nil || c == nil {
		t.Errorf("a fresh one: %v", err)
	}
}

func TestR4EachAnswerOfTheCheck(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	for _, tt := range []struct {
		checker Checker
		how     string
		want    Reason
	}{
		{&fakeCheck{}, "fails", CheckFailed},
		{&fakeCheck{}, "not_alive", CheckNotAlive},
		{&fakeCheck{}, "times_out", CheckTimedOut},
		{&fakeCheck{}, "cancels", CheckCancelled},
		{&fakeCheck{}, "unavailable", CheckUnavailable},
		{&fakeCheck{}, "hangs", CheckUnavailable},
		{&fakeCheck{away: true}, "passes", CheckUnavailable},
		{&fakeCheck{}, "stale", CheckStale},
		{&fakeCheck{}, "lies", CheckNotTaken},
		{&fakeCheck{}, "breaks", CheckNotTaken},
		{closedCheck{}, "", NoCheck},
		{&fakeCheck{}, "passes", ""},
		{&fakeCheck{}, "passes", StillValid},
	} {
		o.checker = tt.checker
		ticket, err := o.Begin("apply", goodForm(), verify.ByChain, who)
		if err != nil {
			t.Fatal(err)
		}
		c, err := checks(t, o, ticket, tt.how, who)
		if got := reasonOf(t, err); got != tt.want || (c == nil) != (tt.want != "") {
			t.Errorf("%T %s: %v, %q; want %q", tt.checker, tt.how, c, got, tt.want)
		}
		_, _, err = o.Shown(who)
		if seen := err == nil; seen != (tt.want == "" || tt.want == StillValid) {
			t.Errorf("%T %s: the certificate is seen %v", tt.checker, tt.how, seen)
		}
	}
	if _, err := (closedCheck{}).Finish(t.Context(), nil, "", Answer{}); !errors.Is(err, ErrNoCheck) {
		t.Errorf("a closed check finishes with %v; want %v", err, ErrNoCheck)
	}
}

// Whoever is seen must be the errand's person, by name and by number.
func TestR4TheCheckSeesTheErrandsPerson(t *testing.T) {
	o := newOffice(t, t.TempDir())
	for state, want := range map[string]Reason{
		"李雷|11010519491231002X": "", " 李 雷 |１１０１０５19491231002x": "",
		"王五|11010519491231002X": CheckMismatch, "李雷|440106198803052464": CheckMismatch, "|": CheckMismatch, "李雷|": CheckMismatch, "|11010519491231002X": CheckMismatch,
	} {
		who := visitor(t, o)
		_, err := o.Check(t.Context(), depart(t, o, mustBegin(t, o, "apply", who), who), Answer{Code: "passes", State: state}, who)
		if got := reasonOf(t, err); got != want && (want != "" || got != StillValid) {
			t.Errorf("%q: %q; want %q", state, got, want)
		}
		if err := o.register.db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket(failuresBucket).Delete([]byte(o.vault.holder(ResidentCard, "11010519491231002X")))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if (Seen{Name: "李雷"}).is(Person{Name: "李雷"}) {
		t.Error("nobody's number is taken for nobody's")
	}
}

// A trip is of one errand, and its answer is taken once: the nonce is a hash of the errand.
func TestR4AnAnswerIsOfOneErrandAndTakenOnce(t *testing.T) {
	o := newOffice(t, t.TempDir())
	fake := &fakeCheck{}
	o.checker = fake
	who := visitor(t, o)
	passes := Answer{Code: "passes", State: "李雷|11010519491231002X"}
	first, second := depart(t, o, mustBegin(t, o, "apply", who), who), depart(t, o, mustBegin(t, o, "apply", who), who)
	if len(fake.nonces) != 2 || fake.nonces[0] == fake.nonces[1] || len(fake.nonces[0]) < 43 {
		t.Errorf("two errands' nonces are %q", fake.nonces)
	}
	a, err := o.openErrand(first, who)
	if err != nil {
		t.Fatal(err)
	}
	b, err := o.openErrand(second, who)
	if err != nil {
		t.Fatal(err)
	}
	b.Trip = a.Trip
	swapped, err := o.sealed(b, inTicket)
	if err != nil {
		t.Fatal(err)
	}
	for name, ticket := range map[string][]byte{"another errand's trip": swapped, "no trip": mustBegin(t, o, "apply", who)} {
		if c, err := o.Check(t.Context(), ticket, passes, who); c != nil || reasonOf(t, err) != CheckNotTaken && reasonOf(t, err) != CheckStale {
			t.Errorf("%s: %v, %v; want it refused", name, c, err)
		}
	}
	if _, err := o.Check(t.Context(), first, passes, who); err != nil {
		t.Fatal(err)
	}
	if c, err := o.Check(t.Context(), first, passes, who); c != nil || reasonOf(t, err) != CheckStale {
		t.Errorf("again: %v, %v; want %s", c, err, CheckStale)
	}
	if _, _, err := o.Depart(t.Context(), first, "", visitor(t, o)); reasonOf(t, err) != CheckStale {
		t.Errorf("another session departs: %v; want %s", err, CheckStale)
	}
}

// The time of a trip begins with it, and is the errand's.
func TestAnErrandMayTakeTenMinutesAtTheProvider(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	ticket := mustBegin(t, o, "apply", who)
	advance := func(d time.Duration) {
		t.Helper()
		if err := o.Advance(d); err != nil {
			t.Fatal(err)
		}
	}
	advance(9 * time.Minute)
	away := depart(t, o, ticket, who)
	advance(9 * time.Minute)
	passes := Answer{Code: "passes", State: "李雷|11010519491231002X"}
	if _, err := o.Check(t.Context(), away, passes, who); err != nil {
		t.Errorf("nine minutes at the provider: %v", err)
	}
	away = depart(t, o, mustBegin(t, o, "view", who), who)
	advance(10*time.Minute + time.Second)
	if _, err := o.Check(t.Context(), away, passes, who); reasonOf(t, err) != CheckStale {
		t.Errorf("more than ten: %v; want %s", err, CheckStale)
	}
}

// Checks that do not pass count for their person, from whatever phone: the fifth is the last
// of an hour. What the provider or the network does wrong does not count, nor a passenger who
// turns back, and a check that passes ends the count.
func TestR4TooManyFailuresOfOnePerson(t *testing.T) {
	o := newOffice(t, t.TempDir())
	try := func(how string) Reason {
		t.Helper()
		who := visitor(t, o)
		_, err := checks(t, o, mustBegin(t, o, "apply", who), how, who)
		return reasonOf(t, err)
	}
	want := func(how string, want Reason) {
		t.Helper()
		if got := try(how); got != want {
			t.Errorf("%s: %q; want %q", how, got, want)
		}
	}
	for range 4 {
		want("fails", CheckFailed)
	}
	want("passes", "")
	for _, how := range []string{"unavailable", "times_out", "cancels", "lies", "stale", "breaks"} {
		try(how)
	}
	want("not_alive", CheckNotAlive)
	for range 3 {
		want("fails", CheckFailed)
	}
	late := visitor(t, o)
	away := depart(t, o, mustBegin(t, o, "apply", late), late)
	other := visitor(t, o)
	if _, err := o.Check(t.Context(), depart(t, o, mustBegin(t, o, "apply", other), other), Answer{Code: "passes", State: "王五|1"}, other); reasonOf(t, err) != CheckMismatch {
		t.Errorf("somebody else, the fifth: %v; want %s", err, CheckMismatch)
	}
	want("passes", CheckTooMany)
	if _, err := o.Check(t.Context(), away, Answer{Code: "passes", State: "李雷|11010519491231002X"}, late); reasonOf(t, err) != CheckTooMany {
		t.Errorf("a trip that was begun before: %v; want %s", err, CheckTooMany)
	}
	f := goodForm()
	f.Name, f.Number = "韩梅梅", "440106198803052464"
	neighbour := visitor(t, o)
	ticket, err := o.Begin("apply", f, verify.ByChain, neighbour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checks(t, o, ticket, "passes", neighbour); err != nil {
		t.Errorf("somebody else waits for them: %v", err)
	}
	if err := o.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	want("passes", StillValid)
}

func TestR9VerifyingAgain(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	if _, err := o.Recheck(who); reasonOf(t, err) != VerifyAgain {
		t.Errorf("with nothing to see: %v; want %s", err, VerifyAgain)
	}
	mustPass(t, o, who, "apply", verify.ByIssuer)
	for _, tt := range []struct {
		by   time.Duration
		want Reason
	}{{31 * time.Minute, ""}, {24 * time.Hour, CertificateEnded}} {
		if err := o.Advance(tt.by); err != nil {
			t.Fatal(err)
		}
		ticket, err := o.Recheck(who)
		if got := reasonOf(t, err); got != tt.want {
			t.Fatalf("after %v more: %q; want %q", tt.by, got, tt.want)
		}
		if err != nil {
			continue
		}
		if _, _, _, err := o.Credential(Proof{}, who); reasonOf(t, err) != LivenessDue {
			t.Errorf("before the check: %v; want %s", err, LivenessDue)
		}
		if _, err := checks(t, o, ticket, "passes", who); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := o.Credential(Proof{}, who); err != nil {
			t.Errorf("after the check: %v", err)
		}
	}
}

// An account learns of its person once that person was checked in it, and as nobody
// else: not by another name, and not by a check as somebody else.
func TestR11AnAccountIsProvenByItsOwnPersonsCheck(t *testing.T) {
	o := newOffice(t, t.TempDir())
	mustPass(t, o, visitor(t, o), "apply", verify.ByChain)
	user, cookie := signedIn(t, o, "owner")
	history := func(name string, want Reason, applications int) {
		t.Helper()
		all, err := o.History(session(t, o, cookie))
		if got := reasonOf(t, err); got != want || len(all) != applications {
			t.Errorf("%s: %q, %d applications; want %q, %d", name, got, len(all), want, applications)
		}
	}
	if _, err := o.History(visitor(t, o)); reasonOf(t, err) != SignedOut {
		t.Errorf("a visitor: %v; want %s", err, SignedOut)
	}
	history("before a check", NotVerified, 0)
	other := Person{Name: "韩梅梅", Document: ResidentCard, Number: "440106198803052464"}
	ticket, err := o.errand("apply", other, verify.ByChain, user)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checks(t, o, ticket, "passes", user); err != nil {
		t.Fatal(err)
	}
	history("after a check as somebody else", NotVerified, 0)
	if _, err := checks(t, o, mustBegin(t, o, "view", user), "fails", user); reasonOf(t, err) != CheckFailed {
		t.Fatal(err)
	}
	history("after a check that failed", NotVerified, 0)
	if _, err := checks(t, o, mustBegin(t, o, "view", user), "passes", user); err != nil {
		t.Fatal(err)
	}
	history("after one that passed", "", 1)

	// On record with another name, after the account was opened.
	name := goodForm()
	name.Name, name.Number = "王五", number("11010519491231", "003")
	o.hash = cheapHash(new([]string))
	if err := o.SignUp("stranger", "correct horse", name); err != nil {
		t.Fatal(err)
	}
	token, err := o.SignIn(t.Context(), "stranger", "correct horse", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	holder := goodForm()
	holder.Number = name.Number
	who := visitor(t, o)
	ticket, err = o.Begin("apply", holder, verify.ByChain, who)
	if err == nil {
		_, err = checks(t, o, ticket, "passes", who)
	}
	if err != nil {
		t.Fatal(err)
	}
	stranger := session(t, o, token)
	if _, err := checks(t, o, mustBegin(t, o, "view", stranger), "passes", stranger); reasonOf(t, err) != DetailsDiffer {
		t.Errorf("another name: %v; want %s", err, DetailsDiffer)
	}
	cookie = token
	history("after a check under another name", NotVerified, 0)
}

func mustBegin(t *testing.T, o *Office, kind string, who Session) []byte {
	t.Helper()
	ticket, err := o.Begin(kind, goodForm(), verify.ByChain, who)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func TestR10WhoSeesNothingIsTold(t *testing.T) {
	o := newOffice(t, t.TempDir())
	for who, want := range map[Session]Reason{{}: SessionEnded, visitor(t, o): VerifyAgain} {
		if _, _, err := o.Shown(who); reasonOf(t, err) != want {
			t.Errorf("shown: %v; want %s", err, want)
		}
		if _, _, _, err := o.Credential(Proof{}, who); reasonOf(t, err) != want {
			t.Errorf("a code: %v; want %s", err, want)
		}
	}
}
