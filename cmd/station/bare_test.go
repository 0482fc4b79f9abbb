package main

import (
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/store"
	"railgate/store/journal"
)

// A gate that had no room for bodies sends their hashes: the log goes on under the same epoch, it
// has receipts, and the audit says how many there are. A body that somebody takes out of the
// ledger is not taken for one of those.
func TestOfBodiesThatMadeRoomTheStationHasTheHashes(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	r.enroll("A07")
	dir := t.TempDir()
	st, err := store.Open(store.Options{Dir: dir, Days: 90, MaxBytes: 20_000, Station: func() bool { return true },
		Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := st.Commit(journal.Record{Time: time.Now(), Kind: journal.Forced, Detail: "somebody crossed, and nobody was granted"}); err != nil {
			t.Fatal(err)
		}
	}
	st.Keep()
	log, err := st.Log()
	if err != nil || st.Stats().Unsent == 0 {
		t.Fatalf("%+v, %v; want records whose bodies made room", st.Stats(), err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	g := r.gate("A07", dir)
	g.pass(3)
	g.receipted()
	if now, err := g.store.Log(); err != nil || now.Epoch != log.Epoch {
		t.Errorf("epoch %s, %v; want %s", now.Epoch, err, log.Epoch)
	}
	if out := r.must("audit"); !strings.Contains(out, " as hashes alone, for the gate had no room: good") {
		t.Errorf("audit: %s", out)
	}
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "station", "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE records SET body = X'', time = 0, kind = 'removed', reason = '', direction = '' WHERE seq = (SELECT max(seq) FROM records) - 1`); err != nil {
		t.Fatal(err)
	}
	if out, err := r.command("audit"); !errors.Is(err, errAudit) || !strings.Contains(out, "its body is missing, and no record says that the gate had no room for it") {
		t.Errorf("%v: %s", err, out)
	}
}
