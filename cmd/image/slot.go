package main

import (
	"fmt"
	"os"
)

func (b *build) squashFile() string { return b.path("root.squashfs") }

// makeSlot packs the system. mksquashfs takes the time that files have at most from SOURCE_DATE_EPOCH.
func (b *build) makeSlot() error {
	b.say("packing the system into a slot")
	if err := b.run(nil, "mksquashfs", b.root(), b.squashFile(), "-noappend", "-no-progress", "-no-exports", "-comp", "zstd", "-Xcompression-level", "8", "-b", "256K"); err != nil {
		return err
	}
	info, err := os.Stat(b.squashFile())
	if err != nil {
		return err
	}
	if info.Size() > b.slotBytes {
		return fmt.Errorf("the system takes %d MB, a slot has %d", info.Size()/mib, b.slotBytes/mib)
	}
	return nil
}
