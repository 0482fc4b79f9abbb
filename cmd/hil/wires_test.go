package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// wires are what every board has: the kernel, the sockets of its pins and of QEMU's own control, and no
// instruction until connect says so.
func (m *machine) wires(home string) []string {
	m.t.Helper()
	kernels, err := filepath.Glob(filepath.Join(home, "kernel/boot/vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		m.t.Fatalf("kernels in %s: %v, %v; want one: remove the folder, and make hil again", home, kernels, err)
	}
	return []string{
		"-nodefaults", "-display", "none", "-S", "-kernel", kernels[0], "-initrd", m.path("initramfs"),
		"-qtest", "unix:" + m.path("pins") + ",server=on,wait=off", "-qtest-log", "none",
		"-qmp", "unix:" + m.path("monitor") + ",server=on,wait=off",
	}
}

// tree is a device tree, edited: TREE in an edit is the file's place.
func (m *machine) tree(from string, edits [][]string) string {
	m.t.Helper()
	if len(edits) == 0 {
		return from
	}
	data, err := os.ReadFile(from)
	if err != nil {
		m.t.Fatal(err)
	}
	tree := m.path("board.dtb")
	if err := os.WriteFile(tree, data, 0o600); err != nil {
		m.t.Fatal(err)
	}
	for _, edit := range edits {
		args := slices.Clone(edit)
		args[slices.Index(args, "TREE")] = tree
		if out, err := exec.Command("fdtput", args...).CombinedOutput(); err != nil {
			m.t.Fatalf("fdtput %s: %v\n%s", edit, err, out)
		}
	}
	return tree
}

// usbScanner is a scanner that can be plugged into a board's USB.
func (m *machine) usbScanner() []string {
	return []string{
		"-chardev", "socket,id=scanner,server=on,wait=off,path=" + m.path("scanner"),
		"-device", "usb-serial,chardev=scanner,id=scanner,serial=RG0001",
	}
}

func (m *machine) makeInitramfs(home string, s setup) {
	m.t.Helper()
	files, err := moduleFiles(home)
	if err != nil {
		m.t.Fatal(err)
	}
	parameters := map[string]string{}
	names := append([]string{}, standard...)
	for _, module := range s.modules {
		name, rest, _ := strings.Cut(module, " ")
		names = append(names, name)
		parameters[name] = rest
	}
	order, err := withNeeded(files, names...)
	if err != nil {
		m.t.Fatal(err)
	}
	f, err := os.Create(m.path("initramfs"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	a := newArchive(f)
	for _, dir := range []string{"proc", "sys", "dev", "tmp", "run", "root"} {
		a.dir(dir)
	}
	must := func(err error) {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	must(a.copy("init", filepath.Join(home, "bin/hil"), 0o755))
	list := new(bytes.Buffer)
	for _, name := range order {
		path := "/lib/modules/" + name + ".ko"
		must(a.copy(path, files[name], 0o644))
		fmt.Fprintln(list, path, parameters[name])
	}
	a.file(modulesList, 0o644, list.Bytes())
	for name, from := range s.files {
		must(a.copy(name, from, 0o755))
	}
	for name, from := range s.plain {
		must(a.copy(name, from, 0o644))
	}
	must(a.close())
}
