package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// bench is an issuer with a key of each algorithm and its keyset, at a fixed time.
type bench struct {
	now     time.Time
	signers map[Algorithm]*Signer
	keys    *Keyset
}

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func newBench(t testing.TB, change ...func(*Document)) *bench {
	t.Helper()
	b := &bench{now: noon, signers: map[Algorithm]*Signer{}}
	doc := Document{
		Version: 1,
		Issuers: []DocumentIssuer{{ID: "bench", Period: 60, Liveness: 1800, Validity: 86400, Early: 5, Late: 10}},
		Revoked: []DocumentRevoked{},
	}
	for i, alg := range []Algorithm{EdDSA, ES256, SM2} {
		s, err := GenerateSigner(KeyID([]byte{byte(i + 1)}), alg, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b.signers[alg] = s
		doc.Keys = append(doc.Keys, s.Document("bench", []Class{Temporary, Paper, Staff}, noon.Add(-time.Hour), noon.Add(time.Hour)))
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
	now := uint64(b.now.Unix())
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

func TestMintedCodesAreGranted(t *testing.T) {
	b := newBench(t)
	for alg := range b.signers {
		t.Run("issuer "+alg.String(), func(t *testing.T) {
			if got := b.decide(b.issue(t, alg, b.claims()).Text(), noon); !got.Granted() || got.Way != ByIssuer {
				t.Errorf("Decide = %+v; want granted, by issuer", got)
			}
		})
		t.Run("static "+alg.String(), func(t *testing.T) {
			c := b.claims()
			c.Class = Paper
			got := b.decide(b.issue(t, alg, c).Text(), noon.Add(59*time.Minute))
			if !got.Granted() || got.Way != Static || !got.Ends.Equal(got.Expires) {
				t.Errorf("Decide = %+v; want granted, static, good until the certificate ends", got)
			}
		})
		t.Run("chain "+alg.String(), func(t *testing.T) { testMintedChain(t, b, alg) })
		t.Run("device "+alg.String(), func(t *testing.T) { testMintedDevice(t, b, alg) })
	}
}

func testMintedChain(t *testing.T, b *bench, alg Algorithm) {
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
		if !got.Granted() || got.Slot != slot || got.Way != ByChain {
			t.Errorf("slot %d: Decide = %+v; want granted", slot, got)
		}
	}
	if _, err := chain.Link(30); !errors.Is(err, errSlot) {
		t.Errorf("Link(30) of a chain of 30: %v; want %v", err, errSlot)
	}
}

func testMintedDevice(t *testing.T, b *bench, alg Algorithm) {
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := b.claims()
	if c.Phone, err = NewPhoneKey(&phone.PublicKey); err != nil {
		t.Fatal(err)
	}
	credential := b.issue(t, alg, c)
	for _, slot := range []uint8{0, 7, 23, 24, 29} {
		proof, err := DeviceProof(credential, slot, phone, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		got := b.decide(b.rotated(t, credential, slot, proof), noon.Add(time.Duration(slot)*time.Minute))
		if !got.Granted() || got.Slot != slot || got.Way != ByDevice {
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
		id      KeyID
		alg     Algorithm
		private []byte
	}{
		{"no kid", "", EdDSA, good},
		{"a kid of nine bytes", "123456789", EdDSA, good},
		{"a short private key", "k", EdDSA, good[1:]},
		{"a long private key", "k", ES256, append(good, 1)},
		{"zero as a scalar", "k", ES256, make([]byte, 32)},
		{"a scalar above the order", "k", ES256, bytes.Repeat([]byte{0xff}, 32)},
		{"zero as an SM2 scalar", "k", SM2, make([]byte, 32)},
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
	key, err := NewPhoneKey(&phone.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Claims)
	}{
		{"a sub of 7 bytes", func(c *Claims) { c.Holder = "1234567" }},
		{"a sub of 33 bytes", func(c *Claims) { c.Holder = HolderID(make([]byte, 33)) }},
		{"a cti of 7 bytes", func(c *Claims) { c.Certificate = "1234567" }},
		{"a cti of 17 bytes", func(c *Claims) { c.Certificate = "12345678901234567" }},
		{"class 0", func(c *Claims) { c.Class = 0 }},
		{"class 4", func(c *Claims) { c.Class = 4 }},
		{"an anchor of 15 bytes", func(c *Claims) { c.Anchor = make([]byte, 15) }},
		{"an anchor and a phone's key", func(c *Claims) { c.Anchor, c.Phone = make([]byte, 16), key }},
		{"paper with an anchor", func(c *Claims) { c.Class, c.Anchor = Paper, make([]byte, 16) }},
		{"paper with a phone's key", func(c *Claims) { c.Class, c.Phone = Paper, key }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.claims()
			tt.change(&c)
			if _, err := b.signers[EdDSA].Issue(c, rand.Reader); err == nil {
				t.Error("Issue succeeds; want an error")
			}
		})
	}
}

func TestTheLargestCodeIsRead(t *testing.T) {
	b := newBench(t)
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner("12345678", SM2, b.signers[SM2].Private())
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewPhoneKey(&phone.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	huge := uint64(1) << 40 // takes eight bytes on the wire
	c := Claims{Holder: HolderID(make([]byte, 32)), Certificate: CertificateID(make([]byte, 16)), IssuedAt: huge, Live: huge, Expires: huge, Class: Staff, Phone: key}
	credential, err := s.Issue(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := b.rotated(t, credential, 255, make([]byte, 64))
	if len(text) != maxText {
		t.Errorf("the largest code has %d characters; maxText is %d", len(text), maxText)
	}
	if _, err := Parse(text); err != nil {
		t.Errorf("Parse of the largest code: %v", err)
	}
	if _, err := Parse(text + "0"); err == nil {
		t.Error("a longer text is parsed")
	}
}

func TestHostileTextCostsNoMemory(t *testing.T) {
	huge := Prefix + string(bytes.Repeat([]byte("0"), 1<<20))
	claimed := text([]byte{0x5b, 0, 0, 0, 1, 0, 0, 0, 0}) // a byte string of 4 GiB, they say
	for _, tt := range []struct {
		name, text string
		most       float64
	}{{"a megabyte", huge, 0}, {"a claimed 4 GiB", claimed, 8}} {
		if got := testing.AllocsPerRun(100, func() { Parse(tt.text) }); got > tt.most {
			t.Errorf("%s: %v allocations; want at most %v", tt.name, got, tt.most)
		}
	}
}

func ExampleDecide() {
	signer, _ := NewSigner("key1", EdDSA, bytes.Repeat([]byte{7}, 32))
	from, to := noon.Add(-time.Hour), noon.Add(time.Hour)
	data, _ := json.Marshal(Document{
		Version: 1,
		Issuers: []DocumentIssuer{{ID: "example", Period: 60, Liveness: 1800, Validity: 86400, Early: 5, Late: 10}},
		Keys:    []DocumentKey{signer.Document("example", []Class{Temporary}, from, to)},
	})
	keys, _ := ParseKeyset(data)

	now := uint64(noon.Unix())
	credential, _ := signer.Issue(Claims{
		Holder: "a holder's pseudonym", Certificate: "cert-0001",
		IssuedAt: now, Live: now, Expires: now + 86400, Class: Temporary,
	}, rand.Reader)

	rules := Rules{Classes: []Class{Temporary}}
	fmt.Println(Decide(credential.Text(), keys, rules, noon.Add(69*time.Second)).Reason)
	fmt.Println(Decide(credential.Text(), keys, rules, noon.Add(70*time.Second)).Reason)
	// Output:
	// ok
	// code_expired
}
