package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/verify"
	"railgate/verify/mint"
)

// keysFile is a keyset's file with its gate's keyring.
type keysFile struct {
	t    *testing.T
	dir  string
	log  *bytes.Buffer
	ring *Ring
}

func newKeysFile(t *testing.T) *keysFile {
	f := &keysFile{t: t, dir: t.TempDir(), log: new(bytes.Buffer)}
	f.restart()
	return f
}

func (f *keysFile) path() string { return filepath.Join(f.dir, "keys.json") }

// restart is what a gate's start does with its keyset.
func (f *keysFile) restart() error {
	f.ring = New(f.path(), "", f.dir, nil, slog.New(slog.NewTextHandler(f.log, nil)))
	return f.ring.Begin(nil)
}

func (f *keysFile) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// put puts data in the file's place, in the same file, at a time of long ago.
func (f *keysFile) put(data []byte) {
	f.t.Helper()
	f.must(os.WriteFile(f.path(), data, 0o600))
	long := time.Unix(1e9, 0)
	f.must(os.Chtimes(f.path(), long, long))
}

// keyset is a keyset of one key for each kid.
func (f *keysFile) keyset(version uint64, kids ...string) []byte {
	f.t.Helper()
	file := mint.NewKeyFile("test")
	file.Version = version
	for _, kid := range kids {
		signer, err := mint.GenerateSigner(verify.KeyID(kid), verify.EdDSA, rand.Reader)
		f.must(err)
		file.Add(signer, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), verify.Temporary)
	}
	data, err := file.KeysetJSON()
	f.must(err)
	return data
}

// want wants a version in use.
func (f *keysFile) want(version uint64) {
	f.t.Helper()
	keys := f.ring.Current()
	if keys == nil {
		f.t.Fatalf("no keyset is in use; want version %d; log:\n%s", version, f.log)
	}
	if keys.Version != version {
		f.t.Errorf("version %d is in use; want %d; log:\n%s", keys.Version, version, f.log)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A withdrawn key went on opening: the new keyset had the length and the time of the old
// one. Each of them came from a file like these.
func TestKeysetOfTheSameSizeAndTimeIsRead(t *testing.T) {
	first, second := read(t, "testdata/keys-1.json"), read(t, "testdata/keys-2.json")
	if len(first) != len(second) {
		t.Fatalf("%d and %d bytes; want the same", len(first), len(second))
	}
	for _, tt := range []struct {
		name    string
		replace func(f *keysFile)
	}{
		{"written over", func(f *keysFile) { f.put(second) }},
		{"renamed over", func(f *keysFile) {
			f.must(os.WriteFile(f.dir+"/new", second, 0o600))
			f.must(os.Chtimes(f.dir+"/new", time.Unix(1e9, 0), time.Unix(1e9, 0)))
			f.must(os.Rename(f.dir+"/new", f.path()))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newKeysFile(t)
			f.put(first)
			f.must(f.ring.Read(Asked))
			f.must(f.ring.Read(IfChanged))
			f.want(1)
			tt.replace(f)
			if err := f.ring.Read(IfChanged); !errors.Is(err, ErrForeign) { // it is seen: these two share no key
				t.Errorf("read = %v; want %v", err, ErrForeign)
			}
			f.must(f.ring.Read(Forced))
			f.want(2)
		})
	}
}

// Within a tick of the file system's clock a file changes twice and its times once.
func TestAFileThatHasJustChangedIsReadAgain(t *testing.T) {
	f := newKeysFile(t)
	f.put(f.keyset(1, "a"))
	f.must(f.ring.Read(Asked))
	info, err := os.Stat(f.path())
	f.must(err)
	if f.ring.last.of(info) {
		t.Error("a file that changed a moment ago is taken for settled")
	}
	st := f.ring.last
	st.changed = changedOf(info)
	if !st.of(info) {
		t.Error("a file that has settled is read at each look")
	}
}

// What is Asked for is done, whatever the file looks like.
func TestAskedForIsRead(t *testing.T) {
	f := newKeysFile(t)
	f.put(f.keyset(1, "a"))
	f.must(f.ring.Read(Asked))
	before := strings.Count(f.log.String(), "keyset in use")
	f.must(f.ring.Read(IfChanged))
	info, err := os.Stat(f.path())
	f.must(err)
	f.ring.last.changed = changedOf(info) // as if it had been there for a while
	f.must(f.ring.Read(IfChanged))
	if n := strings.Count(f.log.String(), "keyset in use"); n != before {
		t.Errorf("a file that has not changed was taken %d times more", n-before)
	}
	f.must(f.ring.Read(Asked))
	if n := strings.Count(f.log.String(), "keyset in use"); n != before+1 {
		t.Errorf("it was taken %d times; want once more", n-before)
	}
}

// Whatever comes into the file's place, the old keyset stays, there is one line, and a
// good file that comes later is read.
func TestNoFileEndsAKeyset(t *testing.T) {
	for name, break_ := range map[string]func(path string) error{
		"no file":       os.Remove,
		"empty":         func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"no issuer":     func(p string) error { return os.WriteFile(p, []byte("{}"), 0o600) },
		"null":          func(p string) error { return os.WriteFile(p, []byte("null"), 0o600) },
		"no key":        func(p string) error { return os.WriteFile(p, noKey, 0o600) },
		"half a file":   func(p string) error { return os.Truncate(p, 200) },
		"huge":          func(p string) error { return os.Truncate(p, 1<<40) },
		"a folder":      func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) },
		"a FIFO":        func(p string) error { return errors.Join(os.Remove(p), unix.Mkfifo(p, 0o600)) },
		"a device":      func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/dev/zero", p)) },
		"a socket":      func(p string) error { return errors.Join(os.Remove(p), listenFor(p)) },
		"a link's loop": func(p string) error { return errors.Join(os.Remove(p), os.Symlink(p, p)) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newKeysFile(t)
			f.put(f.keyset(1, "a"))
			f.must(f.ring.Read(Asked))
			f.must(break_(f.path()))
			for range 3 {
				if f.ring.Read(IfChanged) == nil {
					t.Error("it was taken")
				}
			}
			if f.ring.Read(Asked) == nil || f.ring.Read(Forced) == nil {
				t.Error("it was taken when Asked for")
			}
			f.want(1)
			if n := strings.Count(f.log.String(), "the old one stays in use"); n != 1 {
				t.Errorf("%d lines; want 1:\n%s", n, f.log)
			}
			if _, problems := f.ring.Status(time.Now(), true); len(problems) != 1 {
				t.Errorf("problems %+v; want one", problems)
			}
			f.restart()
			f.want(1) // by its copy
			f.must(os.RemoveAll(f.path()))
			f.put(f.keyset(2, "a"))
			f.must(f.ring.Read(IfChanged))
			f.want(2)
			if _, problems := f.ring.Status(time.Now(), true); len(problems) != 0 {
				t.Errorf("problems %+v; want none", problems)
			}
		})
	}
}

var noKey = []byte(`{"version":9,"issuers":[{"id":"i","period":60,"liveness":1800,"validity":86400,"early":5,"late":10}],"keys":[],"revoked":[]}`)

func listenFor(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Close(fd))
}

// Another issuer's keyset closes a gate to everybody, so it takes force; a restart is none.
func TestAnotherIssuersKeysetTakesForce(t *testing.T) {
	f := newKeysFile(t)
	f.put(f.keyset(1, "a", "b"))
	f.must(f.ring.Read(Asked))
	f.put(f.keyset(2, "b", "c"))
	f.must(f.ring.Read(IfChanged)) // a rotation
	f.want(2)
	f.put(f.keyset(3, "d"))
	refused := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "railgate keys install --force "+f.path()) {
			t.Errorf("read = %v; want %v and what to do", err, ErrForeign)
		}
		f.want(2)
		if d := f.ring.Detail(); !d.Foreign || d.Problem == "" || d.InUse.Version != 2 || d.File.Version != 3 {
			t.Errorf("detail = %+v; want version 2 in use, and 3 that is foreign", d)
		}
	}
	refused(f.ring.Read(IfChanged))
	refused(f.ring.Read(Asked))
	refused(f.restart())
	f.must(f.ring.Read(Forced))
	f.want(3)
	f.must(f.restart())
	f.want(3)
	if d := f.ring.Detail(); d.Foreign || d.Problem != "" || d.InUse.Since == nil || d.File.Keys[0].KeyID != "64" {
		t.Errorf("detail = %+v; want version 3 in use", d)
	}
}

// A gate that has never had a keyset takes the first one, and one whose copy is damaged
// or cannot be written works as well.
func TestTheCopyOfAKeysetIsOptional(t *testing.T) {
	f := newKeysFile(t)
	kept := filepath.Join(f.dir, control.KeptKeysetName)
	f.must(os.MkdirAll(kept+"/in the way", 0o700))
	f.put(f.keyset(1, "a"))
	f.must(f.restart())
	f.want(1)
	f.must(os.RemoveAll(kept))
	f.must(f.ring.Read(IfChanged))
	if string(read(t, kept)) != string(read(t, f.path())) {
		t.Error("the copy is not the file")
	}
	f.must(os.Truncate(kept, 100))
	f.must(f.restart())
	f.want(1)
	if string(read(t, kept)) != string(read(t, f.path())) {
		t.Error("the damaged copy stays")
	}
}

// The keyset's loop turns, whatever is in the file's place.
func TestTheKeysetsLoopTurns(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/keys.json", 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		k := New(dir+"/keys.json", "", dir, nil, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		time.Sleep(10 * Every)
		synctest.Wait()
		if n := k.beats.Load(); n < 10 {
			t.Errorf("%d turns in %v; want 10", n, 10*Every)
		}
		k.Reload()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A start parses the keyset once: what its check has read is in use, also where the copy of
// the last keyset has the same bytes.
func TestAStartParsesTheKeysetOnce(t *testing.T) {
	f := newKeysFile(t)
	f.put(f.keyset(1, "a"))
	for range 2 { // the second finds a copy
		read, err := configs.ReadKeysetFile(f.path())
		f.must(err)
		f.ring = New(f.path(), "", f.dir, read, slog.New(slog.DiscardHandler))
		if old := f.ring.Current(); old != nil && old != read.Keys {
			t.Error("the copy of the last keyset was parsed again")
		}
		f.must(f.ring.Begin(read))
		if f.ring.Current() != read.Keys {
			t.Error("the keyset in use is not the one that was read")
		}
		f.must(f.ring.Read(IfChanged))
		f.want(1)
	}
	f.put(f.keyset(2, "a"))
	f.must(f.ring.Read(IfChanged)) // a file that has changed since is read
	f.want(2)
}

// What is revoked stays so under a keyset that comes later; the keyset itself is as it was.
func TestAKeysetIsUnderWhatIsRevoked(t *testing.T) {
	f := newKeysFile(t)
	f.put(f.keyset(1, "a"))
	f.must(f.ring.Read(Asked))
	plain := f.ring.Current()
	f.ring.Revoke(nil)
	if f.ring.Current() != plain {
		t.Error("without a list the keyset is another one")
	}
	lists := []*verify.Revocations{{Issuer: "test"}}
	f.ring.Revoke(lists)
	if f.ring.Current() == plain || f.ring.Current().Key("a") != plain.Key("a") {
		t.Error("the list does not count, or the keys are others")
	}
	f.put(f.keyset(2, "a"))
	f.must(f.ring.Read(IfChanged))
	under := f.ring.Current()
	f.ring.Revoke(nil)
	if f.ring.Current() == under || f.ring.Current().Version != 2 {
		t.Error("under the next keyset the list does not count, or goes on when it is taken away")
	}
}
