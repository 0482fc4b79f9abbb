package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// Times are compared: what status, the doctor and watch say is by the clock by which the journal is read and
// printed, and not by the machine's zone, which is UTC in an image.
func TestTimesAreOfTheGatesZone(t *testing.T) {
	t.Parallel()
	const zone = "America/St_Johns" // no machine's of ours
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	until := now.Add(10 * time.Minute)
	slow := control.NewCause(control.DiskSlow, "the disk is slow")
	slow.Since = now.Add(-90 * time.Second)
	s := control.Status{
		Health: control.Degraded, Zone: zone, Started: now, Clock: control.Clock{Time: now, Wall: now, Proven: now},
		Keyset: control.Keyset{Loaded: true, Expires: until}, Service: "free", ServiceUntil: &until, Problems: []string{slow.Why}, Causes: []control.Cause{slow},
	}
	dir := t.TempDir()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(s) })
	mux.HandleFunc("POST /service", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(control.Service{Service: "closed", Until: &until})
	})
	mux.HandleFunc("POST /sync", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(control.Sync{Nation: "/n", State: "fresh", Last: now, Version: 1, Expires: until})
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(control.Event{Record: &journal.Record{Seq: 1, Time: now, Kind: journal.Passage}})
	})
	serveControl(t, dir, mux)
	for _, tt := range []struct {
		args  []string
		wants []string
	}{
		{[]string{"status"}, []string{"since 00:28:30", "2026-11-23 00:30:00 -03:30", "since 2026-11-23 00:30:00", "until 00:40:00", "the last key ends 2026-11-23 00:40:00"}},
		{[]string{"doctor"}, []string{"since 00:28:30", "since 2026-11-23 00:30:00"}},
		{[]string{"clock", "show"}, []string{"time          2026-11-23T00:30:00-03:30", "system clock  2026-11-23T00:30:00-03:30", "proven        2026-11-23T00:30:00-03:30"}},
		{[]string{"service", "closed"}, []string{"until 00:40:00"}},
		{[]string{"sync"}, []string{"reached 2026-11-23 00:30:00", "good until 2026-11-23 00:40:00"}},
	} {
		_, out, errOut := tool(t, "", append(tt.args, "--data", dir)...)
		for _, want := range tt.wants {
			if !strings.Contains(out, want) {
				t.Errorf("%v: %q, %q; want %q in it", tt.args, out, errOut, want)
			}
		}
	}
	r := &control.Event{Record: &journal.Record{Time: now, Kind: journal.Passage}}
	if line, want := eventLine(painter{}, r, zoneOf(zone)), "00:30:00.000"; !strings.HasPrefix(line, want) {
		t.Errorf("watch: %q; want %q", line, want)
	}
}

// What servers, sticks and codes say moves no cursor, names no window and turns no word round.
func TestTheToolObeysNobody(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\x1b]0;x\a\u202ex"
	c := control.NewCause(control.DiskSlow, evil)
	c.Hands, c.Remedy, c.Proof = evil, evil, evil
	s := control.Status{
		Health: control.Degraded, Clock: control.Clock{Why: evil}, Problems: []string{evil}, Causes: []control.Cause{c},
		Devices: []control.Device{{Kind: "scanner", Name: evil, Error: evil, Note: evil}}, Update: &control.Update{Slots: true, Last: evil},
	}
	dir := t.TempDir()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(s) })
	mux.HandleFunc("POST /sync", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(control.Sync{Nation: "/n", State: "stopped", Error: "503 " + evil})
	})
	serveControl(t, dir, mux)
	for _, command := range []string{"status", "doctor", "sync"} {
		_, out, errOut := tool(t, "", command, "--data", dir)
		if text := out + errOut; strings.ContainsAny(text, "\x1b\a\u202e") || !strings.Contains(text, "·[2J·]0;x··x") {
			t.Errorf("%s: %q", command, text)
		}
	}
	b := newFlashBench(t, "")
	for path, text := range map[string]string{"sys/block/sdb/device/model": evil, "dev/disk/by-label/" + strings.NewReplacer("\x1b", `\x1b`, "\a", `\x07`).Replace(evil): ""} {
		path = filepath.Join(b.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			if err := os.Symlink("../../sdb1", path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, _, _ := b.run(flashing{list: true}, "")
	_, asked, _ := b.run(flashing{}, "", flashImage(t), b.disk)
	if strings.ContainsAny(list+asked, "\x1b\a") || strings.Count(asked, "·[2J·]0;x·") != 2 || strings.Count(list, "·[2J·]0;x·") != 1 {
		t.Errorf("flash: %q, %q", list, asked)
	}
}

// A cause whose words begin with its name is named once.
func TestACauseIsNamedOnce(t *testing.T) {
	t.Parallel()
	c := control.NewCause(control.SpentCodesLost, "spent_codes_lost: gate.db is missing")
	dir := fakeDaemon(t, control.Status{Health: control.OutOfService, Problems: []string{c.Why}, Causes: []control.Cause{c}})
	if _, out, _ := tool(t, "", "doctor", "--data", dir); !strings.Contains(out, "spent_codes_lost: gate.db is missing") || strings.Contains(out, "spent_codes_lost: spent_codes_lost") {
		t.Errorf("doctor: %q", out)
	}
	w := model(&control.Status{Causes: []control.Cause{c}})
	if text := w.at(120, 30) + w.at(120, 30, key("c")); !strings.Contains(text, "spent_codes_lost: gate.db is missing") || strings.Contains(text, "spent_codes_lost: spent_codes_lost") {
		t.Errorf("watch: %q", text)
	}
}

// A dumb terminal has no colours.
func TestADumbTerminalHasNoColours(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for env, want := range map[string]bool{"TERM=dumb": false, "TERM=xterm-256color": true} {
		c := s.onScreen([]string{env}, "doctor")
		c.ends(exitOutOfService)
		if text := c.text(); strings.Contains(text, "\x1b[") != want || !strings.Contains(text, "✓") {
			t.Errorf("%s: %q", env, text)
		}
	}
}

// A list beside the image that has it under another name is said to be of no help; it is not said to be missing.
func TestFlashSaysThatTheListHasAnotherName(t *testing.T) {
	t.Parallel()
	b, image := newFlashBench(t, ""), flashImage(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(image), "SHA256SUMS"), []byte(strings.Repeat("ab", 32)+"  other.img\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, err := b.run(flashing{yes: true}, "", image, b.disk); err != nil || !strings.Contains(errOut, "SHA256SUMS beside it does not list this name") || strings.Contains(errOut, "no SHA256SUMS") {
		t.Errorf("%v, %q", err, errOut)
	}
}

// What watch is written to may be full: it ends, and says so.
func TestWatchEndsWhereItCannotWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(control.Status{}) })
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			json.NewEncoder(w).Encode(control.Event{Record: &journal.Record{Seq: 1, Kind: journal.Passage}})
		}
	})
	serveControl(t, dir, mux)
	full := errors.New("no space left on device")
	for _, asJSON := range []bool{false, true} {
		err := watchLines(t.Context(), control.NewClient(dir), asJSON, writerFunc(func([]byte) (int, error) { return 0, full }), io.Discard)
		if !errors.Is(err, full) {
			t.Errorf("JSON %v: %v; want %v", asJSON, err, full)
		}
	}
}
