package main

import (
	"os"
	"strings"
)

// Set by the linker: the version, and when it was made (seconds since 1970), which
// is a floor for the clock.
var (
	version = "devel"
	built   = "0"
)

// runtimeFolder is the folder that systemd makes for the unit, of which there may be
// several; "" without systemd.
func runtimeFolder() string {
	first, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	return first
}
