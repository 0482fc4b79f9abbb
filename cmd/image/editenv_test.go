package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Like GRUB's own program, this empties the file before it writes it; the power may be cut then. A set adds lines.
const fakeEditenv = `#!/bin/sh
file=$1 do=$2
shift 2
case $do in
list) grep -q "^# GRUB Environment Block" "$file" && grep = "$file" ;;
create) printf '# GRUB Environment Block\n%0999d' 0 | tr 0 '#' >"$file" ;;
set)
	old=$(grep -v '^##' "$file")
	: >"$file"
	[ -z "${CUT:-}" ] || exit 1
	{ echo "$old"; for pair; do echo "$pair"; done; } | { cat; printf '%01024d' 0 | tr 0 '#'; } | head -c 1024 >"$file" ;;
esac
`

// editenv runs the program that RAUC calls on a PC.
func editenv(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	real := filepath.Join(t.TempDir(), "grub-editenv")
	if err := write(real, []byte(fakeEditenv), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{repository + "/configs/image/pc/root/usr/local/bin/grub-editenv"}, args...)...)
	cmd.Env = append(append(os.Environ(), "GRUB_EDITENV="+real, "RAILGATE_RUN="+t.TempDir()), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// GRUB's choice of a slot is never an empty file, whenever the power is cut; one that is damaged is made again.
func TestMarksOutliveACut(t *testing.T) {
	whole := string(grubEnv("ORDER=A B", "A_OK=1", "A_TRY=1"))
	for _, tt := range []struct {
		name, before string
		env          []string
		want         string
	}{
		{"a mark", whole, nil, "ORDER=A B\nA_OK=1\nA_TRY=1\nA_TRY=0\n#"},
		{"cut while it is made", whole, []string{"CUT=1"}, "ORDER=A B\nA_OK=1\nA_TRY=1\n#"},
		{"a mark in an empty file", "", nil, "A_TRY=0\n#"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "grubenv")
			if err := write(file, []byte(tt.before), 0o644); err != nil {
				t.Fatal(err)
			}
			held, err := os.Open(file) // the file itself, whatever takes its name
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			if out, err := editenv(t, tt.env, file, "set", "A_TRY=0"); (err != nil) != (tt.env != nil) {
				t.Fatalf("%v: %s", err, out)
			}
			got := make([]byte, 1024)
			if n, err := held.Read(got); err != nil || n != len(got) || !strings.HasPrefix(string(got), "# GRUB Environment Block\n"+tt.want) {
				t.Errorf("GRUB has %d bytes, %v: %.80q; want %q", n, err, got, tt.want)
			}
			if out, err := editenv(t, nil, file, "list"); err != nil || !strings.Contains(out, "A_TRY=") {
				t.Errorf("list: %v, %q", err, out)
			}
		})
	}
}
