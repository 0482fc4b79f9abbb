package control

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Who asks as root does not take all that a daemon sends.
func TestAStatusHasAnEnd(t *testing.T) {
	dir := t.TempDir()
	inner, err := net.Listen("unix", filepath.Join(dir, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"gate":"`))
		w.Write(bytes.Repeat([]byte("a"), 2*maxStatus))
		w.Write([]byte(`"}`))
	}))
	s.Listener.Close()
	s.Listener = inner
	s.Start()
	defer s.Close()
	if got, err := NewClient(dir).Status(t.Context()); err == nil {
		t.Errorf("a gate of %d letters, and no error", len(got.Gate))
	}
}

// failing is a connection, or a body, that fails.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// Who may not use the socket is told that, and not that the gate does not answer; a file of a stick
// that may not be read is that.
func TestWhoMayNotAskIsTold(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)}
	file := &fs.PathError{Op: "open", Path: "/media/usb/nation/timestamp.json", Err: syscall.EACCES}
	for _, tt := range []struct {
		err  error
		want bool
		says string
	}{{dial, true, SocketName}, {file, false, file.Path}} {
		c := NewClient(t.TempDir())
		c.http = &http.Client{Transport: failing{tt.err}}
		_, err := c.Sync(t.Context(), strings.NewReader("x"))
		if errors.Is(err, ErrMayNotAsk) != tt.want || !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrNotRunning) || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v: %v; want that the caller may not ask: %v, and %q", tt.err, err, tt.want, tt.says)
		}
	}
}
