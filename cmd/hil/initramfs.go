package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An archive writes an initramfs in the "newc" format (the kernel's Documentation, driver-api,
// early-userspace, buffer-format): for each file a header of hexadecimal numbers, the name, the
// content, each padded to four bytes.
type archive struct {
	w     io.Writer
	n     int // bytes written
	inode int
	dirs  map[string]bool
	err   error
}

func newArchive(w io.Writer) *archive {
	return &archive{w: w, dirs: map[string]bool{".": true, "/": true}}
}

const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

func (a *archive) write(b []byte) {
	if a.err != nil {
		return
	}
	n, err := a.w.Write(b)
	a.n, a.err = a.n+n, err
}

func (a *archive) pad() {
	if over := a.n % 4; over != 0 {
		a.write(make([]byte, 4-over))
	}
}

func (a *archive) entry(name string, mode uint32, data []byte) {
	a.inode++
	a.write(fmt.Appendf(nil, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name))
	a.pad()
	a.write(data)
	a.pad()
}

func (a *archive) dir(name string) {
	if a.dirs[name] {
		return
	}
	a.dir(path.Dir(name))
	a.dirs[name] = true
	a.entry(name, modeDir|0o755, nil)
}

// file adds a file, and the folders that it is in.
func (a *archive) file(name string, perm uint32, data []byte) {
	name = strings.TrimPrefix(path.Clean(name), "/")
	a.dir(path.Dir(name))
	a.entry(name, modeFile|perm, data)
}

// copy adds a file of this machine's.
func (a *archive) copy(name, from string, perm uint32) error {
	data, err := os.ReadFile(from)
	if err == nil {
		a.file(name, perm, data)
	}
	return err
}

func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil)
	return a.err
}

// moduleFiles finds the kernel's modules under a folder, by their names (with "_" for "-").
func moduleFiles(root string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, ok := strings.CutSuffix(d.Name(), ".ko"); ok {
			found[strings.ReplaceAll(name, "-", "_")] = path
		}
		return nil
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no module (.ko) under %s", root)
	}
	return found, err
}

// withNeeded lists modules, each behind those that it needs, none twice. A name that has no file is
// built into the kernel, if nobody asked for it by name.
func withNeeded(files map[string]string, names ...string) (order []string, err error) {
	var add func(name string) error
	add = func(name string) error {
		if slices.Contains(order, name) {
			return nil
		}
		needed, err := needs(files[name])
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, n := range needed {
			if files[n] != "" {
				if err := add(n); err != nil {
					return err
				}
			}
		}
		order = append(order, name)
		return nil
	}
	for _, name := range names {
		if files[name] == "" {
			return nil, fmt.Errorf("module %s: %w", name, fs.ErrNotExist)
		}
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// needs reads from a module which others it needs.
func needs(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("has no .modinfo")
	}
	data, err := section.Data()
	if err != nil {
		return nil, err
	}
	for item := range strings.SplitSeq(string(data), "\x00") {
		if list, ok := strings.CutPrefix(item, "depends="); ok && list != "" {
			return strings.Split(strings.ReplaceAll(list, "-", "_"), ","), nil
		}
	}
	return nil, nil
}
