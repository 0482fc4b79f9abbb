package main

import (
	"os"

	"railgate/cmd/control"
	"railgate/driver/slots"
)

// update looks at what an update needs of the machine: a bootloader that can try a slot.
func (p *patient) update() []finding {
	if _, err := os.Stat(p.host.path("/etc/rauc/system.conf")); err != nil {
		return nil // it has one system
	}
	if _, err := os.Stat(p.host.path("/boot/railgate/autoboot.txt")); err != nil {
		return nil // U-Boot or GRUB counts its attempts
	}
	tryboot := &slots.Tryboot{Tree: p.host.path("/sys/firmware/devicetree/base"), Vcio: p.host.path("/dev/vcio")}
	boot := tryboot.Bootloader()
	built := "a date that it does not say"
	if !boot.Built.IsZero() {
		built = boot.Built.Format("2006-01-02")
	}
	switch {
	case !boot.Known:
		return nil // not a Raspberry Pi, or one without a bootloader of its own
	case !boot.TryAB:
		return []finding{p.found(control.BootloaderOld, "the bootloader in the board's EEPROM is of "+built+"; it cannot try a partition (late 2022 or newer can)")}
	}
	if err := tryboot.Ready(); err != nil {
		return []finding{p.found(control.KernelNoTryboot, err.Error())}
	}
	return []finding{good("the bootloader is of %s, and can try a slot", built)}
}
