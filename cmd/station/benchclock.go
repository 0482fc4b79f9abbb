package main

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// benchFlags are a bench's: keys that cost no second to open, and a clock that is moved by a
// file. Nobody else has use for them.
func (d *desk) benchFlags(root *cobra.Command) {
	flags, clock := root.PersistentFlags(), ""
	flags.IntVar(&d.workFactor, "work-factor", d.workFactor, "of new keys' passphrases, as a power of two; 0: age's own")
	flags.StringVar(&clock, "clock-file", "", "a `file` that says how far ahead the clock is, such as 24h")
	for _, name := range []string{"work-factor", "clock-file"} {
		flags.Lookup(name).Hidden = true
	}
	root.PersistentPreRun = func(*cobra.Command, []string) {
		if real := d.now; clock != "" {
			d.now = func() time.Time { return real().Add(ahead(clock)) }
		}
	}
}

// ahead reads how far ahead a clock is; not at all where there is no file yet.
func ahead(path string) time.Duration {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return d
}
