package main

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/mint"
)

// revoker is an issuer's key for revocations.
type revoker struct {
	t    *testing.T
	file *mint.RevokerFile
}

func newRevoker(t *testing.T, issuer string) *revoker {
	t.Helper()
	r := &revoker{t, new(mint.RevokerFile)}
	if err := r.file.Add(issuer, verify.EdDSA, time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	return r
}

// list is a list that was signed so long ago, of certificates that are revoked as of a second
// from then.
func (r *revoker) list(ago time.Duration, revoked ...string) string {
	r.t.Helper()
	key, err := r.file.Revoker(r.file.Keys[0].Issuer, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	at := uint64(time.Now().Add(-ago).Unix())
	l := verify.RevocationList{IssuedAt: at, Expires: at + 60}
	for _, cti := range revoked {
		l.Entries = append(l.Entries, verify.Revocation{Certificate: verify.CertificateID(cti), Before: uint64(time.Now().Unix()) + 1, Until: at + 3600})
	}
	data, err := key.Sign(l, rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

func (r *revoker) public() string {
	r.t.Helper()
	data, err := r.file.RevokersJSON()
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

// a known is what a gate knows of what is revoked, with a store on a disk.
type known struct {
	*revocations
	t     *testing.T
	dir   string
	store *store.Store
	notes []journal.Record
}

// newKnown is a gate of a nation at its start, in a folder.
func newKnown(t *testing.T, dir string) *known {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(store.Options{Dir: dir, Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return time.Now(), true }}, log)
	if err != nil {
		t.Fatal(err)
	}
	k := &known{t: t, dir: dir, store: st}
	cfg := &configs.Config{Sync: configs.Sync{Nation: "/media/nation", RevocationsFor: time.Hour}}
	ring := keyring.New("", "", t.TempDir(), nil, log)
	f := mint.NewKeyFile("test")
	if err := f.AddKey(verify.EdDSA, time.Now(), time.Now().Add(time.Hour), verify.Temporary); err != nil {
		t.Fatal(err)
	}
	keys, err := f.Keyset()
	if err != nil {
		t.Fatal(err)
	}
	ring.Use(keys)
	c := clock.New(clock.Config{RequireSync: false, Tolerance: 5 * time.Second, Drift: 50}, time.Time{}, log)
	c.Resume(time.Time{}, nil)
	k.revocations = newRevocations(cfg, st, c, ring, func(r journal.Record) { k.notes = append(k.notes, r) }, log)
	t.Cleanup(func() { st.Close() })
	return k
}

// revokes tells whether the keyset in use has a list of an issuer that revokes a certificate.
func (k *known) revokes(issuer, cti string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.lists[issuer]
	return h != nil && h.list.Revokes(verify.CertificateID(cti), uint64(time.Now().Unix()))
}

func (k *known) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// What is taken of lists that come, and what is not: the one in use stays.
func TestWhichListOfRevocationsIsTaken(t *testing.T) {
	t.Parallel()
	own, other := newRevoker(t, "test"), newRevoker(t, "other")
	both := *own.file
	both.Keys = append(both.Keys[:1:1], other.file.Keys[0])
	trusted := &revoker{t, &both}
	k := newKnown(t, t.TempDir())
	if err := k.Receive([]byte(own.list(0, "cert-one"))); !errors.Is(err, errNobodyRevokes) {
		t.Errorf("without revokers.json: %v; want %v", err, errNobodyRevokes)
	}
	k.must(k.Trust([]byte(trusted.public())))
	k.must(k.Receive([]byte(own.list(time.Minute, "cert-one"))))
	stranger := newRevoker(t, "test")
	for _, tt := range []struct {
		name string
		data string
		want error
	}{
		{"an older list", own.list(2 * time.Minute), errOlderList},
		{"a list of the future", own.list(-time.Hour), errFutureList},
		{"a list by a stranger's key", stranger.list(0), verify.ErrUnknownRevoker},
		{"nonsense", "nonsense", verify.ErrNotRevocations},
		{"a list that is too large", own.list(0) + strings.Repeat(" ", verify.MaxRevocations), verify.ErrNotRevocations},
		{"another issuer's newer list", other.list(0, "cert-two"), nil},
	} {
		if err := k.Receive([]byte(tt.data)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
		if !k.revokes("test", "cert-one") {
			t.Fatalf("%s took the list's place", tt.name)
		}
	}
	if !k.revokes("other", "cert-two") {
		t.Error("two issuers' lists do not stand beside each other")
	}
	k.must(k.Receive([]byte(own.list(30*time.Second, "cert-three"))))
	if k.revokes("test", "cert-one") || !k.revokes("test", "cert-three") {
		t.Error("a newer list does not take the place of the one before")
	}
	k.must(k.Trust([]byte(other.public())))
	if k.revokes("test", "cert-three") || !k.revokes("other", "cert-two") {
		t.Error("a list counts whose key is no longer in revokers.json, or one whose key is there does not")
	}
	k.must(k.Trust(nil))
	if k.revokes("other", "cert-two") || len(k.lists) != 0 {
		t.Error("a list counts without revokers.json")
	}
}

// A list outlives a restart, whatever came last, and an old one does not take its place then.
func TestRevocationsAreKept(t *testing.T) {
	t.Parallel()
	dir, own := t.TempDir(), newRevoker(t, "test")
	k := newKnown(t, dir)
	k.must(k.store.PutFiles(nation, map[string][]byte{revokersTarget: []byte(own.public())}))
	k.resume()
	k.must(k.Receive([]byte(own.list(2*time.Hour, "cert-one"))))
	first := own.list(time.Hour, "cert-two") // past its exp
	k.must(k.Receive([]byte(first)))
	k.must(k.Receive([]byte(own.list(time.Hour-time.Minute, "cert-two"))))
	k.must(k.store.Close())
	k = newKnown(t, dir)
	if !k.revokes("test", "cert-two") || k.revokes("test", "cert-one") {
		t.Fatal("the list was not kept, or an older one was")
	}
	if err := k.Receive([]byte(own.list(2*time.Hour, "cert-one"))); !errors.Is(err, errOlderList) {
		t.Errorf("after the restart an older list: %v; want %v", err, errOlderList)
	}
	// What says the same is written once in a while: the card wears.
	kept, err := k.store.File(revocationsFile, "test")
	k.must(err)
	if string(kept) != first {
		t.Error("another list is on the disk than the first that said so")
	}
	k.must(k.Receive([]byte(own.list(0, "cert-two"))))
	again, err := k.store.File(revocationsFile, "test")
	k.must(err)
	if string(again) == string(kept) {
		t.Error("a list that is an hour newer is not on the disk")
	}
}

// The disk alone refuses an older list too: memory may have lost it.
func TestAnOlderListNeverReplacesTheOneOnTheDisk(t *testing.T) {
	own := newRevoker(t, "test")
	k := newKnown(t, t.TempDir())
	k.must(k.Trust([]byte(own.public())))
	k.must(k.Receive([]byte(own.list(0, "cert-one"))))
	k.mu.Lock()
	k.lists = map[string]*heldList{}
	k.mu.Unlock()
	k.must(k.Receive([]byte(own.list(time.Hour, "cert-two"))))
	kept, err := k.store.File(revocationsFile, "test")
	k.must(err)
	if !strings.Contains(string(kept), "cert-one") {
		t.Error("an older list took the place of the newer one on the disk")
	}
}

// A list that is older than revocations_for says so, once in the journal, and the gate goes on;
// so does a gate to which none has come.
func TestOldRevocationsAreSaid(t *testing.T) {
	t.Parallel()
	own := newRevoker(t, "test")
	k := newKnown(t, t.TempDir())
	said := func() (cause bool) {
		t.Helper()
		k.tell()
		s := new(control.Status)
		k.status(s)
		for _, c := range s.Causes {
			cause = cause || c.Cause == control.RevocationsOld && c.Severity == control.Degraded
		}
		if s.Revocations != nil && s.Revocations.Old != cause && time.Until(s.Revocations.Expires) > 0 {
			t.Errorf("status %+v, and the cause is there: %v", s.Revocations, cause)
		}
		return cause
	}
	if said() {
		t.Error("a gate without revokers.json misses a list")
	}
	k.must(k.Trust([]byte(own.public())))
	if said() {
		t.Error("a gate that has just started misses a list")
	}
	k.began = k.began.Add(-2 * time.Hour)
	if !said() {
		t.Error("no list in two hours, and nothing is said")
	}
	k.must(k.Receive([]byte(own.list(time.Hour+time.Minute, "cert-one"))))
	if !said() || !k.revokes("test", "cert-one") {
		t.Error("a list of an hour ago is not said to be old, or does not count")
	}
	k.must(k.Receive([]byte(own.list(time.Minute, "cert-one"))))
	if said() {
		t.Error("a list of a minute ago is said to be old")
	}
	var words []string
	for _, r := range k.notes {
		words = append(words, r.Detail)
	}
	if len(words) != 2 || !strings.Contains(words[0], "no list") || !strings.Contains(words[1], "known again") {
		t.Errorf("journaled %q; want that none came, and that it is known again", words)
	}
}

// A list of the future that is kept, of a time at which the gate had no clock to go by, keeps out
// those that follow: the gate says so.
func TestAKeptListOfTheFutureIsSaid(t *testing.T) {
	t.Parallel()
	own := newRevoker(t, "test")
	k := newKnown(t, t.TempDir())
	kept := []byte(own.list(-70*time.Minute, "cert-one"))
	if _, err := k.store.ReplaceFile(revocationsFile, "test", kept, func([]byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
	k.must(k.Trust([]byte(own.public())))
	if err := k.Receive([]byte(own.list(0, "cert-two"))); !errors.Is(err, errOlderList) {
		t.Errorf("a list of now: %v; want %v", err, errOlderList)
	}
	s := new(control.Status)
	k.status(s)
	if len(s.Causes) != 1 || s.Causes[0].Cause != control.RevocationsOld || !strings.Contains(s.Causes[0].Why, "in the future") || !s.Revocations.Old {
		t.Errorf("the status says %+v, %+v; want that the list is of the future", s.Causes, s.Revocations)
	}
}

// A gate that stands alone has its list by a file or by a URL: the first phone's code is
// revoked, the other's opens. The list is read again as it changes, and nothing closes the gate.
func TestALoneGateIsToldWhatIsRevoked(t *testing.T) {
	t.Parallel()
	own := newRevoker(t, "test")
	served := "" // by the site's folder
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.ServeFile(rw, r, filepath.Join(served, "revocations"))
	}))
	t.Cleanup(web.Close)
	for _, where := range []string{"file", "url"} {
		t.Run(where, func(t *testing.T) {
			s := newSite(t, "", func(c string) string { return c + "\n[sync]\nevery = \"1s\"\nrevocations = \"WHERE\"\n" })
			served = s.dir
			from := s.path("revocations")
			if where == "url" {
				from = web.URL + "/revocations"
			}
			s.config = strings.Replace(s.config, "WHERE", from, 1)
			s.write("gate.toml", s.config)
			d := s.start()
			lost, other := s.claims(), s.claims()
			d.until("said that there is no revokers.json", func() bool { r := d.status().Revocations; return r != nil && r.Old })
			s.write("revokers.json", own.public())
			s.write("revocations", own.list(0, string(lost.Certificate)))
			d.until("has the list", func() bool { r := d.status().Revocations; return r.Count == 1 })
			s.scan(s.mint(lost))
			d.waitFor(1, decided("denied", "revoked"))
			s.scan(s.mint(other))
			d.waitFor(1, decided("granted", "ok"))
			must(t, os.Remove(s.path("revocations")))
			d.until("says that the list is gone", func() bool { return strings.Contains(d.status().Revocations.Error, "not found") })
			lost.IssuedAt += 2 // verified again: signed as of then
			s.scan(s.mint(lost))
			d.waitFor(2, decided("granted", "ok"))
			if code := d.stop(); code != 0 {
				t.Errorf("exit status %d", code)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
