package office

import (
	"encoding/json"
	"time"

	"railgate/verify"
)

// inspected are the documents that stand for the identity card: not a member of staff's.
var inspected = verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper}}

// Inspect decides about a text as a gate does, by the issuer's own keyset and time. It
// spends nothing (R31).
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
	return verify.Decide(text, keys, inspected, at), at, nil
}

// Holder is whose code a verdict is about; false: nobody on record.
func (s *Office) Holder(v *verify.Verdict) (p Person, known bool, err error) {
	rec, err := s.register.person(v.Holder)
	if err != nil || rec == nil || rec.Sealed == nil {
		return p, false, err
	}
	p, err = s.unseal(rec.Sealed, inRegister)
	return p, err == nil, err
}
