package mint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"railgate/verify"
)

// An Order is what a credential is to say.
type Order struct {
	Way         verify.Way
	Algorithm   verify.Algorithm
	Class       verify.Class
	Holder      verify.HolderID
	Certificate verify.CertificateID
	Issued      time.Time
	Live        time.Time
	Expires     time.Time
}

// A Wallet is a passenger's phone: a credential and what makes its codes.
type Wallet struct {
	Order      Order
	period     time.Duration
	KeyID      verify.KeyID
	credential verify.Credential
	chain      *verify.Chain
	phone      *ecdsa.PrivateKey
}

// RandomID is an id of n random bytes.
func RandomID(n int) (string, error) {
	b := make([]byte, n)
	_, err := rand.Read(b)
	return string(b), err
}

// NewWallet makes a phone and has the issuer sign its credential.
func NewWallet(f *KeyFile, o Order) (*Wallet, error) {
	signer, err := f.Signer(o.Algorithm, o.Issued)
	if err != nil {
		return nil, err
	}
	w := &Wallet{Order: o, period: f.Period(), KeyID: signer.ID}
	claims := verify.Claims{
		Holder: o.Holder, Certificate: o.Certificate, Class: o.Class,
		IssuedAt: Seconds(o.Issued), Live: Seconds(o.Live), Expires: Seconds(o.Expires),
	}
	if err := w.prepare(&claims, f.Slots()); err != nil {
		return nil, err
	}
	w.credential, err = signer.Issue(claims, rand.Reader)
	return w, err
}

// prepare makes what the phone keeps and puts into the claims what is signed of it.
func (w *Wallet) prepare(claims *verify.Claims, slots int) (err error) {
	switch w.Order.Way {
	case verify.ByChain:
		if w.chain, err = verify.NewChain(w.Order.Certificate, slots, rand.Reader); err != nil {
			return err
		}
		claims.Anchor = w.chain.Anchor()
	case verify.ByDevice:
		if w.phone, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return err
		}
		claims.Phone, err = verify.NewPhoneKey(&w.phone.PublicKey)
	}
	return err
}

// Code is the text that the phone shows in a slot.
func (w *Wallet) Code(slot uint8) (string, error) {
	switch w.Order.Way {
	case verify.ByChain:
		link, err := w.chain.Link(slot)
		if err != nil {
			return "", err
		}
		return w.credential.RotatedText(slot, link)
	case verify.ByDevice:
		proof, err := verify.DeviceProof(w.credential, slot, w.phone, rand.Reader)
		if err != nil {
			return "", err
		}
		return w.credential.RotatedText(slot, proof)
	}
	if slot != 0 {
		return "", fmt.Errorf("slot %d: %v codes have none", slot, w.Order.Way)
	}
	return w.credential.Text(), nil
}

// Begins is when a slot begins.
func (w *Wallet) Begins(slot uint8) time.Time {
	return w.Order.Issued.Truncate(time.Second).Add(time.Duration(slot) * w.period)
}

func Seconds(t time.Time) uint64 { return uint64(max(0, t.Unix())) }

func DecodeHex(s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not hex", s)
	}
	return b, nil
}
