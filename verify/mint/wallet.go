package mint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"time"

	"railgate/verify"
)

// An Order is what a credential is to say.
type Order struct {
	Rotation    verify.Rotation
	Algorithm   verify.Algorithm
	Class       verify.Class
	Holder      verify.HolderID
	Certificate verify.CertificateID
	Issued      time.Time
	Live        time.Time // the last real-person check
	Expires     time.Time // the certificate ends
}

// NewOrder is that of somebody who was checked and approved as it is issued: random
// ids, paper if it is static and a temporary ID if not.
func NewOrder(rotation verify.Rotation, algorithm verify.Algorithm, issued time.Time) Order {
	o := Order{
		Rotation: rotation, Algorithm: algorithm, Class: verify.Temporary,
		Holder: verify.HolderID(RandomID(12)), Certificate: verify.CertificateID(RandomID(8)),
		Issued: issued, Live: issued, Expires: issued.Add(Validity),
	}
	if rotation == verify.Static {
		o.Class = verify.Paper
	}
	return o
}

// A Wallet is a passenger's phone: a credential and what makes its codes.
type Wallet struct {
	Order Order
	KeyID verify.KeyID // that signed

	period     time.Duration
	credential verify.Credential
	chain      *Chain
	phone      *ecdsa.PrivateKey
}

// RandomID is an id of n random bytes.
func RandomID(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return string(b)
}

// NewWallet makes a phone and has the issuer sign its credential.
func NewWallet(f *KeyFile, o Order) (*Wallet, error) {
	signer, err := f.Signer(o.Algorithm, o.Class, o.Issued)
	if err != nil {
		return nil, err
	}
	w := &Wallet{Order: o, KeyID: signer.ID, period: f.Period()}
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
	switch w.Order.Rotation {
	case verify.ByChain:
		if w.chain, err = NewChain(w.Order.Certificate, slots, rand.Reader); err != nil {
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
	switch w.Order.Rotation {
	case verify.ByChain:
		link, err := w.chain.Link(slot)
		if err != nil {
			return "", err
		}
		return w.credential.RotatedText(slot, link)
	case verify.ByDevice:
		proof, err := DeviceProof(w.credential, slot, w.phone, rand.Reader)
		if err != nil {
			return "", err
		}
		return w.credential.RotatedText(slot, proof)
	}
	if slot != 0 {
		return "", fmt.Errorf("slot %d: %v codes have none", slot, w.Order.Rotation)
	}
	return w.credential.Text(), nil
}

// Begins is when a slot begins.
func (w *Wallet) Begins(slot uint8) time.Time {
	return w.Order.Issued.Truncate(time.Second).Add(time.Duration(slot) * w.period)
}

// Seconds is a time on the wire: whole seconds since 1970.
func Seconds(t time.Time) uint64 { return uint64(max(0, t.Unix())) }
