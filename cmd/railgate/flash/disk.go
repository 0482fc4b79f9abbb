// Package flash writes an image of a gate to a disk: it lists the disks of this machine,
// checks an image, writes it, reads it back, and puts the gate's provisioning file into it.
package flash

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Disk is a disk of this machine.
type Disk struct {
	Path       string      `json:"path"` // as /dev/sdb
	Size       int64       `json:"size"` // bytes
	Model      string      `json:"model,omitempty"`
	Transport  string      `json:"transport,omitempty"` // usb, mmc; empty: another
	Removable  bool        `json:"removable"`
	ReadOnly   bool        `json:"read_only,omitempty"`
	Partitions []Partition `json:"partitions,omitempty"`
	// Why says why it is not written: it is in use, or it is the system's. Empty: it may be.
	Why string `json:"why,omitempty"`
}

// A Partition is a part of a disk that is lost when the disk is written.
type Partition struct {
	Path  string `json:"path"`
	Size  int64  `json:"size"`
	Label string `json:"label,omitempty"`
}

// A Host is where a machine tells about its disks: folders like /sys, /proc and /dev.
type Host struct{ Sys, Proc, Dev string }

// ThisHost is the machine that the program runs on.
func ThisHost() Host { return Host{Sys: "/sys", Proc: "/proc", Dev: "/dev"} }

// virtual are the block devices that are no disks.
var virtual = []string{"loop", "ram", "zram", "dm-", "md", "sr", "nbd", "fd"}

// Disks lists the disks, the removable ones first.
func (h Host) Disks() ([]Disk, error) {
	entries, err := os.ReadDir(filepath.Join(h.Sys, "block"))
	if err != nil {
		return nil, fmt.Errorf("listing the disks: %w", err)
	}
	used, err := h.used()
	if err != nil {
		return nil, fmt.Errorf("listing what is mounted: %w", err)
	}
	var disks []Disk
	for _, e := range entries {
		if slices.ContainsFunc(virtual, func(p string) bool { return strings.HasPrefix(e.Name(), p) }) {
			continue
		}
		if d := h.disk(e.Name(), used); d.Size > 0 {
			disks = append(disks, d)
		}
	}
	slices.SortStableFunc(disks, func(a, b Disk) int { return order(a) - order(b) })
	return disks, nil
}

func order(d Disk) int {
	switch {
	case d.Removable && d.Why == "":
		return 0
	case d.Removable:
		return 1
	}
	return 2
}

// disk is what the machine says about one disk.
func (h Host) disk(name string, used map[string]string) Disk {
	dir := filepath.Join(h.Sys, "block", name)
	d := Disk{
		Path:     h.device(name),
		Size:     512 * number(filepath.Join(dir, "size")), // in sectors of 512 bytes, whatever the disk's are
		Model:    strings.TrimSpace(word(filepath.Join(dir, "device/vendor")) + " " + word(filepath.Join(dir, "device/model")) + word(filepath.Join(dir, "device/name"))),
		ReadOnly: number(filepath.Join(dir, "ro")) == 1,
	}
	resolved, err := filepath.EvalSymlinks(dir)
	switch {
	case err == nil && strings.Contains(resolved, "/usb"):
		d.Transport = "usb"
	case word(filepath.Join(dir, "device/type")) == "SD":
		d.Transport = "mmc"
	}
	d.Removable = d.Transport != "" || number(filepath.Join(dir, "removable")) == 1
	labels := h.labels()
	for _, p := range h.partitions(dir) {
		d.Partitions = append(d.Partitions, Partition{Path: h.device(p), Size: 512 * number(filepath.Join(dir, p, "size")), Label: labels[h.device(p)]})
	}
	d.Why = h.why(dir, used)
	return d
}

// why says what a disk, a part of it, or what is made of it is used for.
func (h Host) why(dir string, used map[string]string) string {
	for _, at := range h.family(dir, 0) {
		if use := used[word(filepath.Join(at, "dev"))]; use != "" {
			return use
		}
		if use := used[h.device(filepath.Base(at))]; use != "" {
			return use
		}
	}
	return ""
}

// family are the folders of a device, of its partitions, and of what is made of them, as an
// encrypted disk or a logical volume.
func (h Host) family(dir string, depth int) []string {
	all := []string{dir}
	for _, p := range h.partitions(dir) {
		all = append(all, h.holders(filepath.Join(dir, p), depth)...)
	}
	return append(all, h.holders(dir, depth)[1:]...)
}

func (h Host) holders(dir string, depth int) []string {
	all := []string{dir}
	entries, err := os.ReadDir(filepath.Join(dir, "holders"))
	if err != nil || depth > 8 {
		return all
	}
	for _, e := range entries {
		all = append(all, h.family(filepath.Join(h.Sys, "block", e.Name()), depth+1)...)
	}
	return all
}

func (h Host) partitions(dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "partition")); err == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// used says what devices are used for, by number ("8:1") and by name ("/dev/sda1").
func (h Host) used() (map[string]string, error) {
	used := make(map[string]string)
	err := lines(filepath.Join(h.Proc, "self/mountinfo"), func(f []string) {
		dash := slices.Index(f, "-") // proc_pid_mountinfo(5): the optional fields end there
		if len(f) < 5 || dash < 0 || len(f) < dash+3 {
			return
		}
		for _, name := range []string{f[2], unescape(f[dash+2])} {
			if use := mountUse(unescape(f[4])); used[name] == "" || strings.HasPrefix(use, "the system") {
				used[name] = use
			}
		}
	})
	if err != nil {
		return nil, err
	}
	err = lines(filepath.Join(h.Proc, "swaps"), func(f []string) {
		if len(f) > 0 && strings.HasPrefix(f[0], "/") {
			used[unescape(f[0])] = "the system's: it swaps there"
		}
	})
	if os.IsNotExist(err) { // a kernel without swap
		err = nil
	}
	return used, err
}

// mountUse is what a disk is used for that is mounted somewhere.
func mountUse(at string) string {
	for _, dir := range []string{"/boot", "/usr", "/var", "/home", "/etc", "/opt", "/srv"} {
		if at == "/" || at == dir || strings.HasPrefix(at, dir+"/") {
			return "the system's: mounted at " + at
		}
	}
	return "mounted at " + at + "; unmount it first"
}

// labels are the labels of file systems, by device.
func (h Host) labels() map[string]string {
	labels := make(map[string]string)
	dir := filepath.Join(h.Dev, "disk/by-label")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return labels
	}
	for _, e := range entries {
		if to, err := filepath.EvalSymlinks(filepath.Join(dir, e.Name())); err == nil {
			labels[to] = unescape(e.Name())
		}
	}
	return labels
}

// device is a block device's path; a ! in its name is a folder.
func (h Host) device(name string) string {
	return filepath.Join(h.Dev, strings.ReplaceAll(name, "!", "/"))
}

// Name is the kernel's own path for a block device, whatever link or other node leads to it: what is refused by one
// name must not be taken by another. What is no block device keeps its path, but for links.
func (h Host) Name(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return path
	}
	at, err := filepath.EvalSymlinks(filepath.Join(h.Sys, "dev/block", fmt.Sprintf("%d:%d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))))
	if err != nil {
		return path
	}
	return h.device(filepath.Base(at))
}

// Made says that a device, by the kernel's name, is made of others: a logical volume, an encrypted disk, an array.
func (h Host) Made(name string) bool {
	base := filepath.Base(name)
	return filepath.Dir(name) == filepath.Clean(h.Dev) && (strings.HasPrefix(base, "dm-") || strings.HasPrefix(base, "md"))
}

// Find is the disk at a path, which may be a link as in /dev/disk/by-id.
func Find(disks []Disk, path string) (Disk, bool) {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	i := slices.IndexFunc(disks, func(d Disk) bool { return d.Path == path })
	if i < 0 {
		return Disk{}, false
	}
	return disks[i], true
}

func lines(path string, each func(fields []string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		each(strings.Fields(s.Text()))
	}
	return s.Err()
}

// unescape undoes \040 of the kernel and \x20 of udev.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			digits, base := s[i+1:i+4], 8
			if digits[0] == 'x' {
				digits, base = digits[1:], 16
			}
			if n, err := strconv.ParseUint(digits, base, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func word(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func number(path string) int64 {
	n, err := strconv.ParseInt(word(path), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
