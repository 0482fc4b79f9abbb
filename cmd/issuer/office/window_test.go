package office

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/cmd/issuer/acts"
	"railgate/verify"
)

var theOfficer = Officer{Subject: "officer-7"}

func issueSlip(t *testing.T, o *Office, f SlipForm) ShownSlip {
	t.Helper()
	s, err := o.IssueSlip(f, theOfficer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// recorded are the acts on record, which are proven first.
func recorded(t *testing.T, o *Office) (all []acts.Act) {
	t.Helper()
	if err := o.register.db.View(func(tx *bbolt.Tx) error {
		_, err := acts.Verify(tx, o.RecordKey(), nil, func(_ int64, a acts.Act) error { all = append(all, a); return nil })
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func kinds(all []acts.Act) (out []string) {
	for _, a := range all {
		out = append(out, string(a.Kind)+" "+a.Detail)
	}
	return out
}

// A slip's code is one that gates take for a day, of the same pseudonym as the phone's.
func TestR17ASlipIsOfTheSamePersonAsThePhone(t *testing.T) {
	o := newOffice(t, t.TempDir())
	f := goodSlipForm(o.Now())
	f.Number, f.Name = " 11010519491231002x", "李　雷"
	p, err := o.PrintSlip(issueSlip(t, o, f).ID, theOfficer)
	if err != nil {
		t.Fatal(err)
	}
	if p.Person != (Person{"李 雷", ResidentCard, "11010519491231002X"}) || p.Journey != f.Journey {
		t.Errorf("printed: %+v", p)
	}
	v := verify.Decide(p.Text, keyset(t, o), everyClass, o.Now())
	if !v.Granted() || v.Class != verify.Paper || v.Holder != o.vault.holder(ResidentCard, "11010519491231002X") || v.Certificate != p.ID {
		t.Errorf("the code: %s, class %d, of %v", v.Reason, v.Class, v.Holder)
	}
	if v := verify.Decide(p.Text, keyset(t, o), everyClass, p.Ends()); v.Reason != verify.CertificateExpired {
		t.Errorf("at its end: %s", v.Reason)
	}
}

// Paper is what the fourth application gets: it is none of the three, and the three are no
// obstacle to it.
func TestR18PaperCountsForNoMonth(t *testing.T) {
	o := newOffice(t, t.TempDir())
	midMonth(t, o)
	next := func() {
		if err := o.Advance(24 * time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	apply := func() error {
		who := visitor(t, o)
		ticket, err := o.Begin("apply", goodForm(), verify.ByChain, who)
		if err == nil {
			_, err = checks(t, o, ticket, "passes", who)
		}
		return err
	}
	for n := range 5 { // more slips than there are applications
		issueSlip(t, o, goodSlipForm(o.Now()))
		if err := apply(); (err == nil) != (n < 3) || err != nil && !errors.Is(err, Deny(MonthlyLimit)) {
			t.Errorf("application %d, beside a valid slip: %v; want three", n+1, err)
		}
		next()
	}
}

func TestR18OneValidSlipAPerson(t *testing.T) {
	o := newOffice(t, t.TempDir())
	first := issueSlip(t, o, goodSlipForm(o.Now()))
	f := goodSlipForm(o.Now())
	f.Told = true
	if _, err := o.IssueSlip(f, theOfficer); !errors.Is(err, Deny(SlipValid)) {
		t.Errorf("a second one: %v; want %s", err, SlipValid)
	}
	other := goodSlipForm(o.Now())
	other.Name, other.Number = "韩梅梅", "440106198803052464"
	issueSlip(t, o, other)
	if err := o.Advance(first.Ends().Sub(o.Now())); err != nil {
		t.Fatal(err)
	}
	issueSlip(t, o, goodSlipForm(o.Now()))
	if got, want := kinds(recorded(t, o)), []string{"issued no_phone", "refused slip_valid", "issued no_phone", "issued no_phone"}; !slices.Equal(got, want) {
		t.Errorf("on record: %q; want %q", got, want)
	}
}

func TestR18TheElectronicOneIsTold(t *testing.T) {
	o := newOffice(t, t.TempDir())
	mustPass(t, o, visitor(t, o), "apply", verify.ByChain)
	f := goodSlipForm(o.Now())
	if _, err := o.IssueSlip(f, theOfficer); !errors.Is(err, Deny(ElectronicValid)) {
		t.Errorf("at first: %v; want %s", err, ElectronicValid)
	}
	f.Told = true
	issueSlip(t, o, f)
	f = goodSlipForm(o.Now())
	f.Name = "王五"
	if _, err := o.IssueSlip(f, theOfficer); !errors.Is(err, Deny(DetailsDiffer)) {
		t.Errorf("under another name than the real-person check's: %v; want %s", err, DetailsDiffer)
	}
	if got, want := kinds(recorded(t, o)), []string{"refused electronic_valid", "issued no_phone", "refused details_differ"}; !slices.Equal(got, want) {
		t.Errorf("on record: %q; want %q", got, want)
	}
}

// A name that was written wrongly on a slip binds nobody: only a real-person check proves one.
func TestASlipProvesNoName(t *testing.T) {
	o := newOffice(t, t.TempDir())
	f := goodSlipForm(o.Now())
	f.Name = "李需"
	issueSlip(t, o, f)
	mustPass(t, o, visitor(t, o), "apply", verify.ByChain)
}

// Each act is on record, with who did it, to which slip, and of whom by a keyed hash.
func TestR19EachActIsOnRecord(t *testing.T) {
	o := newOffice(t, t.TempDir())
	s := issueSlip(t, o, goodSlipForm(o.Now()))
	for range 2 {
		if _, err := o.PrintSlip(s.ID, Officer{Subject: "officer-8"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []string{"11010519491231002x", "440106198803052464"} {
		if _, err := o.FindPerson(number, theOfficer); err != nil {
			t.Fatal(err)
		}
	}
	all := recorded(t, o)
	if got, want := kinds(all), []string{"issued no_phone", "printed ", "reprinted ", "looked_up ", "looked_up nobody"}; !slices.Equal(got, want) {
		t.Fatalf("on record: %q; want %q", got, want)
	}
	lilei := o.vault.person(o.vault.holder(ResidentCard, "11010519491231002X"))
	for i, a := range all {
		by, person := theOfficer.Subject, lilei
		switch i {
		case 1, 2:
			by = "officer-8"
		case 4:
			person = o.vault.person(o.vault.holder(ResidentCard, "440106198803052464"))
		}
		if a.By != by || a.Person != person || (string(a.Slip) == string(s.ID)) != (i < 3) || a.Time.After(o.Now()) {
			t.Errorf("act %d: %+v; want by %s", i+1, a, by)
		}
	}
	if string(lilei) == string(o.vault.holder(ResidentCard, "11010519491231002X")) || len(lilei) != 16 {
		t.Error("the record has the pseudonym of codes")
	}
	if head, err := o.RecordHead(); err != nil || !bytes.HasPrefix(head, []byte("railgate.issuer.acts\n5\n")) {
		t.Errorf("the head: %q, %v", head, err)
	}
}

// What is not done is not on record, and what cannot be recorded is not done.
func TestR19ActAndRecordAreOne(t *testing.T) {
	o := newOffice(t, t.TempDir())
	s := issueSlip(t, o, goodSlipForm(o.Now()))
	for name, err := range map[string]error{
		"a slip that is not there": func() error { _, err := o.PrintSlip("01234567", theOfficer); return err }(),
		"a form that is not good":  func() error { _, err := o.IssueSlip(SlipForm{}, theOfficer); return err }(),
		"a number that is none":    func() error { _, err := o.FindPerson("<b>", theOfficer); return err }(),
	} {
		if _, ok := err.(Denied); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := recorded(t, o); len(all) != 1 {
		t.Errorf("on record: %q; want one act", kinds(all))
	}
	if err := o.register.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("edge")).Delete([]byte("edge")) }); err != nil {
		t.Fatal(err)
	}
	f := goodSlipForm(o.Now())
	f.Name, f.Number = "韩梅梅", "440106198803052464"
	_, issued := o.IssueSlip(f, theOfficer)
	p, printed := o.PrintSlip(s.ID, theOfficer)
	_, found := o.FindPerson(f.Number, theOfficer)
	for name, err := range map[string]error{"issuing": issued, "printing": printed, "looking up": found} {
		if !errors.Is(err, acts.ErrDamaged) {
			t.Errorf("%s, with a damaged record: %v; want ErrDamaged", name, err)
		}
	}
	if p.Text != "" {
		t.Error("a code went out without an act on record")
	}
	if all, err := o.Slips(); err != nil || len(all) != 1 || all[0].Printed != 0 {
		t.Errorf("slips: %+v, %v; want the first alone, never printed", all, err)
	}
}

// Names, numbers and codes are in the file sealed, and journeys too.
func TestR19TheRecordNamesNobody(t *testing.T) {
	dir := t.TempDir()
	o := newOffice(t, dir)
	f := goodSlipForm(o.Now())
	f.Name, f.Document, f.Number, f.Train, f.From = "Xylophone Quartz", "passport", "ZQ8812345", "K9987", "Zanzibar"
	p, err := o.PrintSlip(issueSlip(t, o, f).ID, theOfficer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.FindPerson(f.Number, theOfficer); err != nil {
		t.Fatal(err)
	}
	signed, err := o.vault.open(p.Code, inCode)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, registerName))
	if err != nil {
		t.Fatal(err)
	}
	for _, needle := range []string{"Xylophone", "Quartz", "ZQ8812345", "K9987", "Zanzibar", p.Text, string(signed[len(signed)-64:])} {
		if bytes.Contains(data, []byte(needle)) {
			t.Errorf("issuer.db holds %q", needle)
		}
	}
	if !bytes.Contains(data, []byte(theOfficer.Subject)) {
		t.Error("issuer.db does not name the officer")
	}
	for _, a := range recorded(t, o) {
		if string(a.Person) == string(o.vault.holder("passport", "ZQ8812345")) {
			t.Errorf("%+v: the pseudonym of codes", a)
		}
	}
}

// Today's and those that are valid: yesterday's as long as they are.
func TestTheListOfSlips(t *testing.T) {
	o := newOffice(t, t.TempDir())
	start := o.Now().In(RailwayTime)
	at := func(day, hour int) { // of the next month
		t.Helper()
		if err := o.Advance(time.Date(start.Year(), start.Month()+1, day, hour, 0, 0, 0, RailwayTime).Sub(o.Now())); err != nil {
			t.Fatal(err)
		}
	}
	var ids []verify.CertificateID
	passport := func(i int) string { return fmt.Sprintf("E%08d", i) }
	issue := func() {
		f := goodSlipForm(o.Now())
		f.Document, f.Number = "passport", passport(len(ids))
		ids = append(ids, issueSlip(t, o, f).ID)
	}
	want := func(where string, states ...SlipState) { // the newest first
		t.Helper()
		all, err := o.Slips()
		if err != nil {
			t.Fatal(err)
		}
		var got []SlipState
		for i, s := range all {
			got = append(got, s.State)
			if s.ID != ids[len(ids)-1-i] || s.Person.Name != "李*" || s.Person.Number != "E00**"+passport(len(ids) - 1 - i)[5:] || s.Journey.Train != "G1234" {
				t.Errorf("%s, place %d: %+v", where, i, s)
			}
		}
		if !slices.Equal(got, states) {
			t.Errorf("%s: %v; want %v", where, got, states)
		}
	}
	want("at first")
	at(10, 9)
	issue()
	at(10, 22)
	issue()
	want("in the evening", SlipIsValid, SlipIsValid)
	at(11, 8)
	want("in the morning", SlipIsValid, SlipIsValid)
	at(11, 10)
	issue()
	want("at ten", SlipIsValid, SlipIsValid)
	at(11, 23)
	want("late", SlipIsValid)
	at(12, 0)
	want("the third day", SlipIsValid)
	at(12, 10)
	want("at its end")
	for i, id := range ids {
		for _, number := range []string{id.String(), id.String()[:8]} {
			if got, err := o.FindSlip(number); err != nil || len(got) != 1 || got[0].ID != id || got[0].State != SlipIsExpired {
				t.Errorf("by %s: %+v, %v", number, got, err)
			}
		}
		if got, err := o.FindPerson(passport(i), theOfficer); err != nil || len(got) != 1 || got[0].ID != id {
			t.Errorf("by %s: %+v, %v", passport(i), got, err)
		}
	}
	if _, err := o.PrintSlip(ids[0], theOfficer); !errors.Is(err, Deny(SlipOver)) {
		t.Errorf("printing one that is over: %v; want %s", err, SlipOver)
	}
	if err := o.Advance(70 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := o.register.prune(o.Now()); err != nil {
		t.Fatal(err)
	}
	if n, m := entries(t, o, "slips"), entries(t, o, "people"); n != 0 || m != 0 {
		t.Errorf("after two months: %d slips, %d people; want none", n, m)
	}
	if all := recorded(t, o); len(all) != 6 {
		t.Errorf("%d acts on record; want all of 6: it forgets nothing", len(all))
	}
}

// The newest slip of somebody is the first that is found.
func TestTheNewestSlipIsFoundFirst(t *testing.T) {
	o := newOffice(t, t.TempDir())
	first := issueSlip(t, o, goodSlipForm(o.Now()))
	if err := o.Advance(25 * time.Hour); err != nil {
		t.Fatal(err)
	}
	second := issueSlip(t, o, goodSlipForm(o.Now()))
	if got, err := o.FindPerson("11010519491231002X", theOfficer); err != nil || len(got) != 2 || got[0].ID != second.ID || got[1].ID != first.ID {
		t.Errorf("found: %+v, %v", got, err)
	}
}

// Without an officer nobody gets paper: a bench alone gives it out by itself, one slip a
// person, and has it on record.
func TestR16PaperNeedsAnOfficerOrABench(t *testing.T) {
	o := newOffice(t, t.TempDir())
	for _, p := range []Person{{Name: "Ada Lovelace", Document: "passport"}, {Number: "E1", Document: "passport"}, {Name: "<b>", Number: "E1", Document: "passport"}, {Name: "Ada Lovelace", Number: "E1"}} {
		if _, err := o.BenchSlip(p); !errors.Is(err, Deny(Incomplete)) {
			t.Errorf("%+v: %v; want %s", p, err, Incomplete)
		}
	}
	ada := Person{" Ada  Lovelace ", "passport", "ｅ1"}
	first, err := o.BenchSlip(ada)
	if err != nil || first.Person != (Person{"Ada Lovelace", "passport", "E1"}) {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := o.BenchSlip(ada); err != nil || again.Text != first.Text {
		t.Errorf("asked again: %v; want the same slip", err)
	}
	if all := recorded(t, o); len(all) == 0 || all[0].By != benchOfficer {
		t.Errorf("on record: %+v", all)
	}
	o.bench = false
	if p, err := o.BenchSlip(ada); p.Text != "" || !errors.Is(err, Deny(NoSuchSlip)) {
		t.Errorf("without a bench: %v; want %s", err, NoSuchSlip)
	}
}

// What is ended is at no gate any more, is on record, and makes room for another.
func TestR20WhatIsEndedIsRevoked(t *testing.T) {
	lead := Officer{Subject: "officer-1", Lead: true}
	for _, tt := range []struct {
		name  string
		end   func(*Office, verify.CertificateID) error
		state SlipState
		act   string
		by    string
	}{
		{"cancelled", func(o *Office, id verify.CertificateID) error { return o.CancelSlip(id, theOfficer) }, SlipIsCancelled, "cancelled ", theOfficer.Subject},
		{"revoked", func(o *Office, id verify.CertificateID) error { return o.RevokeSlip(id, "lost", theOfficer) }, SlipIsRevoked, "revoked lost", theOfficer.Subject},
		{"revoked by who is in charge", func(o *Office, id verify.CertificateID) error { return o.RevokeSlip(id, "misused", lead) }, SlipIsRevoked, "revoked misused", lead.Subject},
		{"revoked by who runs the issuer", func(o *Office, id verify.CertificateID) error {
			return o.Revoke(t.Context(), id, "Mr Quartz called", "issuer revoke, root")
		}, SlipIsRevoked, "revoked by_operator", "issuer revoke, root"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, t.TempDir())
			p, err := o.PrintSlip(issueSlip(t, o, goodSlipForm(o.Now())).ID, theOfficer)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := o.vault.open(p.Code, inCode)
			if err != nil {
				t.Fatal(err)
			}
			if got := atGate(t, o, soon(t, o), signed, o.Now()); got != verify.OK {
				t.Fatalf("before: %s", got)
			}
			if err := tt.end(o, p.ID); err != nil {
				t.Fatal(err)
			}
			list := soon(t, o)
			for _, at := range []time.Time{o.Now(), p.Ends().Add(-time.Second)} {
				if got := atGate(t, o, list, signed, at); got != verify.Revoked {
					t.Errorf("at a gate at %v: %s; want %s", at, got, verify.Revoked)
				}
			}
			if all, err := o.Slips(); err != nil || len(all) != 1 || all[0].State != tt.state {
				t.Errorf("the list: %+v, %v; want it %s", all, err, tt.state)
			}
			if all := recorded(t, o); len(all) != 3 || kinds(all)[2] != tt.act || all[2].By != tt.by || string(all[2].Slip) != string(p.ID) {
				t.Errorf("on record: %q; want %q by %s", kinds(all), tt.act, tt.by)
			}
			if _, err := o.PrintSlip(p.ID, theOfficer); !errors.Is(err, Deny(SlipOver)) {
				t.Errorf("printing it again: %v; want %s", err, SlipOver)
			}
			if err := tt.end(o, p.ID); !errors.Is(err, Deny(SlipOver)) {
				t.Errorf("ending it again: %v; want %s", err, SlipOver)
			}
			issueSlip(t, o, goodSlipForm(o.Now()))
		})
	}
}

// What is refused ends nothing, and what cannot be recorded neither.
func TestR20WhatIsRefusedEndsNothing(t *testing.T) {
	o := newOffice(t, t.TempDir())
	s := issueSlip(t, o, goodSlipForm(o.Now()))
	for _, tt := range []struct {
		name string
		err  error
		want Reason
	}{
		{"another officer's", o.RevokeSlip(s.ID, "lost", Officer{Subject: "officer-8"}), NotYourSlip},
		{"another officer's mistake", o.CancelSlip(s.ID, Officer{Subject: "officer-8"}), NotYourSlip},
		{"for no reason", o.RevokeSlip(s.ID, "", theOfficer), Incomplete},
		{"as cancelled, by revoking", o.RevokeSlip(s.ID, slipCancelled, theOfficer), Incomplete},
		{"one that is not there", o.RevokeSlip("01234567", "lost", theOfficer), NoSuchSlip},
	} {
		if !errors.Is(tt.err, Deny(tt.want)) {
			t.Errorf("%s: %v; want %s", tt.name, tt.err, tt.want)
		}
	}
	if err := o.register.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("edge")).Delete([]byte("edge")) }); err != nil {
		t.Fatal(err)
	}
	if err := o.RevokeSlip(s.ID, "lost", theOfficer); !errors.Is(err, acts.ErrDamaged) {
		t.Errorf("with a damaged record: %v; want ErrDamaged", err)
	}
	if all, err := o.Slips(); err != nil || len(all) != 1 || all[0].State != SlipIsValid {
		t.Errorf("the list: %+v, %v; want it valid", all, err)
	}
	if n := len(opened(t, o, soon(t, o)).Entries); n != 0 || len(recorded(t, o)) != 1 {
		t.Errorf("%d revocations; want none, and one act", n)
	}
}

// A slip is revoked in a folder where no issuer runs, with its act on record.
func TestASlipIsRevokedWhereNoIssuerRuns(t *testing.T) {
	dir := t.TempDir()
	o := newOffice(t, dir)
	s := issueSlip(t, o, goodSlipForm(o.Now()))
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	folder, err := OpenRecords(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Revoke(t.Context(), s.ID, "lost", "issuer revoke, root"); err != nil {
		t.Fatal(err)
	}
	if got := kinds(recorded(t, folder)); !slices.Equal(got, []string{"issued no_phone", "revoked by_operator"}) {
		t.Errorf("on record: %q", got)
	}
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
}
