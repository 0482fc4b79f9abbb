package office

import (
	"bytes"
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

// Each list has a later iat than the one before, also after a restart with a clock that was
// set back; one that says the same is signed once a minute.
func TestListsFollowOneAnother(t *testing.T) {
	dir := t.TempDir()
	o := newOffice(t, dir)
	list := func() (string, time.Time) {
		data, err := o.Revocations()
		if err != nil {
			t.Fatal(err)
		}
		return string(data), opened(t, o, data).IssuedAt
	}
	first, at := list()
	if again, _ := list(); again != first {
		t.Error("a list is signed again at once")
	}
	if err := o.Revoke(t.Context(), "slip-0001", "", ""); err != nil {
		t.Fatal(err)
	}
	if again, _ := list(); again != first {
		t.Error("two lists are signed within a second")
	}
	o.Advance(time.Second)
	second, next := list()
	if second == first || !next.After(at) {
		t.Errorf("after a revocation the list is of %v; want later than %v", next, at)
	}
	o.Advance(listRenewed - 2*time.Second)
	if again, _ := list(); again != second {
		t.Error("a list that says the same is signed again within its minute")
	}
	o.Advance(time.Hour)
	_, later := list()
	if !later.After(next) {
		t.Error("a list that is an hour old is not signed again")
	}
	o.Close()
	o = newOffice(t, dir) // its time is an hour back
	var said bytes.Buffer
	o.notary.log = slog.New(slog.NewTextHandler(&said, nil))
	if _, back := list(); !back.After(later) {
		t.Errorf("with the clock set back the list is of %v; want later than %v", back, later)
	}
	if until := later.Add(time.Second).UTC().Format(time.RFC3339); !strings.Contains(said.String(), "gates refuse them until then") || !strings.Contains(said.String(), until) {
		t.Errorf("the log says %q; want that gates refuse the list until %s", said.String(), until)
	}
}

// A list has room for so much. What somebody revoked is on it before what another phone's check
// did, the newest first, and a smaller entry does not overtake a larger one.
func TestWhatIsOnAFullList(t *testing.T) {
	next := func() listing {
		return listing{
			said:  []verify.Revocation{{Certificate: "said-001", Before: 1}, {Certificate: "said-003", Before: 3}, {Certificate: "said-002", Before: 3}},
			moved: []verify.Revocation{{Certificate: "moved-01", Before: 8}, {Certificate: "moved-of-16bytes", Before: 9}},
		}
	}
	all := []verify.CertificateID{"said-002", "said-003", "said-001", "moved-of-16bytes", "moved-01"}
	for _, tt := range []struct{ room, fit, said, moved int }{{108, 5, 0, 0}, {107, 4, 0, 1}, {87, 3, 0, 2}, {60, 3, 0, 2}, {59, 2, 1, 2}, {19, 0, 3, 2}} {
		l := next()
		entries, said, moved := l.fit(tt.room)
		var ids []verify.CertificateID
		for _, e := range entries {
			ids = append(ids, e.Certificate)
		}
		if !slices.Equal(ids, all[:tt.fit]) || said != tt.said || moved != tt.moved {
			t.Errorf("room for %d bytes: %q, without %d and %d; want %q, %d and %d", tt.room, ids, said, moved, all[:tt.fit], tt.said, tt.moved)
		}
	}
}

// A list that would be larger than gates read goes on being signed, with what is revoked now;
// the log says what stayed out.
func TestAFullListIsSigned(t *testing.T) {
	o := newOffice(t, t.TempDir())
	var said bytes.Buffer
	o.notary.log = slog.New(slog.NewTextHandler(&said, nil))
	now := mint.Seconds(o.Now())
	const many = verify.MaxRevocations / 20
	err := o.register.db.Update(func(tx *bbolt.Tx) error {
		for range many {
			v := revoked{Before: now - 9, Until: now + 3600, Reason: movedReason}
			if err := o.register.fileRevoked(tx, verify.CertificateID(mint.RandomID(8)), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Revoke(t.Context(), "lost-001", "lost", "police"); err != nil {
		t.Fatal(err)
	}
	list := opened(t, o, soon(t, o))
	if n := len(list.Entries); !list.Revokes("lost-001", now) || n != listRoom/20 {
		t.Errorf("the list has %d entries, the lost one's: %v; want %d with it", n, list.Revokes("lost-001", now), listRoom/20)
	}
	if want := fmt.Sprintf("revoked=0 verified_on_another_phone=%d", many+1-listRoom/20); !strings.Contains(said.String(), want) {
		t.Errorf("the log says %q; want %s", said.String(), want)
	}
}

// What somebody revoked stays so when its holder verifies on another phone later.
func TestWhatWasRevokedAndThenMovedIsRevoked(t *testing.T) {
	o := newOffice(t, t.TempDir())
	now := mint.Seconds(o.Now())
	err := o.register.db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(
			o.register.fileRevoked(tx, "lost-001", revoked{Before: now, Until: now + 90, Reason: "lost", By: "police"}),
			o.register.fileRevoked(tx, "lost-001", revoked{Before: now + 5, Until: now + 95, Reason: movedReason}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := o.register.nextList(now)
	if want := []verify.Revocation{{Certificate: "lost-001", Before: now + 5, Until: now + 95}}; err != nil || !slices.Equal(l.said, want) || len(l.moved) > 0 {
		t.Errorf("%+v, %v; want %+v, said by somebody", l, err, want)
	}
}

// A list that cannot be signed is an error, not an old list.
func TestAListWithoutARevoker(t *testing.T) {
	o := newOffice(t, t.TempDir())
	o.Advance(revokerFor)
	if list, err := o.Revocations(); err == nil || list != nil {
		t.Errorf("a list was signed by a key whose time is over: %v", err)
	}
}
