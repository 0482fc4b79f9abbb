package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	diskfs "github.com/diskfs/go-diskfs"
	diskpkg "github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/verify"
)

func someSettings() verify.Settings {
	return verify.Settings{Station: "GZQ", Gate: "A07", Direction: "exit", Nation: "https://rail.example/nation", NationRoot: bytes.Repeat([]byte{0xab}, 32), Repository: "https://gzq.example/tuf"}
}

// someCode is a whole code.
func someCode(t testing.TB) string {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	p := verify.Provision{ID: strings.Repeat("i", 16), Gate: key.Public().(ed25519.PublicKey), Issued: time.Unix(1e9, 0), Expires: time.Unix(1e9+60, 0), Settings: someSettings()}
	text, err := verify.IssueProvision(p, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A waitingGate is a daemon that waits to be provisioned, as far as the tool sees it.
type waitingGate struct {
	dir, code, settings, signer, why string
	waits                            bool
	refuse                           verify.Reason // of the next code; "": it is taken
}

func newWaitingGate(t *testing.T) *waitingGate {
	g := &waitingGate{dir: t.TempDir(), waits: true}
	answer := func(w http.ResponseWriter) {
		a := control.Provisioned{Done: g.refuse == "", Reason: "ok", Signer: "AAAA BBBB", Settings: "gate A07 of station GZQ"}
		if g.refuse != "" {
			a.Reason, a.Why = string(g.refuse), "words"
		} else {
			g.waits = false
		}
		json.NewEncoder(w).Encode(a)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		s := control.Status{Station: "GZQ", Gate: "A07", Direction: "exit", Provision: &control.Provision{Waiting: g.waits}}
		json.NewEncoder(w).Encode(s)
	})
	mux.HandleFunc("POST /provision", func(w http.ResponseWriter, r *http.Request) {
		g.code, g.settings = r.FormValue("code"), r.FormValue("settings")
		answer(w)
	})
	mux.HandleFunc("POST /provision/confirm", func(w http.ResponseWriter, r *http.Request) {
		g.signer, g.refuse = r.FormValue("signer"), ""
		answer(w)
	})
	mux.HandleFunc("POST /provision/reset", func(w http.ResponseWriter, r *http.Request) {
		g.why, g.waits = r.FormValue("why"), true
	})
	serveControl(t, g.dir, mux)
	return g
}

// tool runs railgate with what a person types.
func (g *waitingGate) tool(typed string, args ...string) (status int, out, errOut string) {
	var o, e bytes.Buffer
	status = run(append([]string{"--data", g.dir}, args...), strings.NewReader(typed), &o, &e)
	return status, o.String(), e.String()
}

func TestProvisionByACodeOrAFile(t *testing.T) {
	t.Parallel()
	code, settings := someCode(t), someSettings()
	toml := string(configs.FormatSettings(&settings))
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("card/provision/railgate.provision", code+"\r\n")
	write("hand/provision/railgated.toml", toml)
	for _, tt := range []struct {
		name           string
		args           []string
		code, settings string
	}{
		{"a code", []string{code}, code, ""},
		{"a file with a code", []string{write("a.provision", code+"\n")}, code, ""},
		{"a file with settings", []string{write("a.toml", toml)}, "", toml},
		{"a folder with a code", []string{"--from", filepath.Join(dir, "card")}, code, ""},
		{"a folder with settings", []string{"--from", filepath.Join(dir, "hand")}, "", toml},
		{"a stick", []string{"--device", fatStick(t, map[string]string{"provision/railgate.provision": code + "\n"})}, code, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newWaitingGate(t)
			status, out, errOut := g.tool("", append([]string{"provision"}, tt.args...)...)
			if status != 0 || g.code != tt.code || g.settings != tt.settings || !strings.Contains(out, "This is gate A07 of station GZQ, exit") {
				t.Errorf("status %d, %q, %q: the gate got code %q, settings %q", status, out, errOut, g.code, g.settings)
			}
		})
	}
}

func TestWhatIsNotProvisionedSaysWhy(t *testing.T) {
	t.Parallel()
	two := filepath.Join(t.TempDir(), "two")
	os.WriteFile(two, []byte(someCode(t)+"\n"+someCode(t)+"\n"), 0o600)
	bad := filepath.Join(t.TempDir(), "bad.toml")
	os.WriteFile(bad, []byte("data = \"/\"\n"), 0o600)
	empty := filepath.Join(t.TempDir(), "empty.provision")
	os.WriteFile(empty, []byte("\ufeff\r\n"), 0o600)
	for _, tt := range []struct {
		name   string
		refuse verify.Reason
		args   []string
		status int
		words  string
	}{
		{"another gate's code", verify.OtherGate, []string{someCode(t)}, exitFailed, "not provisioned (other_gate): words"},
		{"an unconfirmed signer, and nobody to ask", verify.Unconfirmed, []string{someCode(t)}, exitFailed, "not provisioned (unconfirmed)"},
		{"two codes", "", []string{two}, exitFailed, "want one code"},
		{"another file", "", []string{bad}, exitFailed, "is not set when a gate is provisioned"},
		{"an empty file", "", []string{empty}, exitFailed, "empty.provision is empty"},
		{"no such file", "", []string{"nothing.provision"}, exitFailed, "no such file"},
		{"a stick that is not FAT32", "", []string{"--device", bad}, exitFailed, "is not FAT32"},
		{"two ways at once", "", []string{someCode(t), "--confirm", "AAAA"}, exitUsage, "want a code or a file alone"},
		{"taken back without a reason", "", []string{"--reset"}, exitUsage, "--why is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newWaitingGate(t)
			g.refuse = tt.refuse
			status, out, errOut := g.tool("", append([]string{"provision"}, tt.args...)...)
			if status != tt.status || !strings.Contains(errOut, tt.words) || !g.waits {
				t.Errorf("status %d, %q, %q; want %d, %q, and a gate that waits", status, out, errOut, tt.status, tt.words)
			}
		})
	}
}

// What is plugged in at a gate in service, or has nothing for it, is no error for a unit. It is one for a person.
func TestAMediumWithNothingChangesNothing(t *testing.T) {
	t.Parallel()
	g := newWaitingGate(t)
	empty := fatStick(t, map[string]string{"holiday.jpg": "x", "provision/railgated.toml": "station = \"EVIL\"\n"})
	folder := t.TempDir()
	check := func(words string, args ...string) {
		t.Helper()
		args = append([]string{"provision"}, args...)
		if status, out, errOut := g.tool("", append(args, "--if-there")...); status != 0 || !strings.Contains(out, words) || g.settings != "" || g.code != "" {
			t.Errorf("%v, a unit's: status %d, %q, %q, %q", args, status, out, errOut, g.settings)
		}
		if status, out, errOut := g.tool("", args...); status != exitFailed || !strings.Contains(errOut, words) || g.settings != "" || g.code != "" {
			t.Errorf("%v, a person's: status %d, %q, %q, %q", args, status, out, errOut, g.settings)
		}
	}
	check("there is no file "+folder+"/provision/railgate.provision", "--from", folder)
	check("is the stick mounted?", "--from", filepath.Join(folder, "not-here"))
	check("there is no file provision/railgate.provision on "+empty, "--device", empty)
	g.waits = false
	full := fatStick(t, map[string]string{"provision/railgate.provision": someCode(t)})
	check("is set up already", "--device", full)
}

// Whatever is damaged on a stick is an error or nothing, never an end of the tool.
func TestADamagedStickIsAnError(t *testing.T) {
	whole, err := os.ReadFile(fatStick(t, map[string]string{"provision/railgate.provision": someCode(t)}))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stick")
	for i := 0; i < 4096; i += 7 {
		bad := bytes.Clone(whole[:min(len(whole), 1<<20+i)])
		bad[i] ^= 0xff
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if data, err := readFAT(path, mediumCode); err == nil && len(data) > maxProvisionFile {
			t.Fatalf("byte %d changed: %d bytes", i, len(data))
		}
	}
}

func TestTheSignerIsConfirmedByItsFingerprint(t *testing.T) {
	t.Parallel()
	g := newWaitingGate(t)
	if status, _, errOut := g.tool("", "provision", "--confirm", "AAAA BBBB"); status != 0 || g.signer != "AAAA BBBB" {
		t.Errorf("status %d, %q: %q confirmed", status, errOut, g.signer)
	}
	g = newWaitingGate(t)
	if status, _, errOut := g.tool("", "provision", "--confirm", "D58A", "d833", "351B"); status != 0 || g.signer != "D58A d833 351B" {
		t.Errorf("without quotes: status %d, %q: %q confirmed", status, errOut, g.signer)
	}
	g = newWaitingGate(t)
	if status, _, _ := g.tool("", "provision", "--confirm", "D58A", "d833", "stick"); status != exitUsage || g.signer != "" {
		t.Errorf("with another word: status %d: %q confirmed", status, g.signer)
	}
}

// Each answer is checked at once, and asked for again.
func TestProvisionAsksForEachSetting(t *testing.T) {
	t.Parallel()
	root := strings.Repeat("ab", 32)
	answers := []string{"广州", "GZQ", "A.7", "A07", "up", "exit", "rail.example", "https://rail.example/nation", "abab", root, "https://gzq.example/tuf", "10.1.2.3", "10.1.2.3/24", "10.1.2.1", "y"}
	g := newWaitingGate(t)
	status, out, errOut := g.tool(strings.Join(answers, "\n")+"\n", "provision")
	if status != 0 {
		t.Fatalf("status %d, %q, %q", status, out, errOut)
	}
	want := someSettings()
	want.Network = verify.Network{Address: "10.1.2.3/24", Gateway: "10.1.2.1"}
	if s, err := configs.ParseSettings("x", []byte(g.settings)); err != nil || !s.Equal(&want) {
		t.Errorf("the gate got %s (%v); want %+v", g.settings, err, want)
	}
	for _, words := range []string{`station "广州"; want 1 to 32`, `gate "A.7"; want 1 to 32`, `direction "up"`, `nation "rail.example"; want a URL`, `"abab" is not a fingerprint`, `network "10.1.2.3"; want dhcp`} {
		if !strings.Contains(out, words) {
			t.Errorf("%q is not said:\n%s", words, out)
		}
	}
	for n := range answers {
		g := newWaitingGate(t)
		if status, _, _ := g.tool(strings.Join(answers[:n], "\n"), "provision"); status == 0 || g.settings != "" {
			t.Fatalf("after %d answers: status %d, the gate got %q", n, status, g.settings)
		}
	}
}

func TestAGateIsResetWithConsent(t *testing.T) {
	t.Parallel()
	g := newWaitingGate(t)
	g.waits = false
	if status, out, _ := g.tool("n\n", "provision", "--reset", "--why", "moved"); status != exitFailed || g.waits || !strings.Contains(out, "Nothing was changed") {
		t.Errorf("without consent: status %d, %q, waits %v", status, out, g.waits)
	}
	if status, out, errOut := g.tool("y\n", "provision", "--reset", "--why", "moved"); status != 0 || g.why != "moved" || !g.waits {
		t.Errorf("with it: status %d, %q, %q, why %q", status, out, errOut, g.why)
	}
}

// fatStick is the image of a stick with FAT32 and some files.
func fatStick(t testing.TB, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stick")
	d, err := diskfs.Create(path, 40<<20, diskfs.SectorSizeDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	volume, err := d.CreateFilesystem(diskpkg.FilesystemSpec{FSType: filesystem.TypeFat32, VolumeLabel: "STICK"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if dir := filepath.Dir(name); dir != "." {
			if err := volume.Mkdir("/" + dir); err != nil {
				t.Fatal(err)
			}
		}
		f, err := volume.OpenFile("/"+name, os.O_CREATE|os.O_RDWR)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(f, text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
