package office

import (
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"

	"railgate/cmd/issuer/acts"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/mint"
)

// A ShownSlip is a slip as an officer's list has it: of the person no more than the holder
// would recognise.
type ShownSlip struct {
	Slip
	Person  Person // masked
	Journey Journey
	State   SlipState
}

// A SlipState is what has become of a slip.
type SlipState string

const (
	SlipIsValid     SlipState = "valid"
	SlipIsExpired   SlipState = "expired"
	SlipIsCancelled SlipState = "cancelled"
	SlipIsRevoked   SlipState = "revoked"
)

func (sl *Slip) state(now time.Time) SlipState {
	switch {
	case sl.EndedAs == slipCancelled:
		return SlipIsCancelled
	case sl.EndedAs != "":
		return SlipIsRevoked
	case !sl.valid(now):
		return SlipIsExpired
	}
	return SlipIsValid
}

// MayCancel and MayRevoke tell whether an officer may end the slip so (R20).
func (s *ShownSlip) MayCancel(by Officer, now time.Time) bool {
	return s.mayEnd(slipCancelled, by, now) == ""
}
func (s *ShownSlip) MayRevoke(by Officer, now time.Time) bool { return s.mayEnd("", by, now) == "" }

// IssueSlip gives somebody who is at the window a paper certificate (R17, R18). It is on
// record before it is returned. What is refused for what is on record of the person is
// recorded as well: it tells something of them.
func (s *Office) IssueSlip(f SlipForm, by Officer) (ShownSlip, error) {
	f.tidy()
	now := s.Now().Truncate(time.Second)
	if r := f.check(now); r != "" {
		return ShownSlip{}, Deny(r)
	}
	b := bearer{Person{f.Name, f.Document, f.Number}, f.Journey}
	holder := s.vault.holder(f.Document, f.Number)
	sl, err := s.makeSlip(b, holder, f.Why, by, now)
	if err != nil {
		return ShownSlip{}, err
	}
	var why Reason
	err = s.register.act(s.record, holder, func(rec *record) (acts.Act, error) {
		if why = s.refusesSlip(rec, f, now); why != "" {
			return s.actOf(acts.Refused, by, holder, "", string(why)), nil
		}
		rec.Dossier.Slips = append(rec.Dossier.Slips, sl)
		return s.actOf(acts.Issued, by, holder, sl.ID, sl.Why), nil
	})
	if err == nil && why != "" {
		err = Deny(why)
	}
	if err != nil {
		return ShownSlip{}, err
	}
	s.log.Info("a slip is issued", "cti", sl.ID, "by", by.Subject, "ends", sl.Ends().UTC().Format(time.RFC3339))
	return s.shown(sl)
}

// refusesSlip is why what is on record of a person refuses them a slip, if it does.
func (s *Office) refusesSlip(rec *record, f SlipForm, now time.Time) Reason {
	if known, err := s.unseal(rec.Sealed, inRegister); err == nil && !sameName(known.Name, f.Name) {
		return DetailsDiffer // a real-person check has proven the other name
	}
	return rec.Dossier.reviewSlip(f.Told, now)
}

// makeSlip signs the code, which is the same as long as the slip is valid, and seals it.
func (s *Office) makeSlip(b bearer, holder verify.HolderID, why string, by Officer, now time.Time) (Slip, error) {
	sl := Slip{ID: verify.CertificateID(mint.RandomID(8)), Issued: now, By: by.Subject, Why: why}
	signed, err := s.signing.issue(paperClaims(holder, sl.ID, now), now)
	if err != nil {
		return sl, err
	}
	sl.Code = s.vault.seal(signed, inCode)
	sl.Sealed, err = s.sealed(b, inSlip)
	return sl, err
}

// actOf is an act of now.
func (s *Office) actOf(kind acts.Kind, by Officer, holder verify.HolderID, id verify.CertificateID, detail string) acts.Act {
	return acts.Act{Time: s.Now(), Kind: kind, By: by.Subject, Slip: journal.ID(id), Person: s.vault.person(holder), Detail: detail}
}

// A PrintedSlip is what stands on the page that is printed.
type PrintedSlip struct {
	Slip
	Person  Person
	Journey Journey
	Text    string // of the code
}

// PrintSlip gives what is to be printed, and records it first. This is the only way by
// which a slip's code leaves the issuer.
func (s *Office) PrintSlip(id verify.CertificateID, by Officer) (PrintedSlip, error) {
	var out PrintedSlip
	err := s.withSlip(id, func(holder verify.HolderID, sl *Slip) (acts.Act, error) {
		if !sl.valid(s.Now()) {
			return acts.Act{}, Deny(SlipOver)
		}
		b, err := s.bearer(sl)
		if err != nil {
			return acts.Act{}, err
		}
		signed, err := s.vault.open(sl.Code, inCode)
		if err != nil {
			return acts.Act{}, err
		}
		kind := acts.Printed
		if sl.Printed > 0 {
			kind = acts.Reprinted
		}
		sl.Printed++
		out = PrintedSlip{*sl, b.Person, b.Journey, verify.Credential(signed).Text()}
		return s.actOf(kind, by, holder, sl.ID, ""), nil
	})
	if err != nil {
		return PrintedSlip{}, err
	}
	return out, nil
}

// withSlip does an act with the slip that has an id.
func (s *Office) withSlip(id verify.CertificateID, act func(verify.HolderID, *Slip) (acts.Act, error)) error {
	holder, err := s.register.slipHolder(id)
	if err != nil {
		return err
	}
	return s.register.act(s.record, holder, func(rec *record) (acts.Act, error) {
		sl := rec.Dossier.slip(id)
		if sl == nil { // forgotten meanwhile
			return acts.Act{}, Deny(NoSuchSlip)
		}
		return act(holder, sl)
	})
}

// CancelSlip ends a slip that was made by mistake, and not used (R20). Its revocation is for
// gates, as that of every slip that is ended: somebody may have a copy.
func (s *Office) CancelSlip(id verify.CertificateID, by Officer) error {
	return s.endSlip(id, slipCancelled, slipCancelled, by)
}

// RevokeSlip ends a slip, for one of [RevokeReasons] (R20).
func (s *Office) RevokeSlip(id verify.CertificateID, why string, by Officer) error {
	if !slices.Contains(RevokeReasons(), why) {
		return Deny(Incomplete)
	}
	return s.endSlip(id, why, why, by)
}

// operatorEnded is a slip that was revoked by whoever runs the issuer. Why, in words, is with
// its revocation: words may name somebody, and the record names nobody.
const operatorEnded = "by_operator"

// endSlip ends a slip, files its revocation and records the act, all in one commit.
func (s *Office) endSlip(id verify.CertificateID, as, why string, by Officer) error {
	holder, err := s.register.slipHolder(id)
	if err != nil {
		return err
	}
	now := s.Now()
	err = s.register.end(s.record, holder, id, slipVoid(now, why, by.Subject), func(rec *record) (acts.Act, error) {
		sl := rec.Dossier.slip(id)
		if sl == nil { // forgotten meanwhile
			return acts.Act{}, Deny(NoSuchSlip)
		}
		if r := sl.mayEnd(as, by, now); r != "" {
			return acts.Act{}, Deny(r)
		}
		sl.Ended, sl.EndedAs = now, as
		if as == slipCancelled {
			return s.actOf(acts.Cancelled, by, holder, id, ""), nil
		}
		return s.actOf(acts.Revoked, by, holder, id, as), nil
	})
	if err == nil {
		s.log.Info("a slip is ended", "cti", id, "as", as, "by", by.Subject)
	}
	return err
}

// Slips are today's and those that are still valid, the newest first.
func (s *Office) Slips() ([]ShownSlip, error) {
	now := s.Now()
	year, month, day := now.In(RailwayTime).Date()
	since := time.Date(year, month, day, 0, 0, 0, 0, RailwayTime)
	found, err := s.register.slipsSince(now.Add(-validFor))
	if err != nil {
		return nil, err
	}
	return s.allShown(slices.DeleteFunc(found, func(f filed) bool { return f.slip.Issued.Before(since) && !f.slip.valid(now) }))
}

// FindSlip finds slips by the number that is printed on them, or by its first 8 digits.
func (s *Office) FindSlip(number string) ([]ShownSlip, error) {
	digits, ok := goodSlipNumber(number)
	if !ok {
		return nil, Deny(NoSuchSlip)
	}
	found, err := s.register.slipsOf(digits)
	if err != nil {
		return nil, err
	}
	return s.allShown(found)
}

// FindPerson finds the slips of whoever has a document with a number. Each look-up is on
// record before anything is told, of whoever is found or would have been.
func (s *Office) FindPerson(number string, by Officer) (out []ShownSlip, err error) {
	f := Form{Number: number}
	f.tidy()
	if !otherNumber.MatchString(f.Number) {
		return nil, Deny(BadDocument)
	}
	var all []acts.Act
	for _, document := range SlipDocuments() {
		holder := s.vault.holder(document, f.Number)
		rec, err := s.register.person(holder)
		if err != nil {
			return nil, err
		}
		if rec == nil {
			continue
		}
		all = append(all, s.actOf(acts.LookedUp, by, holder, "", ""))
		for _, sl := range slices.Backward(rec.Dossier.Slips) {
			shown, err := s.shown(sl)
			if err != nil {
				return nil, err
			}
			out = append(out, shown)
		}
	}
	if all == nil {
		all = []acts.Act{s.actOf(acts.LookedUp, by, s.vault.holder(ResidentCard, f.Number), "", "nobody")}
	}
	if err := s.register.look(s.record, all); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Office) allShown(found []filed) ([]ShownSlip, error) {
	var out []ShownSlip
	for _, f := range found {
		shown, err := s.shown(f.slip)
		if err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

func (s *Office) shown(sl Slip) (ShownSlip, error) {
	b, err := s.bearer(&sl)
	return ShownSlip{sl, b.Person.Masked(), b.Journey, sl.state(s.Now())}, err
}

func (s *Office) bearer(sl *Slip) (b bearer, err error) {
	plain, err := s.vault.open(sl.Sealed, inSlip)
	if err != nil {
		return b, err
	}
	return b, fileDecoding.Unmarshal(plain, &b)
}

// benchOfficer is who is at the window of a bench's passenger page.
const benchOfficer = "bench"

// BenchSlip is what somebody without an electronic certificate is given where no officer
// is: on a bench alone. It is a slip like any other, on record, and the same one as long
// as it is valid.
func (s *Office) BenchSlip(p Person) (PrintedSlip, error) {
	if !s.bench {
		return PrintedSlip{}, Deny(NoSuchSlip)
	}
	by := Officer{Subject: benchOfficer}
	f := SlipForm{Name: p.Name, Document: p.Document, Number: p.Number, Why: "other", Told: true,
		Journey: Journey{Train: "G1", Day: s.Now().In(RailwayTime).Format(time.DateOnly), From: "北京南", To: "上海虹桥"}}
	shown, err := s.IssueSlip(f, by)
	if errors.Is(err, Deny(SlipValid)) {
		f.tidy()
		found, err := s.FindPerson(f.Number, by)
		if err != nil || len(found) == 0 {
			return PrintedSlip{}, err
		}
		return s.PrintSlip(found[0].ID, by)
	}
	if err != nil {
		return PrintedSlip{}, err
	}
	return s.PrintSlip(shown.ID, by)
}

// RecordHead is the last head of the record of acts, as the issuer signed it: whoever
// keeps it can prove later that nothing was cut off. Empty: there are no acts yet.
func (s *Office) RecordHead() (head []byte, err error) {
	err = s.register.db.View(func(tx *bbolt.Tx) error { head = acts.Head(tx); return nil })
	return head, err
}

// RecordKey opens the record's heads.
func (s *Office) RecordKey() note.Verifier { return s.record.Verifier() }
