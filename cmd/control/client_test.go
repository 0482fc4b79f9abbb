package control

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
