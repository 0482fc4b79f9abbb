package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"railgate/driver/slots"
)

// slotsProgram is the name under which RAUC calls this program: /usr/lib/railgate/slots,
// a link to it, is the custom bootloader backend of a Raspberry Pi.
const slotsProgram = "slots"

// isSlots tells whether the program was called as RAUC's backend.
func isSlots(program string) bool { return filepath.Base(program) == slotsProgram }

// runSlots answers RAUC; its exit status is 0 where the answer holds.
func runSlots(boot *slots.Tryboot, args []string, out, errOut io.Writer) int {
	err := errors.New("no autoboot.txt in /boot/railgate, /boot/firmware or /boot: this is no Raspberry Pi that was made from an image of ours")
	if boot != nil {
		err = boot.Backend(args, out)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, "slots:", err)
	if errors.Is(err, slots.ErrUsage) {
		return exitUsage
	}
	return exitFailed
}
