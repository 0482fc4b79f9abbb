package office

import (
	"log/slog"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
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
