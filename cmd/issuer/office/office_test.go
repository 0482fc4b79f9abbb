package office

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
	"railgate/verify/mint"
)

func newOffice(t *testing.T, dir string) *Office {
	t.Helper()
	o, err := Open(Config{Dir: dir, Algorithm: verify.EdDSA, Bench: true, CheckTime: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
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
	ticket, err := o.Begin(kind, goodForm(), rotation, who)
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.Check(t.Context(), ticket, "passes", who)
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
		if c, err := o.Check(t.Context(), ticket, "passes", who); c != nil || !errors.Is(err, Deny(DetailsDiffer)) {
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
		_, err = o.Check(t.Context(), ticket, "passes", who)
	}
	if err != nil {
		t.Errorf("the same name, spelled otherwise: %v", err)
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
