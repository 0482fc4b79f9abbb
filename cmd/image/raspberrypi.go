package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"railgate/driver/slots"
)

// piBoards are those that Debian's kernel and firmware start.
var piBoards = []string{"raspberry-pi-zero-2-w", "raspberry-pi-4", "raspberry-pi-cm4"}

// bootcmd has U-Boot run our script, from whichever of a board's controllers has the card.
const bootcmd = "for d in 0 1 2; do if load mmc ${d}:1 0x02400000 boot.scr; then setenv devtype mmc; setenv devnum ${d}; source 0x02400000; fi; done; reset"

// raspberryPi is the partition with the firmware, and with U-Boot, which the firmware starts as its kernel.
func (b *build) raspberryPi() error {
	if err := b.raspberryPiFirmware(b.first()); err != nil {
		return err
	}
	from, err := b.fetch("firmware", b.firmware...)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(filepath.Join(from, "usr/lib/u-boot/rpi_arm64/u-boot.bin"))
	if err != nil {
		return err
	}
	if err := write(b.first("u-boot.bin"), program, 0o644); err != nil {
		return err
	}
	return b.uboot("bootdelay=-2", "bootcmd="+bootcmd, "stdin=serial", "stdout=serial", "stderr=serial")
}

// raspberryPiTryboot is the partition from which the firmware learns which one to start (driver/slots).
func (b *build) raspberryPiTryboot() error {
	auto, err := slots.NewAutoboot().Bytes()
	if err != nil {
		return err
	}
	if err := write(b.first("autoboot.txt"), auto, 0o644); err != nil {
		return err
	}
	// The boot ROM of boards without an EEPROM takes bootcode.bin from the first partition.
	return b.takeFirmware(b.first(), "bootcode.bin")
}

// raspberryPiFirmware is what the firmware reads: its own files, config.txt with each board's lines, device trees and an overlay for the clock.
func (b *build) raspberryPiFirmware(to string) error {
	if err := b.takeFirmware(to, "bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat"); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(to, "config.txt"))
	if err != nil {
		return err
	}
	for _, name := range piBoards {
		lines, err := os.ReadFile(filepath.Join(b.boards, name, "config.txt"))
		if err != nil {
			return err
		}
		config = append(config, '\n')
		config = append(config, lines...)
	}
	config = append(config, "\n# Lines of this gate alone: they stay when it is updated.\n[all]\ninclude user.txt\n"...)
	if err := write(filepath.Join(to, "config.txt"), config, 0o644); err != nil {
		return err
	}
	return b.deviceTrees(to)
}

func (b *build) takeFirmware(to string, names ...string) error {
	from, err := b.fetch("firmware", b.firmware...)
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(from, "usr/lib/raspi-firmware", name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(to, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// deviceTrees takes the kernel's own, under the names by which the firmware asks for them.
func (b *build) deviceTrees(to string) error {
	kernel, err := b.fetchKernel()
	if err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(kernel, "usr/lib/linux-image-*/broadcom/bcm2[78]*.dtb"))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("the kernel's package has no device trees of Raspberry Pis in usr/lib/linux-image-*/broadcom")
	}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(to, filepath.Base(path)), data, 0o644); err != nil {
			return err
		}
	}
	overlays, err := filepath.Glob(filepath.Join(b.configs, "raspberry-pi/overlays/*.dts"))
	if err != nil {
		return err
	}
	slices.Sort(overlays)
	for _, source := range overlays {
		name := filepath.Base(source)
		out := filepath.Join(to, "overlays", name[:len(name)-len(".dts")]+".dtbo")
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
			return err
		}
		if err := b.run(nil, "dtc", "-q", "-I", "dts", "-O", "dtb", "-o", out, source); err != nil {
			return err
		}
	}
	return nil
}
