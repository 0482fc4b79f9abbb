package main

import (
	"crypto/ed25519"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/identity"
	"railgate/verify"
)

// A gate that waits to be provisioned does what docs/technician.md says, with each of its commands: by a stick
// whose signer is confirmed, by hand, and back.
func TestManualOfAGateThatWaits(t *testing.T) {
	t.Parallel()
	commands := manualCommands(t)
	for _, want := range []string{"railgate identity", "railgate provision", "railgate provision --from /media/stick", "railgate provision --confirm FINGERPRINT", "railgate provision --reset --why TEXT"} {
		if !slices.Contains(commands, want) {
			t.Errorf("docs/technician.md does not have %s", want)
		}
	}
	s := newSite(t)
	s.write("gate.toml", strings.Replace(s.read("gate.toml"), "keys = ", "# keys = ", 1)+"[provision]\nwait = true\nsigners = \""+s.path("provision.keys")+"\"\n")
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(filepath.Join(bin, "railgated"), "--config", s.path("gate.toml"))
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { daemon.Process.Signal(unix.SIGTERM); daemon.Wait() }()
	do := func(typed, want string, args ...string) string {
		t.Helper()
		var status int
		var out, errOut string
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) { // the daemon may be starting
			status, out, errOut = tool(t, typed, append(args, "--config", s.path("gate.toml"))...)
			if strings.Contains(out+errOut, want) {
				return out
			}
			if time.Now().After(end) {
				t.Fatalf("railgate %v: status %d, %q, %q; want %q", args, status, out, errOut, want)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(do("", "RGID1:", "identity")), "\n")
	gate, err := identity.ParsePublic([]byte(lines[len(lines)-1]))
	if err != nil {
		t.Fatal(err)
	}
	if typed, err := identity.ParseLines(strings.Join(lines[2:13], "\n")); err != nil || typed.Bus != gate.Bus {
		t.Errorf("the lines are read as %+v, %v", typed, err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	now := time.Now().Truncate(time.Second)
	settings := someSettings()
	settings.Nation, settings.Repository = "http://127.0.0.1:1/nation", ""
	code, err := verify.IssueProvision(verify.Provision{ID: strings.Repeat("i", 16), Gate: gate.Provisioning, Issued: now, Expires: now.Add(time.Hour), Settings: settings}, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.path("stick/provision"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("stick/provision/railgate.provision", code+"\n")
	do("", "railgate provision --confirm", "provision", "--from", s.path("stick"))
	do("", "This is gate A07 of station GZQ, exit", "provision", "--confirm", verify.Fingerprint(key.Public().(ed25519.PublicKey)))
	do("y\n", "waits to be provisioned again", "provision", "--reset", "--why", "TEXT")
	do("", "RGID1:", "identity")
	do("", "provision_spent", "provision", "--from", s.path("stick"))
	do("GZQ\nA08\ncheck\nhttp://127.0.0.1:1/nation\n"+strings.Repeat("ab", 32)+"\n-\n-\n-\ny\n", "This is gate A08 of station GZQ, check", "provision")
}
