package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"railgate/store/update"
)

// The units name the files and commands that the tool has.
func TestTheUnitsOfAnUpdate(t *testing.T) {
	mark := filepath.Join(update.Folder, update.MarkName)
	for name, lines := range map[string][]string{
		"railgate-update.path":          {"PathExists=" + wishFile},
		"railgate-update.service":       {"ExecStart=/usr/bin/railgate update-staged", "StateDirectory=" + filepath.Base(update.Folder)},
		"railgate-trial.service":        {"RuntimeMaxSec=30min", "After=railgated.service dbus.socket", "WantedBy=multi-user.target", "ExecStart=/usr/bin/railgate update-boot", "OnFailure=railgate-trial-failed.service", "StateDirectory=" + filepath.Base(update.Folder)},
		"railgate-trial-failed.service": {"ConditionPathExists=" + mark, "ExecStart=/bin/rm " + mark, "ExecStart=/bin/sync " + update.Folder, "SuccessAction=reboot"},
	} {
		data, err := os.ReadFile("../../systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains("\n"+string(data), "\n"+line+"\n") {
				t.Errorf("%s lacks %s", name, line)
			}
		}
	}
	for _, name := range []string{"update-boot", "update-staged"} {
		if c, _, err := newRoot().Find([]string{name}); err != nil || c.Name() != name {
			t.Errorf("railgate %s: %v", name, err)
		}
	}
}

// What ends a trial that could not be held goes by the mark: it does nothing in the slot from before, whose own tool failed. A mark of an older release
// names no slot.
func TestTheEndOfATrialGoesByItsSlot(t *testing.T) {
	data, err := os.ReadFile("../../systemd/railgate-trial-failed.service")
	if err != nil {
		t.Fatal(err)
	}
	_, first, _ := strings.Cut(string(data), "\nExecStart=/bin/sh -c '")
	script, after, _ := strings.Cut(first, "'\n")
	if !strings.HasPrefix(after, "ExecStart=/bin/rm ") {
		t.Fatalf("%q is not asked before the mark is taken away", script)
	}
	for _, tt := range []struct {
		mark, cmdline string
		ends          bool
	}{
		{"1.5.0\nslot=B\n", "root=PARTLABEL=railgate-b ro rauc.slot=B quiet\n", true},
		{"1.5.0\nslot=B\n", "root=PARTLABEL=railgate-a ro rauc.slot=A quiet\n", false},
		{"1.5.0\nslot=A\n", "quiet rauc.slot=A\n", true},
		{"1.5.0\nslot=A\n", "quiet rauc.slot=AB\n", false},
		{"1.5.0\n", "ro rauc.slot=B quiet\n", true},
	} {
		dir := t.TempDir()
		mark, cmdline := filepath.Join(dir, "mark"), filepath.Join(dir, "cmdline")
		if err := errors.Join(os.WriteFile(mark, []byte(tt.mark), 0o600), os.WriteFile(cmdline, []byte(tt.cmdline), 0o600)); err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("$$", "$", filepath.Join(update.Folder, update.MarkName), mark, "/proc/cmdline", cmdline).Replace(script)
		out, err := exec.Command("/bin/sh", "-c", text).CombinedOutput()
		if (err == nil) != tt.ends {
			t.Errorf("mark %q, kernel's %q: %v, %s; want the trial ended: %v", tt.mark, tt.cmdline, err, out, tt.ends)
		}
	}
}
