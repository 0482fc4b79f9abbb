package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"
)

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
	other, err := NewSigner("nobody's", EdDSA, stranger.signers[EdDSA].Private())
	if err != nil {
		t.Fatal(err)
	}
	confused, err := NewSigner(b.signers[ES256].ID, EdDSA, b.signers[EdDSA].Private())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		signer *Signer
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
	chain, err := NewChain(chained.Certificate, 60, rand.Reader) // longer than the liveness
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
		p, err := DeviceProof(device, slot, phone, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	offCurve := b.claims()
	offCurve.Phone = &PhoneKey{x: [32]byte{31: 5}} // x = 5 is on the curve; find one that is not
	for offCurve.Phone.x[31] = 0; ; offCurve.Phone.x[31]++ {
		if _, err := offCurve.Phone.publicKey(); err != nil {
			break
		}
	}
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

func FuzzDecide(f *testing.F) {
	keys := readKeyset(f)
	for _, v := range readVectors(f) {
		f.Add(v.Text, v.Now.Unix())
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		v := Decide(text, keys, everyClass, time.Unix(unix%maxUnix, 0))
		if v.Granted() != (v.Reason == OK) || v.Granted() && !v.Signed || v.Reason == "" {
			t.Errorf("Decide(%q) = %+v", text, v)
		}
	})
}

// FuzzParse feeds bodies, so that the fuzzer need not learn base45 first.
func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f) {
		if len(v.Text) > len(Prefix) {
			if body, err := appendBase45Decoded(nil, v.Text[len(Prefix):]); err == nil {
				f.Add(body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, err := Parse(text(body))
		if err != nil {
			if err != ErrMalformed {
				t.Errorf("Parse: %v; want ErrMalformed", err)
			}
			return
		}
		if again := code.respell(t); string(again) != string(body) {
			t.Errorf("%x parses, but is spelled %x", body, again)
		}
	})
}

// respell encodes what a code says anew.
func (c *Code) respell(t *testing.T) []byte {
	payload, err := c.Claims.encode()
	if err != nil {
		t.Fatal(err)
	}
	protected := must(encMode.Marshal(wireHeader{Algorithm: int64(c.Algorithm), KeyID: []byte(c.KeyID)}))
	body := must(encMode.Marshal(wireCredential{Protected: protected, Payload: payload, Signature: c.signature}))
	if c.proof != nil {
		body = must(encMode.Marshal(wireRotated{Credential: body, Slot: c.Slot, Proof: c.proof}))
	}
	return body
}
