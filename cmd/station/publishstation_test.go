package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"railgate/store/manifest"
	"railgate/store/sync"
)

// A shop is one operator's nation and station in one folder.
type shop struct {
	*office
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{&office{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 29, 4, 0, 0, 0, time.UTC)}}
	s.write("passphrase", "correct horse battery\n")
	s.must("init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222")
	return s
}

// get is a file that a station's gate fetches; nil: it is not listed.
func (s *shop) get(part, name string) []byte {
	s.t.Helper()
	public := s.path("nation/" + part + "/public")
	root, err := os.ReadFile(filepath.Join(public, "1.root.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	r := &sync.Repository{Name: part, Root: root, Metadata: sync.Folder(public), Targets: sync.Folder(public + "/targets"), State: memory{}, Now: func() time.Time { return s.now }}
	l, err := r.Refresh(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	target, err := l.Find(s.t.Context(), name)
	if err != nil {
		return nil
	}
	data, err := l.Bytes(s.t.Context(), target, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func TestAPolicyIsPublished(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const text = "[lane]\nhours = \"05:30-23:45\"\n"
	s.must("publish", "policy", "A07", s.write("a.toml", text))
	if got := s.get("station", "gates/A07.toml"); string(got) != text {
		t.Errorf("gates/A07.toml = %q", got)
	}
	if s.get("nation", "gates/A07.toml") != nil {
		t.Error("the nation publishes a station's policy")
	}
	for _, tt := range []struct{ gate, text, want string }{
		{"A07", "[lane]\nhours = \"5-6\"\n", "lane.hours"}, {"A07", "[turnstile]\nopen = \"GPIO1\"\n", "not a station's"}, {"a/b", text, "gate \"a/b\""}, {"..", text, "gate"},
	} {
		if out, err := s.run("publish", "policy", tt.gate, s.write("bad.toml", tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, %q: %v, %s; want an error with %q", tt.gate, tt.text, err, out, tt.want)
		}
	}
	if got := s.get("station", "gates/A07.toml"); string(got) != text {
		t.Errorf("gates/A07.toml = %q after bad ones", got)
	}
}

const ticketRow = "0011223344556677,single,G%d,2026-11-29T08:00:00+08:00,2026-11-29T10:00:00+08:00,GZQ,,\n"

// Every bad row is named; then nothing is published.
func TestAManifestIsPublished(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	csv := manifest.Header + "\n" + fmt.Sprintf(ticketRow, 1) + fmt.Sprintf(ticketRow, 2)
	out := s.must("publish", "manifest", "2026-11-29", s.write("m.csv", csv))
	if !strings.Contains(out, "2 tickets") {
		t.Errorf("%s; want 2 tickets", out)
	}
	packed := s.get("station", "manifest/2026-11-29.csv.zst")
	table := s.path("table")
	if err := manifest.Load(s.write("m.zst", string(packed)), table, 20261129, func() {}, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if tab, err := manifest.Open(table); err != nil || tab.Rows() != 2 {
		t.Errorf("%v; want a gate's table of 2 rows", err)
	}
	for _, tt := range []struct{ date, csv, want string }{
		{"2026-11-29", csv + "x,y\nz,double,G1,,,,,\n", "line 4: has 2 columns"}, {"2026-11-29", csv + "x,y\nz\n" + fmt.Sprintf(ticketRow, 3), "2 of 5 rows are wrong"},
		{"2026-11-29", csv + fmt.Sprintf(ticketRow, 1), "line 4: is the same ticket as line 2"}, {"29.11.2026", csv, "want one such as"}, {"2026-11-29", "", "empty"},
	} {
		out, err := s.run("publish", "manifest", tt.date, s.write("bad.csv", tt.csv))
		if err == nil || !strings.Contains(out+err.Error(), tt.want) {
			t.Errorf("%q: %v, %s; want an error with %q", tt.csv, err, out, tt.want)
		}
	}
	if !bytes.Equal(s.get("station", "manifest/2026-11-29.csv.zst"), packed) {
		t.Error("a bad manifest has replaced the good one")
	}
	s.now = time.Date(2026, 12, 7, 4, 0, 0, 0, time.UTC)
	s.must("timestamp")
	s.must("publish", "manifest", "2026-12-07", s.path("m.csv"))
	if s.get("station", "manifest/2026-11-29.csv.zst") != nil || s.get("station", "manifest/2026-12-07.csv.zst") == nil {
		t.Error("want the new day's manifest listed, and the one of eight days before no more")
	}
}

// A date with a wrong year, in either direction, and a clock that is ahead take no day's tickets away.
func TestAWrongDateTakesNoManifestAway(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	csv := s.write("m.csv", manifest.Header+"\n"+fmt.Sprintf(ticketRow, 1))
	var published []string
	for _, tt := range []struct {
		date  string
		ahead time.Duration // of the station's clock
		says  bool
	}{
		{"2026-11-29", 0, false}, {"2026-11-30", 0, false}, {"2027-11-30", 0, true}, {"2025-11-30", 0, true}, {"2026-12-20", 0, false}, {"2026-11-30", 365 * 24 * time.Hour, true},
	} {
		s.now = s.now.Add(tt.ahead)
		if out := s.must("publish", "manifest", tt.date, csv); strings.Contains(out, "is the date right?") != tt.says {
			t.Errorf("%s: %s; says that the date is unusual: want %v", tt.date, out, tt.says)
		}
		s.now = s.now.Add(-tt.ahead)
		s.must("timestamp")
		if published == nil || tt.date == "2026-11-30" {
			published = append(published, tt.date)
		}
		for _, day := range published {
			if s.get("station", "manifest/"+day+".csv.zst") == nil {
				t.Errorf("after a manifest of %s, published %v ahead, that of %s is not listed", tt.date, tt.ahead, day)
			}
		}
	}
}

// What is checked is what is published, also where it can be read only once.
func TestWhatComesByAPipeIsPublished(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, tt := range []struct {
		part, name string
		text       string
		args       []string
	}{
		{"nation", "keys.json", read(t, s.keyset(7)), []string{"publish", "keyset"}},
		{"station", "gates/A07.toml", "[lane]\nhours = \"05:30-23:45\"\n", []string{"publish", "policy", "A07"}},
		{"nation", "release/1.4.0/arm64.raucb", strings.Repeat("bundle", 1<<15), []string{"publish", "release", "1.4.0", "arm64"}},
		{"station", "assign.json", `{"default": "1.4.0"}`, []string{"publish", "assign"}},
	} {
		pipe := s.path("pipe.raucb")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		var done atomic.Bool
		var writer gosync.WaitGroup
		writer.Go(func() { // a second reading of the pipe finds nothing
			for text := tt.text; !done.Load(); text = "" {
				if f, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil {
					f.WriteString(text)
					f.Close()
				}
			}
		})
		out, err := s.run(append(tt.args, pipe)...)
		done.Store(true)
		if f, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			writer.Wait()
			f.Close()
		}
		if err != nil {
			t.Fatalf("%v: %v\n%s", tt.args, err, out)
		}
		if got := s.get(tt.part, tt.name); string(got) != tt.text {
			t.Errorf("%s has %d bytes; want the %d that were checked", tt.name, len(got), len(tt.text))
		}
		if err := os.Remove(pipe); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Whoever publishes at the same time waits, and takes nothing of the other's off the list.
func TestSeveralPublishAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const text = "[lane]\nhours = \"05:30-23:45\"\n"
	policy := s.write("a.toml", text)
	var all gosync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			args := []string{"publish", "policy", fmt.Sprint("A", n), policy}
			if n%4 == 3 {
				args = []string{"timestamp"}
			}
			if out, err := s.run(args...); err != nil {
				t.Errorf("%v: %v\n%s", args, err, out)
			}
		})
	}
	all.Wait()
	for n := range 8 {
		name := fmt.Sprint("gates/A", n, ".toml")
		if got := s.get("station", name); n%4 != 3 && string(got) != text {
			t.Errorf("%s = %q; want what was published", name, got)
		}
	}
}

// Releases are the nation's; a station assigns only what it lists.
func TestReleasesAreAssigned(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	assign := s.write("assign.json", `{"default": "1.4.0"}`)
	if _, err := s.run("publish", "assign", assign); err == nil || !strings.Contains(err.Error(), "the nation does not list it") {
		t.Errorf("a release that is not there: %v", err)
	}
	s.must("publish", "release", "1.4.0", "arm64", s.write("bundle.raucb", "bundle"))
	if got := s.get("nation", "release/1.4.0/arm64.raucb"); string(got) != "bundle" {
		t.Errorf("the bundle = %q", got)
	}
	s.must("publish", "assign", assign)
	if got := s.get("station", "assign.json"); string(got) != `{"default": "1.4.0"}` {
		t.Errorf("assign.json = %q", got)
	}
	for _, args := range [][]string{{"../1", "arm64", "bundle.raucb"}, {"1.4.0", "arm/64", "bundle.raucb"}, {"1.4.0", "arm64", "passphrase"}} {
		if _, err := s.run("publish", "release", args[0], args[1], s.path(args[2])); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	if _, err := s.run("publish", "assign", s.write("garbage.json", "{")); err == nil {
		t.Error("garbage is assigned")
	}
}

// What was sold meanwhile is not left out in silence where it cannot be known.
func TestAManifestOfAnotherStationIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	csv := s.write("m.csv", manifest.Header+"\n"+fmt.Sprintf(ticketRow, 1))
	if out, err := s.run("publish", "manifest", "2026-11-29", csv, "--station", "ABC"); err == nil || !strings.Contains(err.Error(), "is station GZQ; not ABC") {
		t.Errorf("%v; want that the folder is GZQ's\n%s", err, out)
	}
	s.write("nation/station/keys/tickets.key", "damaged")
	if out, err := s.run("publish", "manifest", "2026-11-29", csv); err == nil || !strings.Contains(err.Error(), "tickets") {
		t.Errorf("with a damaged key: %v; want that it is damaged\n%s", err, out)
	}
}

// Gates refuse a repository that was put back from a copy, also once it has been published again as
// often as they have seen; after restored they take what it has, and what is published then.
func TestARepositoryThatWasPutBackIsTakenAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, part := range []string{"nation", "station"} {
		publish := func(n int) {
			if part == "nation" {
				s.must("publish", "keyset", s.keyset(uint64(n)))
			} else {
				s.must("publish", "policy", "A07", s.write("a.toml", fmt.Sprintf("[lane]\nper_day = %d\n", n)))
			}
		}
		public := s.path("nation/" + part + "/public")
		r := &sync.Repository{Name: part, Root: []byte(read(t, public+"/1.root.json")), Metadata: sync.Folder(public), Targets: sync.Folder(public + "/targets"), State: memory{}, Now: func() time.Time { return s.now }}
		publish(1)
		if err := os.CopyFS(s.path("copy-"+part), os.DirFS(public)); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			publish(n + 2)
		}
		if _, err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.RemoveAll(public), os.CopyFS(public, os.DirFS(s.path("copy-"+part)))); err != nil {
			t.Fatal(err)
		}
		publish(7)
		if _, err := r.Refresh(t.Context()); !errors.Is(err, sync.ErrRefused) {
			t.Fatalf("%s: after it was put back: %v; want that it is refused", part, err)
		}
		s.now = s.now.Add(time.Hour)
		s.must("restored")
		publish(8)
		l, err := r.Refresh(t.Context())
		if err != nil {
			t.Fatalf("%s: after it was signed again: %v", part, err)
		}
		if want := s.now.Unix() + 1; l.Version() != want {
			t.Errorf("%s: version %d; want %d", part, l.Version(), want)
		}
		s.must("restored") // twice, in one second
		if _, err := r.Refresh(t.Context()); err != nil {
			t.Errorf("%s: signed again, twice: %v", part, err)
		}
	}
}

// What a tired person mistakes is published and said: another day's file, an empty one, another
// station's tickets, a gate that is not there.
func TestUnusualPublicationsAreSaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, tt := range []struct{ date, csv, want string }{
		{"2026-11-29", fmt.Sprintf(ticketRow, 1), ""},
		{"2026-11-29", strings.ReplaceAll(fmt.Sprintf(ticketRow, 1), "2026-11-29T", "2026-11-30T"), "1 of 1 tickets are not valid on 2026-11-29"},
		{"2026-11-28", strings.ReplaceAll(fmt.Sprintf(ticketRow, 1), "2026-11-29T08", "2026-11-29T03"), ""}, // after its midnight
		{"2026-11-30", fmt.Sprintf(ticketRow, 1) + strings.ReplaceAll(fmt.Sprintf(ticketRow, 2), "2026-11-29T10", "2026-12-29T10"), "1 of 2 tickets are not valid on 2026-11-30"},
		{"2026-11-29", strings.ReplaceAll(fmt.Sprintf(ticketRow, 1), "GZQ", "gzq"), "1 of 1 tickets are for another station only"},
		{"2026-11-29", strings.ReplaceAll(fmt.Sprintf(ticketRow, 1), "GZQ", ""), ""},
		{"2026-11-29", "", "the file has no tickets"},
	} {
		out := s.must("publish", "manifest", tt.date, s.write("m.csv", manifest.Header+"\n"+tt.csv))
		if got := strings.Contains(out, "station: "); got != (tt.want != "") || !strings.Contains(out, tt.want) {
			t.Errorf("%s of %s: %s; want %q", tt.csv, tt.date, out, tt.want)
		}
	}
	if out, err := s.run("publish", "manifest", "2026-11-29", s.write("m.csv", "\ufeff"+manifest.Header+"\n")); err == nil || !strings.Contains(err.Error(), "byte order mark") {
		t.Errorf("%v; want that there is a byte order mark\n%s", err, out)
	}
	policy := s.write("a.toml", "[lane]\npassback = \"hard\"\n")
	if out := s.must("publish", "policy", "A7", policy); strings.Contains(out, "station: ") {
		t.Errorf("%s; want nothing more where no gate is enrolled", out)
	}
	data, err := json.Marshal(seedOf("A07").Public("GZQ", "A07"))
	if err != nil {
		t.Fatal(err)
	}
	s.must("enroll", s.write("A07.json", string(data)))
	for gate, says := range map[string]bool{"A07": false, "A7": true} {
		if out := s.must("publish", "policy", gate, policy); strings.Contains(out, "no gate "+gate+" is enrolled here") != says {
			t.Errorf("policy of %s: %s; says that it is not enrolled: want %v", gate, out, says)
		}
		s.must("publish", "release", "1.4.0", "arm64", s.write("r.raucb", "bundle"))
		if out := s.must("publish", "assign", s.write("assign.json", `{"gates": {"`+gate+`": "1.4.0"}}`)); strings.Contains(out, "no gate "+gate+" is enrolled here") != says {
			t.Errorf("release of %s: %s; says that it is not enrolled: want %v", gate, out, says)
		}
	}
}
