package main

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"railgate/cmd/control"
)

// fakeDaemon answers /status on the control socket of a folder of its own.
func fakeDaemon(t *testing.T, s control.Status) (dir string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(s) })
	dir = t.TempDir()
	serveControl(t, dir, mux)
	return dir
}

// serveControl answers on the control socket of a folder until the test ends.
func serveControl(t *testing.T, dir string, h http.Handler) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(dir, control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	daemon := &http.Server{Handler: h}
	go daemon.Serve(listener)
	t.Cleanup(func() { daemon.Close() })
}
