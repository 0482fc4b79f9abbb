package office

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
	"railgate/verify/mint"
)

func newOffice(t *testing.T, dir string) *Office {
	t.Helper()
	o, err := Open(Config{Dir: dir, Algorithm: verify.EdDSA, Bench: true, Checker: &fakeCheck{}, Log: slog.New(slog.DiscardHandler), hash: cheapHash(new([]string))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// midMonth moves the time to a day of a month that has a week to go. It never moves it by as much as
// a sign-in lasts, whatever day the tests run on.
func midMonth(t *testing.T, o *Office) {
	t.Helper()
	now := o.Now().In(RailwayTime)
	if now.Day() <= 20 {
		return
	}
	if err := o.Advance(time.Date(now.Year(), now.Month()+1, 3, 12, 0, 0, 0, RailwayTime).Sub(now)); err != nil {
		t.Fatal(err)
	}
}

// A fakeCheck does as an answer's code tells it. Who passes is in the answer's state.
type fakeCheck struct {
	nonces []string
	trips  int
	away   bool
}

func (c *fakeCheck) Begin(_ context.Context, nonce string, _ Person, _ string) ([]byte, string, error) {
	if c.away {
		return nil, "", ErrCheckAway
	}
	c.trips++
	c.nonces = append(c.nonces, nonce)
	return []byte(fmt.Sprintf("trip %d of %s", c.trips, nonce)), "https://check.example/", nil
}

var fakeErrors = map[string]error{
	"fails": ErrNotPassed, "not_alive": ErrNotAlive, "times_out": ErrGivenUp, "cancels": ErrCancelled, "unavailable": ErrCheckAway, "stale": ErrCheckStale,
	"lies": ErrNotTaken, "breaks": errors.New("broken"), "hangs": context.DeadlineExceeded,
}

func (c *fakeCheck) Finish(_ context.Context, trip []byte, nonce string, a Answer) (Seen, error) {
	if !strings.HasSuffix(string(trip), " of "+nonce) {
		return Seen{}, ErrNotTaken
	}
	if err := fakeErrors[a.Code]; err != nil {
		return Seen{}, err
	}
	name, number, _ := strings.Cut(a.State, "|")
	return Seen{Name: name, Number: number}, nil
}

// depart begins the trip of a ticket.
func depart(t *testing.T, o *Office, ticket []byte, who Session) []byte {
	t.Helper()
	next, page, err := o.Depart(t.Context(), ticket, "", who)
	if err != nil || page == "" {
		t.Fatalf("%q, %v; want the provider's page", page, err)
	}
	return next
}

// checks goes through a check that ends in a way; where it passes, the errand's person is seen.
func checks(t *testing.T, o *Office, ticket []byte, how string, who Session) (*Certificate, error) {
	t.Helper()
	next, _, err := o.Depart(t.Context(), ticket, "", who)
	if err != nil {
		return nil, err
	}
	e, err := o.openErrand(next, who)
	if err != nil {
		t.Fatal(err)
	}
	return o.Check(t.Context(), next, Answer{Code: how, State: e.Person.Name + "|" + e.Person.Number}, who)
}

// visitor is the session of a page that has just been opened.
func visitor(t *testing.T, o *Office) Session {
	t.Helper()
	token, err := o.NewVisitor()
	if err != nil {
		t.Fatal(err)
	}
	return o.Visitor(token)
}

// mustPass does an errand whose check passes.
func mustPass(t *testing.T, o *Office, who Session, kind string, rotation verify.Rotation) *Certificate {
	t.Helper()
	return mustPassAs(t, o, who, kind, goodForm(), rotation)
}

// mustPassAs does the same with a form of one's own.
func mustPassAs(t *testing.T, o *Office, who Session, kind string, form Form, rotation verify.Rotation) *Certificate {
	t.Helper()
	ticket, err := o.Begin(kind, form, rotation, who)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checks(t, o, ticket, "passes", who)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Keys that issuer keys adds while the office is open are published, and no rotation
// forgets them.
func TestKeysAddedMeanwhileStay(t *testing.T) {
	dir := t.TempDir()
	o := newOffice(t, dir)
	f, err := mint.LoadKeyFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.AddKey(verify.ES256, o.Now(), o.Now().AddDate(1, 0, 0), verify.Staff); err != nil {
		t.Fatal(err)
	}
	f.Version++
	if err := f.Save(dir); err != nil {
		t.Fatal(err)
	}
	kid := f.Keys[len(f.Keys)-1].KeyID
	for _, by := range []time.Duration{0, 8 * 24 * time.Hour} { // at once, and after a rotation
		if err := o.Advance(by); err != nil {
			t.Fatal(err)
		}
		has := func(k verify.DocumentKey) bool { return k.KeyID == kid }
		if !slices.ContainsFunc(o.Keyset().Keys, has) {
			t.Errorf("after %v the staff key is not published", by)
		}
	}
	again, err := mint.LoadKeyFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.Version <= f.Version || !slices.ContainsFunc(again.Keys, func(k mint.PrivateKey) bool { return k.KeyID == kid }) {
		t.Errorf("version %d after %d, and the staff key is not in the file", again.Version, f.Version)
	}
}

// A number whose holder is on record under another name is refused, after the check,
// and nothing on record changes; the same name in another spelling is the same.
func TestR12DetailsDiffer(t *testing.T) {
	o := newOffice(t, t.TempDir())
	holder := visitor(t, o)
	first := mustPass(t, o, holder, "apply", verify.ByIssuer)
	f := goodForm()
	for _, kind := range []string{"apply", "view"} {
		f.Name = "王五"
		who := visitor(t, o)
		ticket, err := o.Begin(kind, f, verify.ByIssuer, who)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := checks(t, o, ticket, "passes", who); c != nil || !errors.Is(err, Deny(DetailsDiffer)) {
			t.Errorf("%s: %v, %v; want %s", kind, c, err, DetailsDiffer)
		}
		if _, _, err := o.Shown(who); !errors.Is(err, Deny(VerifyAgain)) {
			t.Errorf("%s: the stranger is shown the certificate, or: %v", kind, err)
		}
	}
	if c, p, err := o.Shown(holder); err != nil || c.ID != first.ID || p.Name != goodForm().Name {
		t.Errorf("the holder is shown %v of %v, %v", c, p, err)
	}
	f.Name = "李　雷"
	who := visitor(t, o)
	ticket, err := o.Begin("view", f, verify.ByIssuer, who)
	if err == nil {
		_, err = checks(t, o, ticket, "passes", who)
	}
	if err != nil {
		t.Errorf("the same name, spelled otherwise: %v", err)
	}
}

// The rotation is a setting of the certificate, and the phone's part must match it.
func TestWhatThePhoneGivesMatchesTheRotation(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	mustPass(t, o, who, "apply", verify.ByIssuer)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	anchor, off := make([]byte, 16), append([]byte{4}, make([]byte, 64)...)
	for _, tt := range []struct {
		rotation verify.Rotation
		proof    Proof
		want     bool
	}{
		{verify.ByIssuer, Proof{}, true},
		{verify.ByIssuer, Proof{Anchor: anchor}, false},
		{verify.ByIssuer, Proof{Key: point}, false},
		{verify.ByChain, Proof{Anchor: anchor}, true},
		{verify.ByChain, Proof{}, false},
		{verify.ByChain, Proof{Anchor: anchor[1:]}, false},
		{verify.ByChain, Proof{Anchor: append(anchor, 0)}, false},
		{verify.ByChain, Proof{Anchor: anchor, Key: point}, false},
		{verify.ByDevice, Proof{Key: point}, true},
		{verify.ByDevice, Proof{}, false},
		{verify.ByDevice, Proof{Key: off}, false},
		{verify.ByDevice, Proof{Key: point, Anchor: anchor}, false},
	} {
		if err := o.Choose(tt.rotation, who); err != nil {
			t.Fatal(err)
		}
		c, claims, signed, err := o.Credential(tt.proof, who)
		if (err == nil) != tt.want || err != nil && (!errors.Is(err, ErrProof) || signed != nil) {
			t.Errorf("%v, given %d and %d bytes: %v; want to be signed: %v", tt.rotation, len(tt.proof.Anchor), len(tt.proof.Key), err, tt.want)
		}
		if err == nil && (c.Rotation != tt.rotation || !bytes.Equal(claims.Anchor, tt.proof.Anchor) || (claims.Phone != nil) != (tt.proof.Key != nil)) {
			t.Errorf("%v: signed %+v for %v", tt.rotation, claims, c.Rotation)
		}
	}
	if err := o.Choose(verify.ByChain, visitor(t, o)); !errors.Is(err, Deny(VerifyAgain)) {
		t.Errorf("who sees no certificate chooses for one: %v", err)
	}
}

// commits counts those of the register's file.
func commits(t *testing.T, r *register) (n int) {
	t.Helper()
	if err := r.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// The register must not be touched by codes: its size goes by certificates alone.
func TestCodesLeaveNothingBehind(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who := visitor(t, o)
	mustPass(t, o, who, "apply", verify.ByIssuer)
	before := commits(t, o.register)
	for range 20 {
		if _, _, _, err := o.Credential(Proof{}, who); err != nil {
			t.Fatal(err)
		}
	}
	if after := commits(t, o.register); after != before {
		t.Errorf("20 codes cost %d commits", after-before)
	}
}
