package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"railgate/verify"
)

// order is what a credential is to say.
type order struct {
	way         verify.Way
	algorithm   verify.Algorithm
	class       verify.Class
	holder      verify.HolderID
	certificate verify.CertificateID
	issued      time.Time
	live        time.Time
	expires     time.Time
}

// wallet is a passenger's phone: a credential and what makes its codes.
type wallet struct {
	order      order
	period     time.Duration
	keyID      verify.KeyID
	credential verify.Credential
	chain      *verify.Chain
	phone      *ecdsa.PrivateKey
}

// randomID is an id of n random bytes.
func randomID(n int) (string, error) {
	b := make([]byte, n)
	_, err := rand.Read(b)
	return string(b), err
}

// newWallet makes a phone and has the issuer sign its credential.
func newWallet(f *keyFile, o order) (*wallet, error) {
	signer, err := f.signer(o.algorithm, o.issued)
	if err != nil {
		return nil, err
	}
	w := &wallet{order: o, period: f.period(), keyID: signer.ID}
	claims := verify.Claims{
		Holder: o.holder, Certificate: o.certificate, Class: o.class,
		IssuedAt: seconds(o.issued), Live: seconds(o.live), Expires: seconds(o.expires),
	}
	if err := w.prepare(&claims, f.slots()); err != nil {
		return nil, err
	}
	w.credential, err = signer.Issue(claims, rand.Reader)
	return w, err
}

// prepare makes what the phone keeps and puts into the claims what is signed of it.
func (w *wallet) prepare(claims *verify.Claims, slots int) (err error) {
	switch w.order.way {
	case verify.ByChain:
		if w.chain, err = verify.NewChain(w.order.certificate, slots, rand.Reader); err != nil {
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

// code is the text that the phone shows in a slot.
func (w *wallet) code(slot uint8) (string, error) {
	switch w.order.way {
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
		return "", fmt.Errorf("slot %d: %v codes have none", slot, w.order.way)
	}
	return w.credential.Text(), nil
}

// begins is when a slot begins.
func (w *wallet) begins(slot uint8) time.Time {
	return w.order.issued.Truncate(time.Second).Add(time.Duration(slot) * w.period)
}

func seconds(t time.Time) uint64 { return uint64(max(0, t.Unix())) }

func decodeHex(s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not hex", s)
	}
	return b, nil
}
