package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"railgate/cmd/loopback"
	"railgate/store"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/verify"
)

// waitingSite is a site whose gate is no station's yet. pinned: its image has the signer's key.
func waitingSite(t *testing.T, pinned bool) *site {
	t.Helper()
	s := newSite(t, "", func(c string) string {
		c = strings.NewReplacer("station = \"GZQ\"\n", "", "gate = \"A07\"\n", "", "keys = ", "# keys = ").Replace(c)
		return c
	})
	s.config += fmt.Sprintf("[provision]\nwait = true\nsigners = %q\n", s.path("provision.keys"))
	s.write("gate.toml", s.config)
	if pinned {
		s.write("provision.keys", hex.EncodeToString(provisioningKey.Public().(ed25519.PublicKey))+" the station\n")
	}
	return s
}

// told is what the gates of these tests are told.
func told() verify.Settings {
	return verify.Settings{
		Station: "GZQ", Gate: "A07", Direction: "exit", Nation: "http://127.0.0.1:1/nation", NationRoot: bytes.Repeat([]byte{1}, 32), Repository: "http://127.0.0.1:1/tuf",
		Network: verify.Network{Address: "10.1.2.3/24", Gateway: "10.1.2.1"},
	}
}

// public are the keys that the gate's screen shows.
func (d *process) public() identity.Public {
	d.t.Helper()
	d.until("the gate's keys", func() bool { return d.status().Provision.Identity != "" })
	p, err := identity.ParsePublic([]byte(d.status().Provision.Identity))
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// provision makes a code for the gate.
func (d *process) provision(key ed25519.PrivateKey, change func(*verify.Provision)) string {
	d.t.Helper()
	now := time.Now().Truncate(time.Second)
	p := verify.Provision{ID: fmt.Sprintf("code %011d", rand.IntN(1e10)), Gate: d.public().Provisioning, Issued: now, Expires: now.Add(time.Hour), Settings: told()}
	if change != nil {
		change(&p)
	}
	text, err := verify.IssueProvision(p, key)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// wantA07 waits until the gate is what it was told.
func (d *process) wantA07() {
	d.t.Helper()
	d.until("provisioned", func() bool {
		s, err := d.client().Status(d.t.Context())
		return err == nil && s.Gate == "A07" && s.Station == "GZQ" && s.Direction == "exit" && !s.Provision.Waiting
	})
}

func provisionedAs(reason string) func(*journal.Record) bool {
	return func(r *journal.Record) bool { return r.Kind == journal.Provisioned && r.Reason == reason }
}

// keptAt writes what a gate's store has, as a cut may have left it.
func (s *site) keptAt(k kept, r journal.Record) {
	s.t.Helper()
	st, err := store.Open(store.Options{Dir: s.path("data"), Mark: s.path("data") + ".mark", Days: 90, MaxBytes: 2e9, Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := st.CommitNote(keptNote, k, r); err != nil {
		s.t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
