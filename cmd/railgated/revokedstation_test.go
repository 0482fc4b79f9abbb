package main

import (
	"os"
	"path/filepath"
	"testing"

	"railgate/store/bus"
	"railgate/store/link/linktest"
)

// A phone that is revoked is denied at a gate in touch within moments, by the bus; at one whose
// network is cut once a stick brings the list; and a gate that comes back hears the last. What
// the phone gets after that, verified again, opens.
func TestARevokedPhoneIsDeniedAtEveryGate(t *testing.T) {
	w := newTwins(t)
	own := newRevoker(t, "test")
	w.nation.put(map[string]string{revokersTarget: own.public()})
	for _, d := range []*process{w.a, w.b} {
		d.until("knows who revokes", func() bool { return d.status().Revocations != nil })
	}
	lost, next := w.a.claims(), w.a.claims()
	tell := func(list string) { w.bus.Publish(bus.RevocationsSubject(linktest.Name), []byte(list)) }
	knows := func(d *process, n int) func() bool { return func() bool { return d.status().Revocations.Count == n } }

	w.cable.Cut(true)
	w.b.until("out of touch", func() bool { return !w.b.status().Bus.InTouch })
	first := own.list(0, string(lost.Certificate))
	tell(first)
	w.a.until("has the list", knows(w.a, 1))
	w.a.scan(w.a.mint(lost))
	w.a.waitFor(1, decided("denied", "revoked"))

	w.b.scan(w.b.mint(lost)) // nobody told it
	w.b.waitFor(1, decided("granted", "ok"))
	stick := t.TempDir()
	must(t, os.CopyFS(filepath.Join(stick, "station"), os.DirFS(w.station.repo.Public())))
	must(t, os.WriteFile(filepath.Join(stick, "station", revocationsFile), []byte(first), 0o600))
	if _, err := w.b.client().Sync(t.Context(), tarOf(t, stick, nil)); err != nil {
		t.Fatal(err)
	}
	lost.IssuedAt-- // another code of the phone
	w.b.scan(w.b.mint(lost))
	w.b.waitFor(1, decided("denied", "revoked"))

	tell(own.list(-1e9, string(lost.Certificate), string(next.Certificate)))
	w.cable.Cut(false)
	w.b.until("hears the last list", knows(w.b, 2))
	w.b.scan(w.b.mint(next))
	w.b.waitFor(2, decided("denied", "revoked"))
	lost.IssuedAt += 4 // verified again
	w.b.scan(w.b.mint(lost))
	w.b.waitFor(2, decided("granted", "ok"))
	if n := w.a.status().Keyset.Revoked; n != 0 {
		t.Errorf("the keyset's own list has %d; want none: the two are apart", n)
	}
}

// A list lies beside the metadata of the station's repository, and comes from there where the
// bus does not bring it; a station without the stream of lists is no trouble.
func TestRevocationsBesideTheStationsMetadata(t *testing.T) {
	w := newTwins(t)
	w.bus.Delete(bus.RevokedStream(linktest.Name))
	own := newRevoker(t, "test")
	w.nation.put(map[string]string{revokersTarget: own.public()})
	lost := w.a.claims()
	must(t, os.WriteFile(filepath.Join(w.station.repo.Public(), revocationsFile), []byte(own.list(0, string(lost.Certificate))), 0o600))
	w.a.until("has the list", func() bool { r := w.a.status().Revocations; return r != nil && r.Count == 1 })
	w.a.scan(w.a.mint(lost))
	w.a.waitFor(1, decided("denied", "revoked"))
	for _, c := range causes(w.a.status()) {
		if c == "bus_incomplete" || c == "revocations_old" {
			t.Errorf("the gate says %s", c)
		}
	}
	w.nation.put(map[string]string{revokersTarget: ""})
	w.a.until("has no revoker any more", func() bool { return w.a.status().Revocations == nil })
	lost.IssuedAt--
	w.a.scan(w.a.mint(lost))
	w.a.waitFor(1, decided("granted", "ok"))
}
