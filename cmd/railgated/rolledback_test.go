package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/control"
	"railgate/store"
	"railgate/store/journal"
)

// rollBack leaves a store in the site's data folder of which a station has proven that it
// is an old copy.
func rollBack(t *testing.T, s *site) {
	t.Helper()
	st, err := store.Open(store.Options{Dir: s.path("data"), Mark: markPath(s.path("data")), Days: 90, MaxBytes: 1e9,
		Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	log, err := st.Log()
	if err != nil {
		t.Fatal(err)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "gate")
	if err != nil {
		t.Fatal(err)
	}
	gate, err1 := note.NewSigner(skey)
	opens, err2 := note.NewVerifier(vkey)
	_, key, err3 := ed25519.GenerateKey(rand.Reader)
	receipts, err4 := torchwood.NewCosignatureSigner("receipts", key)
	origin, err5 := journal.Origin("GZQ", "A07", log.Epoch)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	head, err := journal.SignHead(origin, tlog.Tree{N: log.Tree.N + 5}, gate, receipts)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := journal.OpenReceipt(head, origin, opens, receipts.Verifier())
	if err = errors.Join(err, st.RolledBack(proof, "a test"), st.Close()); err != nil {
		t.Fatal(err)
	}
}

// A store that was rolled back is told everywhere, and after a restart too.
func TestARollBackIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	rollBack(t, s)
	for range 2 {
		d := s.start()
		st := d.status()
		told := slices.ContainsFunc(st.Causes, func(c control.Cause) bool { return c.Cause == control.StoreRolledBack && c.Remedy != "" })
		if !told || st.Health != control.OutOfService || !st.Store.RolledBack {
			t.Errorf("health %s, causes %+v; want %s", st.Health, st.Causes, control.StoreRolledBack)
		}
		d.waitFor(1, func(r *journal.Record) bool {
			return r.Kind == journal.Epoch && r.Reason == control.StoreRolledBack && strings.Contains(r.Detail, "a test")
		})
		d.stop()
	}
}

func TestWhatTheStationLacksIsTold(t *testing.T) {
	for _, unsent := range []int64{0, 7} {
		var st control.Status
		st.Store.Unsent = unsent
		new(runner).addStore(&st)
		if got := len(st.Causes) == 1 && st.Causes[0].Cause == control.JournalUnsent && strings.Contains(st.Causes[0].Why, "7"); got != (unsent > 0) {
			t.Errorf("%d unsent: %+v", unsent, st.Causes)
		}
	}
}
