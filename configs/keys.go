package configs

import (
	"time"

	"railgate/driver/scanner"
	"railgate/driver/turnstile"
)

// This file has what each key may be, and what it is in a file that does not have it.

// A duration is a key for a length of time, such as "300ms".
type duration struct {
	key                string
	least, most, usual time.Duration
	word               string // that may stand in its place, for 0; "": none
}

// A whole is a key for a whole number, a number one for any.
type whole struct {
	key, want          string
	least, most, usual int
}

type number struct {
	key, want          string
	least, most, usual float64
}

// A word is a key for one of a few words, words one for several of them, each once.
type word struct {
	key     string
	options []string
	usual   string // "": it must be there
}

type words struct {
	key     string
	options []string
	usual   []string
}

// A path is a key for a file, a folder or a device, from the root on.
type path struct{ key, usual, example string }

// A size is a key for an amount of bytes, such as "2GB".
type size struct {
	key         string
	least, most int64
	usual       string
}

// Names are short, for they are shown, and a part of others.
const maxName = 32

var (
	dataPath = path{"data", DefaultData, DefaultData}
	keysPath = path{key: "keys", example: "/etc/railgate/keys.json"}

	direction   = word{"direction", []string{"entry", "exit", "check"}, "entry"}
	tickets     = word{"tickets", []string{"off", "required"}, "off"}
	staff       = word{"staff", []string{"takeover", "diagnosis"}, "takeover"}
	passback    = word{"passback", []string{"off", "soft", "hard"}, "soft"}
	passbackFor = duration{key: "passback_for", least: time.Minute, most: 7 * 24 * time.Hour, usual: 2 * time.Hour}
	perDay      = whole{"per_day", "passages of a holder in a day, at this gate alone; 0: any number", 0, 1000, 0}
	openFor     = duration{key: "open_for", least: turnstile.MinPulse, most: 5 * time.Minute, usual: 5 * time.Second}

	portPath   = path{key: "port", example: "/dev/serial/by-id/usb-scanner"}
	baud       = whole{"baud", "the scanner's, such as 9600 or 115200", scanner.MinBaud, scanner.MaxBaud, 115200}
	devicePath = path{key: "device", example: "/dev/video0"}
	framesPath = path{key: "frames", example: "/var/lib/railgate/frames"}
	fps        = number{"fps", "frames a second", scanner.MinFPS, scanner.MaxFPS, 30}
	lensK1     = number{"k1", "how much the lens bends; railgate scan --camera --calibrate measures it", 0, scanner.MaxK1, 0}
	exposure   = duration{key: "exposure", least: scanner.MinExposure, most: scanner.MaxExposure}
	focus      = whole{key: "focus", want: "in the camera's units", least: -1 << 31, most: 1<<31 - 1}

	turnstileDriver = word{"driver", []string{"gpio", "sim"}, ""}
	turnstileLow    = words{key: "active_low", options: []string{"open", "passage", "emergency"}}
	pulse           = duration{"pulse", turnstile.MinPulse, turnstile.MaxPulse, 300 * time.Millisecond, "hold"}
	passageAfter    = duration{"passage_after", time.Millisecond, time.Hour, 0, "never"}
	tracePath       = path{key: "trace", example: "/tmp/trace.ndjson"}
	interlockPath   = path{key: "interlock", example: "/run/lock/railgate-a07"}

	panelDriver = word{"driver", []string{"gpio", "sim"}, ""}
	panelLow    = words{key: "active_low", options: []string{"green", "red", "buzzer", "service"}}
	languages   = words{"languages", []string{"zh", "en"}, []string{"zh", "en"}}

	driftPPM = number{"drift_ppm", "parts per million; a crystal has 20 to 50", 0, 1000, 50}

	signersPath = path{"signers", "/etc/railgate/provision.keys", "/etc/railgate/provision.keys"}

	rootsPath   = path{"roots", "/etc/railgate/roots", "/etc/railgate/roots"}
	syncEvery   = duration{key: "every", least: time.Second, most: 24 * time.Hour, usual: time.Minute}
	offlineFor  = duration{key: "offline_for", least: time.Minute, most: 365 * 24 * time.Hour, usual: 7 * 24 * time.Hour}
	offlineStop = duration{key: "offline_stop", least: time.Minute, most: 365 * 24 * time.Hour, usual: 30 * 24 * time.Hour}

	revocationsFor = duration{key: "revocations_for", least: time.Minute, most: 365 * 24 * time.Hour, usual: time.Hour}

	busCut = word{"cut", []string{"open", "closed"}, "open"}

	journalDays = whole{"days", "days", 1, 3650, 90}
	journalSize = size{"max_bytes", 1e6, 1e12, "2GB"}
)

// scannerDrivers are the drivers of a [[scanner]].
var scannerDrivers = []string{"serial", "hid", "keyboard", "camera"}

// The classes that a lane may take. Staff codes take a lane over, so a lane takes them only
// if it is told to.
const classWords = "some of 1 (temporary ID), 2 (paper), 3 (staff)"

func usualClasses() []int { return []int{1, 2} }
