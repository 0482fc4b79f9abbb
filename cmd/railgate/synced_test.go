package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
)

// The keyset of a gate with a repository has no file: nothing is missing, and no command
// that installs one is proposed.
func TestDoctorOfAGateWithARepository(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.mkdir("roots", 0o755)
	w.write("gate.toml", strings.Replace(w.read("gate.toml"), "keys = ", "#", 1)+"\n[sync]\nnation = \"https://rail.example/nation\"\nroots = \""+w.path("roots")+"\"\n")
	sync := "railgate --config " + w.path("gate.toml") + " sync"
	if f, ok := find(w.examine(), control.KeysetNotSynced); !ok || f.Fix != sync || !strings.Contains(f.Hands, "network cable") {
		t.Errorf("%+v; want keyset_not_synced, %q", w.examine(), sync)
	}
	kept := filepath.Join("data", control.KeptKeysetName)
	w.write(kept, w.keyset(3, -time.Hour, w.signers[0]))
	if f, ok := find(w.examine(), control.KeysetExpired); !ok || f.Fix != sync || !strings.Contains(f.Hands, "network cable") {
		t.Errorf("%+v; want keyset_expired, %q", w.examine(), sync)
	}
	w.write(kept, w.keyset(4, month, w.signers[0]))
	for _, f := range w.examine() {
		if strings.HasPrefix(f.Cause, "keyset") {
			t.Errorf("%+v; want nothing of the keyset", f)
		}
	}
	if status, out, errOut := w.tool("keys", "show"); status != 0 || !strings.Contains(out, "version 4") {
		t.Errorf("keys show: status %d, %q, %q; want the keyset that came last", status, out, errOut)
	}
	if status, _, errOut := w.tool("keys", "install", w.path("keys.json")); status != exitFailed || !strings.Contains(errOut, "railgate sync") {
		t.Errorf("keys install: status %d, %q; want to be told of railgate sync", status, errOut)
	}
}

// A gate that waits gets its keyset with its name. The remedy for a missing keyset would give it one of its own,
// with which its configuration is refused.
func TestDoctorOfAGateThatWaitsNamesNoKeyset(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.write("gate.toml", strings.Replace(w.read("gate.toml"), "keys = ", "#", 1)+"\n[provision]\nwait = true\n")
	for _, f := range w.examine() {
		if f.Cause == control.ConfigInvalid || strings.HasPrefix(f.Cause, "keyset") {
			t.Errorf("%+v; want nothing of a keyset", f)
		}
	}
}
