package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// fetch unpacks Debian packages of the board's architecture into a folder of this name, and installs none. They are kept until the folder is removed.
func (b *build) fetch(name string, packages ...string) (into string, err error) {
	into = b.path(name)
	list := strings.Join(packages, " ")
	if kept, err := os.ReadFile(filepath.Join(into, "ready")); err == nil && string(kept) == list && isNoted(into) {
		return into, nil
	}
	b.say("fetching %s", list)
	if err := os.RemoveAll(into); err != nil {
		return "", err
	}
	debs := filepath.Join(into, "debs")
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return "", err
	}
	if err := b.aptLists(); err != nil {
		return "", err
	}
	if err := b.apt(debs, "apt-get", append([]string{"download"}, packages...)...); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return "", err
	}
	for _, deb := range found {
		if err := b.run(nil, "dpkg-deb", "-x", deb, into); err != nil {
			return "", err
		}
	}
	if err := errors.Join(noteDebians(into, found...), os.RemoveAll(debs)); err != nil {
		return "", err
	}
	return into, write(filepath.Join(into, "ready"), []byte(list), 0o644)
}

var newestKernel = regexp.MustCompile(`(?m)^ *Depends: (linux-image-[0-9]\S*)$`)

// fetchKernel is the kernel that was given, or Debian's newest for the suite.
func (b *build) fetchKernel() (string, error) {
	if b.kernel != "" {
		if err := os.RemoveAll(b.path("kernel")); err != nil {
			return "", err
		}
		return b.path("kernel"), errors.Join(b.run(nil, "dpkg-deb", "-x", b.kernel, b.path("kernel")), noteDebians(b.path("kernel"), b.kernel))
	}
	if _, err := os.Stat(b.path("kernel", "ready")); err == nil && isNoted(b.path("kernel")) {
		return b.path("kernel"), nil
	}
	if err := b.aptLists(); err != nil {
		return "", err
	}
	out, err := exec.Command("apt-cache", append(b.aptOptions(), "depends", "linux-image-"+b.arch)...).Output()
	if err != nil {
		return "", fmt.Errorf("apt-cache: %w", err)
	}
	m := newestKernel.FindSubmatch(bytes.TrimSpace(out))
	if m == nil {
		return "", fmt.Errorf("linux-image-%s depends on no kernel:\n%s", b.arch, out)
	}
	return b.fetch("kernel", string(m[1]))
}

// aptLists has apt learn once which packages there are.
func (b *build) aptLists() error {
	if b.listed {
		return nil
	}
	if err := b.aptState(); err != nil {
		return err
	}
	if err := b.apt(".", "apt-get", "update"); err != nil {
		return err
	}
	b.listed = true
	return nil
}

// aptState makes the state of an apt for another architecture, at this machine's mirrors.
func (b *build) aptState() error {
	for _, dir := range []string{"lists/partial", "cache/archives/partial", "none"} {
		if err := os.MkdirAll(b.path("apt", dir), 0o755); err != nil {
			return err
		}
	}
	lines, err := sources()
	if err != nil {
		return err
	}
	if err := write(b.path("apt", "sources.list"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return write(b.path("apt", "status"), nil, 0o644)
}

func (b *build) aptOptions() []string {
	state, err := filepath.Abs(b.path("apt"))
	if err != nil {
		state = b.path("apt") // there is no working folder: apt says so
	}
	options := []string{"-qq"}
	for _, o := range []string{
		"APT::Architecture=" + b.arch, "APT::Architectures=" + b.arch, "Dir::State=" + state, "Dir::State::status=" + state + "/status",
		"Dir::State::lists=" + state + "/lists", "Dir::Cache=" + state + "/cache", "Dir::Etc::sourcelist=" + state + "/sources.list", "Dir::Etc::sourceparts=" + state + "/none",
		"Acquire::Languages=none", "APT::Sandbox::User=",
	} {
		options = append(options, "-o", o)
	}
	return options
}

// apt runs one of its programs in a folder.
func (b *build) apt(in, program string, args ...string) error {
	return b.run(nil, "env", append(append([]string{"-C", in, program}, b.aptOptions()...), args...)...)
}
