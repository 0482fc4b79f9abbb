package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// boot is a file of a slot's boot partition.
func (b *build) boot(elem ...string) string {
	return b.path(append([]string{"boot"}, elem...)...)
}

// first is a file of the partition RAILGATE.
func (b *build) first(elem ...string) string {
	return b.path(append([]string{"first"}, elem...)...)
}

// makeBoot makes a slot's boot partition three times: for A, for B, and, with the words that tell them apart still in it, for the
// bundle, whose hook replaces them on the gate.
func (b *build) makeBoot() error {
	b.say("the boot partitions")
	if err := b.copyTree(filepath.Join(b.configs, b.name, "boot"), b.boot()); err != nil {
		return err
	}
	if b.name == "raspberry-pi-tryboot" {
		if err := b.raspberryPiFirmware(b.boot()); err != nil {
			return err
		}
	}
	if err := b.makeFAT(b.boot(), b.path("boot.vfat"), "RG-BOOT"); err != nil {
		return err
	}
	for _, slot := range []string{"A", "B"} {
		folder := b.path("boot-" + strings.ToLower(slot))
		if err := b.fillSlot(folder, slot); err != nil {
			return err
		}
		if err := b.makeFAT(folder, folder+".vfat", "RG-BOOT-"+slot); err != nil {
			return err
		}
	}
	return nil
}

// slotWords are what the bundle's hook replaces, too.
func slotWords(slot string) *strings.Replacer {
	return strings.NewReplacer("@SLOT@", slot, "@slot@", strings.ToLower(slot))
}

// fillSlot makes the folder of one slot's boot partition.
func (b *build) fillSlot(folder, slot string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.CopyFS(folder, os.DirFS(b.boot())); err != nil {
		return err
	}
	name := filepath.Join(folder, b.slotFile)
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return write(name, []byte(slotWords(slot).Replace(string(data))), 0o644)
}

// makeRailgate makes the partition RAILGATE.
func (b *build) makeRailgate() error {
	b.say("the partition RAILGATE")
	if err := os.RemoveAll(b.first()); err != nil {
		return err
	}
	for _, from := range []string{"first", filepath.Join(b.name, "first")} {
		if err := b.copyTree(filepath.Join(b.configs, from), b.first()); err != nil {
			return err
		}
	}
	firmware := map[string]func() error{"raspberry-pi": b.raspberryPi, "raspberry-pi-tryboot": b.raspberryPiTryboot, "pc": b.pc, "virt": b.virt}
	if err := firmware[b.name](); err != nil {
		return err
	}
	return b.makeFAT(b.first(), b.path("first.vfat"), "RAILGATE")
}

// virt is QEMU's board, whose U-Boot runs a script that it finds.
func (b *build) virt() error { return b.uboot() }

// uboot makes the script that chooses a slot, and the environment in which the choice is.
func (b *build) uboot(entries ...string) error {
	if err := write(b.first("uboot.env"), ubootEnv(append(entries, "BOOT_ORDER=A B", "BOOT_A_LEFT=3", "BOOT_B_LEFT=3")...), 0o644); err != nil {
		return err
	}
	var script []byte
	for _, name := range []string{b.name + "/board.cmd", "boot.cmd"} {
		text, err := os.ReadFile(filepath.Join(b.configs, name))
		if err != nil {
			return err
		}
		script = append(script, strings.ReplaceAll(string(text), "@BOOTCMD@", bootcmd)...)
	}
	if err := write(b.path("boot.cmd"), script, 0o644); err != nil {
		return err
	}
	return b.run(nil, "mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-n", "railgate", "-d", b.path("boot.cmd"), b.first("boot.scr"))
}

// pc is UEFI's: Debian's signed shim and GRUB, which start where Secure Boot is on.
func (b *build) pc() error {
	from, err := b.fetch("firmware", b.firmware...)
	if err != nil {
		return err
	}
	for name, path := range map[string]string{"BOOTX64.EFI": "usr/lib/shim/shimx64.efi.signed", "grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"} {
		data, err := os.ReadFile(filepath.Join(from, path))
		if err != nil {
			return err
		}
		if err := write(b.first("EFI/BOOT", name), data, 0o644); err != nil {
			return err
		}
	}
	return write(b.first("grubenv"), grubEnv("ORDER=A B", "A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0"), 0o644)
}

// makeFAT puts a folder into a file system of its own.
func (b *build) makeFAT(folder, fat, label string) error {
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, b.epoch, b.epoch)
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(fat, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(fat, bootBytes); err != nil {
		return err
	}
	id := strings.ReplaceAll(uuid(b.name, label), "-", "")[:8]
	if err := b.run(nil, "mkfs.vfat", "--invariant", "-F", "32", "-s", "2", "-n", label, "-i", id, fat); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	args := []string{"-s", "-m", "-Q", "-i", fat}
	for _, e := range entries {
		args = append(args, filepath.Join(folder, e.Name()))
	}
	if err := b.run(nil, "mcopy", append(args, "::")...); err != nil {
		return fmt.Errorf("filling %s: %w", label, err)
	}
	return nil
}
