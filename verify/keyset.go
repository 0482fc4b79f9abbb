package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Issuer is what an issuer's codes have in common.
type Issuer struct {
	ID       string
	Period   time.Duration // how long one slot lasts
	Liveness time.Duration // how long a real-person verification lasts
	Validity time.Duration // the longest that a certificate may last
	Early    time.Duration // tolerance before a slot begins
	Late     time.Duration // tolerance after it ends
}

// Slots is how many slots a credential has: 30 for half an hour of minutes.
func (i *Issuer) Slots() int { return int(i.Liveness / i.Period) }

// Key is one issuer's public key with its limits.
type Key struct {
	ID        KeyID
	Issuer    *Issuer
	Classes   []Class // what it may sign
	NotBefore time.Time
	NotAfter  time.Time // inclusive
	RevokedAt time.Time // zero: not revoked

	public publicKey
}

// Algorithm is the only algorithm that the key verifies.
func (k *Key) Algorithm() Algorithm { return k.public.algorithm() }

// Keyset is what a gate trusts. It is never changed once parsed, so any number
// of goroutines may use it.
type Keyset struct {
	Version uint64
	Issuers []*Issuer
	Keys    []*Key // in the document's order

	byID    map[KeyID]*Key
	revoked map[CertificateID]time.Time
	lists   map[string]*Revocations // by issuer
}

// SharesKey tells whether two keysets have a kid in common, as the keysets of one
// issuer have from one rotation to the next.
func (s *Keyset) SharesKey(t *Keyset) bool {
	return slices.ContainsFunc(s.Keys, func(k *Key) bool { return t.byID[k.ID] != nil })
}

// Key finds a key by its kid, nil if there is none.
func (s *Keyset) Key(id KeyID) *Key { return s.byID[id] }

// Revoked tells whether a certificate is on the revoked list.
func (s *Keyset) Revoked(id CertificateID) bool {
	_, ok := s.revoked[id]
	return ok
}

// RevokedCount is how many certificates are on the revoked list.
func (s *Keyset) RevokedCount() int { return len(s.revoked) }

// Document is keys.json: a JWK set (RFC 7517) with validity.
type Document struct {
	Version uint64            `json:"version"`
	Issuers []DocumentIssuer  `json:"issuers"`
	Keys    []DocumentKey     `json:"keys"`
	Revoked []DocumentRevoked `json:"revoked"`
}

// DocumentIssuer is an issuer in keys.json; durations are whole seconds.
type DocumentIssuer struct {
	ID       string `json:"id"`
	Period   uint32 `json:"period"`
	Liveness uint32 `json:"liveness"`
	Validity uint32 `json:"validity"`
	Early    uint32 `json:"early"`
	Late     uint32 `json:"late"`
}

// DocumentKey is a JWK in keys.json. Coordinates are base64url without padding.
type DocumentKey struct {
	KeyID     string     `json:"kid"` // hex
	Type      string     `json:"kty"`
	Curve     string     `json:"crv"`
	Algorithm string     `json:"alg"`
	X         string     `json:"x"`
	Y         string     `json:"y,omitempty"`
	Issuer    string     `json:"issuer"`
	Classes   []uint     `json:"classes"`
	NotBefore time.Time  `json:"not_before"`
	NotAfter  time.Time  `json:"not_after"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// DocumentRevoked is a revoked certificate in keys.json; it may be dropped from
// the list after Until, when the certificate has ended by itself.
type DocumentRevoked struct {
	Certificate string    `json:"cti"` // hex
	Until       time.Time `json:"until"`
}

// ParseKeyset reads keys.json. It refuses, naming what is wrong: a document without
// issuers or without keys, members that it does not know, duplicate members, issuers
// and kids, a window that ends before it begins, a key that is off its curve, of low
// order or not in its canonical form.
func ParseKeyset(data []byte) (*Keyset, error) {
	var doc Document
	if err := decodeStrictJSON(data, &doc); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	s := &Keyset{
		Version: doc.Version,
		byID:    make(map[KeyID]*Key, len(doc.Keys)),
		revoked: make(map[CertificateID]time.Time, len(doc.Revoked)),
	}
	if err := s.addIssuers(doc.Issuers); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	if len(doc.Keys) == 0 {
		return nil, errors.New("keyset: names no key")
	}
	for i := range doc.Keys {
		if err := s.addKey(&doc.Keys[i]); err != nil {
			return nil, fmt.Errorf("keyset: key %q: %w", doc.Keys[i].KeyID, err)
		}
	}
	for _, r := range doc.Revoked {
		id, err := parseHex(r.Certificate, 8, 16)
		if err != nil {
			return nil, fmt.Errorf("keyset: revoked cti %q: %w", r.Certificate, err)
		}
		s.revoked[CertificateID(id)] = r.Until
	}
	return s, nil
}

func (s *Keyset) addIssuers(docs []DocumentIssuer) error {
	if len(docs) == 0 {
		return errors.New("names no issuer")
	}
	for _, d := range docs {
		issuer, err := d.issuer()
		if err != nil {
			return fmt.Errorf("issuer %q: %w", d.ID, err)
		}
		if s.issuer(d.ID) != nil {
			return fmt.Errorf("issuer %q: duplicate", d.ID)
		}
		s.Issuers = append(s.Issuers, issuer)
	}
	return nil
}

func (s *Keyset) issuer(id string) *Issuer {
	i := slices.IndexFunc(s.Issuers, func(i *Issuer) bool { return i.ID == id })
	if i < 0 {
		return nil
	}
	return s.Issuers[i]
}

// MaxTolerance bounds early and late: a gate forgets a spent code that long
// after its end, whatever a later keyset says.
const MaxTolerance = time.Hour

func (d *DocumentIssuer) issuer() (*Issuer, error) {
	i := &Issuer{
		ID:       d.ID,
		Period:   time.Duration(d.Period) * time.Second,
		Liveness: time.Duration(d.Liveness) * time.Second,
		Validity: time.Duration(d.Validity) * time.Second,
		Early:    time.Duration(d.Early) * time.Second,
		Late:     time.Duration(d.Late) * time.Second,
	}
	switch {
	case d.ID == "":
		return nil, errors.New("no id")
	case i.Period == 0:
		return nil, errors.New("period must be at least a second")
	case i.Liveness < i.Period:
		return nil, errors.New("liveness is shorter than a period")
	case i.Slots() > 256:
		return nil, errors.New("liveness is longer than 256 periods")
	case i.Validity == 0:
		return nil, errors.New("validity must be at least a second")
	case i.Early > MaxTolerance, i.Late > MaxTolerance:
		return nil, errors.New("early and late may be at most an hour")
	}
	return i, nil
}

func (s *Keyset) addKey(d *DocumentKey) error {
	id, err := parseHex(d.KeyID, 1, 8)
	if err != nil {
		return fmt.Errorf("kid: %w", err)
	}
	k := &Key{ID: KeyID(id), Issuer: s.issuer(d.Issuer), NotBefore: d.NotBefore, NotAfter: d.NotAfter}
	if s.byID[k.ID] != nil {
		return errors.New("duplicate kid")
	}
	if k.Issuer == nil {
		return fmt.Errorf("unknown issuer %q", d.Issuer)
	}
	if d.NotBefore.IsZero() || d.NotAfter.IsZero() {
		return errors.New("not_before and not_after are needed")
	}
	if d.NotAfter.Before(d.NotBefore) {
		return errors.New("not_after is before not_before")
	}
	if d.RevokedAt != nil {
		k.RevokedAt = *d.RevokedAt
	}
	if k.Classes, err = parseClasses(d.Classes); err != nil {
		return err
	}
	if k.public, err = d.publicKey(); err != nil {
		return err
	}
	s.byID[k.ID] = k
	s.Keys = append(s.Keys, k)
	return nil
}

func parseClasses(numbers []uint) ([]Class, error) {
	var classes []Class
	for _, n := range numbers {
		c, err := ParseClass(n)
		if err != nil {
			return nil, err
		}
		classes = append(classes, c)
	}
	if len(classes) == 0 {
		return nil, errors.New("no classes")
	}
	return classes, nil
}

func (d *DocumentKey) publicKey() (publicKey, error) {
	x, err := parseCoordinate("x", d.X)
	if err != nil {
		return nil, err
	}
	switch [3]string{d.Type, d.Curve, d.Algorithm} {
	case [3]string{"OKP", "Ed25519", "EdDSA"}:
		if d.Y != "" {
			return nil, errors.New("an Ed25519 key has no y")
		}
		return newEd25519Key(x)
	case [3]string{"EC", "P-256", "ES256"}:
		return newECKey(newES256Key, x, d.Y)
	case [3]string{"EC", "SM2", "SM2"}:
		return newECKey(newSM2Key, x, d.Y)
	}
	return nil, fmt.Errorf("kty %q, crv %q, alg %q do not go together", d.Type, d.Curve, d.Algorithm)
}

func newECKey(newKey func(x, y []byte) (publicKey, error), x []byte, y string) (publicKey, error) {
	yBytes, err := parseCoordinate("y", y)
	if err != nil {
		return nil, err
	}
	return newKey(x, yBytes)
}

func parseCoordinate(name, text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 32 || len(text) != 43 {
		return nil, fmt.Errorf("%s: want 32 bytes in base64url without padding", name)
	}
	return b, nil
}

// parseHex takes lower-case hex only, so that an id has one spelling.
func parseHex(text string, low, high int) ([]byte, error) {
	b, err := hex.DecodeString(text)
	if err != nil || hex.EncodeToString(b) != text || !within(len(b), low, high) {
		return nil, fmt.Errorf("want %d to %d bytes in lower-case hex", low, high)
	}
	return b, nil
}

// decodeStrictJSON decodes one JSON document into v. Unlike encoding/json alone
// it refuses members in another case, duplicate members, and anything
// after the document.
func decodeStrictJSON(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the document")
	}
	return checkMembers(json.NewDecoder(bytes.NewReader(data)), letters)
}

// UniqueMembers refuses a valid JSON document in which an object has a member twice: package json takes the last of them, other programs the first.
func UniqueMembers(data []byte) error {
	return checkMembers(json.NewDecoder(bytes.NewReader(data)), "")
}

// letters are what the names of a keyset's members are made of.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"

// checkMembers walks a document that is known to be valid and refuses a member
// name that is not made of these letters, if there are any, or a second member of one name. Package json
// takes NAME for name, and ſ for an s.
func checkMembers(dec *json.Decoder, letters string) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			name := token.(string)
			if seen[name] {
				return fmt.Errorf("duplicate member %q", name)
			}
			if letters != "" && strings.Trim(name, letters) != "" {
				return fmt.Errorf("unknown member %q", name)
			}
			seen[name] = true
		}
		if err := checkMembers(dec, letters); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the closing bracket
	return err
}
