package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// modulesList has a module's path and its parameters in a line, in the order in which they are loaded.
const modulesList = "/modules"

// boot is the first process of an initramfs: it mounts, loads modules, and either serves the tests
// itself or hands over to the system on the disk that the kernel's command line names (root=).
func boot() error {
	for _, m := range []struct{ kind, where string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"}, {"tracefs", "/sys/kernel/tracing"}, {"debugfs", "/sys/kernel/debug"},
	} {
		if err := mount(m.kind, m.where, m.kind, 0); err != nil {
			return err
		}
	}
	if err := os.Setenv("PATH", "/bin"); err != nil {
		return err
	}
	if err := loadModules(); err != nil {
		fmt.Println("hil:", err)
	}
	if disk := argument("data"); disk != "" {
		if err := mountDisk(disk, "/var/lib/railgate"); err != nil {
			return err
		}
	}
	if disk := argument("root"); disk != "" {
		return switchRoot(disk)
	}
	err := serve()
	fmt.Println("hil: the agent ended:", err)
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func mount(what, where, kind string, flags uintptr) error {
	if err := os.MkdirAll(where, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(what, where, kind, flags, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", where, err)
	}
	return nil
}

// argument is a value of the kernel's command line.
func argument(key string) string {
	line, _ := os.ReadFile("/proc/cmdline") // the kernel's own
	for _, word := range strings.Fields(string(line)) {
		if value, ok := strings.CutPrefix(word, key+"="); ok {
			return value
		}
	}
	return ""
}

func loadModules() error {
	list, err := os.Open(modulesList)
	if err != nil {
		return err
	}
	defer list.Close()
	var errs []error
	for lines := bufio.NewScanner(list); lines.Scan(); {
		path, parameters, _ := strings.Cut(lines.Text(), " ")
		if err := loadModule(path, parameters); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func loadModule(path, parameters string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), parameters, 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("module %s: %w", path, err)
	}
	return nil
}

// mountDisk mounts a disk that may still be on its way.
func mountDisk(disk, where string) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(disk); err == nil {
			return mount(disk, where, "ext4", unix.MS_NOATIME)
		} else if time.Now().After(end) {
			return err
		}
	}
}

// overlay is the folder whose files go onto the disk at each boot: the programs and units under test.
const overlay = "/overlay"

// switchRoot becomes the init of the system on a disk.
func switchRoot(disk string) error {
	if err := mountDisk(disk, "/root"); err != nil {
		return err
	}
	if err := lay(overlay, "/root"); err != nil {
		return err
	}
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug"} {
		unix.Unmount(dir, unix.MNT_DETACH) // systemd has its own idea
	}
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		if err := unix.Mount(dir, "/root"+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s: %w", dir, err)
		}
	}
	if err := errors.Join(os.Chdir("/root"), unix.Mount(".", "/", "", unix.MS_MOVE, ""), unix.Chroot("."), os.Chdir("/")); err != nil {
		return err
	}
	return unix.Exec("/sbin/init", []string{"/sbin/init"}, []string{"PATH=/usr/sbin:/usr/bin", "TERM=dumb"})
}

// lay copies a folder's files into another, over those that are there.
func lay(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, info.Mode().Perm()); err != nil {
			return err
		}
		return os.Chmod(target, info.Mode().Perm())
	})
}
