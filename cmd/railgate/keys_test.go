package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"railgate/cmd/control"
)

func TestKeysShow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, running := range []bool{false, true} {
		if running {
			s.start()
		}
		status, out, errOut := s.tool("keys", "show")
		for _, want := range []string{"version 1, issuer test, 0 revoked certificates", hex.EncodeToString([]byte("kid1")) + "  test  EdDSA  classes 1 2", "valid"} {
			if status != 0 || !strings.Contains(out, want) {
				t.Errorf("running %v: status %d, %q, %q; want %q in it", running, status, out, errOut, want)
			}
		}
		if said := strings.Contains(out, "not running"); said == running {
			t.Errorf("running %v: %q", running, out)
		}
		var k shownKeys
		_, out, _ = s.tool("keys", "show", "--json")
		if err := json.Unmarshal([]byte(out), &k); err != nil || k.Running != running || k.File.Version != 1 || k.File.Keys[0].Algorithm != "EdDSA" || running && k.InUse.Version != 1 {
			t.Errorf("running %v: %s, %v", running, out, err)
		}
	}
}

func TestKeysShowOfAFileSaysWhatItChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	s.write("new.json", s.keyset(2, 24*time.Hour, s.signers[0], s.signer("kid2")))
	s.write("foreign.json", s.keyset(3, month, s.signer("else")))
	s.write("garbage.json", "{")
	for file, want := range map[string][]string{
		"new.json":     {"version 1 becomes 2", "key " + hex.EncodeToString([]byte("kid2")) + " of test (EdDSA, classes 1 2) is added", "key " + hex.EncodeToString([]byte("kid1")) + " is valid from"},
		"foreign.json": {"none of the keys in use", "key " + hex.EncodeToString([]byte("kid1")) + " of test is removed"},
		"keys.json":    {"holds the same"},
	} {
		status, out, errOut := s.tool("keys", "show", s.path(file))
		for _, w := range want {
			if status != 0 || !strings.Contains(out, w) {
				t.Errorf("%s: status %d, %q, %q; want %q in it", file, status, out, errOut, w)
			}
		}
	}
	if status, _, errOut := s.tool("keys", "show", s.path("garbage.json")); status != exitFailed || !strings.Contains(errOut, "garbage.json: keyset") {
		t.Errorf("garbage: status %d, %q; want 1 and the file's name", status, errOut)
	}
}

// The keyset is put in place whole, the one before it stays beside it, and the gate has it
// when the command ends.
func TestKeysInstall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	first, second := s.read("keys.json"), s.keyset(2, month, s.signers[0], s.signer("kid2"))
	s.write("new.json", second)
	status, out, errOut := s.tool("keys", "install", s.path("new.json"))
	if status != 0 || !strings.Contains(out, "version 1 becomes 2") || !strings.Contains(out, "and in use: version 2") {
		t.Fatalf("status %d, %q, %q; want it installed and in use", status, out, errOut)
	}
	if s.read("keys.json") != second || s.read("keys.json.old") != first {
		t.Error("the files are not the new keyset and the old one")
	}
	if st, err := control.NewClient(s.path("data")).Status(t.Context()); err != nil || st.Keyset.Version != 2 {
		t.Errorf("status says version %d, %v; want 2", st.Keyset.Version, err)
	}
}

func TestKeysInstallRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	s.write("foreign.json", s.keyset(2, month, s.signer("else")))
	s.write("ended.json", s.keyset(2, -time.Hour, s.signers[0]))
	s.write("garbage.json", "{")
	s.write("empty.json", `{"version":1,"issuers":[],"keys":[],"revoked":[]}`)
	before := s.read("keys.json")
	for file, want := range map[string]string{
		"foreign.json": "another issuer's; nothing was changed; to install it nevertheless: railgate keys install --force",
		"ended.json":   "no key that is still valid",
		"garbage.json": "nothing was changed",
		"empty.json":   "nothing was changed",
		"none.json":    "no such file",
	} {
		if status, _, errOut := s.tool("keys", "install", s.path(file)); status != exitFailed || !strings.Contains(errOut, want) {
			t.Errorf("%s: status %d, %q; want 1, %q", file, status, errOut, want)
		}
		if s.read("keys.json") != before {
			t.Fatalf("%s: the keyset was replaced", file)
		}
	}
	if status, out, errOut := s.tool("keys", "install", "--force", s.path("foreign.json")); status != 0 || !strings.Contains(out, "in use: version 2") {
		t.Errorf("--force: status %d, %q, %q; want it in use", status, out, errOut)
	}
}

// A foreign keyset that was forced while the daemon was away is in use when it is back.
func TestKeysInstallWithoutADaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()() // it has taken the first keyset
	s.write("foreign.json", s.keyset(2, month, s.signer("else")))
	if status, _, errOut := s.tool("keys", "install", s.path("foreign.json")); status != exitFailed || !strings.Contains(errOut, "another issuer's") {
		t.Fatalf("status %d, %q; want it refused, for the gate remembers its keyset", status, errOut)
	}
	if status, out, errOut := s.tool("keys", "install", "--force", s.path("foreign.json")); status != 0 || !strings.Contains(out, "railgated is not running") {
		t.Fatalf("status %d, %q, %q; want it installed", status, out, errOut)
	}
	s.start()
	if st, err := control.NewClient(s.path("data")).Status(t.Context()); err != nil || st.Keyset.Version != 2 || st.Health != control.Healthy {
		t.Errorf("status %+v, %v; want version 2 in use", st, err)
	}
}

// Garbage is not kept as the keyset from before: a good one is there already.
func TestKeysInstallKeepsAGoodOldKeyset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.read("keys.json")
	s.write("keys.json.old", first)
	s.write("keys.json", "garbage")
	if status, _, errOut := s.tool("keys", "install", s.path("keys.json.old")); status != 0 || s.read("keys.json") != first || s.read("keys.json.old") != first {
		t.Errorf("status %d, %q; want the old keyset in place, and kept", status, errOut)
	}
}

func TestKeysInstallKeepsOwnerAndMode(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	s := newSite(t)
	s.write("new.json", s.keyset(2, month, s.signers[0]))
	if err := os.Chown(s.path("keys.json"), 12, 34); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.path("keys.json"), 0o640); err != nil {
		t.Fatal(err)
	}
	link := s.path("link.json")
	if err := os.Symlink(s.path("keys.json"), link); err != nil {
		t.Fatal(err)
	}
	s.write("gate.toml", strings.Replace(s.read("gate.toml"), s.path("keys.json"), link, 1))
	if status, _, errOut := s.tool("keys", "install", s.path("new.json")); status != 0 {
		t.Fatalf("status %d, %q", status, errOut)
	}
	for _, name := range []string{"keys.json", "keys.json.old"} {
		info, err := os.Lstat(s.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 12 || st.Gid != 34 || info.Mode() != 0o640 {
			t.Errorf("%s: %d:%d, %v; want 12:34, 0640, and the link to stay one", name, st.Uid, st.Gid, info.Mode())
		}
	}
}
