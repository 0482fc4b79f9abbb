package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"testing/synctest"
)

const bundleName = "release/1.5.0/arm64.raucb"

// A bundleServer gives a fake repository's files, and breaks off where it is told.
type bundleServer struct {
	f *fakeRepository

	mu     gosync.Mutex
	cut    []int64 // after how many bytes each answer breaks off
	ranges []string
	deaf   bool // to Range
	wrong  bool // answers another range
}

func (s *bundleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	var cut int64 = -1
	if len(s.cut) > 0 {
		cut, s.cut = s.cut[0], s.cut[1:]
	}
	if s.deaf {
		r.Header.Del("Range")
	}
	if s.wrong && r.Header.Get("Range") != "" {
		r.Header.Set("Range", "bytes=1-")
	}
	s.mu.Unlock()
	data, ok := s.f.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if cut >= 0 {
		w = &cutWriter{ResponseWriter: w, left: cut}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	n := min(int64(len(p)), c.left)
	c.left -= n
	c.ResponseWriter.Write(p[:n])
	c.ResponseWriter.(http.Flusher).Flush()
	if c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	return int(n), nil
}

// staged is a listing with a large target at a server, and where it is to be staged.
func staged(t *testing.T) (*bundleServer, *Listing, *Target, []byte, Staging) {
	t.Helper()
	f := newFake(t)
	bundle := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	for i := range bundle {
		bundle[i] ^= byte(i >> 9)
	}
	f.addTarget(bundleName, bundle)
	// Consistent snapshots put the hash before the file's name, not before the folder's.
	for name, data := range f.files {
		if rest, ok := strings.CutSuffix(name, "."+bundleName); ok {
			f.files["targets/release/1.5.0/"+strings.TrimPrefix(rest, "targets/")+".arm64.raucb"] = data
		}
	}
	f.publish()
	s := &bundleServer{f: f}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	r := f.gate(newMemory())
	r.Targets = NewWeb(server.URL+"/targets", nil)
	l, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	target, err := l.Find(t.Context(), bundleName)
	if err != nil {
		t.Fatal(err)
	}
	return s, l, target, bundle, Staging{Path: filepath.Join(t.TempDir(), "1.5.0.raucb")}
}

func TestADownloadGoesOnWhereItBrokeOff(t *testing.T) {
	s, l, target, bundle, where := staged(t)
	s.cut = []int64{100_000, 50_000}
	for range 2 {
		if err := l.Stage(t.Context(), target, where); err == nil {
			t.Fatal("an answer that broke off is taken for whole")
		}
		if _, err := os.Stat(where.Path); err == nil {
			t.Fatal("a part has the whole file's name")
		}
	}
	var told int64
	where.Progress = func(have, total int64) { told = have; _ = total }
	if err := l.Stage(t.Context(), target, where); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(where.Path); err != nil || !bytes.Equal(got, bundle) || told != int64(len(bundle)) {
		t.Errorf("%d bytes, %v, %d told; want the bundle", len(got), err, told)
	}
	if want := "[ bytes=100000- bytes=150000-]"; fmt.Sprint(s.ranges) != want {
		t.Errorf("asked for %q; want %s", s.ranges, want)
	}
	if err := l.Stage(t.Context(), target, where); err != nil || len(s.ranges) != 3 {
		t.Errorf("once more: %v, %d requests; want it known", err, len(s.ranges))
	}
}

func TestAServerThatDoesNotGoOn(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		s, l, target, bundle, where := staged(t)
		s.cut, s.deaf, s.wrong = []int64{100_000}, !wrong, wrong
		l.Stage(t.Context(), target, where)
		if err := l.Stage(t.Context(), target, where); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(where.Path); !bytes.Equal(got, bundle) {
			t.Error("the bundle is another")
		}
	}
}

// A cut leaves a part whose last bytes were never written: the whole is hashed, not what came.
func TestAPartThatRottedIsFetchedAgain(t *testing.T) {
	s, l, target, bundle, where := staged(t)
	rotten := append(bytes.Clone(bundle[:90_000]), make([]byte, 10_000)...)
	if err := os.WriteFile(where.Path+".part", rotten, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Stage(t.Context(), target, where); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(where.Path); !bytes.Equal(got, bundle) || len(s.ranges) != 2 {
		t.Errorf("asked for %q; want the rest, and then the whole", s.ranges)
	}
}

func TestWhatIsNotTheSignedFileIsNotStaged(t *testing.T) {
	s, l, target, bundle, where := staged(t)
	for name := range s.f.files {
		if strings.HasSuffix(name, "raucb") {
			bad := bytes.Clone(bundle)
			bad[len(bad)/2] ^= 1
			s.f.files[name] = bad
		}
	}
	if err := l.Stage(t.Context(), target, where); !errors.Is(err, ErrNotSigned) {
		t.Errorf("%v; want %v", err, ErrNotSigned)
	}
	for _, name := range []string{where.Path, where.Path + ".part"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	// What is at its place already is looked at, too.
	os.WriteFile(where.Path, bundle[1:], 0o600)
	if err := l.Stage(t.Context(), target, where); !errors.Is(err, ErrNotSigned) {
		t.Errorf("with another file at its place: %v", err)
	}
}

func TestADiskWithoutRoomIsToldBefore(t *testing.T) {
	s, l, target, _, where := staged(t)
	where.Spare = 1 << 60
	if err := l.Stage(t.Context(), target, where); !errors.Is(err, ErrNoRoom) || len(s.ranges) != 0 {
		t.Errorf("%v after %d requests; want %v and none", err, len(s.ranges), ErrNoRoom)
	}
}

// endless gives bytes for as long as it is asked.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestADownloadKeepsToItsRate(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if _, err := pour(t.Context(), f, io.LimitReader(endless{}, 4<<20), 0, 4<<20, &Staging{Rate: 1 << 20}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < 4*time.Second-time.Second/10 || d > 5*time.Second {
			t.Errorf("4 MB at 1 MB a second took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := pour(ctx, f, endless{}, 0, 1<<40, &Staging{Rate: 1 << 10}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v; want it to end with its context", err)
		}
	})
}

// Another program, with a state of its own, comes to the same list by what is exported.
func TestWhatIsExportedProvesItselfAgain(t *testing.T) {
	f := newFake(t)
	f.addTarget(bundleName, []byte("bundle"))
	f.rotate("root")
	f.rotate("timestamp")
	f.next("keys.json", "two")
	r := f.gate(newMemory())
	l, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 { // the second writes over the first
		if err := l.Export(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	state := Files(t.TempDir())
	again := &Repository{Name: "nation", Root: f.files["1.root.json"], Metadata: Folder(dir), Targets: Folder(dir), State: state, Now: r.Now}
	other, err := again.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Find(t.Context(), bundleName); err != nil || got.Length != 6 || other.Version() != l.Version() {
		t.Errorf("%+v, %v, version %d; want the bundle, version %d", got, err, other.Version(), l.Version())
	}
	// What it took holds against an older publication, and a change of a byte is seen.
	old := newFake(t)
	old.now = f.now
	again.Metadata = old
	if _, err := again.Refresh(t.Context()); err == nil {
		t.Error("another's publication is taken")
	}
	again.Metadata = Folder(dir)
	name := filepath.Join(dir, fmt.Sprintf("%d.targets.json", l.Version()))
	data, _ := os.ReadFile(name)
	changed := bytes.ReplaceAll(data, []byte(`"length":6`), []byte(`"length":7`))
	if bytes.Equal(changed, data) {
		t.Fatalf("no length of 6 in %s", data)
	}
	os.WriteFile(name, changed, 0o644)
	os.Remove(filepath.Join(string(state), "nation", "targets.json"))
	if _, err := again.Refresh(t.Context()); !errors.Is(err, ErrRefused) {
		t.Errorf("a list that was changed: %v; want %v", err, ErrRefused)
	}
}
