package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/journal"
)

// served calls a server whose handler is h, over a pipe, and gives the caller's end. What the
// server ends with is sent once its context, which carries a value, ends or its listener fails.
func served(t *testing.T, h http.HandlerFunc) (caller net.Conn, l *pipeListener, cancel func(), done chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), whose{}, "the gate's"))
	l = &pipeListener{calls: make(chan net.Conn, 1), closed: make(chan struct{})}
	caller, answerer := net.Pipe()
	l.calls <- answerer
	done = make(chan error, 1)
	s := &server{log: slog.New(slog.DiscardHandler)}
	go func() { done <- s.serve(ctx, l, h) }()
	return caller, l, cancel, done
}

type whose struct{}

// ends waits until a caller's connection is closed, and says how long that took.
func ends(caller net.Conn) time.Duration {
	began := time.Now()
	io.Copy(io.Discard, caller)
	return time.Since(began)
}

func TestACallerHasSoLong(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		want       time.Duration
	}{
		{"one that says nothing", "", 5 * time.Second},
		{"one that never ends its question", "GET / HTTP/1.1\r\n", 5 * time.Second},
		{"one that asks no more", "GET / HTTP/1.1\r\nHost: gate\r\n\r\n", 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			caller, _, cancel, done := served(t, http.NotFound)
			fmt.Fprint(caller, tt.says)
			if got := ends(caller); got != tt.want {
				t.Errorf("%s is served for %v; want %v", tt.name, got, tt.want)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// A question is as long as any of a tool's, and no longer.
func TestAQuestionsLength(t *testing.T) {
	for n, want := range map[int]int{20_000: http.StatusNotFound, 21_000: http.StatusRequestHeaderFieldsTooLarge} { // net/http adds 4096 to what is set
		synctest.Test(t, func(t *testing.T) {
			caller, _, cancel, done := served(t, http.NotFound)
			go fmt.Fprintf(caller, "GET / HTTP/1.1\r\nHost: gate\r\nX: %s\r\n\r\n", strings.Repeat("x", n))
			resp, err := http.ReadResponse(bufio.NewReader(caller), nil)
			if err != nil || resp.StatusCode != want {
				t.Errorf("%d bytes: %v, %v; want status %d", n, resp, err, want)
			}
			caller.Close()
			cancel()
			<-done
			time.Sleep(time.Second) // net/http waits for half of one before it hangs up
		})
	}
}

// A caller that takes nothing of its answer has ten seconds for each part of it.
func TestACallerThatTakesNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter) error
		want   time.Duration
	}{
		{"one large part", func(w http.ResponseWriter) error { _, err := w.Write(make([]byte, 1<<20)); return err }, 10 * time.Second},
		{"a small part that is sent late", func(w http.ResponseWriter) error {
			w.Write([]byte("x"))
			time.Sleep(9 * time.Second)
			return http.NewResponseController(w).Flush()
		}, 19 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			answered := make(chan error, 1)
			caller, _, cancel, done := served(t, func(w http.ResponseWriter, _ *http.Request) { answered <- tt.answer(w) })
			began := time.Now()
			fmt.Fprint(caller, "GET / HTTP/1.1\r\nHost: gate\r\n\r\n")
			if err := <-answered; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != tt.want {
				t.Errorf("%s: %v after %v; want that time is over after %v", tt.name, err, time.Since(began), tt.want)
			}
			caller.Close()
			cancel()
			<-done
		})
	}
}

// An answer that goes on ends with the gate, and with its listener; of the latter the server
// says why.
func TestAnswersEndWithTheirListener(t *testing.T) {
	for name, gate := range map[string]bool{"the gate": true, "its listener": false} {
		synctest.Test(t, func(t *testing.T) {
			of := make(chan any, 1)
			caller, l, cancel, done := served(t, func(_ http.ResponseWriter, r *http.Request) {
				of <- r.Context().Value(whose{})
				<-r.Context().Done()
			})
			fmt.Fprint(caller, "GET / HTTP/1.1\r\nHost: gate\r\n\r\n")
			if got := <-of; got != "the gate's" {
				t.Errorf("the answer's context is %v; want the gate's", got)
			}
			if gate {
				cancel()
			} else {
				l.Close()
			}
			ends(caller)
			if err := <-done; (err == nil) != gate || !gate && !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s ends: %v", name, err)
			}
			cancel()
		})
	}
}

// A gate answers what is meant for its own data folder, by whatever name, or for no folder.
func TestWhatIsMeantForAnotherGate(t *testing.T) {
	dir := t.TempDir()
	data, other, link := filepath.Join(dir, "data"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(other, 0o700), os.Symlink("data", link)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		header, data string
		want         int
	}{
		{"", data, http.StatusTeapot},
		{data, data, http.StatusTeapot},
		{data + "/", data, http.StatusTeapot},
		{link, data, http.StatusTeapot},
		{other, data, http.StatusMisdirectedRequest},
		{filepath.Join(dir, "missing"), data, http.StatusMisdirectedRequest},
		{data, filepath.Join(dir, "missing"), http.StatusMisdirectedRequest},
		{filepath.Join(dir, "one"), filepath.Join(dir, "two"), http.StatusMisdirectedRequest},
		{filepath.Join(dir, "missing"), filepath.Join(dir, "missing"), http.StatusTeapot},
	} {
		s := &server{cfg: &configs.Config{Data: tt.data}}
		asked := 0
		h := s.onlyForUs(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(http.StatusTeapot) }))
		status, _ := ask(h, "GET", "/status", control.DataHeader, tt.header)
		if status != tt.want || (asked == 1) != (tt.want == http.StatusTeapot) {
			t.Errorf("for %q, at a gate with %q: status %d, asked %d times; want %d", tt.header, tt.data, status, asked, tt.want)
		}
	}
}

// The control socket is the group's, at the path that it is asked for, and takes the place of
// nothing but a dead daemon's.
func TestTheControlSocketsFile(t *testing.T) {
	for _, n := range []int{1, 100} { // the second is longer than an address may be
		dir, err := os.MkdirTemp("", strings.Repeat("d", n))
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		checkSocket(t, filepath.Join(dir, control.SocketName))
	}
}

func checkSocket(t *testing.T, path string) {
	t.Helper()
	files := openFiles(t)
	for range 2 { // the second finds the first one's file
		l, err := listenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Addr(); got.String() != path || got.Network() != "unix" {
			t.Errorf("address %s %s; want unix %s", got.Network(), got, path)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode() != 0o660|os.ModeSocket {
			t.Errorf("%v, %v; want srw-rw----", info, err)
		}
		if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "another railgated answers at "+path) {
			t.Errorf("a second one: %v; want that another railgated answers", err)
		}
		l.Close()
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("closed: %v; want the file left, by its whole name", err)
		}
	}
	if now := openFiles(t); now != files {
		t.Errorf("%d files are open; want %d", now, files)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestControlSocketsThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		full:                                    unix.ENOTEMPTY,
		filepath.Join(dir, "missing", "socket"): os.ErrNotExist,
		filepath.Join(dir, strings.Repeat("m", 120), "socket"): os.ErrNotExist,
	} {
		if l, err := listenUnix(path); l != nil || !errors.Is(err, want) {
			t.Errorf("%s: %v, %v; want %v", path, l, err, want)
		}
	}
}

// The socket is in the runtime folder, or else in the data folder; an error says why it is
// in neither.
func TestWhereTheControlSocketIs(t *testing.T) {
	dir := t.TempDir()
	data, run, missing := filepath.Join(dir, "data"), filepath.Join(dir, "run"), filepath.Join(dir, "missing")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(run, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ runtime, data, want string }{
		{"", data, data}, {run, data, run}, {run, missing, run}, {missing, data, data}, {missing, missing + "2", ""},
	} {
		t.Setenv("RUNTIME_DIRECTORY", tt.runtime)
		l, err := (&server{cfg: &configs.Config{Data: tt.data}}).openSocket()
		if tt.want == "" {
			if err == nil || !strings.Contains(err.Error(), tt.runtime+"/") || !strings.Contains(err.Error(), tt.data+"/") {
				t.Errorf("%+v: %v; want both reasons", tt, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		if got := l.Addr().String(); got != filepath.Join(tt.want, control.SocketName) {
			t.Errorf("%+v: it is %s", tt, got)
		}
		l.Close()
	}
}

// What a status has of a passage names nobody.
func TestRecentRecordsAreOfNobody(t *testing.T) {
	r := journal.Record{Seq: 7, Kind: journal.Decision, Holder: "h", Certificate: "c", Ticket: "t", KeyID: "k", Reason: "ok"}
	if got, want := ofNobody(r), (journal.Record{Seq: 7, Kind: journal.Decision, KeyID: "k", Reason: "ok"}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
	told := newTelemetry()
	told.record(r)
	if got := told.history.recent; len(got) != 1 || got[0] != ofNobody(r) {
		t.Errorf("recent = %+v; want the record, of nobody", got)
	}
}
