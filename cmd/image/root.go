package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func (b *build) root(elem ...string) string {
	return b.path(append([]string{"root"}, elem...)...)
}

// makeRoot makes the folder of the whole system: Debian's part, our package, configs/image.
func (b *build) makeRoot() error {
	b.say("the system: railgate %s on it", b.version)
	if err := os.RemoveAll(b.root()); err != nil {
		return err
	}
	for _, dir := range []string{"data", "var/lib/railgate", "var/lib/railgate-mark", "var/lib/railgate-update", "boot/railgate"} {
		if err := os.MkdirAll(b.root(dir), 0o755); err != nil {
			return err
		}
	}
	if err := b.run(nil, "tar", "-xf", b.path("base.tar"), "-C", b.root(), "--exclude=./dev/*"); err != nil {
		return err
	}
	for _, step := range []func() error{b.installDebs, b.fillRoot, b.enableUnits, b.installKernel, b.tidyRoot} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// installDebs installs our package, as apt would: its scripts run.
func (b *build) installDebs() error {
	name := fmt.Sprintf("railgate_%s-1_%s.deb", b.version, b.arch)
	data, err := os.ReadFile(filepath.Join(b.debs, name))
	if err != nil {
		return fmt.Errorf("%w: make deb ARCHS=%s makes it", err, b.arch)
	}
	if err := write(b.root("tmp", name), data, 0o644); err != nil {
		return err
	}
	return b.chroot("dpkg", "-i", "/tmp/"+name)
}

func (b *build) chroot(args ...string) error {
	return b.run([]string{"DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "chroot", append([]string{b.root()}, args...)...)
}

// fillRoot puts the files of configs/image where they go, and what is told from the board and the version.
func (b *build) fillRoot() error {
	trees := []string{"root"}
	for _, folder := range b.folders() {
		trees = append(trees, filepath.Join(folder, "root"))
	}
	for _, from := range trees {
		if err := b.copyTree(filepath.Join(b.configs, from), b.root()); err != nil {
			return err
		}
	}
	release, err := os.ReadFile(b.root("usr/lib/os-release"))
	if err != nil {
		return err
	}
	release = fmt.Appendf(release, "IMAGE_ID=railgate\nIMAGE_VERSION=%s\nVARIANT_ID=%s\n", b.version, b.name)
	if err := write(b.root("usr/lib/os-release"), release, 0o644); err != nil {
		return err
	}
	keyring, err := os.ReadFile(b.keyring)
	if err != nil {
		return err
	}
	return write(b.root("etc/rauc/keyring.pem"), keyring, 0o644)
}

// copyTree copies a folder's files, if there is one, over those that are there, and writes the board's words into them. A script stays one.
func (b *build) copyTree(from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return nil
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return write(filepath.Join(to, strings.TrimPrefix(path, from)), []byte(b.words().Replace(string(data))), mode)
	})
}

func (b *build) words() *strings.Replacer {
	return strings.NewReplacer("@BOARD@", b.name, "@BOOTLOADER@", b.bootloader, "@VERSION@", b.version)
}

// installKernel takes the kernel's package apart: its modules are the system's, the kernel itself is in the slot's boot partition.
func (b *build) installKernel() error {
	from, err := b.fetchKernel()
	if err != nil {
		return err
	}
	if err := b.run(nil, "cp", "-a", filepath.Join(from, "lib/modules"), b.root("usr/lib/")); err != nil {
		return err
	}
	version, err := b.kernelVersion()
	if err != nil {
		return err
	}
	if err := b.run(nil, "depmod", "-b", b.root(), version); err != nil {
		return err
	}
	if err := os.RemoveAll(b.boot()); err != nil {
		return err
	}
	kernel, err := os.ReadFile(filepath.Join(from, "boot/vmlinuz-"+version))
	if err != nil {
		return err
	}
	if err := write(b.boot("vmlinuz"), kernel, 0o644); err != nil {
		return err
	}
	return b.makeInitrd()
}

// Units that an image starts, beside Debian's own, and those that it does not.
var (
	started = []string{"railgated.service", "railgate-trial.service", "railgate-update.path", "railgate-grow.service", "railgate-ssh.service", "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service"}
	stopped = []string{"ssh.service", "ssh.socket", "systemd-networkd-wait-online.service", "e2scrub_reap.service", "e2scrub_all.timer", "fstrim.timer",
		"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"}
	// Nobody has a password, so a login prompt is of no use: it would only hear a scanner that is a keyboard, while railgated is stopped.
	masked = []string{"getty@tty1.service", "autovt@.service", "systemd-firstboot.service", "systemd-repart.service", "systemd-hwdb-update.service", "ldconfig.service", "systemd-update-done.service"}
)

func (b *build) enableUnits() error {
	on := started
	target := "multi-user.target"
	if b.kiosk {
		on, target = append([]string{"railgate-kiosk.service"}, on...), "railgate.target"
	}
	for _, args := range [][]string{
		append([]string{"enable"}, on...), append([]string{"disable"}, stopped...), append([]string{"mask"}, masked...), {"set-default", target},
	} {
		if err := b.chroot(append([]string{"systemctl", "--quiet"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// What packages leave behind that is one machine's, or of no use on a system that is not written to.
var leftovers = []string{
	"etc/ssh/ssh_host_*", "etc/resolv.conf", "etc/*-", "etc/hostname.*", "etc/apt/apt.conf.d/*", "tmp/*", "var/tmp/*", "run/*", "var/log/*", "var/cache/*/*", "var/lib/apt/lists/*",
	"var/lib/dpkg/*-old", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "var/cache/ldconfig/*",
}

func (b *build) tidyRoot() error {
	for _, pattern := range leftovers {
		found, err := filepath.Glob(b.root(pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	if err := os.Symlink("../run/systemd/resolve/stub-resolv.conf", b.root("etc/resolv.conf")); err != nil {
		return err
	}
	// Empty, and not missing: systemd makes an identity then, and does not take this for a first boot, at which it would
	// enable all units. The other file says that /etc belongs to this /usr.
	for _, name := range []string{"etc/machine-id", "etc/.updated"} {
		if err := write(b.root(name), nil, 0o444); err != nil {
			return err
		}
	}
	return nil
}
