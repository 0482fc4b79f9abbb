package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeApt has packages once it was told to learn which there are, as apt has; fakeDpkg unpacks one into a file of its name, and says what it is.
const (
	fakeApt = `#!/bin/sh
for word; do case $word in Dir::State=*) state=${word#*=} ;; esac; done
case "$*" in
*" update") [ -s "$state/sources.list" ] && touch "$state/lists/known" ;;
*" download "*) [ -e "$state/lists/known" ] || { echo "E: Unable to locate package" >&2; exit 100; }; for last; do :; done; touch "$last.deb" ;;
esac
`
	fakeDpkg = `#!/bin/sh
case $1 in
-x) mkdir -p "$3" && echo unpacked >"$3/$(basename "$2" .deb)" ;;
*) printf 'Package: %s\nVersion: 1\nArchitecture: arm64\n' "$(basename "$2" .deb)" ;;
esac
`
)

// A board that is given its kernel has apt learn of the packages too, and so gets its firmware.
func TestFirmwareBesideAKernelThatIsGiven(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{"apt-get": fakeApt, "dpkg-deb": fakeDpkg} {
		if err := write(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	b := newBuild(t, "raspberry-pi-tryboot")
	if err := os.MkdirAll(b.path(), 0o755); err != nil {
		t.Fatal(err)
	}
	b.kernel = filepath.Join(bin, "kernel.deb")
	for name, fetch := range map[string]func() (string, error){
		"kernel": b.fetchKernel, "raspi-firmware": func() (string, error) { return b.fetch("firmware", b.firmware...) },
	} {
		from, err := fetch()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := readText(t, filepath.Join(from, name)); strings.TrimSpace(got) != "unpacked" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
