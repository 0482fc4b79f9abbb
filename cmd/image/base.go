package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The packages are Debian's own, from where this machine's apt has them. What is documentation stays out, but licences.
const suite = "bookworm"

var dpkgOptions = []string{
	"path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/lintian/*",
	"path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
	"path-include=/usr/share/doc/railgate*", "path-include=/usr/share/man/man*/railgate*",
}

// makeBase makes the system without anything of ours, which takes minutes, and is kept for as long as its packages are the same.
func (b *build) makeBase() error {
	if err := os.MkdirAll(b.path(), 0o755); err != nil {
		return err
	}
	if err := os.Remove(b.path("log")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	packages, err := b.packages()
	if err != nil {
		return err
	}
	sources, err := sources()
	if err != nil {
		return err
	}
	args := []string{"--architectures=" + b.arch, "--variant=minbase", "--include=" + strings.Join(packages, ","), "--aptopt=APT::Install-Recommends \"false\""}
	for _, option := range dpkgOptions {
		args = append(args, "--dpkgopt="+option)
	}
	made := fingerprint(append(args, sources...)...)
	if kept, err := os.ReadFile(b.path("base")); err == nil && string(kept) == made {
		b.say("Debian's part is kept from before (%s; remove it for newer packages)", b.path("base.tar"))
		return nil
	}
	b.say("Debian's part: %d packages and what they depend on, for %s; this takes minutes", len(packages), b.arch)
	tar := b.path("base.tar")
	if err := b.run(nil, "mmdebstrap", append(append(args, suite, tar), sources...)...); err != nil {
		return err
	}
	return os.WriteFile(b.path("base"), []byte(made), 0o644)
}

// sources are the lines of sources.list(5) for the suite, at the mirrors that this machine's apt has.
func sources() (lines []string, err error) {
	mirrors, err := mirrors()
	if err != nil {
		return nil, err
	}
	for _, s := range []struct{ mirror, suite string }{{"debian", suite}, {"debian", suite + "-updates"}, {"debian-security", suite + "-security"}} {
		lines = append(lines, fmt.Sprintf("deb %s %s main non-free-firmware", mirrors[s.mirror], s.suite))
	}
	return lines, nil
}

// mirrors are where this machine's apt gets Debian from, and the public ones where it does not say.
func mirrors() (map[string]string, error) {
	found := map[string]string{"debian": "http://deb.debian.org/debian", "debian-security": "http://deb.debian.org/debian-security"}
	files, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		return nil, err
	}
	for _, file := range append(files, "/etc/apt/sources.list") {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // there may be none of this name
		}
		for word := range strings.FieldsSeq(string(data)) {
			url := strings.TrimRight(word, "/")
			if name := url[strings.LastIndex(url, "/")+1:]; strings.HasPrefix(url, "http") && found[name] != "" {
				found[name] = url
			}
		}
	}
	return found, nil
}

// fingerprint is short for some words.
func fingerprint(words ...string) string {
	return fmt.Sprintf("%x\n", sha256.Sum256([]byte(strings.Join(words, "\x00"))))
}
