package store

import (
	"errors"
	"strings"
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

// What cannot be written down is an error, and its record is not there either.
func TestANoteThatCannotBeKept(t *testing.T) {
	for what, note := range map[string]keepsake{
		"no value":             {"name", func() {}},
		"a name without bound": {strings.Repeat("n", bbolt.MaxKeySize), 1},
	} {
		g := used(t, 1)
		before := len(g.kinds())
		if proof, err := g.CommitNote(note.name, note.value, journal.Record{Kind: journal.Provisioned}); err == nil || proof.Seq() != 0 {
			t.Errorf("%s: CommitNote = %v, %v; want an error", what, proof, err)
		}
		g.reopenAfter(nil)
		if kinds := g.kinds(); len(kinds) != before {
			t.Errorf("%s: the journal has %d records; want the %d of before", what, len(kinds), before)
		}
	}
}

func TestANoteOfAStoreThatIsAway(t *testing.T) {
	g := used(t, 1)
	g.Close()
	if proof, err := g.CommitNote("name", 1, journal.Record{Kind: journal.Provisioned}); err == nil || proof.Seq() != 0 {
		t.Errorf("CommitNote = %v, %v; want the store's error", proof, err)
	}
}
