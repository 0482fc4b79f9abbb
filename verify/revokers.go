package verify

import (
	"errors"
	"fmt"
	"time"
)

// Revokers are the keys that may sign revocations, and nothing else: what revokers.json
// says. They are never changed once parsed.
type Revokers struct {
	Version uint64
	Keys    []*Revoker // in the document's order

	byID map[KeyID]*Revoker
}

// A Revoker is one issuer's key for revocations.
type Revoker struct {
	ID        KeyID
	Issuer    string
	NotBefore time.Time
	NotAfter  time.Time // inclusive
	RevokedAt time.Time // zero: not revoked

	public publicKey
}

// Key finds a key by its kid; nil: there is none.
func (r *Revokers) Key(id KeyID) *Revoker {
	if r == nil {
		return nil
	}
	return r.byID[id]
}

// RevokersDocument is revokers.json: a JWK set as keys.json is, without issuers and
// without classes.
type RevokersDocument struct {
	Version uint64            `json:"version"`
	Keys    []DocumentRevoker `json:"keys"`
}

// DocumentRevoker is a JWK in revokers.json, as [DocumentKey] is one in keys.json.
type DocumentRevoker struct {
	KeyID     string     `json:"kid"`
	Type      string     `json:"kty"`
	Curve     string     `json:"crv"`
	Algorithm string     `json:"alg"`
	X         string     `json:"x"`
	Y         string     `json:"y,omitempty"`
	Issuer    string     `json:"issuer"`
	NotBefore time.Time  `json:"not_before"`
	NotAfter  time.Time  `json:"not_after"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// ParseRevokers reads revokers.json. It refuses what [ParseKeyset] refuses of keys. A
// document without keys is one by which nobody may revoke.
func ParseRevokers(data []byte) (*Revokers, error) {
	if len(data) > MaxRevokers {
		return nil, fmt.Errorf("revokers: larger than %d bytes", MaxRevokers)
	}
	var doc RevokersDocument
	if err := decodeStrictJSON(data, &doc); err != nil {
		return nil, fmt.Errorf("revokers: %w", err)
	}
	if doc.Keys == nil {
		return nil, errors.New("revokers: no keys are listed")
	}
	r := &Revokers{Version: doc.Version, byID: make(map[KeyID]*Revoker, len(doc.Keys))}
	for i := range doc.Keys {
		k, err := doc.Keys[i].revoker()
		if err == nil && r.byID[k.ID] != nil {
			err = errors.New("duplicate kid")
		}
		if err != nil {
			return nil, fmt.Errorf("revokers: key %q: %w", doc.Keys[i].KeyID, err)
		}
		r.byID[k.ID] = k
		r.Keys = append(r.Keys, k)
	}
	return r, nil
}

func (d *DocumentRevoker) revoker() (*Revoker, error) {
	id, err := parseHex(d.KeyID, 1, 8)
	if err != nil {
		return nil, fmt.Errorf("kid: %w", err)
	}
	k := &Revoker{ID: KeyID(id), Issuer: d.Issuer, NotBefore: d.NotBefore, NotAfter: d.NotAfter}
	switch {
	case d.Issuer == "":
		return nil, errors.New("no issuer")
	case d.NotBefore.IsZero() || d.NotAfter.IsZero():
		return nil, errors.New("not_before and not_after are needed")
	case d.NotAfter.Before(d.NotBefore):
		return nil, errors.New("not_after is before not_before")
	}
	if d.RevokedAt != nil {
		k.RevokedAt = *d.RevokedAt
	}
	jwk := DocumentKey{Type: d.Type, Curve: d.Curve, Algorithm: d.Algorithm, X: d.X, Y: d.Y}
	k.public, err = jwk.publicKey()
	return k, err
}
