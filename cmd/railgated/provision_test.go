package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"railgate/configs"
	"railgate/driver/eye"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

var (
	provisioningKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	strangersKey    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
)

func TestAGateIsProvisionedByItsOwnScanner(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	d := s.start()
	pid := d.status().PID
	d.until("its scanner", func() bool { return len(d.status().Causes) == 1 })
	if st := d.status(); !st.Provision.Waiting || st.Health != "out_of_service" || len(st.Causes) != 1 || st.Causes[0].Cause != "not_provisioned" || len(st.Provision.Lines) != 11 {
		t.Errorf("a gate that waits: %+v; want not_provisioned and nothing else", st)
	}
	code := d.provision(provisioningKey, nil)
	d.scan(code)
	d.wantA07()
	if got := d.status().PID; got != pid {
		t.Errorf("process %d, then %d: systemd would say that it ended", pid, got)
	}
	d.waitFor(1, provisionedAs("ok"))
	if _, err := os.Stat(s.path("data/" + configs.ProvisionedName)); err != nil {
		t.Error(err)
	}
	if n := d.count(kind(journal.Stopped)); n != 1 {
		t.Errorf("the journal says %d times that the gate stopped; want once", n)
	}
	dropped := d.status().Counts.Dropped["out_of_service"]
	d.until("its scanner", func() bool { s := d.status(); return len(s.Devices) > 0 && s.Devices[0].Up })
	d.scan(code) // it has no keyset yet; whatever it will have, to its lane this is no code
	d.until("dropped", func() bool { return d.status().Counts.Dropped["out_of_service"] > dropped })
	answer, err := d.client().Provision(t.Context(), code)
	if err != nil || answer.Done || answer.Reason != string(verify.InService) {
		t.Errorf("a code for a gate in service: %+v, %v", answer, err)
	}
	d.kill()
	d = s.launch()
	d.wantA07()
	d.wantPulses(0)
	if strings.Contains(d.log.String(), "RGP1:") {
		t.Error("a code is in the log")
	}
}

// Each rule at the gate itself. None of them spends anything: the good code is taken after all.
func TestTheGateRefusesCodes(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	d := s.start()
	other := identity.FromSeed([32]byte{5}).Public("", "")
	good := d.provision(provisioningKey, nil)
	for _, tt := range []struct {
		name, text string
		want       verify.Reason
	}{
		{"another gate's", d.provision(provisioningKey, func(p *verify.Provision) { p.Gate = other.Provisioning }), verify.OtherGate},
		{"expired", d.provision(provisioningKey, func(p *verify.Provision) {
			p.Issued, p.Expires = p.Issued.Add(-2*time.Hour), p.Issued.Add(-time.Second)
		}), verify.ProvisionExpired},
		{"a stranger's", d.provision(strangersKey, nil), verify.UnknownSigner},
		{"altered", good[:len(good)-3] + "000", verify.BadSignature},
		{"cut", good[:len(good)-3], verify.Malformed},
		{"a passenger's under its prefix", verify.ProvisionPrefix + d.code()[len(verify.Prefix):], verify.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := d.count(provisionedAs(string(tt.want)))
			d.scan(tt.text)
			d.waitFor(before+1, provisionedAs(string(tt.want)))
			if st := d.status(); !st.Provision.Waiting {
				t.Fatalf("provisioned by it: %+v", st)
			}
		})
	}
	d.scan(d.code()) // a passenger's own code is nothing to a gate that waits
	d.until("dropped", func() bool { return d.status().Counts.Dropped["out_of_service"] > 0 })
	d.scan(good)
	d.wantA07()
	d.wantPulses(0)
}

func TestACodeIsSpentOnce(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	d := s.start()
	first := d.provision(provisioningKey, nil)
	old := d.provision(provisioningKey, func(p *verify.Provision) { p.Issued = p.Issued.Add(-time.Minute) })
	d.scan(first)
	d.wantA07()
	if err := d.client().Unprovision(t.Context(), ""); err == nil {
		t.Error("taken back without a reason")
	}
	if err := d.client().Unprovision(t.Context(), "moved to another hall"); err != nil {
		t.Fatal(err)
	}
	waits := func() bool {
		s, err := d.client().Status(t.Context())
		return err == nil && s.Provision.Waiting
	}
	d.until("waits again", waits)
	d.waitFor(1, kind(journal.Unprovisioned))
	if log := d.log.String(); !strings.Contains(log, "unprovisioned") || strings.Contains(log, "moved to another hall") {
		t.Errorf("the log has no reset, or its reason: %s", log)
	}
	time.Sleep(lane.HeldFor) // the code has left the glass
	d.scan(first)
	d.waitFor(1, provisionedAs(string(verify.ProvisionSpent)))
	d.scan(old)
	d.waitFor(1, provisionedAs(string(verify.Superseded)))
	d.kill()
	d = s.start() // what was spent stays so
	d.scan(first)
	d.waitFor(2, provisionedAs(string(verify.ProvisionSpent)))
	d.scan(d.provision(provisioningKey, nil))
	d.wantA07()
}

func TestATechnicianConfirmsTheSigner(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, false)
	d := s.start()
	if answer, err := d.client().ConfirmSigner(t.Context(), verify.Fingerprint(provisioningKey.Public().(ed25519.PublicKey))); err != nil || answer.Done || !strings.Contains(answer.Why, "show the code again") || strings.Contains(answer.Why, "''") {
		t.Fatalf("confirmed before a code: %+v, %v", answer, err)
	}
	d.scan(d.provision(provisioningKey, nil))
	d.waitFor(1, provisionedAs(string(verify.Unconfirmed)))
	shown := d.status().Provision
	if shown.Signer != verify.Fingerprint(provisioningKey.Public().(ed25519.PublicKey)) || !strings.Contains(shown.Settings, "gate A07 of station GZQ") {
		t.Errorf("the gate shows %+v", shown)
	}
	answer, err := d.client().ConfirmSigner(t.Context(), verify.Fingerprint(strangersKey.Public().(ed25519.PublicKey)))
	if err != nil || answer.Done || !d.status().Provision.Waiting {
		t.Fatalf("another signer confirmed: %+v, %v", answer, err)
	}
	if strings.Contains(answer.Why, "--confirm") || !strings.Contains(answer.Why, "is not the fingerprint of the code's signer") {
		t.Errorf("%q; want that it is another, and no command that confirms it all the same", answer.Why)
	}
	answer, err = d.client().ConfirmSigner(t.Context(), strings.ToLower(strings.ReplaceAll(shown.Signer, " ", "-")))
	if err != nil || !answer.Done {
		t.Fatalf("%+v, %v; want it done", answer, err)
	}
	d.wantA07()
}

// A list of signers that cannot be read is no list without signers.
func TestADamagedListOfSignersTakesNobodysCodes(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	s.write("provision.keys", "nonsense\n")
	d := s.start()
	answer, err := d.client().Provision(t.Context(), d.provision(provisioningKey, nil))
	if err != nil || answer.Reason != string(verify.UnknownSigner) || !strings.Contains(answer.Why, "line 1") {
		t.Errorf("%+v, %v; want unknown_signer, and the line", answer, err)
	}
	// Who holds the code to the scanner has no other answer than the log.
	d.until("the log says so", func() bool { return strings.Contains(d.log.String(), "a set-up code is refused") })
	d.waitFor(1, provisionedAs(string(verify.UnknownSigner)))
}

func TestAGateIsProvisionedByHand(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	d := s.start()
	settings := told()
	bad := bytes.Replace(configs.FormatSettings(&settings), []byte("exit"), []byte("up"), 1)
	if _, err := d.client().ProvisionByHand(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "want entry, exit or check") {
		t.Errorf("a bad direction: %v", err)
	}
	answer, err := d.client().ProvisionByHand(t.Context(), configs.FormatSettings(&settings))
	if err != nil || !answer.Done {
		t.Fatalf("%+v, %v", answer, err)
	}
	d.wantA07()
	d.waitFor(1, provisionedAs("ok"))
	if n := d.count(func(r *journal.Record) bool {
		return r.Kind == journal.Provisioned && strings.Contains(r.Detail, "by hand")
	}); n != 1 {
		t.Errorf("%+v; want one record that says by hand", d.records())
	}
}

// What the gate's own file forbids is said, and costs no code.
func TestSettingsThatTheFileForbidsSpendNothing(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	s.config = strings.Replace(s.config, "[lane]\n", "[lane]\nhours = \"05:30-23:45\"\n", 1)
	s.write("gate.toml", s.config)
	d := s.start()
	code := d.provision(provisioningKey, nil)
	answer, err := d.client().Provision(t.Context(), code)
	if err != nil || answer.Reason != lane.TellContradicts || !strings.Contains(answer.Why, "lane.hours") {
		t.Fatalf("%+v, %v; want settings_refused, and the key", answer, err)
	}
	d.stop()
	s.write("gate.toml", strings.Replace(s.config, "hours = \"05:30-23:45\"\n", "", 1))
	d = s.start()
	d.scan(code)
	d.wantA07()
}

// The power fails between the store and the file, on the way there and on the way back.
func TestACutBetweenTheStepsIsFinished(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	d := s.start()
	code := d.provision(provisioningKey, nil)
	d.stop()
	settings := told()
	text := configs.FormatSettings(&settings)
	s.keptAt(kept{Text: text}, journal.Record{Kind: journal.Provisioned, Time: time.Now()})
	d = s.launch() // the store has it, the file is not there
	d.wantA07()
	d.stop()
	for n := range text { // the file is half there
		if n%199 == 0 {
			s.write("data/"+configs.ProvisionedName, string(text[:n]))
			d = s.launch()
			d.wantA07()
			d.stop()
		}
	}
	s.keptAt(kept{}, journal.Record{Kind: journal.Unprovisioned, Time: time.Now()})
	d = s.launch() // the store has taken it back, the file is still there
	d.until("waits again", func() bool {
		s, err := d.client().Status(t.Context())
		return err == nil && s.Provision.Waiting && len(s.Devices) > 0 && s.Devices[0].Up
	})
	d.scan(code)
	d.wantA07()
}

// Killed at any instant after a code was shown, the gate is provisioned or waits; and in both
// cases the same code brings it where it should be.
func TestKilledWhileItIsProvisioned(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		s := waitingSite(t, true)
		d := s.start()
		code := d.provision(provisioningKey, nil)
		d.scan(code)
		time.Sleep(time.Duration(n*n) * time.Millisecond)
		d.kill()
		d = s.launch()
		d.until("one or the other", func() bool {
			s, err := d.client().Status(t.Context())
			return err == nil && (!s.Provision.Waiting || len(s.Devices) > 0 && s.Devices[0].Up)
		})
		if d.status().Provision.Waiting {
			d.scan(code)
		}
		d.wantA07()
		d.waitFor(1, provisionedAs("ok"))
		d.kill()
	}
}

// A disk that takes nothing leaves the gate as it was, and the code unspent.
func TestAStoreThatDoesNotWorkTakesNoCode(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	d := s.start()
	code := d.provision(provisioningKey, nil)
	if err := os.Remove(s.path("data/gate.db")); err != nil { // the store is looked at before every commit
		t.Fatal(err)
	}
	answer, err := d.client().Provision(t.Context(), code)
	if err != nil || answer.Done || answer.Reason != lane.TellNotStored {
		t.Errorf("%+v, %v; want not_stored", answer, err)
	}
	if !d.status().Provision.Waiting {
		t.Error("it is provisioned, and no store has it")
	}
	d.until("the store works again", func() bool { a, err := d.client().Provision(t.Context(), code); return err == nil && a.Done })
	d.wantA07()
}

// What the screen of a gate that waits shows is what a station takes: the code, and the lines.
func TestTheScreenOfAGateThatWaits(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, false)
	address := freeAddress(t)
	s.config += fmt.Sprintf("[http]\nlisten = %q\n", address)
	s.write("gate.toml", s.config)
	d := s.start()
	d.until("the screen", func() bool { return strings.Contains(d.log.String(), "msg=listening") })
	get := func(path string) []byte {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data := make([]byte, 1<<20)
		n, _ := io.ReadAtLeast(resp.Body, data, 200) // events go on
		for path != "/events" && n < len(data) {
			m, err := resp.Body.Read(data[n:])
			if n += m; err != nil {
				break
			}
		}
		return data[:n]
	}
	read, ok := eye.NewReader().Read(rasterize(t, get("/enroll.svg")))
	want := d.public()
	if p, err := identity.ParsePublic([]byte(read)); !ok || err != nil || p.Named() || p.Bus != want.Bus {
		t.Errorf("the code is read as %+v, %v", p, err)
	}
	lines, err := want.Lines()
	if err != nil {
		t.Fatal(err)
	}
	if event := string(get("/events")); !strings.Contains(event, `"provision":{"lines":["`+lines[0]+`"`) {
		t.Errorf("the screen is told %s", event)
	}
}

// A gate that was told a fingerprint takes the repository that has it, and no other.
func TestAProvisionedGateFindsItsRepository(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	root, err := os.ReadFile(p.repo.Public() + "/1.root.json")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(p.repo.Public())))
	defer web.Close()
	for _, right := range []bool{false, true} {
		s := waitingSite(t, true)
		s.config += fmt.Sprintf("[sync]\nroots = %q\nevery = \"1s\"\n", s.path("roots"))
		s.write("gate.toml", s.config)
		p.publish(s.signer, map[bool]uint64{false: 1, true: 2}[right])
		d := s.start()
		d.scan(d.provision(provisioningKey, func(c *verify.Provision) {
			c.Settings.Nation, c.Settings.Repository = web.URL, ""
			if right {
				sum := sha256.Sum256(root)
				c.Settings.NationRoot = sum[:]
			}
		}))
		d.wantA07()
		if !right {
			d.until("refused", func() bool { return strings.Contains(d.status().Sync.Error, "another fingerprint") })
			if d.status().Keyset.Loaded {
				t.Error("another repository's keyset is in use")
			}
			continue
		}
		d.until("the keyset", func() bool { return d.status().Keyset.Version == 2 })
		d.until("in service", func() bool { return d.status().Mode == string(lane.ModeClosed) })
		d.scan(d.code())
		d.waitFor(1, decided("granted", "ok"))
	}
}

// In an emergency nothing begins again: the way out is shown until it ends.
func TestAGateBeginsAgainAfterAnEmergency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var over atomic.Bool
		p := &provisioner{emergency: func() bool { return !over.Load() }}
		left := make(chan error, 1)
		go func() { left <- p.leave(t.Context()) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(left) > 0 {
			t.Fatalf("it began again in an emergency: %v", <-left)
		}
		over.Store(true)
		if err := <-left; !errors.Is(err, errAgain) {
			t.Errorf("after it: %v; want errAgain", err)
		}
	})
}

// Codes that lie before a camera are decided once each, however they take turns; one that was away for
// a while is decided again.
func TestCodesThatAreHeldAreOneReadingEach(t *testing.T) {
	p := &provisioner{}
	at := time.Now()
	taken := 0
	for n := range 90 {
		if !p.held(fmt.Sprintf("RGP1:%d", n%3), at.Add(time.Duration(n)*30*time.Millisecond)) {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("%d readings of three codes", taken)
	}
	if p.held("RGP1:0", at.Add(10*time.Second)) {
		t.Error("a code that was away is held")
	}
	for n := range 100 {
		p.held(fmt.Sprintf("RGP1:other %d", n), at)
	}
	if len(p.seen) > mostSights {
		t.Errorf("%d texts are remembered", len(p.seen))
	}
}
