package office

import (
	"testing"
	"time"

	"railgate/verify"
)

// The key that signs is always one that gates have and that may sign at that time; after
// a week it is another.
func TestTheKeyOfTheDaySigns(t *testing.T) {
	o := newOffice(t, t.TempDir())
	signers := map[verify.KeyID]bool{}
	for range 5 * 7 {
		text := paperOf(t, o, "E1")
		v := verify.Decide(text, keyset(t, o), everyClass, o.Now())
		if !v.Granted() || v.StaffKey {
			t.Fatalf("at %v: %s", o.Now(), v.Reason)
		}
		signers[v.KeyID] = true
		if again := verify.Decide(paperOf(t, o, "E2"), keyset(t, o), everyClass, o.Now()); again.KeyID != v.KeyID {
			t.Errorf("at %v two keys sign", o.Now())
		}
		if err := o.Advance(24 * time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if len(signers) < 5 || len(signers) > 6 {
		t.Errorf("%d keys have signed in five weeks; want one a week", len(signers))
	}
}

func paperOf(t *testing.T, o *Office, passport string) string {
	t.Helper()
	p, err := o.BenchSlip(Person{"Ada Lovelace", "passport", passport})
	if err != nil {
		t.Fatal(err)
	}
	return p.Text
}

func keyset(t *testing.T, o *Office) *verify.Keyset {
	t.Helper()
	keys, err := o.signing.file.Keyset()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
