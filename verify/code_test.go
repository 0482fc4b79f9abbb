package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func TestIssueFailsWhereNobodySigns(t *testing.T) {
	c := Claims{Holder: "holder-0001", Certificate: "certif-1", Class: Temporary}
	want := errors.New("no key")
	if credential, err := Issue(c, EdDSA, "key1", func([]byte) ([]byte, error) { return nil, want }); credential != nil || !errors.Is(err, want) {
		t.Errorf("Issue = %x, %v; want nothing, %v", credential, err, want)
	}
}

func TestTheLargestCodeIsRead(t *testing.T) {
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewPhoneKey(&phone.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	huge := uint64(1) << 40 // takes eight bytes on the wire
	c := Claims{Holder: HolderID(make([]byte, 32)), Certificate: CertificateID(make([]byte, 16)), IssuedAt: huge, Live: huge, Expires: huge, Class: Staff, Phone: key}
	credential, err := Issue(c, SM2, "12345678", func([]byte) ([]byte, error) { return make([]byte, signatureSize), nil })
	if err != nil {
		t.Fatal(err)
	}
	text, err := credential.RotatedText(255, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
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
