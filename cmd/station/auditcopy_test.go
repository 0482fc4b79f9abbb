package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/journal"
)

// A record that somebody has changed together with its hash is named by the copy on the bus,
// and by the gate's own.
func TestAuditAsksWhichRecordWasChanged(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	r.enroll("A07")
	dir := t.TempDir()
	g := r.gate("A07", dir, func(g *laneGate) { g.pass(30) })
	g.receipted()
	body, err := journal.Encode(journal.Record{Time: time.Now(), Kind: journal.Passage, Direction: "exit"})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "station", "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	leaf, c := tlog.RecordHash(body), ledger.ColumnsOf(ledger.Read(body))
	if _, err := db.Exec(`UPDATE records SET body = ?, leaf = ?, time = ?, kind = ?, reason = ?, direction = ? WHERE seq = 20`, body, leaf[:], c.Time, c.Kind, c.Reason, c.Direction); err != nil {
		t.Fatal(err)
	}
	out, err := r.command("audit", "--nats", "tls://"+r.bus)
	if !errors.Is(err, errAudit) || !strings.Contains(out, "record 20: altered: it is not as it was, nor is its hash: the bus has another one") {
		t.Errorf("%v: %s", err, out)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	out, err = r.command("audit", "--nats", "tls://"+r.bus)
	if !errors.Is(err, errAudit) || !strings.Contains(out, "altered: one of these records") || !strings.Contains(out, "the bus cannot tell which") {
		t.Errorf("without the bus: %v: %s", err, out)
	}
	g.stop()
	out, err = r.command("audit", "A07", "--nats", "tls://"+r.bus, "--copy", filepath.Join(dir, "gate.db"))
	if !errors.Is(err, errAudit) || !strings.Contains(out, "record 20: altered: it is not as it was") {
		t.Errorf("by the gate's file: %v: %s", err, out)
	}
	if _, err := r.command("audit", "--copy", "gate.db"); !errors.As(err, new(usageError)) {
		t.Errorf("a copy of no gate: %v; want a usage error", err)
	}
}

// Who is turned away while the server learns of a gate tries again; who is not known is told so, and what else is wrong is told at once.
func TestWhoIsTurnedAwayTriesAgain(t *testing.T) {
	for _, tt := range []struct {
		says  []error
		want  error
		tries int
	}{
		{[]error{nats.ErrAuthorization, nil}, nil, 2},
		{[]error{nats.ErrAuthorization, nats.ErrAuthorization, nats.ErrAuthorization, nil}, nats.ErrAuthorization, 3},
		{[]error{nats.ErrNoServers, nil}, nats.ErrNoServers, 1},
	} {
		tries := 0
		_, err := letIn(func() (*nats.Conn, error) {
			tries++
			return nil, tt.says[tries-1]
		})
		if !errors.Is(err, tt.want) || tries != tt.tries {
			t.Errorf("%v: %v after %d tries; want %v after %d", tt.says, err, tries, tt.want, tt.tries)
		}
	}
}
