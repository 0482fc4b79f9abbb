package office

import (
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
)

// What an older issuer wrote is read: the names in the file stay.
func TestOlderRecordsAreRead(t *testing.T) {
	// {"Sealed": h'00', "Dossier": {"Certificates": [{"ID": 'cert0001', "Way": 2, "Session": 's'}]}}
	data, err := hex.DecodeString("a2" + "665365616c6564" + "4100" + "67446f7373696572" + "a1" + "6c436572746966696361746573" +
		"81" + "a3" + "624944" + "486365727430303031" + "63576179" + "02" + "6753657373696f6e" + "4173")
	if err != nil {
		t.Fatal(err)
	}
	var rec record
	if err := fileDecoding.Unmarshal(data, &rec); err != nil {
		t.Fatal(err)
	}
	if len(rec.Dossier.Certificates) != 1 || rec.Dossier.Certificates[0].Rotation != verify.ByChain || rec.Dossier.Certificates[0].Session != "s" {
		t.Errorf("read: %+v; want a chain's certificate that s sees", rec)
	}
}

// After two months nothing of a person is left but the account; who has applied since
// is kept.
func TestTheRegisterForgets(t *testing.T) {
	o := newOffice(t, t.TempDir())
	old, since := visitor(t, o), visitor(t, o)
	mustPass(t, o, old, "apply", verify.ByChain)
	signedIn(t, o, "owner")
	if err := o.Advance(40 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	f := goodForm()
	f.Name, f.Number = "韩梅梅", "440106198803052464"
	ticket, err := o.Begin("apply", f, verify.ByChain, since)
	if err == nil {
		_, err = checks(t, o, ticket, "passes", since)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		days                       int
		people, sessions, accounts int
	}{{0, 2, 2, 2}, {30, 1, 1, 2}, {40, 0, 0, 2}} {
		if err := o.Advance(time.Duration(tt.days) * 24 * time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := o.register.prune(o.Now()); err != nil {
			t.Fatal(err)
		}
		for bucket, want := range map[string]int{"people": tt.people, "sessions": tt.sessions, "accounts": tt.accounts} {
			if got := entries(t, o, bucket); got != want {
				t.Errorf("%d days later, %s: %d; want %d", tt.days, bucket, got, want)
			}
		}
	}
}

func entries(t *testing.T, o *Office, bucket string) (n int) {
	t.Helper()
	if err := o.register.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket([]byte(bucket)).Stats().KeyN; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// One session at a time sees a certificate, and the register knows no other.
func TestR10OneSessionSeesACertificate(t *testing.T) {
	o := newOffice(t, t.TempDir())
	first, second := visitor(t, o), visitor(t, o)
	sees := func(who Session, want bool) {
		t.Helper()
		if _, _, err := o.Shown(who); (err == nil) != want {
			t.Errorf("sees it: %v; want %v", err == nil, want)
		}
	}
	mustPass(t, o, first, "apply", verify.ByChain)
	sees(first, true)
	mustPass(t, o, second, "view", verify.ByChain)
	sees(first, false)
	sees(second, true)
	if n := entries(t, o, "sessions"); n != 1 {
		t.Errorf("%d sessions in the register; want 1", n)
	}
	if err := o.Leave(first); err != nil { // it has nothing to leave
		t.Fatal(err)
	}
	sees(second, true)
	if err := o.Leave(second); err != nil {
		t.Fatal(err)
	}
	sees(second, false)
	if n := entries(t, o, "sessions"); n != 0 {
		t.Errorf("%d sessions in the register; want none", n)
	}
}

// Two people use one page, one after the other: it shows the second one's certificate, whatever
// becomes of the first one's.
func TestR10OnePageForTwoPeople(t *testing.T) {
	o := newOffice(t, t.TempDir())
	page, second := visitor(t, o), child(1)
	second.City = "北京"
	passes := func(who Session, kind string, form Form) *Certificate {
		t.Helper()
		return mustPassAs(t, o, who, kind, form, verify.ByIssuer)
	}
	shows := func(want *Certificate, when string) {
		t.Helper()
		if got, _, err := o.Shown(page); err != nil || got.ID != want.ID {
			t.Errorf("%s: shown %v, %v; want %s", when, got, err, want.ID)
		}
	}
	first := passes(page, "apply", goodForm())
	last := passes(page, "apply", second)
	shows(last, "the second has applied")
	if _, err := o.BenchSlip(Person{goodForm().Name, ResidentCard, goodForm().Number}); err != nil {
		t.Fatal(err)
	}
	shows(last, "the first has got paper")
	passes(visitor(t, o), "view", goodForm())
	shows(last, "the first has verified on another phone")
	passes(page, "view", goodForm())
	shows(first, "the first has verified here again")
	if err := o.Leave(page); err != nil {
		t.Fatal(err)
	}
	if got, _, err := o.Shown(page); err == nil {
		t.Errorf("a page that was left is shown %v", got)
	}
}

func TestTwoOfficesDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	newOffice(t, dir)
	if o, err := Open(Config{Dir: dir, Algorithm: verify.EdDSA, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "is another issuer running?") {
		t.Errorf("a second office: %v, %v; want an error that asks for the first", o, err)
	}
}

// Failures are forgotten when they count no more, and trips when they would not be taken.
func TestTheRegisterForgetsChecks(t *testing.T) {
	o := newOffice(t, t.TempDir())
	count := func(bucket []byte) (n int) {
		t.Helper()
		if err := o.register.prune(o.Now()); err != nil {
			t.Fatal(err)
		}
		if err := o.register.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket(bucket).Stats().KeyN; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	who := visitor(t, o)
	if _, err := checks(t, o, mustBegin(t, o, "apply", who), "fails", who); reasonOf(t, err) != CheckFailed {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after           time.Duration
		failures, trips int
	}{{0, 1, 1}, {9 * time.Minute, 1, 1}, {time.Minute + time.Second, 1, 0}, {49 * time.Minute, 1, 0}, {time.Minute, 0, 0}} {
		if err := o.Advance(tt.after); err != nil {
			t.Fatal(err)
		}
		if failures, trips := count(failuresBucket), count(tripsBucket); failures != tt.failures || trips != tt.trips {
			t.Errorf("after %v more: %d persons' failures, %d trips; want %d, %d", tt.after, failures, trips, tt.failures, tt.trips)
		}
	}
}
