package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Devices are folders here: to mount one copies it, to unmount it copies it back, unless it was mounted read-only.
const (
	fakeMount = `#!/bin/sh
for last; do device=$folder; folder=$last; done
cp -R "$DEVICES/${device##*/}/." "$folder"
case "$*" in *" ro "*) ;; *) echo "$device" >"$folder.device" ;; esac
`
	fakeUmount = `#!/bin/sh
for folder; do
	[ -e "$folder.device" ] || continue
	device=$(cat "$folder.device")
	rm "$folder.device"
	cp -R "$folder/." "$DEVICES/${device##*/}"
done
`
)

// hookRun has RAUC's call made, of the script that a bundle has, for a slot's boot partition.
func hookRun(t *testing.T, devices, slot, device string) {
	t.Helper()
	bin := t.TempDir()
	for name, text := range map[string]string{"mount": fakeMount, "umount": fakeUmount, "sync": "#!/bin/sh\n"} {
		if err := write(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", repository+"/configs/image/bundle-hook", "slot-post-install")
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "DEVICES="+devices, "RAILGATE_RUN="+t.TempDir(), "RAUC_SLOT_NAME="+slot, "RAUC_SLOT_DEVICE=/dev/disk/by-partlabel/"+device)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the hook: %v\n%s", err, out)
	}
}

// A slot's boot partition is told which slot it is, and keeps this gate's own lines.
func TestBundleHook(t *testing.T) {
	for _, tt := range []struct{ slot, device, other, want string }{
		{"bootfs.0", "railgate-boot-a", "railgate-boot-b", "root=PARTLABEL=railgate-a rauc.slot=A\n"},
		{"bootfs.1", "railgate-boot-b", "railgate-boot-a", "root=PARTLABEL=railgate-b rauc.slot=B\n"},
	} {
		t.Run(tt.slot, func(t *testing.T) {
			devices := t.TempDir()
			for name, text := range map[string]string{
				tt.device + "/cmdline.txt": "root=PARTLABEL=railgate-@slot@ rauc.slot=@SLOT@\n", tt.device + "/user.txt": "# none\n", tt.device + "/vmlinuz": "@SLOT@",
				tt.other + "/cmdline.txt": "old", tt.other + "/user.txt": "gpio=17=op,dh\n",
			} {
				if err := write(filepath.Join(devices, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			hookRun(t, devices, tt.slot, tt.device)
			for name, want := range map[string]string{
				tt.device + "/cmdline.txt": tt.want, tt.device + "/user.txt": "gpio=17=op,dh\n", tt.device + "/vmlinuz": "@SLOT@", tt.other + "/cmdline.txt": "old",
			} {
				if got := readText(t, filepath.Join(devices, name)); got != want {
					t.Errorf("%s is %q; want %q", name, got, want)
				}
			}
		})
	}
}

// The hook and the image write the same words into the same files.
func TestHookKnowsEachBoardsFile(t *testing.T) {
	hook := readText(t, repository+"/configs/image/bundle-hook")
	eachBoard(t, func(t *testing.T, b *build) {
		if !strings.Contains(hook, " "+b.slotFile) {
			t.Errorf("the hook does not know %s", b.slotFile)
		}
		to := t.TempDir()
		if err := b.copyTree(filepath.Join(b.configs, b.name, "boot"), to); err != nil {
			t.Fatal(err)
		}
		if text := slotWords("B").Replace(readText(t, filepath.Join(to, b.slotFile))); !strings.Contains(text, "PARTLABEL=railgate-b ") || !strings.Contains(text, "rauc.slot=B ") || strings.Contains(text, "@") {
			t.Errorf("slot B is started with %q", text)
		}
	})
}
