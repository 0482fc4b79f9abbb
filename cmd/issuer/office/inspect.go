package office

import (
	"encoding/json"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"railgate/cmd/issuer/acts"
	"railgate/store/journal"
	"railgate/verify"
)

// inspected are the documents that stand for the identity card: not a member of staff's.
var inspected = verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper}}

// Inspect decides about a text as a gate does, by the issuer's own keyset and time, and by
// what is revoked at that moment: it waits for no list. It spends nothing (R31).
func (s *Office) Inspect(text string) (v verify.Verdict, at time.Time, err error) {
	data, err := json.Marshal(s.Keyset())
	if err != nil {
		return v, at, err
	}
	keys, err := verify.ParseKeyset(data) // as gates have it
	if err != nil {
		return v, at, err
	}
	at = s.Now()
	v = verify.Decide(text, keys, inspected, at)
	if !slices.Contains(afterRevoked, v.Reason) {
		return v, at, nil
	}
	r, err := s.register.revocation(v.Certificate)
	if err == nil && r != nil && uint64(v.IssuedAt.Unix()) < r.Before {
		v.Reason = verify.Revoked
	}
	return v, at, err
}

// afterRevoked are the reasons that a gate looks for after [verify.Revoked].
var afterRevoked = []verify.Reason{verify.CertificateExpired, verify.LivenessExpired, verify.BadProof, verify.NotYetValid, verify.CodeExpired, verify.OK}

// revocation is what is revoked of a certificate; nil: nothing is.
func (r *register) revocation(id verify.CertificateID) (v *revoked, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		v, err = read[revoked](tx, revokedBucket, string(id))
		return err
	})
	return v, err
}

// Holder is whose code a verdict is about: of a slip, who stands on it. False: nobody on
// record.
func (s *Office) Holder(v *verify.Verdict) (p Person, known bool, err error) {
	rec, err := s.register.person(v.Holder)
	if err != nil || rec == nil {
		return p, false, err
	}
	if sl := rec.Dossier.slip(v.Certificate); sl != nil {
		b, err := s.bearer(sl)
		return b.Person, err == nil, err
	}
	if rec.Sealed == nil {
		return p, false, nil
	}
	p, err = s.unseal(rec.Sealed, inRegister)
	return p, err == nil, err
}

// A LookUp is what is on record of a code that was looked up.
type LookUp struct {
	Time        time.Time
	By          string // who asked
	Purpose     string
	Certificate verify.CertificateID // "": the code is none of this issuer's
	Holder      verify.HolderID      // the same; on record is a keyed hash of it
	Reason      verify.Reason
	Told        string // of the holder
}

// RecordLookUp puts a look-up on record; it is durable when this returns (R34).
func (s *Office) RecordLookUp(l LookUp) error {
	a := acts.Act{Time: l.Time, Kind: acts.Resolved, By: l.By, Slip: journal.ID(l.Certificate), Detail: string(l.Reason), Purpose: l.Purpose, Told: l.Told}
	if l.Holder != "" {
		a.Person = s.vault.person(l.Holder)
	}
	return s.register.look(s.record, []acts.Act{a})
}
