package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"railgate/cmd/loopback"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// A station that serves shows its page to whoever has the passphrase, and its metrics on an
// address of their own.
func TestAStationShowsItself(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	args := []string{"--dir", o.path("nation"), "--passphrase-file", o.path("passphrase")}
	o.must("init", "--station", "GZQ", "--online", "--server", "tls://127.0.0.1:4222")
	o.must("passphrase")
	https, bus, metrics := freeAddress(t), freeAddress(t), freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var log bytes.Buffer
	go func() {
		root := newCommands(&desk{now: time.Now, workFactor: 10})
		root.SetArgs(append(args, "serve", "--listen", https, "--bus", bus, "--metrics", metrics))
		root.SetOut(&log)
		root.SetErr(&log)
		ended <- root.ExecuteContext(ctx)
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v\n%s", err, log.String())
		}
	}()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	get := func(url string) (int, string) {
		resp, err := client.Get(url)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, err.Error()
		}
		return resp.StatusCode, string(text)
	}
	until := func(url, want string) {
		t.Helper()
		var code int
		var text string
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if code, text = get(url); code == http.StatusOK && strings.Contains(text, want) {
				return
			}
		}
		t.Fatalf("%s: %d %s; want %q", url, code, text, want)
	}
	until("http://"+metrics+"/metrics", `railgate_station_build_info{station="GZQ",version="devel"} 1`)
	until("http://"+metrics+"/metrics", `railgate_station_ends_timestamp_seconds{name="station: timestamp",what="repository"}`)
	until("https://"+https+"/", "station.js")
	if code, _ := get("https://" + https + "/api/overview"); code != http.StatusUnauthorized {
		t.Errorf("without the passphrase: %d; want 401", code)
	}
	if code, _ := get("https://" + https + "/metrics"); code != http.StatusNotFound {
		t.Errorf("metrics for everybody: %d; want 404", code)
	}
	resp, err := client.Post("https://"+https+"/api/signin", "application/json", strings.NewReader(`{"passphrase":"correct horse battery"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	until("https://"+https+"/api/overview", `"station":"GZQ"`)
	until("https://"+https+"/nation/1.root.json", "signatures")
}
