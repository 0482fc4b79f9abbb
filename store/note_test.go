package store

import (
	"errors"
	"testing"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// A commit that failed has left the note and its record, or neither.
func TestANoteAndItsRecordAreOneCommit(t *testing.T) {
	for _, lands := range []bool{false, true} {
		g := used(t, 1)
		if _, err := g.CommitNote("name", "old", journal.Record{Kind: journal.Unprovisioned}); err != nil {
			t.Fatal(err)
		}
		g.commit = func(tx *bbolt.Tx) error {
			if lands {
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			return errors.New("input/output error")
		}
		if proof, err := g.CommitNote("name", "new", journal.Record{Kind: journal.Provisioned}); err == nil || proof.Seq() != 0 {
			t.Fatalf("CommitNote = %v, %v; want an error", proof, err)
		}
		g.commit = (*bbolt.Tx).Commit
		g.reopenAfter(nil)
		var got string
		if _, err := g.Note("name", &got); err != nil {
			t.Fatal(err)
		}
		kinds := g.kinds()
		recorded := kinds[len(kinds)-1] == journal.Provisioned
		if (got == "new") != lands || recorded != lands {
			t.Errorf("landed %v: the note is %q, the journal ends with %v", lands, got, kinds[len(kinds)-1])
		}
	}
}
