package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"railgate/cmd/station/repository"
	"railgate/store/sync"
	"railgate/verify"
	"railgate/verify/mint"
)

// An office is a nation's publisher in a test.
type office struct {
	t   *testing.T
	dir string
	now time.Time
}

func newOffice(t *testing.T, args ...string) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}
	o.write("passphrase", "correct horse battery\n")
	o.must(append([]string{"init"}, args...)...)
	return o
}

func (o *office) path(name string) string { return filepath.Join(o.dir, name) }

func (o *office) write(name, text string) string {
	o.t.Helper()
	if err := os.WriteFile(o.path(name), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return o.path(name)
}

func (o *office) run(args ...string) (string, error) { return o.in("nation", args...) }

// in runs a command for another folder.
func (o *office) in(folder string, args ...string) (string, error) {
	var out bytes.Buffer
	root := newCommands(&desk{now: func() time.Time { return o.now }, workFactor: 10})
	root.SetArgs(append(args, "--dir", o.path(folder), "--passphrase-file", o.path("passphrase")))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.Execute()
	return out.String(), err
}

func (o *office) must(args ...string) string {
	o.t.Helper()
	out, err := o.run(args...)
	if err != nil {
		o.t.Fatalf("station %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (o *office) keyset(version uint64) string {
	o.t.Helper()
	f := mint.NewKeyFile("rail.test")
	f.Version = version
	if err := f.AddKey(verify.EdDSA, o.now.Add(-time.Hour), o.now.Add(1000*time.Hour), verify.Temporary); err != nil {
		o.t.Fatal(err)
	}
	data, err := f.KeysetJSON()
	if err != nil {
		o.t.Fatal(err)
	}
	return o.write("keys-"+strconv.FormatUint(version, 10)+".json", string(data))
}

// gate fetches as a gate does.
func (o *office) gate(state sync.State) (*sync.Listing, error) {
	root, err := os.ReadFile(o.path("nation/public/1.root.json"))
	if err != nil {
		o.t.Fatal(err)
	}
	public := sync.Folder(o.path("nation/public"))
	r := &sync.Repository{Name: "nation", Root: root, Metadata: public, Targets: sync.Folder(o.path("nation/public/targets")), State: state, Now: func() time.Time { return o.now }}
	return r.Refresh(o.t.Context())
}

type memory map[string][]byte

func (m memory) File(_, name string) ([]byte, error) { return m[name], nil }
func (m memory) PutFiles(_ string, files map[string][]byte) error {
	for name, data := range files {
		m[name] = data
	}
	return nil
}

func TestAKeysetReachesAGate(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	state := memory{}
	for version := range uint64(3) {
		file := o.keyset(version + 1)
		o.must("publish", "keyset", file)
		l, err := o.gate(state)
		if err != nil {
			t.Fatal(err)
		}
		target, err := l.Find(t.Context(), "keys.json")
		if err != nil {
			t.Fatal(err)
		}
		data, err := l.Bytes(t.Context(), target, 1<<20)
		want, _ := os.ReadFile(file)
		if err != nil || !bytes.Equal(data, want) {
			t.Errorf("version %d: %d bytes, %v; want those that were published", version+1, len(data), err)
		}
		o.now = o.now.Add(time.Hour)
	}
}

func TestATimestampMustBeSaidAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.must("publish", "keyset", o.keyset(1))
	state := memory{}
	for day := range 60 { // the snapshot's 30 days as well
		o.now = o.now.Add(24 * time.Hour)
		o.must("timestamp")
		if _, err := o.gate(state); err != nil {
			t.Fatalf("day %d: %v", day, err)
		}
	}
	o.now = o.now.Add(repository.TimestampFor + time.Second)
	if _, err := o.gate(state); err == nil {
		t.Error("a timestamp that has ended is taken")
	}
	if out := o.must("timestamp"); !strings.Contains(out, "is the timer running?") {
		t.Errorf("%s; want a warning", out)
	}
	if _, err := o.gate(state); err != nil {
		t.Error(err)
	}
}

// A machine whose clock has gone back says so: what it signs may have ended for gates.
func TestATimestampBeforeTheLastIsSaid(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.now = o.now.Add(-time.Minute)
	if out := o.must("timestamp"); strings.Contains(out, "one of the two was wrong") {
		t.Errorf("a minute back: %s", out)
	}
	o.now = o.now.AddDate(-1, 0, 0)
	if out := o.must("timestamp"); !strings.Contains(out, "was signed at 2026-11-23T03:59:00Z, 8760h0m0s after now") {
		t.Errorf("a year back: %s; want that one of the two was wrong", out)
	}
}

// The timestamp says when it was signed, within what it signs.
func TestATimestampSaysWhenItWasSigned(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	data, err := os.ReadFile(o.path("nation/public/timestamp.json"))
	var doc struct {
		Signed struct {
			SignedAt time.Time `json:"signed_at"`
		}
	}
	if err != nil || json.Unmarshal(data, &doc) != nil || !doc.Signed.SignedAt.Equal(o.now) {
		t.Errorf("signed_at = %v (%v); want %v", doc.Signed.SignedAt, err, o.now)
	}
	forged := bytes.Replace(data, []byte(o.now.Format(time.RFC3339)), []byte(o.now.Add(time.Hour).Format(time.RFC3339)), 1)
	if bytes.Equal(forged, data) {
		t.Fatal("the test forges nothing")
	}
	o.write("nation/public/timestamp.json", string(forged))
	if _, err := o.gate(memory{}); err == nil {
		t.Error("a forged signed_at is taken")
	}
}

func TestWhatCannotBePublishedIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	before := o.must("show", "--json")
	for _, tt := range []struct{ name, file, want string }{
		{"garbage", o.write("garbage", "garbage"), "garbage"},
		{"an empty keyset", o.write("empty", "{}"), "keyset"},
		{"no file", o.path("none"), "no such file"},
	} {
		if out, err := o.run("publish", "keyset", tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %s; want an error with %q", tt.name, err, out, tt.want)
		}
	}
	if after := o.must("show", "--json"); after != before {
		t.Errorf("show = %s; want %s", after, before)
	}
	if _, err := o.run("init"); err == nil {
		t.Error("a second init is taken")
	}
	o.write("passphrase", "another passphrase\n")
	if _, err := o.run("publish", "keyset", o.keyset(1)); err == nil || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("with the wrong passphrase: %v", err)
	}
	o.write("passphrase", "short\n")
	if _, err := o.run("init", "--dir", o.path("other")); err == nil {
		t.Error("a short passphrase is taken")
	}
}

// Nothing secret lies in what is served, and no seed lies unencrypted but the online ones.
func TestKeysLieWhereTheyShould(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "root-1.age root-2.age root-3.age snapshot.key targets.age timestamp.key"},
		{[]string{"--online"}, "root-1.age root-2.age root-3.age snapshot.key targets.key timestamp.key"},
	} {
		o := newOffice(t, tt.args...)
		var names []string
		files, err := os.ReadDir(o.path("nation/keys"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", f.Name(), info.Mode())
			}
			data, err := os.ReadFile(o.path("nation/keys/" + f.Name()))
			if err != nil || strings.HasSuffix(f.Name(), ".age") != strings.HasPrefix(string(data), "-----BEGIN AGE ENCRYPTED FILE-----") {
				t.Errorf("%s is not what its name says (%v)", f.Name(), err)
			}
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("keys: %s; want %s", got, tt.want)
		}
	}
}

// A publication that was cut before its timestamp is not seen, and is made again.
func TestAPublicationThatWasCut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.must("publish", "keyset", o.keyset(1))
	timestamp, err := os.ReadFile(o.path("nation/public/timestamp.json"))
	if err != nil {
		t.Fatal(err)
	}
	o.must("publish", "keyset", o.keyset(2))
	o.write("nation/public/timestamp.json", string(timestamp)) // as it was when the power failed
	state := memory{}
	l, err := o.gate(state)
	if err != nil || l.Version() != 2 {
		t.Fatalf("the gate sees %v, %v; want the publication before", l, err)
	}
	for _, left := range []string{"nation/public/3.targets.json.123.new", "nation/public/targets/.123.new"} {
		o.write(left, "half")
	}
	o.must("publish", "keyset", o.keyset(3))
	if left, _ := filepath.Glob(o.path("nation/public/*.new")); len(left) > 0 || exists(o.path("nation/public/targets/.123.new")) {
		t.Errorf("%v is left of what was cut", left)
	}
	if l, err := o.gate(state); err != nil || l.Version() != 3 {
		t.Errorf("after it is made again: %v, %v", l, err)
	}
}

func TestThePagesPassphraseIsKeptHashed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := strings.TrimSpace(o.must("passphrase"))
	data, err := os.ReadFile(path)
	if err != nil || bytes.Contains(data, []byte("correct horse")) || !bytes.Contains(data, []byte(`"salt"`)) {
		t.Errorf("%s: %s, %v; want scrypt's salt and hash", path, data, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v; want mode 0600", path, info, err)
	}
	o.write("passphrase", "short\n")
	if _, err := o.run("passphrase"); err == nil {
		t.Error("a short passphrase is taken")
	}
}

// The timer signs what it can: a nation's key that is kept elsewhere does not let the station's
// timestamp end.
func TestATimestampThatCannotBeSignedKeepsNoOther(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if err := os.Remove(s.path("nation/nation/keys/timestamp.key")); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(48 * time.Hour)
	out, err := s.run("timestamp")
	if err == nil || !strings.Contains(err.Error(), "nation/nation: timestamp: key is not here") {
		t.Errorf("%v; want that the nation's key is not here\n%s", err, out)
	}
	s.now = s.now.Add(48 * time.Hour)
	if s.get("station", "station.json") == nil {
		t.Error("the station's timestamp was not signed")
	}
}

// An init that ended before the nation named the station's root goes on from there.
func TestAnInitThatTheNationDidNotSignGoesOn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if err := os.RemoveAll(s.path("nation/station")); err != nil {
		t.Fatal(err)
	}
	s.write("passphrase", "another passphrase\n")
	args := []string{"init", "--station", "ABC", "--server", "tls://127.0.0.1:4222"}
	if out, err := s.run(args...); err == nil || !strings.Contains(err.Error(), "wrong passphrase; the same command goes on") {
		t.Fatalf("%v; want a wrong passphrase, and what to do\n%s", err, out)
	}
	root := read(t, s.path("nation/station/public/1.root.json"))
	s.write("passphrase", "correct horse battery\n")
	if out, err := s.run("init", "--station", "OTHER"); err == nil || !strings.Contains(err.Error(), "is station ABC") {
		t.Errorf("another name: %v; want that it is ABC\n%s", err, out)
	}
	s.must(args...)
	if got := s.get("nation", "stations/ABC/root.json"); string(got) != root {
		t.Errorf("stations/ABC/root.json = %.40q; want the root that was made first", got)
	}
	if out, err := s.run(args...); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("once more: %v; want that there is one already\n%s", err, out)
	}
}

func TestAZoneThatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	o := &office{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}
	o.write("passphrase", "correct horse battery\n")
	if out, err := o.run("init", "--station", "GZQ", "--zone", "Asia/Shangai"); err == nil || !strings.Contains(err.Error(), "Asia/Shangai") {
		t.Errorf("%v; want that there is no such zone\n%s", err, out)
	}
	if _, err := os.Stat(o.path("nation")); err == nil {
		t.Error("something was made")
	}
}

// An init that fails leaves nothing behind, and the next one works.
func TestAnInitIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"init"}, {"init", "--station", "GZQ"}} {
		o := &office{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}
		o.write("passphrase", "short\n")
		if out, err := o.run(args...); err == nil || !strings.Contains(err.Error(), "at least 12 characters") {
			t.Fatalf("%v: %v; want that the passphrase is too short\n%s", args, err, out)
		}
		filepath.WalkDir(o.path("nation"), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("%v leaves %s", args, path)
			}
			return nil
		})
		o.write("passphrase", "correct horse battery\n")
		o.must(args...)
		if out, err := o.run(args...); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("%v a second time: %v; want that there is one already\n%s", args, err, out)
		}
		if left, _ := filepath.Glob(o.path("nation/.init-*")); len(left) > 0 {
			t.Errorf("%v leaves %v", args, left)
		}
	}
}
