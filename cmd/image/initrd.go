package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// applets are the programs of configs/image/initramfs/init, which are all busybox.
var applets = []string{"sh", "mount", "reboot", "grep", "cat", "find", "sort", "xargs", "modprobe", "sleep", "mkdir", "switch_root"}

// makeInitrd makes what the kernel starts with: init, busybox, what repairs file systems, and the drivers of disks. It is made here and not by Debian's
// initramfs-tools, which takes a quarter of an hour where another architecture is emulated, and finds disks by a
// label of partitions only with all of udev.
func (b *build) makeInitrd() error {
	b.say("the initramfs")
	dir := b.path("initrd")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, name := range []string{"dev", "proc", "sys", "run", "root", "bin", "sbin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range applets {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	// The kernel itself calls it, by this path.
	if err := os.Symlink("../bin/busybox", filepath.Join(dir, "sbin/modprobe")); err != nil {
		return err
	}
	programs := map[string]string{"bin/busybox": "usr/bin/busybox", "sbin/e2fsck": "usr/sbin/e2fsck", "sbin/fsck.fat": "usr/sbin/fsck.fat"}
	for to, from := range programs {
		if err := b.copyProgram(filepath.Join(dir, to), from, dir); err != nil {
			return err
		}
	}
	init, err := os.ReadFile(filepath.Join(b.configs, "initramfs/init"))
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "init"), init, 0o755); err != nil {
		return err
	}
	if err := b.copyModules(dir); err != nil {
		return err
	}
	return b.packInitrd(dir)
}

// copyProgram copies a program of the system, and the libraries that it is linked with.
func (b *build) copyProgram(to, from, dir string) error {
	data, err := os.ReadFile(b.root(from))
	if err != nil {
		return err
	}
	if err := write(to, data, 0o755); err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return err
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := readAll(p)
			if err != nil {
				return err
			}
			// The loader has its own place, which is in the program.
			loader := strings.Trim(name, "\x00")
			if _, err := os.Stat(filepath.Join(dir, loader)); err != nil {
				if err := b.copyProgram(filepath.Join(dir, loader), filepath.Join("usr/lib", b.triplet, filepath.Base(loader)), dir); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range needed {
		if strings.HasPrefix(name, "ld-linux") {
			continue
		}
		to := filepath.Join(dir, "lib", b.triplet, name)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		if err := b.copyProgram(to, filepath.Join("usr/lib", b.triplet, name), dir); err != nil {
			return err
		}
	}
	return nil
}

func readAll(p *elf.Prog) (string, error) {
	data := make([]byte, p.Filesz)
	_, err := p.ReadAt(data, 0)
	return string(data), err
}

// copyModules copies the kernel's modules that configs/image/initramfs/modules names, and those that they need.
func (b *build) copyModules(dir string) error {
	names, err := readList(filepath.Join(b.configs, "initramfs/modules"))
	if err != nil {
		return err
	}
	version, err := b.kernelVersion()
	if err != nil {
		return err
	}
	from := b.root("usr/lib/modules", version)
	order, err := moduleOrder(from, names)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, "lib/modules", version)
	for _, name := range append(order, "modules.builtin", "modules.order", "modules.builtin.modinfo") {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(to, name), data, 0o644); err != nil {
			return err
		}
	}
	return b.run(nil, "depmod", "-b", dir, version)
}

// moduleOrder lists the modules in some folders, or by their files' names, with those that they need (modules.dep).
func moduleOrder(from string, names []string) (paths []string, err error) {
	deps, err := os.ReadFile(filepath.Join(from, "modules.dep"))
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for line := range strings.Lines(string(deps)) {
		path, needs, _ := strings.Cut(strings.TrimSpace(line), ":")
		if !slices.ContainsFunc(names, func(n string) bool { return path == "kernel/"+n || strings.HasPrefix(path, "kernel/"+n+"/") }) {
			continue
		}
		for _, p := range append(strings.Fields(needs), path) {
			wanted[p] = true
		}
	}
	for p := range wanted {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	if len(paths) == 0 {
		err = fmt.Errorf("%s has none of the modules that are wanted", from)
	}
	return paths, err
}

func (b *build) kernelVersion() (string, error) {
	found, err := filepath.Glob(b.root("usr/lib/modules/*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%d folders of modules, %v; want one kernel's", len(found), err)
	}
	return filepath.Base(found[0]), nil
}

// packInitrd packs the folder, in the order of names and with one time, so that two builds give equal files.
func (b *build) packInitrd(dir string) error {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := b.run(nil, "touch", "-hd", fmt.Sprintf("@%d", b.epoch.Unix()), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	list := strings.NewReader(strings.Join(names, "\n") + "\n")
	archive := b.path("initrd.cpio")
	if err := b.runInput(list, nil, "cpio", "--quiet", "--reproducible", "-o", "-H", "newc", "-R", "0:0", "-D", dir, "-O", archive); err != nil {
		return err
	}
	return b.run(nil, "zstd", "-q", "-f", "-12", "-T1", "--rm", archive, "-o", b.boot("initrd.img"))
}
