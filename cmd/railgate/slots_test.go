package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"railgate/driver/slots"
)

// RAUC calls the program by its link's name, and reads the first line of what it prints.
func TestTheProgramIsRaucsBackend(t *testing.T) {
	t.Parallel()
	if !isSlots("/usr/lib/railgate/slots") || isSlots("/usr/bin/railgate") {
		t.Error("the backend's name is not told from the tool's")
	}
	boot := &slots.Tryboot{Path: filepath.Join(t.TempDir(), "autoboot.txt")}
	for _, tt := range []struct {
		args   string
		status int
		out    string
		err    string
	}{
		{"get-primary", 1, "", "no such file"},
		{"init", 0, "", ""},
		{"get-primary", 0, "A\n", ""},
		{"set-primary B", 0, "", ""},
		{"get-primary", 0, "B\n", ""},
		{"get-state B", 0, "good\n", ""},
		{"set-state B good", 1, "", "which partition was started"},
		{"sing", 64, "", "want get-primary"},
	} {
		var out, errOut bytes.Buffer
		status := runSlots(boot, strings.Fields(tt.args), &out, &errOut)
		if status != tt.status || out.String() != tt.out || !strings.Contains(errOut.String(), tt.err) || (tt.err == "") != (errOut.Len() == 0) {
			t.Errorf("slots %s: %d, %q, %q; want %d, %q, %q", tt.args, status, out.String(), errOut.String(), tt.status, tt.out, tt.err)
		}
	}
	var errOut bytes.Buffer
	if status := runSlots(nil, []string{"get-primary"}, &errOut, &errOut); status != 1 || !strings.Contains(errOut.String(), "autoboot.txt") {
		t.Errorf("on another machine: %d, %q", status, errOut.String())
	}
}
