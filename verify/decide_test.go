package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	. "railgate/verify"
	"railgate/verify/mint"
)

// bench is an issuer with a key of each algorithm and its keyset, at noon.
type bench struct {
	signers map[Algorithm]*mint.Signer
	keys    *Keyset
}

var (
	noon       = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	everyClass = Rules{Classes: []Class{Temporary, Paper, Staff}}
)

func newBench(t testing.TB, change ...func(*Document)) *bench {
	t.Helper()
	b := &bench{signers: map[Algorithm]*mint.Signer{}}
	doc := mint.NewKeyFile("bench").Document()
	for i, alg := range []Algorithm{EdDSA, ES256, SM2} {
		s, err := mint.GenerateSigner(KeyID([]byte{byte(i + 1)}), alg, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b.signers[alg] = s
		doc.Keys = append(doc.Keys, s.Document("bench", everyClass.Classes, noon.Add(-time.Hour), noon.Add(time.Hour)))
	}
	for _, f := range change {
		f(&doc)
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if b.keys, err = ParseKeyset(data); err != nil {
		t.Fatal(err)
	}
	return b
}

// claims are those of an issuer-rotated code signed now.
func (b *bench) claims() Claims {
	now := uint64(noon.Unix())
	return Claims{Holder: "holder-0001", Certificate: "certif-1", IssuedAt: now, Live: now, Expires: now + 3600, Class: Temporary}
}

func (b *bench) issue(t testing.TB, alg Algorithm, c Claims) Credential {
	t.Helper()
	credential, err := b.signers[alg].Issue(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func (b *bench) rotated(t testing.TB, c Credential, slot uint8, proof []byte) string {
	t.Helper()
	text, err := c.RotatedText(slot, proof)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (b *bench) decide(text string, at time.Time) Verdict {
	return Decide(text, b.keys, everyClass, at)
}

// Each row breaks one rule of the decision, and where it says so a later one as
// well: the first in the order is the answer.
func TestDecideInOrder(t *testing.T) {
	hour := uint64(3600)
	for _, tt := range []struct {
		name   string
		keyset func(*Document)
		rules  *Rules
		claims func(*Claims)
		after  time.Duration // the reading, after the signing
		want   Reason
	}{
		{name: "nothing", want: OK},
		{name: "revoked at this instant", keyset: revokeAt(noon), want: KeyRevoked},
		{name: "revoked a second from now", keyset: revokeAt(noon.Add(time.Second)), want: OK},
		{name: "revoked, and not yet in its window", keyset: both(revokeAt(noon), window(time.Minute, time.Hour)), want: KeyRevoked},
		{name: "signed as the window opens", keyset: window(0, time.Hour), want: OK},
		{name: "signed before the window", keyset: window(time.Second, time.Hour), want: KeyNotValid},
		{name: "signed as the window closes", keyset: window(-time.Hour, 0), want: OK},
		{name: "signed after the window", keyset: window(-time.Hour, -time.Second), want: KeyNotValid},
		{name: "outside the window, class not taken", keyset: both(window(time.Second, time.Hour), classes(2)), want: KeyNotValid},
		{name: "a class its key may not sign", keyset: classes(2, 3), want: ClassNotAccepted},
		{name: "a class the lane does not take", rules: &Rules{Classes: []Class{Paper, Staff}}, want: ClassNotAccepted},
		{name: "a lane that takes nothing", rules: &Rules{}, want: ClassNotAccepted},
		{name: "class not taken, longer than a certificate", rules: &Rules{}, claims: func(c *Claims) { c.Expires = c.IssuedAt + 25*hour }, want: ClassNotAccepted},
		{name: "as long as a certificate may be", claims: func(c *Claims) { c.Expires = c.IssuedAt + 24*hour }, want: OK},
		{name: "a second longer than a certificate", claims: func(c *Claims) { c.Expires = c.IssuedAt + 24*hour + 1 }, want: BadClaims},
		{name: "an end beyond all time", claims: func(c *Claims) { c.Expires = 1<<64 - 1 }, want: BadClaims},
		{name: "live as early as tolerated", claims: func(c *Claims) { c.Live = c.IssuedAt + 5 }, want: OK},
		{name: "live a second earlier", claims: func(c *Claims) { c.Live = c.IssuedAt + 6 }, want: BadClaims},
		{name: "live beyond all time", claims: func(c *Claims) { c.Live = 1<<64 - 1 }, want: BadClaims},
		{name: "too long, and on the revoked list", keyset: revoke("certif-1"), claims: func(c *Claims) { c.Expires = c.IssuedAt + 25*hour }, want: BadClaims},
		{name: "on the revoked list", keyset: revoke("certif-1"), want: Revoked},
		{name: "another on the revoked list", keyset: revoke("certif-2"), want: OK},
		{name: "on the revoked list, and at its end", keyset: revoke("certif-1"), claims: func(c *Claims) { c.Expires = c.IssuedAt }, want: Revoked},
		{name: "a second before its end", claims: func(c *Claims) { c.Expires = c.IssuedAt + 1 }, want: OK},
		{name: "at its end", claims: func(c *Claims) { c.Expires = c.IssuedAt }, want: CertificateExpired},
		{name: "signed after its own end", claims: func(c *Claims) { c.Expires = c.IssuedAt - 1 }, want: CertificateExpired},
		{name: "signed after its own end, which is not yet", claims: func(c *Claims) { c.Expires = c.IssuedAt - 1 }, after: -2 * time.Second, want: BadClaims},
		{name: "good for no time at all, shown before", claims: func(c *Claims) { c.Expires = c.IssuedAt }, after: -time.Second, want: OK},
		{name: "at its end, liveness over", claims: func(c *Claims) { c.Expires, c.Live = c.IssuedAt, c.Live-hour }, want: CertificateExpired},
		{name: "a second of liveness left", claims: func(c *Claims) { c.Live -= 1799 }, want: OK},
		{name: "liveness over", claims: func(c *Claims) { c.Live -= 1800 }, want: LivenessExpired},
		{name: "never live", claims: func(c *Claims) { c.Live = 0 }, want: LivenessExpired},
		{name: "paper never needs liveness", claims: func(c *Claims) { c.Class, c.Live = Paper, 0 }, want: OK},
		{name: "as early as tolerated", after: -5 * time.Second, want: OK},
		{name: "a nanosecond earlier", after: -5*time.Second - 1, want: NotYetValid},
		{name: "paper as early as tolerated", claims: func(c *Claims) { c.Class = Paper }, after: -5 * time.Second, want: OK},
		{name: "paper a nanosecond earlier", claims: func(c *Claims) { c.Class = Paper }, after: -5*time.Second - 1, want: NotYetValid},
		{name: "a nanosecond before it is late", after: 70*time.Second - 1, want: OK},
		{name: "late", after: 70 * time.Second, want: CodeExpired},
		{name: "paper is never late", claims: func(c *Claims) { c.Class = Paper }, after: 59 * time.Minute, want: OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			if tt.keyset != nil {
				b = newBench(t, tt.keyset)
			}
			c := b.claims()
			if tt.claims != nil {
				tt.claims(&c)
			}
			rules := everyClass
			if tt.rules != nil {
				rules = *tt.rules
			}
			got := Decide(b.issue(t, EdDSA, c).Text(), b.keys, rules, noon.Add(tt.after))
			if got.Reason != tt.want || !got.Signed {
				t.Errorf("Decide = %s (signed %v); want %s", got.Reason, got.Signed, tt.want)
			}
		})
	}
}

func revokeAt(at time.Time) func(*Document) {
	return func(d *Document) { d.Keys[0].RevokedAt = &at }
}

func window(from, to time.Duration) func(*Document) {
	return func(d *Document) { d.Keys[0].NotBefore, d.Keys[0].NotAfter = noon.Add(from), noon.Add(to) }
}

func classes(numbers ...uint) func(*Document) {
	return func(d *Document) { d.Keys[0].Classes = numbers }
}

func revoke(id CertificateID) func(*Document) {
	return func(d *Document) {
		d.Revoked = append(d.Revoked, DocumentRevoked{Certificate: id.String(), Until: noon.Add(time.Hour)})
	}
}

func both(f, g func(*Document)) func(*Document) {
	return func(d *Document) { f(d); g(d) }
}

func TestUnsignedCodesTellNothing(t *testing.T) {
	b := newBench(t)
	stranger := newBench(t)
	other, err := mint.NewSigner("nobody's", EdDSA, stranger.signers[EdDSA].Private())
	if err != nil {
		t.Fatal(err)
	}
	confused, err := mint.NewSigner(b.signers[ES256].ID, EdDSA, b.signers[EdDSA].Private())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		signer *mint.Signer
		want   Reason
	}{
		{"a kid that is not in the keyset", other, UnknownKey},
		{"a known kid, a stranger's signature", stranger.signers[EdDSA], BadSignature},
		{"the header's algorithm is not the key's", confused, BadSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			credential, err := tt.signer.Issue(b.claims(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			got := b.decide(credential.Text(), noon)
			if got.Reason != tt.want || got.Signed || got.Holder != "" || got.KeyID != tt.signer.ID {
				t.Errorf("Decide = %+v; want %s and no holder", got, tt.want)
			}
		})
	}
}

func TestProofs(t *testing.T) {
	b := newBench(t)
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bound, chained, plain, paper := b.claims(), b.claims(), b.claims(), b.claims()
	paper.Class = Paper
	if bound.Phone, err = NewPhoneKey(&phone.PublicKey); err != nil {
		t.Fatal(err)
	}
	chain, err := mint.NewChain(chained.Certificate, 60, rand.Reader) // longer than the liveness
	if err != nil {
		t.Fatal(err)
	}
	chained.Anchor = chain.Anchor()
	link := func(slot uint8) []byte {
		l, err := chain.Link(slot)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	device := b.issue(t, EdDSA, bound)
	sign := func(slot uint8) []byte {
		p, err := mint.DeviceProof(device, slot, phone, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	offCurve := b.claims()
	offCurve.Phone = OffCurve()
	hash := b.issue(t, EdDSA, chained)
	for _, tt := range []struct {
		name       string
		credential Credential
		slot       uint8
		proof      []byte
		want       Reason
	}{
		{"a link of its slot", hash, 3, link(3), OK},
		{"the next slot's link", hash, 3, link(4), BadProof},
		{"the slot before's link", hash, 3, link(2), BadProof},
		{"the anchor as a link", hash, 0, chain.Anchor(), BadProof},
		{"a link of a slot past the liveness", hash, 30, link(30), BadProof},
		{"a link where a signature is due", device, 3, link(3), Malformed},
		{"a signature where a link is due", hash, 3, sign(3), Malformed},
		{"a signature of its slot", device, 3, sign(3), OK},
		{"a signature of another slot", device, 3, sign(4), BadProof},
		{"a signature of a slot past the liveness", device, 30, sign(30), BadProof},
		{"a phone's key off the curve", b.issue(t, EdDSA, offCurve), 3, sign(3), BadProof},
		{"a proof and nothing to prove", b.issue(t, EdDSA, plain), 0, link(0), Malformed},
		{"an empty proof and nothing to prove", b.issue(t, EdDSA, plain), 0, []byte{}, Malformed},
		{"a null for a proof", b.issue(t, EdDSA, plain), 0, nil, Malformed},
		{"a proof on paper", b.issue(t, EdDSA, paper), 0, link(0), Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := noon.Add(time.Duration(min(tt.slot, 29)) * time.Minute)
			if got := b.decide(b.rotated(t, tt.credential, tt.slot, tt.proof), at); got.Reason != tt.want {
				t.Errorf("Decide = %s; want %s", got.Reason, tt.want)
			}
		})
	}
	for name, c := range map[string]Credential{"chain": hash, "device": device} {
		if got := b.decide(c.Text(), noon); got.Reason != Malformed {
			t.Errorf("%s without its proof: %s; want %s", name, got.Reason, Malformed)
		}
	}
}
