package main

// Set by the linker: the version, and when it was made (seconds since 1970), which
// is a floor for the clock.
var (
	version = "devel"
	built   = "0"
)
