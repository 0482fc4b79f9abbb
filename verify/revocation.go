package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// This file is about revocations: a short list that an online key signs, so that a
// certificate need not wait for whoever signs the keyset. docs/wire.md has the rules.
//
//	revocations = [protected: bstr .cbor {1: alg, 4: kid}, {}, payload: bstr .cbor list, signature: bstr .size 64]
//	list        = {4: exp, 6: iat, -65538: [* [cti, before, until]]}

// MaxRevocations is the largest document of revocations, in bytes, and MaxRevokers the
// largest revokers.json.
const (
	MaxRevocations = 1_000_000
	MaxRevokers    = 1 << 20
)

// A Revocation withdraws what was signed of a certificate before a time. Times are
// seconds since 1970.
type Revocation struct {
	Certificate CertificateID
	Before      uint64 // credentials signed earlier are revoked
	Until       uint64 // none of them can be valid after it: the entry may leave the list
}

// A RevocationList is what a revoker signs. Times are seconds since 1970.
type RevocationList struct {
	Expires  uint64 // a newer one should have come by then; it applies all the same
	IssuedAt uint64
	Entries  []Revocation
}

// Revocations are a list that a revoker has signed. They are never changed once read, so
// any number of goroutines may use them.
type Revocations struct {
	Issuer   string // whose codes they are about, and no others
	KeyID    KeyID
	IssuedAt time.Time
	Expires  time.Time
	Entries  []Revocation // as in the document

	before map[CertificateID]uint64
}

// Why a document is not taken.
var (
	ErrNotRevocations    = errors.New("not a document of revocations")
	ErrUnknownRevoker    = errors.New("revokers.json has no key with its kid")
	ErrRevokerSignature  = errors.New("its signature does not verify")
	ErrRevokerRevoked    = errors.New("the key that signed it is revoked")
	ErrRevokerNotValid   = errors.New("it was signed outside its key's time")
	errRevocationsTooBig = fmt.Errorf("%w: larger than %d bytes", ErrNotRevocations, MaxRevocations)
)

type wireRevocations struct {
	Expires  uint64           `cbor:"4,keyasint"`
	IssuedAt uint64           `cbor:"6,keyasint"`
	Entries  []wireRevocation `cbor:"-65538,keyasint"`
}

type wireRevocation struct {
	_           struct{} `cbor:",toarray"`
	Certificate []byte
	Before      uint64
	Until       uint64
}

// listDecMode is decMode for a list: as many entries as a document has bytes.
var listDecMode = func() cbor.DecMode {
	options := decMode.DecOptions()
	options.MaxArrayElements = MaxRevocations
	return must(options.DecMode())
}()

// OpenRevocations reads a document of revocations and verifies it. Its expiry is not
// looked at: a list that is old still applies.
func OpenRevocations(data []byte, by *Revokers, now time.Time) (*Revocations, error) {
	if len(data) > MaxRevocations {
		return nil, errRevocationsTooBig
	}
	var w wireCredential
	var h wireHeader
	if decodeExact(data, &w) != nil || decodeExact(w.Protected, &h) != nil || len(w.Signature) != signatureSize ||
		!Algorithm(h.Algorithm).valid() || !within(len(h.KeyID), 1, 8) {
		return nil, ErrNotRevocations
	}
	list, err := parseList(w.Payload)
	if err != nil {
		return nil, err
	}
	key := by.Key(KeyID(h.KeyID))
	iat := unixTime(list.IssuedAt)
	switch {
	case key == nil:
		return nil, ErrUnknownRevoker
	case Algorithm(h.Algorithm) != key.public.algorithm() || !key.public.verify(signedMessage(w.Protected, []byte{}, w.Payload), w.Signature):
		return nil, ErrRevokerSignature
	case !key.RevokedAt.IsZero() && !now.Before(key.RevokedAt):
		return nil, ErrRevokerRevoked
	case iat.Before(key.NotBefore) || iat.After(key.NotAfter):
		return nil, ErrRevokerNotValid
	}
	r := &Revocations{
		Issuer: key.Issuer, KeyID: key.ID, IssuedAt: iat, Expires: unixTime(list.Expires), Entries: list.Entries,
		before: make(map[CertificateID]uint64, len(list.Entries)),
	}
	for _, e := range list.Entries {
		r.before[e.Certificate] = max(r.before[e.Certificate], e.Before)
	}
	return r, nil
}

// parseList reads what was signed. It refuses any spelling but the deterministic one.
func parseList(data []byte) (l RevocationList, err error) {
	var w wireRevocations
	if err := listDecMode.Unmarshal(data, &w); err != nil {
		return l, ErrNotRevocations
	}
	if again, err := encMode.Marshal(&w); err != nil || !bytes.Equal(again, data) {
		return l, ErrNotRevocations
	}
	if w.Entries == nil || w.Expires < w.IssuedAt {
		return l, ErrNotRevocations
	}
	l = RevocationList{Expires: w.Expires, IssuedAt: w.IssuedAt, Entries: make([]Revocation, len(w.Entries))}
	for i, e := range w.Entries {
		if !within(len(e.Certificate), 8, 16) {
			return RevocationList{}, ErrNotRevocations
		}
		l.Entries[i] = Revocation{Certificate: CertificateID(e.Certificate), Before: e.Before, Until: e.Until}
	}
	return l, nil
}

// SignRevocations encodes a list, its entries in the order of their certificates, and has
// it signed as [Issue] does. It refuses a list that no gate would read.
func SignRevocations(l RevocationList, algorithm Algorithm, id KeyID, sign func(message []byte) ([]byte, error)) ([]byte, error) {
	w := wireRevocations{Expires: l.Expires, IssuedAt: l.IssuedAt, Entries: make([]wireRevocation, len(l.Entries))}
	for i, e := range slices.SortedFunc(slices.Values(l.Entries), func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(a.Certificate, b.Certificate), cmp.Compare(a.Before, b.Before))
	}) {
		w.Entries[i] = wireRevocation{Certificate: []byte(e.Certificate), Before: e.Before, Until: e.Until}
	}
	payload := must(encMode.Marshal(&w))
	if _, err := parseList(payload); err != nil {
		return nil, fmt.Errorf("revocations outside what the wire allows: %w", err)
	}
	protected := must(encMode.Marshal(wireHeader{Algorithm: int64(algorithm), KeyID: []byte(id)}))
	sig, err := sign(signedMessage(protected, []byte{}, payload))
	if err != nil {
		return nil, fmt.Errorf("signing revocations: %w", err)
	}
	data := must(encMode.Marshal(wireCredential{Protected: protected, Payload: payload, Signature: sig}))
	if len(data) > MaxRevocations {
		return nil, errRevocationsTooBig
	}
	return data, nil
}

// Revokes tells whether a credential of a certificate, signed at a time, is revoked.
func (r *Revocations) Revokes(id CertificateID, iat uint64) bool { return iat < r.before[id] }

// Same tells whether two lists say the same of every certificate, whenever each was signed.
func (r *Revocations) Same(s *Revocations) bool {
	if r.Issuer != s.Issuer || len(r.before) != len(s.before) {
		return false
	}
	for id, before := range r.before {
		if s.before[id] != before {
			return false
		}
	}
	return true
}

// With is the keyset under lists of revocations, in the place of those that it had. Each
// counts for the codes of its own issuer alone. Without lists it is the keyset itself.
func (s *Keyset) With(lists ...*Revocations) *Keyset {
	if len(lists) == 0 && len(s.lists) == 0 {
		return s
	}
	under := *s
	under.lists = make(map[string]*Revocations, len(lists))
	for _, l := range lists {
		under.lists[l.Issuer] = l
	}
	return &under
}

// withdraws tells whether a certificate is on the revoked list, or its issuer has revoked
// what was signed by then.
func (s *Keyset) withdraws(issuer *Issuer, c *Claims) bool {
	if s.Revoked(c.Certificate) {
		return true
	}
	list := s.lists[issuer.ID]
	return list != nil && list.Revokes(c.Certificate, c.IssuedAt)
}
