package office

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
	"railgate/verify/mint"
)

// atGate is what a gate that has the issuer's keyset, and its list if it is given one, says
// to a code.
func atGate(t *testing.T, o *Office, list []byte, signed verify.Credential, at time.Time) verify.Reason {
	t.Helper()
	keys, err := o.signing.file.Keyset()
	if err != nil {
		t.Fatal(err)
	}
	if list != nil {
		keys = keys.With(opened(t, o, list))
	}
	return verify.Decide(signed.Text(), keys, verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper}}, at).Reason
}

func opened(t *testing.T, o *Office, list []byte) *verify.Revocations {
	t.Helper()
	f, err := mint.LoadRevokers(o.notary.dir)
	if err != nil {
		t.Fatal(err)
	}
	by, err := f.Revokers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify.OpenRevocations(list, by, o.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// soon is the office's list, a second after the last one.
func soon(t *testing.T, o *Office) []byte {
	t.Helper()
	if err := o.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	list, err := o.Revocations()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func credential(t *testing.T, o *Office, who Session) verify.Credential {
	t.Helper()
	_, _, signed, err := o.Credential(Proof{}, who)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// A check that another phone passes revokes what the first one holds, also of the second in
// which it passes, and nothing of the phone that passed it; verifying again on one phone
// revokes nothing.
func TestACheckOnAnotherPhoneRevokesTheFirstOnes(t *testing.T) {
	o := newOffice(t, t.TempDir())
	first := visitor(t, o)
	mustPass(t, o, first, "apply", verify.ByIssuer)
	held := credential(t, o, first)
	mustPass(t, o, first, "view", verify.ByIssuer)
	if list := soon(t, o); atGate(t, o, list, held, o.Now()) != verify.OK || len(opened(t, o, list).Entries) != 0 {
		t.Error("a check on the same phone revokes what it holds")
	}
	held = credential(t, o, first)
	phones := []verify.Credential{held}
	for range 3 { // in a second, as like as not
		who := visitor(t, o)
		mustPass(t, o, who, "view", verify.ByIssuer)
		phones = append(phones, credential(t, o, who))
	}
	list := soon(t, o)
	for i, signed := range phones {
		want := verify.Revoked
		if i == len(phones)-1 {
			want = verify.OK
		}
		if got := atGate(t, o, list, signed, o.Now()); got != want {
			t.Errorf("phone %d of %d: %s; want %s", i+1, len(phones), got, want)
		}
	}
	if _, _, _, err := o.Credential(Proof{}, first); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("the first phone gets more codes, or: %v", err)
	}
	if err := o.Advance(liveFor + mint.Late + 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if r := opened(t, o, soon(t, o)); len(r.Entries) != 0 {
		t.Errorf("%d entries stay once none of it can be valid", len(r.Entries))
	}
	who := visitor(t, o)
	mustPass(t, o, who, "view", verify.ByIssuer)
	if r := opened(t, o, soon(t, o)); len(r.Entries) != 0 {
		t.Error("what has run out is revoked")
	}
}

// Whoever revokes, the phone gets no more codes, and what it has is void; who verifies again
// goes on. Who, why and when are in the register.
func TestRevoke(t *testing.T) {
	for name, revoke := range map[string]func(*Office, verify.CertificateID) error{
		"by the certificate": func(o *Office, id verify.CertificateID) error {
			return o.Revoke(t.Context(), id, "stolen", "officer 7")
		},
		"by the document": func(o *Office, id verify.CertificateID) error {
			ids, err := o.RevokePerson(t.Context(), ResidentCard, " "+goodForm().Number, "stolen", "officer 7")
			if err == nil && (len(ids) != 1 || ids[0] != id) {
				t.Errorf("revoked %v; want %v", ids, id)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, t.TempDir())
			who := visitor(t, o)
			c := mustPass(t, o, who, "apply", verify.ByIssuer)
			held := credential(t, o, who)
			if err := revoke(o, c.ID); err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := o.Credential(Proof{}, who); !errors.Is(err, Deny(VerifyAgain)) {
				t.Errorf("the phone gets more codes, or: %v", err)
			}
			if got := atGate(t, o, soon(t, o), held, o.Now()); got != verify.Revoked {
				t.Errorf("%s; want %s", got, verify.Revoked)
			}
			var kept *revoked
			if err := o.register.db.View(func(tx *bbolt.Tx) (err error) { kept, err = read[revoked](tx, revokedBucket, string(c.ID)); return err }); err != nil {
				t.Fatal(err)
			}
			if kept == nil || kept.Reason != "stolen" || kept.By != "officer 7" || kept.At == 0 || kept.Until != kept.Before+1810 {
				t.Errorf("the register has %+v", kept)
			}
			again := visitor(t, o)
			mustPass(t, o, again, "view", verify.ByIssuer)
			if got := atGate(t, o, soon(t, o), credential(t, o, again), o.Now()); got != verify.OK {
				t.Errorf("verified again: %s; want %s", got, verify.OK)
			}
		})
	}
}

// By the document everything of a person is revoked that is valid, electronic and on paper, each with
// its act on record; what is somebody else's stays.
func TestAllOfAPersonIsRevokedByTheDocument(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	c := mustPass(t, o, who, "apply", verify.ByIssuer)
	held := credential(t, o, who)
	slipOf := func(name, number string) (verify.CertificateID, verify.Credential) {
		f := goodSlipForm(o.Now())
		f.Name, f.Number, f.Told = name, number, true
		sl := issueSlip(t, o, f)
		signed, err := o.vault.open(sl.Code, inCode)
		if err != nil {
			t.Fatal(err)
		}
		return sl.ID, signed
	}
	id, paper := slipOf("李雷", goodForm().Number)
	_, others := slipOf("韩梅梅", "440106198803052464")
	ids, err := o.RevokePerson(t.Context(), ResidentCard, goodForm().Number, "stolen", "issuer revoke, root")
	if err != nil || !slices.Equal(ids, []verify.CertificateID{c.ID, id}) {
		t.Fatalf("revoked %v, %v; want %v and %v", ids, err, c.ID, id)
	}
	list := soon(t, o)
	for name, tt := range map[string]struct {
		signed verify.Credential
		want   verify.Reason
	}{"the phone's": {held, verify.Revoked}, "the paper": {paper, verify.Revoked}, "somebody else's": {others, verify.OK}} {
		if got := atGate(t, o, list, tt.signed, o.Now()); got != tt.want {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
	all := recorded(t, o)
	if n := len(all); n != 4 || kinds(all)[2] != "revoked by_operator" || string(all[2].Slip) != string(c.ID) || kinds(all)[3] != "revoked by_operator" || string(all[3].Slip) != string(id) {
		t.Errorf("on record: %q; want both, by the operator", kinds(all))
	}
	if _, err := o.RevokePerson(t.Context(), ResidentCard, "110101199003074477", "stolen", "issuer revoke, root"); !errors.Is(err, Deny(NoCertificate)) || len(recorded(t, o)) != 4 {
		t.Errorf("somebody who has none: %v, on record %q; want %s, and no act", err, kinds(recorded(t, o)), NoCertificate)
	}
}

// Whoever runs the issuer is on record, also for what is not on record here.
func TestRevokingAnUnknownIDIsOnRecord(t *testing.T) {
	o := newOffice(t, t.TempDir())
	if err := o.Revoke(t.Context(), "01234567", "lost", "issuer revoke, root"); err != nil {
		t.Fatal(err)
	}
	if all := recorded(t, o); len(all) != 1 || kinds(all)[0] != "revoked by_operator" || string(all[0].Slip) != "01234567" || all[0].Person != "" {
		t.Errorf("on record: %+v", all)
	}
}

// An officer revokes what a lost phone holds, found by the document's number, for a reason, on record.
func TestR20WhatAPhoneHoldsIsRevokedAtTheWindow(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	c := mustPass(t, o, who, "apply", verify.ByIssuer)
	held := credential(t, o, who)
	found, err := o.Electronic(" " + goodForm().Number)
	if err != nil || len(found) != 1 || found[0] != (Electronic{c.ID, c.Ends()}) {
		t.Fatalf("found %v, %v; want %v", found, err, c.ID)
	}
	if none, err := o.Electronic("440106198803052464"); err != nil || len(none) != 0 {
		t.Errorf("of somebody who has none: %v, %v", none, err)
	}
	for name, tt := range map[string]struct {
		err  error
		want Reason
	}{
		"for no reason":         {o.RevokeElectronic(c.ID, "", theOfficer), Incomplete},
		"as cancelled":          {o.RevokeElectronic(c.ID, slipCancelled, theOfficer), Incomplete},
		"one that is not there": {o.RevokeElectronic("01234567", "lost", theOfficer), NoSuchSlip},
	} {
		if !errors.Is(tt.err, Deny(tt.want)) || len(recorded(t, o)) != 0 {
			t.Errorf("%s: %v; want %s, and no act", name, tt.err, tt.want)
		}
	}
	if err := o.RevokeElectronic(c.ID, "lost", theOfficer); err != nil {
		t.Fatal(err)
	}
	if got := atGate(t, o, soon(t, o), held, o.Now()); got != verify.Revoked {
		t.Errorf("%s; want %s", got, verify.Revoked)
	}
	if all := recorded(t, o); len(all) != 1 || kinds(all)[0] != "revoked lost" || all[0].By != theOfficer.Subject || string(all[0].Slip) != string(c.ID) {
		t.Errorf("on record: %+v", all)
	}
	if err := o.Advance(validFor); err != nil {
		t.Fatal(err)
	}
	if err := o.RevokeElectronic(c.ID, "lost", theOfficer); !errors.Is(err, Deny(SlipOver)) {
		t.Errorf("once it has ended: %v; want %s", err, SlipOver)
	}
	if found, err := o.Electronic(goodForm().Number); err != nil || len(found) != 0 {
		t.Errorf("once it has ended: %v, %v", found, err)
	}
}

// The passenger who lost the phone revokes after a check, from whatever page.
func TestThePassengerRevokes(t *testing.T) {
	o := newOffice(t, t.TempDir())
	lost := visitor(t, o)
	mustPass(t, o, lost, "apply", verify.ByIssuer)
	held := credential(t, o, lost)
	who := visitor(t, o)
	ask := func(f Form, how string) error {
		ticket, err := o.Begin("revoke", f, verify.ByIssuer, who)
		if err != nil {
			t.Fatal(err)
		}
		_, err = checks(t, o, ticket, how, who)
		return err
	}
	other := goodForm()
	other.Name = "王五"
	for how, err := range map[string]error{"another name": ask(other, "passes"), "a check that fails": ask(goodForm(), "fails")} {
		var d Denied
		if !errors.As(err, &d) || atGate(t, o, soon(t, o), held, o.Now()) != verify.OK {
			t.Errorf("%s revokes: %v", how, err)
		}
	}
	if err := ask(goodForm(), "passes"); err != nil {
		t.Fatal(err)
	}
	if got := atGate(t, o, soon(t, o), held, o.Now()); got != verify.Revoked {
		t.Errorf("%s; want %s", got, verify.Revoked)
	}
	if _, _, err := o.Shown(who); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("the page that revoked is shown the certificate, or: %v", err)
	}
	nobody := goodForm()
	nobody.Name, nobody.Number = "韩梅梅", "110101199003074477"
	if err := ask(nobody, "passes"); !errors.Is(err, Deny(NoCertificate)) {
		t.Errorf("who has none: %v; want %s", err, NoCertificate)
	}
}

// A slip is void for its whole day.
func TestASlipIsRevokedForItsDay(t *testing.T) {
	o := newOffice(t, t.TempDir())
	p, err := o.BenchSlip(Person{"Ada Lovelace", "passport", "E1"})
	if err != nil {
		t.Fatal(err)
	}
	slip, err := o.vault.open(p.Code, inCode)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Revoke(t.Context(), p.ID, "lost", "officer 7"); err != nil {
		t.Fatal(err)
	}
	list := soon(t, o)
	if got := atGate(t, o, list, slip, o.Now()); got != verify.Revoked {
		t.Errorf("%s; want %s", got, verify.Revoked)
	}
	if e := opened(t, o, list).Entries; len(e) != 1 || e[0].Until < mint.Seconds(p.Ends()) {
		t.Errorf("entries %+v; want the slip's until its exp, %v", e, p.Ends())
	}
	for _, id := range []verify.CertificateID{"short", "longer than sixteen bytes"} {
		if err := o.Revoke(t.Context(), id, "", ""); !errors.Is(err, ErrCertificateID) {
			t.Errorf("%q: %v; want %v", id, err, ErrCertificateID)
		}
	}
}

// Codes are signed while what the phone holds is revoked, or goes over to another phone: what the
// revocation does not reach was not given out. Time goes on by a second with each code.
func TestNoCodeOutrunsItsRevocation(t *testing.T) {
	type ready func(o *Office) func(*Certificate) error
	for name, prepare := range map[string]ready{
		"revoked": func(o *Office) func(*Certificate) error {
			return func(c *Certificate) error { return o.Revoke(t.Context(), c.ID, "lost", "root") }
		},
		"verified on another phone": func(o *Office) func(*Certificate) error {
			who := visitor(t, o)
			ticket, err := o.Begin("view", goodForm(), verify.ByIssuer, who)
			if err != nil {
				t.Fatal(err)
			}
			next := depart(t, o, ticket, who)
			return func(*Certificate) error {
				_, err := o.Check(t.Context(), next, Answer{Code: "passes", State: goodForm().Name + "|" + goodForm().Number}, who)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, t.TempDir())
			mustPass(t, o, visitor(t, o), "apply", verify.ByIssuer)
			for range 10 {
				who := visitor(t, o)
				c := mustPass(t, o, who, "view", verify.ByIssuer)
				do := prepare(o)
				last := signsWhile(o, who, func() {
					if err := do(c); err != nil {
						t.Error(err)
					}
				})
				r, err := o.register.revocation(c.ID)
				if err != nil || r == nil {
					t.Fatalf("revoked is %+v, %v", r, err)
				}
				if last >= r.Before {
					t.Fatalf("a code of %d was given out; what was signed before %d is revoked", last, r.Before)
				}
			}
		})
	}
}

// signsWhile has codes signed for a session until it sees nothing any more, which something brings
// about, and gives the latest second as of which one was signed.
func signsWhile(o *Office, who Session, do func()) (last uint64) {
	var signing sync.WaitGroup
	latest := make([]uint64, 4)
	begun := make(chan struct{}, len(latest))
	for i := range latest {
		signing.Go(func() {
			for n := 0; ; n++ {
				_, claims, _, err := o.Credential(Proof{}, who)
				if n == 0 {
					begun <- struct{}{}
				}
				if err != nil {
					return
				}
				latest[i] = claims.IssuedAt
				if i == 0 && n < 500 { // less than a check may take
					o.mu.Lock()
					o.moved += time.Second
					o.mu.Unlock()
				}
			}
		})
	}
	for range latest {
		<-begun
	}
	do()
	signing.Wait()
	return slices.Max(latest)
}

// A revocation that waited for the register while more was given out reaches that too.
func TestStaffCodesOfALaterInstantEndToo(t *testing.T) {
	o := newOffice(t, t.TempDir())
	id := o.vault.staffCertificate(Member{Session: "s"})
	asked := o.Now()
	given := asked.Add(3 * time.Second)
	if err := o.register.giveStaff(id, "wang", given); err != nil {
		t.Fatal(err)
	}
	if err := o.register.giveStaff(id, "wang", asked.Add(time.Second)); err != nil { // asked for before, and written after
		t.Fatal(err)
	}
	if by, err := o.register.endStaff(id, "wang", asked); by != "wang" || err != nil {
		t.Fatalf("%q, %v", by, err)
	}
	if r, err := o.register.revocation(id); err != nil || r == nil || r.Before <= uint64(given.Unix()) {
		t.Errorf("%+v, %v; want what was given out at %d revoked", r, err, given.Unix())
	}
	if err := o.register.giveStaff(id, "wang", given); !errors.Is(err, Deny(StaffSignInDue)) {
		t.Errorf("after it: %v; want %s", err, StaffSignInDue)
	}
}

// What was given out, and a sign-in that ended, is kept as long as a code can be valid.
func TestStaffCodesAreForgottenOnceNoneIsValid(t *testing.T) {
	o := newOffice(t, t.TempDir())
	now := o.Now().Truncate(time.Second)
	out, over := o.vault.staffCertificate(Member{Session: "out"}), o.vault.staffCertificate(Member{Session: "over"})
	if err := o.register.giveStaff(out, "wang", now); err != nil {
		t.Fatal(err)
	}
	if by, err := o.register.endStaff(over, "li", now); by != "" || err != nil {
		t.Fatalf("nothing was given out: %q, %v", by, err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{reach - time.Second, 2}, {reach, 0}} {
		if err := o.register.prune(now.Add(tt.after)); err != nil {
			t.Fatal(err)
		}
		n := 0
		err := o.register.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket(staffBucket).Stats().KeyN; return nil })
		if err != nil || n != tt.want {
			t.Errorf("after %v: %d are kept, %v; want %d", tt.after, n, err, tt.want)
		}
	}
}
