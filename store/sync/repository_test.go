package sync

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

func refresh(t *testing.T, r *Repository) *Listing {
	t.Helper()
	l, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func content(t *testing.T, l *Listing, name string) string {
	t.Helper()
	target, err := l.Find(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := l.Bytes(t.Context(), target, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAChangeArrives(t *testing.T) {
	f := newFake(t)
	gate := f.gate(newMemory())
	if got := content(t, refresh(t, gate), "keys.json"); got != "one" {
		t.Errorf("keys.json = %q; want one", got)
	}
	f.next("keys.json", "two")
	if got := content(t, refresh(t, gate), "keys.json"); got != "two" {
		t.Errorf("keys.json = %q; want two", got)
	}
}

// What has not changed is not fetched again.
func TestARefreshWithoutNewsAsksForRootAndTimestampAlone(t *testing.T) {
	f := newFake(t)
	gate := f.gate(newMemory())
	refresh(t, gate)
	f.opened = nil
	refresh(t, gate)
	if got := strings.Join(f.opened, " "); got != "2.root.json timestamp.json" {
		t.Errorf("asked for %s", got)
	}
}

// Each attack is refused, what was there stays, and the next honest publication is taken.
func TestARepositoryThatLiesIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		attack func(f *fakeRepository)
		want   error // nil: any
	}{
		{"rollback of the timestamp", func(f *fakeRepository) { f.timestamp.Signed.Version = 1; f.publish() }, &metadata.ErrBadVersionNumber{}},
		{"rollback of the snapshot", func(f *fakeRepository) {
			f.snapshot.Signed.Version, f.timestamp.Signed.Version = 1, 9
			f.publish()
		}, &metadata.ErrBadVersionNumber{}},
		{"rollback of the targets", func(f *fakeRepository) {
			f.targets.Signed.Version, f.snapshot.Signed.Version, f.timestamp.Signed.Version = 1, 9, 9
			f.publish()
		}, &metadata.ErrBadVersionNumber{}},
		{"freeze", func(f *fakeRepository) { f.now = noon.Add(25 * time.Hour) }, &metadata.ErrExpiredMetadata{}},
		{"mix and match", func(f *fakeRepository) {
			old := f.files["2.snapshot.json"]
			f.next("keys.json", "three")
			f.files["3.snapshot.json"] = old
		}, nil},
		{"endless data", func(f *fakeRepository) {
			f.next("keys.json", "three")
			f.forge["timestamp.json"] = func(data []byte) []byte { return bytes.Repeat(data, maxTimestamp/len(data)+2) }
		}, ErrTooLarge},
		{"a snapshot longer than its metadata says", func(f *fakeRepository) {
			f.next("keys.json", "three")
			f.forge["3.snapshot.json"] = func(data []byte) []byte { return append(data, ' ') }
		}, ErrTooLarge},
		{"another's key", func(f *fakeRepository) {
			f.keys[metadata.TIMESTAMP] = f.keys[metadata.TARGETS]
			f.next("keys.json", "three")
		}, &metadata.ErrUnsignedMetadata{}},
		{"a root that two of three have not signed", func(f *fakeRepository) {
			f.keys[metadata.ROOT] = f.keys[metadata.ROOT][:1]
			f.root.Signed.Version++
			f.publishRoot()
		}, &metadata.ErrUnsignedMetadata{}},
		{"a root that skips a version", func(f *fakeRepository) {
			f.root.Signed.Version += 2
			f.publishRoot()
			f.files["2.root.json"] = f.files["3.root.json"]
		}, nil},
		{"a root that asks for no signature", func(f *fakeRepository) {
			f.root.Signed.Version++
			f.root.Signed.Roles[metadata.TARGETS].Threshold = 0
			f.publishRoot()
		}, nil},
		{"a server that does not answer", func(f *fakeRepository) { f.fail["timestamp.json"] = io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF},
		{"garbage", func(f *fakeRepository) { f.files["timestamp.json"] = []byte(`{"signed":`) }, nil},
		{"not an object", func(f *fakeRepository) { f.files["timestamp.json"] = []byte(`[]`) }, nil},
		{"null", func(f *fakeRepository) { f.files["timestamp.json"] = []byte(`null`) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.next("keys.json", "two")
			state := newMemory()
			gate := f.gate(state)
			refresh(t, gate)
			before := state.files["nation/targets.json"]
			tt.attack(f)
			if _, err := gate.Refresh(t.Context()); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Refresh = %v; want %T", err, tt.want)
			}
			if !bytes.Equal(state.files["nation/targets.json"], before) {
				t.Error("targets.json has changed")
			}
		})
	}
}

func TestATargetThatIsNotTheOneThatWasSignedIsRefused(t *testing.T) {
	for name, forge := range map[string]func([]byte) []byte{
		"another byte": func(data []byte) []byte { data[0] ^= 1; return data },
		"cut":          func(data []byte) []byte { return data[:len(data)-1] },
		"endless":      func(data []byte) []byte { return bytes.Repeat(data, 1000) },
		"empty":        func([]byte) []byte { return nil },
	} {
		f := newFake(t)
		l := refresh(t, f.gate(newMemory()))
		for file := range f.files {
			if strings.HasPrefix(file, "targets/") {
				f.forge[file] = forge
			}
		}
		target, err := l.Find(t.Context(), "keys.json")
		if err != nil {
			t.Fatal(err)
		}
		if data, err := l.Bytes(t.Context(), target, 1000); err == nil {
			t.Errorf("%s: %q is taken", name, data)
		}
	}
	l := refresh(t, newFake(t).gate(newMemory()))
	if target, err := l.Find(t.Context(), "keys.json"); err != nil {
		t.Error(err)
	} else if _, err := l.Bytes(t.Context(), target, 2); !errors.Is(err, ErrTooLarge) {
		t.Errorf("3 bytes where 2 are allowed: %v", err)
	}
	if _, err := l.Find(t.Context(), "release/x"); !errors.Is(err, ErrNoTarget) {
		t.Errorf("Find of nothing: %v", err)
	}
}

func TestKeysRotate(t *testing.T) {
	for _, role := range roles {
		f := newFake(t)
		gate := f.gate(newMemory())
		refresh(t, gate)
		f.rotate(role)
		f.next("keys.json", "after "+role)
		if got := content(t, refresh(t, gate), "keys.json"); got != "after "+role {
			t.Errorf("%s: keys.json = %q", role, got)
		}
		if got := content(t, refresh(t, f.gate(newMemory())), "keys.json"); got != "after "+role {
			t.Errorf("%s: a gate that missed the rotation has %q", role, got)
		}
	}
}

// Whoever has stolen the timestamp's key signs a version that nothing can follow; a new
// root with new keys recovers.
func TestRecoveryFromAFastForward(t *testing.T) {
	for _, role := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT} {
		f := newFake(t)
		gate := f.gate(newMemory())
		f.timestamp.Signed.Version, f.snapshot.Signed.Version = 1<<40, 1<<40
		f.publish()
		refresh(t, gate)
		f.timestamp.Signed.Version, f.snapshot.Signed.Version = 2, 2
		f.publish()
		if _, err := gate.Refresh(t.Context()); err == nil {
			t.Fatalf("%s: a version went back, and was taken", role)
		}
		f.rotate(role)
		f.publish()
		if _, err := gate.Refresh(t.Context()); err != nil {
			t.Errorf("%s: after new keys: %v", role, err)
		}
	}
}

// The power is cut before each write; what is kept then is whole, and the next refresh goes on.
func TestARefreshThatIsCutGoesOn(t *testing.T) {
	f := newFake(t)
	begun := newMemory()
	refresh(t, f.gate(begun))
	f.rotate(metadata.TIMESTAMP)
	f.next("keys.json", "two")
	for cut := 0; ; cut++ {
		state := begun.clone()
		state.left = cut
		_, err := f.gate(state).Refresh(t.Context())
		state.left = -1
		if err == nil {
			if cut < 4 {
				t.Fatalf("%d writes are all", cut)
			}
			return
		}
		if got := content(t, refresh(t, f.gate(state)), "keys.json"); got != "two" {
			t.Fatalf("cut before write %d: %q; want two", cut, got)
		}
	}
}

// A kept file that is damaged, at any byte, costs a fetch and no more.
func TestAKeptFileThatIsDamagedIsFetchedAgain(t *testing.T) {
	f := newFake(t)
	begun := newMemory()
	refresh(t, f.gate(begun))
	for name, data := range begun.files {
		for at := 0; at < len(data); at += 1 + len(data)/60 {
			state := begun.clone()
			state.files[name] = bytes.Clone(data)
			state.files[name][at] ^= 0x20
			if _, err := f.gate(state).Refresh(t.Context()); err != nil {
				t.Errorf("%s damaged at %d: %v", name, at, err)
			}
			state.files[name] = data[:at]
			if _, err := f.gate(state).Refresh(t.Context()); err != nil {
				t.Errorf("%s cut at %d: %v", name, at, err)
			}
		}
	}
}

func TestAFirstRootThatIsWrongIsRefused(t *testing.T) {
	f := newFake(t)
	for _, root := range [][]byte{nil, []byte("{}"), newFake(t).files["1.root.json"], f.files["timestamp.json"]} {
		gate := f.gate(newMemory())
		gate.Root = root
		if _, err := gate.Refresh(t.Context()); err == nil {
			t.Errorf("a first root of %d bytes is taken", len(root))
		}
	}
}

// What a station's first root is, is asked before a nation names it.
func TestAFirstRootIsTheFirstVersion(t *testing.T) {
	f := newFake(t)
	if err := CheckFirstRoot(f.files["1.root.json"]); err != nil {
		t.Errorf("the first root: %v", err)
	}
	f.rotate(metadata.ROOT)
	if err := CheckFirstRoot(f.files["2.root.json"]); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("the second: %v; want that gates begin with the first", err)
	}
}

// The repository tells only what its paths say; a gate decides which it takes.
func TestNamesAreInOrder(t *testing.T) {
	f := newFake(t)
	f.next("b", "2")
	f.next("a", "1")
	if got := strings.Join(refresh(t, f.gate(newMemory())).Names(), " "); got != "a b keys.json" {
		t.Errorf("names %s", got)
	}
}

// Opening a pipe waits for somebody who writes: a stick that has one in a file's place must not hang a gate.
func TestAPipeInAFolderIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "timestamp.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { _, err := read(t.Context(), Folder(dir), "timestamp.json", 100); answer <- err }()
	select {
	case err := <-answer:
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%v; want that it is no file", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for whoever writes into the pipe")
	}
}

func TestReadIsBounded(t *testing.T) {
	dir := t.TempDir()
	f := Folder(dir)
	if _, err := read(context.Background(), f, "nothing", 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := read(context.Background(), f, "../etc/passwd", 10); err == nil {
		t.Error("a path that leaves the folder is read")
	}
	if _, err := read(context.Background(), f, ".", 10); err == nil {
		t.Error("a folder is read")
	}
}

func FuzzRefresh(f *testing.F) {
	f.Add([]byte(`{"signed":{"_type":"timestamp","version":2,"meta":{}},"signatures":[]}`), uint8(0))
	f.Add([]byte(`{"signed":{"_type":"root","roles":{"root":null}},"signatures":[]}`), uint8(1))
	f.Add([]byte(`null`), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		repo := newFake(t)
		gate := repo.gate(newMemory())
		refresh(t, gate)
		repo.next("keys.json", "two")
		name := []string{"timestamp.json", "2.root.json", "2.snapshot.json", "2.targets.json"}[which%4]
		repo.files[name] = data
		if l, err := gate.Refresh(t.Context()); err == nil && l.Version() != 2 {
			t.Error("bytes that nobody signed are taken")
		}
	})
}
