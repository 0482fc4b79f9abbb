package systemd

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// installed are the files that make install is to put in place, below PREFIX or, with a leading slash, below DESTDIR.
var installed = []string{
	"bin/railgated", "bin/railgate", "lib/railgate/slots",
	"lib/systemd/system/railgated.service", "lib/systemd/system/railgate-kiosk.service", "lib/systemd/system/railgate.target",
	"lib/systemd/system/railgate-update.path", "lib/systemd/system/railgate-update.service", "lib/systemd/system/railgate-trial.service",
	"lib/systemd/system/railgate-trial-failed.service",
	"lib/systemd/system/railgate-provision.service", "lib/systemd/system/railgate-provision@.service", "lib/systemd/system/railgate-network.service",
	"lib/systemd/system/railgate-network.path",
	"lib/systemd/system.conf.d/railgate.conf", "lib/sysusers.d/railgate.conf", "lib/tmpfiles.d/railgate.conf",
	"lib/udev/rules.d/99-railgate.rules", "lib/modules-load.d/railgate.conf",
	"share/man/man1/railgate.1", "share/man/man1/railgate-outputs-safe.1", "share/man/man5/railgated.toml.5", "share/railgate/railgated.schema.json", "share/man/man8/railgated.8",
	"share/bash-completion/completions/railgate", "share/zsh/vendor-completions/_railgate", "share/fish/vendor_completions.d/railgate.fish",
	"share/doc/railgate/railgated.toml", "share/doc/railgate/railgated-chrony.conf", "share/doc/railgate/boards/raspberry-pi-5/railgated.toml",
	"share/doc/railgate/installation.md", "share/doc/railgate/technician.md", "share/doc/railgate/installation/fire.svg",
	"/etc/railgate/railgated.toml",
}

func TestMakeInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("skipped: it needs make (apt install make)")
	}
	dest := t.TempDir()
	install := func() {
		t.Helper()
		cmd := exec.Command("make", "-C", "..", "--no-print-directory", "install", "DESTDIR="+dest, "PREFIX=/opt/gate", "BIN=bin")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make install: %v\n%s", err, out)
		}
	}
	install()
	for _, name := range installed {
		path := filepath.Join(dest, "opt/gate", name)
		if name[0] == '/' {
			path = filepath.Join(dest, name)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v; want it, and not empty", name, err)
		}
	}
	u := parseUnit(t, filepath.Join(dest, "opt/gate/lib/systemd/system/railgated.service"))
	for _, key := range []string{"Service.ExecStart", "Service.ExecStopPost"} {
		program, _, _ := strings.Cut(u.last(key), " ")
		if _, err := os.Stat(filepath.Join(dest, program)); err != nil || !strings.HasPrefix(program, "/opt/gate/bin/") {
			t.Errorf("%s names %s (%v); want what was put in place", key, program, err)
		}
	}
	mine := filepath.Join(dest, "etc/railgate/railgated.toml")
	if err := os.WriteFile(mine, []byte("# a technician's"), 0o640); err != nil {
		t.Fatal(err)
	}
	install()
	if data, err := os.ReadFile(mine); err != nil || string(data) != "# a technician's" {
		t.Errorf("configuration after a second make install: %q, %v; want it kept", data, err)
	}
}

// The daemon's manual has every flag that the daemon has.
func TestTheManualHasEveryFlag(t *testing.T) {
	manual, err := os.ReadFile("../docs/railgated.8")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../cmd/railgated/main.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(source)) {
		_, rest, ok := strings.Cut(line, "flags.")
		if !ok || !strings.Contains(rest, "Var(&o.") {
			continue
		}
		found++
		if name := strings.Split(rest, `"`)[1]; !strings.Contains(string(manual), `\-\-`+name) {
			t.Errorf("docs/railgated.8 has no --%s", name)
		}
	}
	if found < 4 {
		t.Errorf("found %d flags of railgated; want four and more", found)
	}
}

// Every picture is named in the text, is there, is whole, and says in words what it shows.
func TestTheInstallationHasItsPictures(t *testing.T) {
	text, err := os.ReadFile("../docs/installation.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`!\[[^\]]+\]\((installation/[a-z-]+\.svg)\)`).FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
	}
	drawn, err := filepath.Glob("../docs/installation/*.svg")
	if err != nil || len(drawn) < 5 || len(drawn) != len(named) {
		t.Errorf("%d pictures drawn, %d named, %v; want the same, and five at least", len(drawn), len(named), err)
	}
	for _, path := range drawn {
		if !named["installation/"+filepath.Base(path)] {
			t.Errorf("%s is in no text", path)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		title := ""
		dec := xml.NewDecoder(f)
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				break
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "title" {
				if err := dec.DecodeElement(&title, &e); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
		if len(title) < 30 {
			t.Errorf("%s: its title is %q; want what it shows", path, title)
		}
	}
}
