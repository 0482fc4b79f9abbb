package main

import (
	"os"
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
		"railgate-trial.service":        {"WantedBy=multi-user.target", "ExecStart=/usr/bin/railgate update-boot", "OnFailure=railgate-trial-failed.service", "StateDirectory=" + filepath.Base(update.Folder)},
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
