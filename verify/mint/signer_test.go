package mint

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"railgate/verify"
)

// bench is an issuer with a key of each algorithm and its keyset, at noon.
type bench struct {
	signers map[verify.Algorithm]*Signer
	keys    *verify.Keyset
}

var (
	noon       = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	everyClass = verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper, verify.Staff}}
)

func newBench(t testing.TB) *bench {
	t.Helper()
	f := newFile(t, noon, verify.EdDSA, verify.ES256, verify.SM2)
	b := &bench{signers: map[verify.Algorithm]*Signer{}}
	for _, k := range f.Keys {
		s, err := k.signer()
		if err != nil {
			t.Fatal(err)
		}
		b.signers[s.Algorithm()] = s
	}
	b.keys = keyset(t, f)
	return b
}

// newFile is a file of keys that may sign everything for an hour before and after.
func newFile(t testing.TB, at time.Time, algs ...verify.Algorithm) *KeyFile {
	t.Helper()
	f := NewKeyFile("bench")
	f.Version = 1
	for _, a := range algs {
		if err := f.AddKey(a, at.Add(-time.Hour), at.Add(time.Hour), everyClass.Classes...); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func keyset(t testing.TB, f *KeyFile) *verify.Keyset {
	t.Helper()
	keys, err := f.Keyset()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// claims are those of an issuer-rotated code signed now.
func (b *bench) claims() verify.Claims {
	now := uint64(noon.Unix())
	return verify.Claims{Holder: "holder-0001", Certificate: "certif-1", IssuedAt: now, Live: now, Expires: now + 3600, Class: verify.Temporary}
}

func (b *bench) issue(t testing.TB, alg verify.Algorithm, c verify.Claims) verify.Credential {
	t.Helper()
	credential, err := b.signers[alg].Issue(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func (b *bench) rotated(t testing.TB, c verify.Credential, slot uint8, proof []byte) string {
	t.Helper()
	text, err := c.RotatedText(slot, proof)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (b *bench) decide(text string, at time.Time) verify.Verdict {
	return verify.Decide(text, b.keys, everyClass, at)
}

func TestMintedCodesAreGranted(t *testing.T) {
	b := newBench(t)
	for alg := range b.signers {
		t.Run("issuer "+alg.String(), func(t *testing.T) {
			if got := b.decide(b.issue(t, alg, b.claims()).Text(), noon); !got.Granted() || got.Rotation != verify.ByIssuer {
				t.Errorf("Decide = %+v; want granted, by issuer", got)
			}
		})
		t.Run("static "+alg.String(), func(t *testing.T) {
			c := b.claims()
			c.Class = verify.Paper
			got := b.decide(b.issue(t, alg, c).Text(), noon.Add(59*time.Minute))
			if !got.Granted() || got.Rotation != verify.Static || !got.Ends.Equal(got.Expires) {
				t.Errorf("Decide = %+v; want granted, static, good until the certificate ends", got)
			}
		})
		t.Run("chain "+alg.String(), func(t *testing.T) { testMintedChain(t, b, alg) })
		t.Run("device "+alg.String(), func(t *testing.T) { testMintedDevice(t, b, alg) })
	}
}

func testMintedChain(t *testing.T, b *bench, alg verify.Algorithm) {
	c := b.claims()
	chain, err := NewChain(c.Certificate, 30, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.Anchor = chain.Anchor()
	credential := b.issue(t, alg, c)
	for slot := range uint8(30) {
		link, err := chain.Link(slot)
		if err != nil {
			t.Fatal(err)
		}
		got := b.decide(b.rotated(t, credential, slot, link), noon.Add(time.Duration(slot)*time.Minute))
		if !got.Granted() || got.Slot != slot || got.Rotation != verify.ByChain {
			t.Errorf("slot %d: Decide = %+v; want granted", slot, got)
		}
	}
	if _, err := chain.Link(30); !errors.Is(err, errSlot) {
		t.Errorf("Link(30) of a chain of 30: %v; want %v", err, errSlot)
	}
}

func testMintedDevice(t *testing.T, b *bench, alg verify.Algorithm) {
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := b.claims()
	if c.Phone, err = verify.NewPhoneKey(&phone.PublicKey); err != nil {
		t.Fatal(err)
	}
	credential := b.issue(t, alg, c)
	for _, slot := range []uint8{0, 7, 23, 24, 29} {
		proof, err := DeviceProof(credential, slot, phone, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		got := b.decide(b.rotated(t, credential, slot, proof), noon.Add(time.Duration(slot)*time.Minute))
		if !got.Granted() || got.Slot != slot || got.Rotation != verify.ByDevice {
			t.Errorf("slot %d: Decide = %+v; want granted", slot, got)
		}
	}
}

func TestSignerSurvivesItsPrivateBytes(t *testing.T) {
	b := newBench(t)
	for alg, s := range b.signers {
		again, err := NewSigner(s.ID, alg, s.Private())
		if err != nil {
			t.Fatal(err)
		}
		credential, err := again.Issue(b.claims(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.decide(credential.Text(), noon); !got.Granted() {
			t.Errorf("%v restored: %s; want ok", alg, got.Reason)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	good := bytes.Repeat([]byte{1}, 32)
	for _, tt := range []struct {
		name    string
		id      verify.KeyID
		alg     verify.Algorithm
		private []byte
	}{
		{"no kid", "", verify.EdDSA, good},
		{"a kid of nine bytes", "123456789", verify.EdDSA, good},
		{"a short private key", "k", verify.EdDSA, good[1:]},
		{"a long private key", "k", verify.ES256, append(good, 1)},
		{"zero as a scalar", "k", verify.ES256, make([]byte, 32)},
		{"a scalar above the order", "k", verify.ES256, bytes.Repeat([]byte{0xff}, 32)},
		{"zero as an SM2 scalar", "k", verify.SM2, make([]byte, 32)},
		{"an algorithm that is not ours", "k", -37, good},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := NewSigner(tt.id, tt.alg, tt.private); err == nil {
				t.Errorf("NewSigner = %v; want an error", s)
			}
		})
	}
}

func TestIssueRefusesWhatNoGateWouldParse(t *testing.T) {
	b := newBench(t)
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := verify.NewPhoneKey(&phone.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*verify.Claims)
	}{
		{"a sub of 7 bytes", func(c *verify.Claims) { c.Holder = "1234567" }},
		{"a sub of 33 bytes", func(c *verify.Claims) { c.Holder = verify.HolderID(make([]byte, 33)) }},
		{"a cti of 7 bytes", func(c *verify.Claims) { c.Certificate = "1234567" }},
		{"a cti of 17 bytes", func(c *verify.Claims) { c.Certificate = "12345678901234567" }},
		{"class 0", func(c *verify.Claims) { c.Class = 0 }},
		{"class 4", func(c *verify.Claims) { c.Class = 4 }},
		{"an anchor of 15 bytes", func(c *verify.Claims) { c.Anchor = make([]byte, 15) }},
		{"an anchor and a phone's key", func(c *verify.Claims) { c.Anchor, c.Phone = make([]byte, 16), key }},
		{"paper with an anchor", func(c *verify.Claims) { c.Class, c.Anchor = verify.Paper, make([]byte, 16) }},
		{"paper with a phone's key", func(c *verify.Claims) { c.Class, c.Phone = verify.Paper, key }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.claims()
			tt.change(&c)
			if _, err := b.signers[verify.EdDSA].Issue(c, rand.Reader); err == nil {
				t.Error("Issue succeeds; want an error")
			}
		})
	}
}
