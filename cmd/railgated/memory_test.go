package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"railgate/verify/lane"
	"railgate/verify/mint"
)

// shutByLoss waits until the gate says that it has lost its memory and when it opens,
// shows it a code, and wants it dropped.
func (d *process) shutByLoss(code string) {
	d.t.Helper()
	d.until("out of service for its memory", func() bool {
		s := d.status()
		return s.Mode == string(lane.ModeOutOfService) && strings.Contains(strings.Join(s.Problems, "; "), "opens by itself in ")
	})
	before := d.status().Counts.Dropped["out_of_service"]
	d.scan(code)
	d.until("dropped", func() bool { return d.status().Counts.Dropped["out_of_service"] > before })
}

// A gate whose data folder is emptied under it, or before a start, opens for no code
// that it has opened for.
func TestEmptiedFolder(t *testing.T) {
	s := newSite(t, "")
	d := s.start()
	code := d.code()
	d.scan(code)
	d.waitFor(1, decided("granted", "ok"))
	d.wantPulses(1)
	empty := func() {
		t.Helper()
		entries, err := os.ReadDir(d.path("data"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(d.path("data"), e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	empty()
	d.until("noticed", func() bool { return strings.Contains(d.log.String(), "was removed while it was in use") })
	d.until("open again", func() bool { return strings.Contains(d.log.String(), "the store works again") })
	d.kill()
	d = s.start()
	d.shutByLoss(code) // it goes on over a restart
	d.kill()
	empty()
	d = s.start()
	d.shutByLoss(code)
	d.wantPulses(1)
}

// A start that finds the file damaged and no keyset is blind for as long as under any
// keyset that was ever seen.
func TestDamagedStoreAndNoKeyset(t *testing.T) {
	s := newSite(t, "")
	d := s.start()
	code := d.code()
	d.scan(code)
	d.waitFor(1, decided("granted", "ok"))
	d.wantPulses(1)
	d.until("a configuration that worked", func() bool { return worked(s.loaded()) })
	d.kill()
	keys, err := os.ReadFile(s.path("keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(s.path("data/gate.db"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 2*4096), 0); err != nil { // both meta pages
		t.Fatal(err)
	}
	f.Close()
	for _, name := range []string{"keys.json", "data/keyset.kept.json"} {
		if err := os.Remove(s.path(name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	d = s.start()
	d.until("without a keyset", func() bool { return strings.Contains(strings.Join(d.status().Problems, "; "), "keyset: ") })
	s.write("keys.json", string(keys))
	d.until("with one", func() bool { return !strings.Contains(strings.Join(d.status().Problems, "; "), "keyset: ") })
	d.shutByLoss(code)
	d.wantPulses(1)
}

// The mark outlives the data folder, and a reboot.
func TestWhereTheMarkIs(t *testing.T) {
	for _, tt := range []struct{ state, want string }{
		{"", "/srv/gate.mark"},
		{"/var/lib/railgate", "/srv/gate.mark"},
		{"/var/lib/railgate:/var/lib/railgate-mark", "/var/lib/railgate-mark/gate.mark"},
	} {
		t.Setenv("STATE_DIRECTORY", tt.state)
		if got := markPath("/srv/gate/"); got != tt.want {
			t.Errorf("STATE_DIRECTORY=%q: %s; want %s", tt.state, got, tt.want)
		}
	}
}

// Whoever photographs a link has the earlier ones: where a code was granted, none of its
// certificate that begins no later is, of whatever credential, for as long as it is valid.
func TestEarlierLinksOfAGrantedCode(t *testing.T) {
	s := newSite(t, "")
	d := s.start()
	c := s.claims()
	c.Live, c.IssuedAt = c.Live-60, c.IssuedAt-60 // slot 1 begins now, and slot 0 is good for ten seconds yet
	chain, err := mint.NewChain(c.Certificate, 30, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	another := c // what "Refresh" made half a minute ago
	another.IssuedAt += 30
	c.Anchor = chain.Anchor()
	credential, err := s.signer.Issue(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	code := func(slot uint8) string {
		link, err := chain.Link(slot)
		if err != nil {
			t.Fatal(err)
		}
		text, err := credential.RotatedText(slot, link)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	d.scan(code(1))
	d.waitFor(1, decided("granted", "ok"))
	d.scan(code(0))
	d.waitFor(1, decided("denied", "already_used"))
	d.scan(s.mint(another))
	d.waitFor(2, decided("denied", "already_used"))
	another.IssuedAt += 31
	d.scan(s.mint(another))
	d.waitFor(2, decided("granted", "ok"))
}
