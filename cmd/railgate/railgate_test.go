package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/driver/turnstile"
	"railgate/store"
	"railgate/store/journal"
)

// tool runs railgate as a shell would.
func tool(t testing.TB, in string, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(args, strings.NewReader(in), &o, &e)
	return status, o.String(), e.String()
}

const keyset = "../../verify/testdata/keys.json"

type vector struct {
	Name, Text, Decision, Reason, Sub, Cti, Kid string
	Now                                         time.Time
	Slot                                        *uint8
}

func vectors(t *testing.T) (all []vector) {
	t.Helper()
	f, err := os.Open("../../verify/testdata/cases.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) < 239 {
		t.Fatalf("%d vectors found; want 239", len(all))
	}
	return all
}

func TestVerifyAnswersEachVectorInOrder(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	var in strings.Builder
	enc := json.NewEncoder(&in)
	for _, v := range all {
		if err := enc.Encode(map[string]any{"text": v.Text, "now": v.Now}); err != nil {
			t.Fatal(err)
		}
	}
	status, out, errOut := tool(t, in.String(), "verify", "--keys", keyset, "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != exitDenied || errOut != "" || len(lines) != len(all) {
		t.Fatalf("status %d, %q, %d lines; want 1 and %d lines", status, errOut, len(lines), len(all))
	}
	for i, line := range lines {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		v := all[i]
		if string(a.Decision) != v.Decision || a.Reason != v.Reason || v.Sub != "" && a.Holder != v.Sub || v.Cti != "" && a.Certificate != v.Cti || v.Kid != "" && a.KeyID != v.Kid || v.Slot != nil && (a.Slot == nil || *a.Slot != *v.Slot) {
			t.Errorf("%s: %s; want %+v", v.Name, line, v)
		}
	}
}

// A keyset without an end is an error, and not all of the machine's memory.
func TestVerifyWithAKeysetWithoutAnEnd(t *testing.T) {
	t.Parallel()
	if status, _, errOut := tool(t, "", "verify", "--keys", "/dev/zero", "x"); status != exitUndecided || !strings.Contains(errOut, "more than") {
		t.Errorf("status %d, %q; want that it is too large", status, errOut)
	}
}

func TestVerifyTexts(t *testing.T) {
	t.Parallel()
	v := vectors(t)[0]
	at := v.Now.Format(time.RFC3339)
	for _, tt := range []struct {
		name, in string
		args     []string
		status   int
		want     string
	}{
		{"an argument", "", []string{v.Text}, 0, "granted ok kid="},
		{"a line", v.Text + "\r\n", nil, 0, "granted ok kid="},
		{"a last line without its end", v.Text, nil, 0, "granted ok kid="},
		{"a class that the lane does not take", v.Text, []string{"--classes", "2"}, exitDenied, "denied class_not_accepted"},
		{"something else", "hello\n", nil, exitDenied, "denied malformed\n"},
		{"one of two", v.Text + "\nhello\n", nil, exitDenied, "granted ok kid="},
	} {
		status, out, errOut := tool(t, tt.in, append([]string{"verify", "--keys", keyset, "--at", at}, tt.args...)...)
		if status != tt.status || !strings.HasPrefix(out, tt.want) {
			t.Errorf("%s: status %d, %q, %q; want %d, %q", tt.name, status, out, errOut, tt.status, tt.want)
		}
	}
}

func TestVerifyQuestionThatCannotBeRead(t *testing.T) {
	t.Parallel()
	status, out, _ := tool(t, "{\"text\": \n\n{\"text\": \"x\"}\n", "verify", "--keys", keyset, "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != exitDenied || len(lines) != 3 || !strings.Contains(lines[0], "not a question") || strings.Contains(lines[2], "error") {
		t.Errorf("status %d, %q; want an answer to each line", status, out)
	}
}

func TestStatusOfADaemonThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	status, out, _ := tool(t, "", "status", "--json", "--data", t.TempDir())
	var s struct{ Health string }
	if err := json.Unmarshal([]byte(out), &s); status != 2 || err != nil || s.Health != "out_of_service" {
		t.Errorf("status %d, %q, %v; want 2 and JSON that says out_of_service", status, out, err)
	}
}

func openStore(dir string) (*store.Store, error) {
	return store.Open(store.Options{Dir: dir, Days: 90, MaxBytes: 1e9, Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
}

func TestJournalOfAGateThatDoesNotRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	slot := uint8(3)
	const records = 2500 // more than one batch
	for range records {
		s.Append(journal.Record{Time: time.Now(), Kind: journal.Decision, Decision: "denied", Reason: "code_expired", Certificate: "\x01\xff", Slot: &slot, Direction: "exit"})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	status, out, errOut := tool(t, "", "journal", "export", "--json", "--data", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 0 || len(lines) != records+1 {
		t.Fatalf("status %d, %q, %d lines; want 0 and %d", status, errOut, len(lines), records+1)
	}
	var last map[string]any
	if err := json.Unmarshal([]byte(lines[records]), &last); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"seq": 2501.0, "kind": "decision", "decision": "denied", "reason": "code_expired", "cti": "01ff", "slot": 3.0, "direction": "exit", "sub": "", "kid": ""} {
		if last[key] != want {
			t.Errorf("%s = %v; want %v", key, last[key], want)
		}
	}
	if _, out, _ := tool(t, "", "journal", "export", "--data", dir, "--after", "2500"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "denied code_expired") {
		t.Errorf("after 2500: %q; want one line for a person", out)
	}
	if _, out, _ := tool(t, "", "journal", "export", "--json", "--file", filepath.Join(dir, "gate.db")); strings.Count(out, "\n") < 2 {
		t.Errorf("salvage gives %d lines; want some", strings.Count(out, "\n"))
	}
}

// A daemon whose disk is full has let go of its file, in the middle of an export as
// well; the journal can be read all the same.
func TestJournalOfAGateWhoseStoreIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	const records = 1500
	for range records - 1 {
		s.Append(journal.Record{Time: time.Now(), Kind: journal.Decision, Decision: "denied", Reason: "malformed"})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	daemon := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("after") != "0" {
			http.Error(w, "store is unavailable", http.StatusServiceUnavailable)
			return
		}
		for seq := range uint64(recordsAtOnce) {
			json.NewEncoder(w).Encode(journal.Record{Seq: seq + 1, Kind: journal.Decision})
		}
	})}
	go daemon.Serve(listener)
	t.Cleanup(func() { daemon.Close() })
	status, out, errOut := tool(t, "", "journal", "export", "--json", "--data", dir)
	if status != 0 || strings.Count(out, "\n") != records {
		t.Errorf("status %d, %q, %d lines; want 0 and %d", status, errOut, strings.Count(out, "\n"), records)
	}
}

// A store that another process has, and no daemon that answers: the error names both.
func TestJournalThatIsHeld(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	pid := another(t, filepath.Join(dir, storeName))
	err = exportFolder(t.Context(), dir, 0, func(*journal.Record) error { return nil }, 0)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, storeName)+" is held by railgate.test (pid "+strconv.Itoa(pid)+")") {
		t.Errorf("%v; want the file and process %d", err, pid)
	}
}

// A daemon that is starting has the file before it answers: the export waits for it.
func TestJournalOfAGateThatStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := openStore(dir)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, storeName)
	another(t, path)
	done := make(chan error)
	n := 0
	go func() {
		done <- exportFolder(t.Context(), dir, 0, func(*journal.Record) error { n++; return nil }, startsWithin)
	}()
	for !opens(path) { // it has found no daemon, and waits for the file
	}
	serveControl(t, dir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(journal.Record{Seq: 1, Kind: journal.Started})
	}))
	if err := <-done; err != nil || n != 1 {
		t.Errorf("%d records, %v; want the daemon's", n, err)
	}
}

// opens tells whether this process has a file open.
func opens(path string) bool {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if link, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && link == path {
			return true
		}
	}
	return false
}

// A daemon that starts while somebody reads an export in a pager opens its store, and
// tells the rest.
func TestDaemonStartsDuringAnExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *store.Store {
		s, err := openStore(dir)
		if err == nil {
			err = s.Err()
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	const records = 1500
	for range records - 1 {
		s.Append(journal.Record{Time: time.Now(), Kind: journal.Decision, Decision: journal.Denied, Reason: "malformed"})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n := uint64(0)
	err := exportFolder(t.Context(), dir, 0, func(r *journal.Record) error {
		n++
		if r.Seq != n {
			t.Fatalf("record %d comes as number %d", r.Seq, n)
		}
		if n != 1 {
			return nil
		}
		s = open() // while the first batch is printed
		t.Cleanup(func() { s.Close() })
		serveControl(t, dir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			after, _ := strconv.ParseUint(r.FormValue("after"), 10, 64)
			records, err := s.Records(after, 1000)
			for _, r := range records {
				err = errors.Join(err, json.NewEncoder(w).Encode(r))
			}
			if err != nil {
				t.Error(err)
			}
		}))
		return nil
	}, startsWithin)
	if err != nil || n != records {
		t.Errorf("%d records, %v; want %d", n, err, records)
	}
}

func TestOutputsSafeNeedsNoConfiguration(t *testing.T) {
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace.ndjson")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("trace.ndjson", `{"t":"2026-11-23T04:00:00Z","line":"open","level":1}`+"\n")
	write("broken.toml", "not [a configuration")
	outputs, err := turnstile.Outputs{Trace: trace}.Marshal()
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, turnstile.OutputsName), outputs, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RUNTIME_DIRECTORY", dir)
	if status, _, errOut := tool(t, "", "outputs-safe", "--config", filepath.Join(dir, "broken.toml")); status != 0 {
		t.Fatalf("status %d, %q; want the outputs made safe", status, errOut)
	}
	data, err := os.ReadFile(trace)
	if err != nil || !strings.Contains(string(data), `"level":0`) {
		t.Errorf("trace = %q, %v; want the relay released", data, err)
	}
}

func TestScanPictures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "note.png")
	if err := os.WriteFile(text, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	blank := filepath.Join(dir, "blank.pgm")
	if err := os.WriteFile(blank, append([]byte("P5 64 64 255\n"), make([]byte, 64*64)...), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, _ := tool(t, "", "scan", "--json", blank, text, filepath.Join(dir, "none.png"))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 1 || len(lines) != 3 {
		t.Fatalf("status %d, %q; want 1 and a line for each file", status, out)
	}
	for i, want := range []string{`"text":""`, `"error":`, `no such file`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d = %s; want %s", i, lines[i], want)
		}
	}
}

func TestManualAndCompletionAreMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if status, _, errOut := tool(t, "", "man", dir); status != 0 {
		t.Fatal(errOut)
	}
	for name, words := range map[string]string{"man1/railgate-doctor.1": "Look for what is wrong", "man5/railgated.toml.5": "turnstile"} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(page), words) {
			t.Errorf("%s: %v; want it, with %q", name, err, words)
		}
	}
	if status, out, _ := tool(t, "", "completion", "bash"); status != 0 || !strings.Contains(out, "railgate") {
		t.Errorf("completion: status %d", status)
	}
	if status, out, _ := tool(t, "", "config"); status != 0 || !strings.Contains(out, "[turnstile]") {
		t.Errorf("config: status %d", status)
	}
}
