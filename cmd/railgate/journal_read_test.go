package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// journalOf is a data folder whose journal has records a minute apart, the first at noon. Each
// seventh is of a time that was not trusted, each tenth is a denial.
func journalOf(t *testing.T, records int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		r := record(0, noon.Add(time.Duration(i)*time.Minute))
		if i%10 == 0 {
			r = journal.Record{Time: r.Time, Kind: journal.Decision, Decision: journal.Denied, Reason: "passback", Certificate: journal.ID([]byte{byte(i / 10 >> 8), byte(i / 10)})}
		}
		if i%7 == 6 {
			r.Time, r.Unsure = time.Unix(0, 0), true
		}
		s.Append(r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// numbers are the sequence numbers in a journal's NDJSON, or how many where they are many.
func numbers(t *testing.T, out string) string {
	t.Helper()
	var got []string
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var r journal.Record
		if err := dec.Decode(&r); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(r.Seq))
	}
	if len(got) > 12 {
		return fmt.Sprintf("%s … %s, %d", got[0], got[len(got)-1], len(got))
	}
	return strings.Join(got, " ")
}

func TestJournalOfAFile(t *testing.T) {
	t.Parallel()
	dir := journalOf(t, 3500) // seq 1 begins the log; record i is seq i+2
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "1 … 3501, 3501"},
		{[]string{"-n", "3"}, "3499 3500 3501"},
		{[]string{"-n", "3", "--reverse"}, "3501 3500 3499"},
		{[]string{"-n", "2", "--kind", "decision"}, "3482 3492"},
		{[]string{"-n", "1", "--cti", "0000"}, "2"},
		{[]string{"--cti", "0102", "--reason", "passback"}, "2582"},
		{[]string{"--cti", "0102", "--reason", "ok"}, ""},
		{[]string{"--since", "2026-11-25 22:15", "--until", "2026-11-25 22:19"}, "3497 3498 3499 3500 3501"},
		{[]string{"--since", "2026-11-25T14:15:00Z"}, "3497 3498 3499 3500 3501"},
		{[]string{"--since", "2026-11-25", "--until", "2026-11-25 00:05", "-r"}, "2167 2166 2165 2164 2163 2162"},
		{[]string{"--until", "2026-11-23 12:03"}, "2 3 4 5"},
		{[]string{"--since", "2026-11-23 12:00", "--kind", "decision"}, "2 … 3492, 350"},
	} {
		status, out, errOut := tool(t, "", append([]string{"journal", "--json", "--data", dir}, tt.args...)...)
		if got := numbers(t, out); status != 0 || got != tt.want {
			t.Errorf("%q: status %d, %q, %q; want %q", tt.args, status, got, errOut, tt.want)
		}
	}
	_, out, _ := tool(t, "", "journal", "--data", dir, "-n", "10", "--kind", "decision")
	if want := "  3492 2026-11-25 22:10:00.000+08 decision denied passback cti=015d\n"; !strings.HasSuffix(out, want) {
		t.Errorf("for a person: %q; want it to end with %q", out, want)
	}
}

// The newest of a long journal are there without reading all of it.
func TestTheNewestAreReadFromTheEnd(t *testing.T) {
	t.Parallel()
	const last = 50_000
	var asked atomic.Int64
	dir := t.TempDir()
	serveControl(t, dir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status" {
			json.NewEncoder(w).Encode(control.Status{Zone: "UTC", Clock: control.Clock{Time: noon.Add(last * time.Second)}})
			return
		}
		after, _ := strconv.ParseUint(r.FormValue("after"), 10, 64)
		limit, _ := strconv.ParseUint(r.FormValue("limit"), 10, 64)
		for seq := after + 1; seq <= min(after+limit, last); seq++ {
			asked.Add(1)
			json.NewEncoder(w).Encode(record(seq, noon.Add(time.Duration(seq)*time.Second)))
		}
	}))
	for _, args := range [][]string{{"-n", "100"}, {"--since", "-99s"}} {
		asked.Store(0)
		status, out, errOut := tool(t, "", append([]string{"journal", "--json", "--data", dir}, args...)...)
		if got := numbers(t, out); status != 0 || got != "49901 … 50000, 100" || asked.Load() > 5*recordsAtOnce {
			t.Errorf("%q: status %d, %q, %q, of %d records read; want the last 100, of a few batches", args, status, got, errOut, asked.Load())
		}
	}
}

func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	dir := journalOf(t, 1)
	for _, args := range [][]string{
		{"--since", "nonsense"}, {"--until", "25:00"}, {"--since", "now", "--until", "yesterday"}, {"--cti", "xyz"}, {"-n", "0"}, {"-n", "-1"},
		{"--follow", "--reverse"}, {"--follow", "--until", "now"}, {"nonsense"},
	} {
		if status, out, errOut := tool(t, "", append([]string{"journal", "--data", dir}, args...)...); status != exitUsage || out != "" || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%q: status %d, %q, %q; want 64 and one line", args, status, out, errOut)
		}
	}
	if status, out, errOut := tool(t, "", "journal", "--data", dir, "--reason", "passback,alredy_used", "--kind", "forced"); status != 0 || out != "" || !strings.Contains(errOut, "kinds here are") {
		t.Errorf("nothing found: status %d, %q, %q; want what there is", status, out, errOut)
	}
}

// following runs railgate journal --follow until the test ends; next is the next record's number.
func following(t *testing.T, dir string) (next func() uint64, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	v := reading{follow: true, json: true, lines: 1000, zone: time.UTC}
	go func() {
		done <- v.run(ctx, newSource(ctx, dir, startsWithin), in, io.Discard)
		in.Close()
	}()
	late := time.AfterFunc(time.Minute, func() { out.CloseWithError(errors.New("not in time")) })
	t.Cleanup(func() { late.Stop() })
	lines := bufio.NewScanner(out)
	next = func() uint64 {
		t.Helper()
		var r journal.Record
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &r) != nil {
			t.Fatalf("the journal ends, or says %q (%v)", lines.Text(), lines.Err())
		}
		return r.Seq
	}
	end = func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%v at Ctrl-C; want nothing", err)
		}
		if lines.Scan() {
			t.Errorf("%s behind the last record", lines.Text())
		}
	}
	return next, end
}

// No record is lost or printed twice: not one that a daemon wrote when it no longer answered,
// nor those of an answer that was cut in its middle.
func TestFollowOverARestart(t *testing.T) {
	dir := t.TempDir()
	newest := uint64(0)
	run := func(cut bool) (add func(n int), stop func()) {
		s, err := openStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx, func(error) {}) }()
		socket := serveUntil(t, dir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			after, _ := strconv.ParseUint(r.FormValue("after"), 10, 64)
			records, err := s.Records(after, recordsAtOnce)
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			}
			for i := range records {
				json.NewEncoder(w).Encode(&records[i])
				if cut && i == 1 {
					cut = false
					panic(http.ErrAbortHandler)
				}
			}
		}))
		add = func(n int) {
			for range n {
				if _, err := s.Commit(record(0, time.Now())); err != nil {
					t.Fatal(err)
				}
			}
			newest = s.Seq()
		}
		stop = func() {
			socket()
			add(3) // which nobody could ask for
			cancel()
			<-ran
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return add, stop
	}
	add, stop := run(false)
	add(3)
	next, end := following(t, dir)
	seen := uint64(0)
	follow := func(to uint64) {
		t.Helper()
		for seen < to {
			if got := next(); got != seen+1 {
				t.Fatalf("record %d follows %d", got, seen)
			}
			seen++
		}
	}
	follow(newest)
	add(2)
	follow(newest)
	stop()
	add, stop = run(true)
	add(5)
	follow(newest)
	stop()
	follow(newest) // from the file
	end()
}

// A daemon of ours, restarted under railgate journal --follow.
func TestFollowADaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	stop := s.start()
	next, end := following(t, s.path("data"))
	seen := next()
	until := func(kinds string) {
		t.Helper()
		_, out, _ := s.tool("journal", "export", "--json")
		newest := uint64(strings.Count(out, "\n"))
		if !strings.Contains(out, kinds) {
			t.Fatalf("no %s in %s", kinds, out)
		}
		for ; seen < newest; seen++ {
			if got := next(); got != seen+1 {
				t.Fatalf("record %d follows %d", got, seen)
			}
		}
	}
	s.tool("service", "closed")
	until("service_begin")
	stop()
	until("stopped")
	stop = s.start()
	s.tool("service", "none")
	s.tool("service", "diagnosis")
	until("diagnosis")
	stop()
	end()
}

func TestNewest(t *testing.T) {
	first, last := uint64(0), uint64(0)
	dir := t.TempDir()
	serveControl(t, dir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseUint(r.FormValue("after"), 10, 64)
		if seq := max(after+1, first); seq <= last {
			json.NewEncoder(w).Encode(record(seq, noon))
		}
	}))
	for _, span := range [][2]uint64{{0, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 1000}, {1, 1024}, {999, 1000}, {700, 700}, {1 << 40, 1<<40 + 5}} {
		first, last = span[0], span[1]
		if got, err := newSource(t.Context(), dir, 0).newest(); err != nil || got != last {
			t.Errorf("records %d to %d: newest = %d, %v", first, last, got, err)
		}
	}
}

// Who follows what nothing is, as a reason with a letter too few, is told so at once, and waits knowingly.
func TestFollowSaysThatNothingIsAsItWasAsked(t *testing.T) {
	t.Parallel()
	dir := journalOf(t, 100)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var said []string
	v := reading{query: query{reasons: []string{"pasback"}}, follow: true, lines: followed, zone: time.UTC}
	err := v.run(ctx, newSource(ctx, dir, startsWithin), io.Discard, writerFunc(func(p []byte) (int, error) {
		said = append(said, string(p))
		cancel()
		return len(p), nil
	}))
	if want := "railgate: no such record; is it passback? the reasons here are "; err != nil || len(said) == 0 || !strings.HasPrefix(said[0], want) || !strings.HasSuffix(said[0], "; waiting for one\n") {
		t.Errorf("%q, %v; want %q", said, err, want)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The doctor's remedy for a damaged store that was set aside removes the file once its records are saved. Where none
// can be read it must not.
func TestExportOfAFileWithoutARecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"noise": strings.Repeat("\x5a\xa5noise", 40_000), "zeroes": strings.Repeat("\x00", 1<<20), "empty": ""} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, out, errOut := tool(t, "", "journal", "export", "--json", "--file", file); status != exitFailed || out != "" || !strings.Contains(errOut, "keep the file") {
			t.Errorf("%s: status %d, %q, %q; want an error", name, status, out, errOut)
		}
	}
	good := filepath.Join(journalOf(t, 10), "gate.db")
	if status, out, errOut := tool(t, "", "journal", "export", "--json", "--file", good, "--after", "1000"); status != 0 || out != "" {
		t.Errorf("after its last record: status %d, %q, %q", status, out, errOut)
	}
}

// The export's times are the journal's.
func TestExportIsOfTheGatesZone(t *testing.T) {
	t.Parallel()
	_, read, _ := tool(t, "", "journal", "--data", journalOf(t, 3))
	_, exported, _ := tool(t, "", "journal", "export", "--data", journalOf(t, 3))
	if !strings.Contains(exported, "+08 ") || strings.Count(exported, "+08 ") != strings.Count(read, "+08 ") {
		t.Errorf("%q, and the journal %q", exported, read)
	}
}
