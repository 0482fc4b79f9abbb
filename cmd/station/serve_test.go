package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/station/audit"
	"railgate/store/bus"
	"railgate/store/link"
	"railgate/store/sync"
)

// A station and its gates, whole: the real commands, the real link, the real store.
func TestAStationServesItsGates(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	dir := t.TempDir()
	a := r.gate("A07", dir)
	a.pass(3)
	r.enroll("A07")
	r.enroll("A08")
	b := r.gate("A08", t.TempDir())
	a.receipted()
	b.receipted()
	until(t, "both are in touch and have the time", func() bool {
		return a.InTouch() && b.InTouch() && a.clock.times() > 0 && b.clock.times() > 0
	})
	lasts := 10 * time.Second
	until(t, "a claim is held", func() bool { return a.Claim(t.Context(), []string{"p.1.00"}, lasts) == link.Held })
	until(t, "the other gate's is not", func() bool { return b.Claim(t.Context(), []string{"p.1.00"}, lasts) == link.Taken })

	until(t, "it is said that both were heard of", func() bool { return r.view("A07").State == "fresh" && r.view("A08").State == "fresh" })
	v := r.view("A07")
	log, err := a.store.Log()
	if err != nil {
		t.Fatal(err)
	}
	if v.State != "fresh" || v.Lane != "open" || v.People.Entered != 3 || v.Epoch != log.Epoch || v.Records < 4 || v.RolledBack != "" || v.Refused != "" {
		t.Errorf("A07 is listed as %+v", v)
	}
	if out := r.must("gates"); !strings.Contains(out, "2 gates, 3 people inside") {
		t.Errorf("gates: %s", out)
	}
	if out := r.must("audit"); !strings.Contains(out, "0 with something wrong") {
		t.Errorf("audit: %s", out)
	}
	a.pass(300)
	until(t, "they are in the ledger", func() bool { return r.view("A07").Records >= v.Records+300 })
	if out := r.must("audit", "A07", "--json"); !strings.Contains(out, `"finding":null`) {
		t.Errorf("audit: %s", out)
	}
	if err := r.stop(); err != nil {
		t.Errorf("serve ends with %v", err)
	}
	if out := r.must("audit"); !strings.Contains(out, "0 with something wrong") {
		t.Errorf("audit after the end: %s", out)
	}
}

// A card that was put back from a copy is found, says so, and goes on under another epoch.
func TestAClonedCardIsFound(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	r.enroll("A07")
	dir, old := t.TempDir(), t.TempDir()
	a := r.gate("A07", dir)
	a.pass(2)
	a.receipted()
	a.stop()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a = r.gate("A07", dir)
	a.pass(5)
	a.receipted()
	log, err := a.store.Log()
	if err != nil {
		t.Fatal(err)
	}
	a.stop()
	b := r.gate("A07", old)
	until(t, "the old card begins another epoch", func() bool {
		now, err := b.store.Log()
		return err == nil && now.Epoch != log.Epoch
	})
	b.pass(1)
	b.receipted()
	if v := r.view("A07"); v.RolledBack == "" {
		t.Errorf("A07 is listed as %+v; want rolled back", v)
	}
	if out := r.must("audit"); !strings.Contains(out, "0 with something wrong") {
		t.Errorf("audit: %s", out)
	}
}

// A gate fetches both repositories from the station, which it knows by its key.
func TestAGateFetchesFromItsStation(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	info := r.info()
	get := func(name string, pins []string) (*sync.Listing, error) {
		root, err := os.ReadFile(filepath.Join(r.dir, name, "public", "1.root.json"))
		if err != nil {
			t.Fatal(err)
		}
		repo := &sync.Repository{
			Name: name, Root: root, Metadata: sync.NewWeb("https://"+r.web+"/"+name, pins), Targets: sync.NewWeb("https://"+r.web+"/"+name+"/targets", pins), State: memory{}, Now: time.Now,
		}
		return repo.Refresh(t.Context())
	}
	l, err := get("nation", info.Pins)
	if err != nil {
		t.Fatal(err)
	}
	if target, err := l.Find(t.Context(), "stations/GZQ/root.json"); err != nil {
		t.Error(err)
	} else if data, err := l.Bytes(t.Context(), target, 1<<20); err != nil || !bytes.Contains(data, []byte(`"root"`)) {
		t.Errorf("the station's root: %d bytes, %v", len(data), err)
	}
	if l, err = get("station", info.Pins); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Find(t.Context(), "station.json"); err != nil {
		t.Error(err)
	}
	if _, err := get("station", []string{bus.Pin([]byte("another"))}); err == nil {
		t.Error("a server with another key is believed")
	}
}

// What is served is files of the public folders, and nothing else.
func TestOnlyPublicFilesAreServed(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	get := func(path, tag string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+r.web+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("ETag")
	}
	status, tag := get("/station/timestamp.json", "")
	if status != http.StatusOK || tag == "" {
		t.Errorf("timestamp.json: %d, tag %s", status, tag)
	}
	if status, _ := get("/station/timestamp.json", tag); status != http.StatusNotModified {
		t.Errorf("with its tag: %d; want 304", status)
	}
	for _, path := range []string{"/station/", "/station/targets/", "/station/targets", "/station/../keys/time.key", "/station/%2e%2e/keys/time.key", "/nation/../../passphrase", "/station/none"} {
		if status, _ := get(path, ""); status == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
	if status, _ := get("/healthz", ""); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
}

// A port that is taken, a ledger that cannot be opened: it is tried again, and works then.
func TestNothingIsTriedOnlyAtTheStart(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(r.dir, "station", "ledger.db")
	kept := database + ".kept"
	if err := os.Rename(database, kept); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(database, 0o700); err != nil {
		t.Fatal(err)
	}
	log := &lines{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- command(ctx, r.dir, log, nil, "serve", "--listen", "127.0.0.1:0", "--bus", "127.0.0.1:0")
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	log.find(t, `what="(the ledger)"`)
	log.find(t, `HTTPS (listens)`)
	if err := os.Remove(database); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kept, database); err != nil {
		t.Fatal(err)
	}
	log.find(t, `msg=(collects)`)
}

func TestWhatCannotBeServedIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := &running{t: t, dir: dir}
	if err := os.WriteFile(filepath.Join(dir, "passphrase"), []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "there is no station; station init"},
		{[]string{"gates"}, "there is no station"},
		{[]string{"collect"}, "collect needs --nats URL"},
		{[]string{"init", "--station", "a.b"}, "want 1 to 32 letters"},
		{[]string{"init", "--station", "GZQ", "--server", "nats://x"}, "want tls://host:port"},
	} {
		if out, err := r.command(tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("station %v: %v, %s; want %q", tt.args, err, out, tt.want)
		}
	}
	r.must("init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222"}, "already"},
		{[]string{"serve", "--station", "SZX"}, "is station GZQ; not SZX"},
		{[]string{"enroll", "RGID1:XX"}, "identity"},
		{[]string{"enroll", filepath.Join(dir, "none")}, "no such file"},
		{[]string{"audit", "A99"}, "no such gate"},
		{[]string{"gates", "--database", "mysql://x"}, "want a file's path"},
	} {
		if out, err := r.command(tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("station %v: %v, %s; want %q", tt.args, err, out, tt.want)
		}
	}
	foreign, err := seedOf("A07").Public("SZX", "A07").Text()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.command("enroll", foreign); err == nil || !strings.Contains(err.Error(), "of station SZX") {
		t.Errorf("another station's gate: %v", err)
	}
	own, err := seedOf("A07").Public("GZQ", "A07").Text()
	if err != nil {
		t.Fatal(err)
	}
	r.must("enroll", own)
	other, err := seedOf("other").Public("GZQ", "A07").Text()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.command("enroll", other); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("other keys: %v", err)
	}
	r.must("enroll", "--replace", other)
}

// A tampered ledger makes audit fail, and name the record.
func TestAuditFailsWhereSomethingIsWrong(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := printAudit(&out, []audit.Log{{Gate: "A07", Epoch: "e1", Finding: &audit.Finding{Kind: audit.Altered, Seq: 7, Upto: 7, What: "x"}}}, false)
	if err == nil || !strings.Contains(out.String(), "record 7: altered") {
		t.Errorf("%v, %s; want an error that names record 7", err, out.String())
	}
	if err := printAudit(io.Discard, []audit.Log{{Gate: "A07"}}, true); err != nil {
		t.Error(err)
	}
}

func TestAGateIsSilentByAnyClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		heard time.Time
		want  string
	}{
		{time.Time{}, "silent"}, {now, "fresh"}, {now.Add(-staleAfter), "fresh"}, {now.Add(-staleAfter - 1), "stale"},
		{now.Add(-silentAfter), "stale"}, {now.Add(-silentAfter - 1), "silent"}, {now.Add(staleAfter), "fresh"}, {now.AddDate(1, 0, 0), "silent"},
	} {
		if got := freshness(tt.heard, now); got != tt.want {
			t.Errorf("heard of %v ago: %s; want %s", now.Sub(tt.heard), got, tt.want)
		}
	}
	ago := agoBy(now)
	for at, want := range map[time.Time]string{{}: "never", now: "0s ago", now.Add(-90 * time.Second): "1m30s ago", now.Add(3 * time.Hour): "3h0m0s ahead of this clock"} {
		if got := ago(at); got != want {
			t.Errorf("%v: %q; want %q", at, got, want)
		}
	}
	shanghai := time.FixedZone("", 8*3600)
	for _, tt := range []struct{ now, want time.Time }{
		{time.Date(2026, 11, 28, 3, 59, 0, 0, shanghai), time.Date(2026, 11, 27, 4, 0, 0, 0, shanghai)},
		{time.Date(2026, 11, 28, 4, 0, 0, 0, shanghai), time.Date(2026, 11, 28, 4, 0, 0, 0, shanghai)},
		{time.Date(2026, 3, 1, 0, 30, 0, 0, shanghai), time.Date(2026, 2, 28, 4, 0, 0, 0, shanghai)},
	} {
		if got := serviceDay(tt.now, "Asia/Shanghai"); !got.Equal(tt.want) {
			t.Errorf("the service day of %v began %v; want %v", tt.now, got, tt.want)
		}
	}
}

// Two programs that serve from one folder would write the same streams: the second one waits, and
// says for what. It goes on once the first has ended.
func TestOneProgramServesFromAFolder(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	log := &lines{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- command(ctx, r.dir, log, nil, "serve", "--listen", "127.0.0.1:0", "--bus", "127.0.0.1:0")
	}()
	log.find(t, `the station's folder" err=".*another station serve or collect has this folder`)
	r.must("timestamp") // who publishes needs no more than the repository
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	log.find(t, `bus listens" address=(\S+)`)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
