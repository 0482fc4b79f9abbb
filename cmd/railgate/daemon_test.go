package main

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"railgate/cmd/control"
	"railgate/cmd/loopback"
)

// fakeDaemon answers /status on the control socket of a folder of its own.
func fakeDaemon(t *testing.T, s control.Status) (dir string) {
	t.Helper()
	dir = t.TempDir()
	serveStatus(t, dir, s)
	return dir
}

// serveStatus answers /status on the control socket of a folder until the test ends.
func serveStatus(t *testing.T, dir string, s control.Status) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(s) })
	serveControl(t, dir, mux)
}

// serveControl answers on the control socket of a folder until the test ends.
func serveControl(t *testing.T, dir string, h http.Handler) {
	t.Helper()
	serveUntil(t, dir, h)
}

// serveUntil answers on the control socket of a folder until stop is called, or the test ends.
func serveUntil(t *testing.T, dir string, h http.Handler) (stop func()) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(dir, control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	daemon := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go daemon.Serve(listener)
	t.Cleanup(func() { daemon.Close() })
	return func() { daemon.Close() }
}

// freePort is a TCP port of this machine that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	address, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
