package control

import (
	"fmt"
	"slices"
	"strings"
)

// A Blink is how often a gate's service light blinks, again and again with a pause of two seconds
// between, for causes that a person looks for in one place.
type Blink struct {
	Times  int
	What   string // what is wrong
	Do     string // what to do first, without a screen and without a keyboard
	Causes []string
}

// blinks is the table of the service light. The last row is for every cause that no other has.
var blinks = [...]Blink{
	{1, "a scanner", "Push its plug home at both ends; its own light must be on.",
		[]string{ScannerMissing, ScannerBusy, ScannerDown}},
	{2, "the turnstile, its sensor, or the board's lines", "Take away what stands in the lane. Look at the turnstile's power and at the plugs of the wires at both ends.",
		[]string{GPIOChipMissing, GPIOLineMissing, GPIOLineBusy, DeviceForbidden, TurnstileDown, PanelDown, SensorBlocked, RelayKept, "no_passage"}},
	{3, "the clock", "Plug the network cable in, and wait two minutes.",
		[]string{ClockNotSynchronised, ClockBelowFloor, ClockStepped, ClockDisputed, ClockSuspect, NoBatteryClock, "code_expired", "not_yet_valid", "liveness_expired", "certificate_expired"}},
	{4, "the keys", "Plug the network cable in, and wait two minutes. Then call the issuer or the station.",
		[]string{KeysetNotConfigured, KeysetNotSynced, KeysetMissing, KeysetUnreadable, KeysetInvalid, KeysetHidden, KeysetForeign, KeysetExpired, KeysetEndsSoon, SyncDegraded, SyncStopped, RepositoryRefused, RevocationsOld,
			"unknown_key", "bad_signature", "key_revoked", "key_not_valid", "class_not_accepted", "bad_claims", "bad_proof"}},
	{5, "the disk, or what is kept on it", "Wait two minutes. If it goes on, bring another card.",
		[]string{DataMissing, DataUnwritable, DataReadOnly, DiskFull, DiskLow, DiskReadOnly, DiskFailing, DiskSlow, StoreBusy, StoreDown, StoreSetAside, StoreRolledBack, SpentCodesLost, JournalUnsent, "too_late"}},
	{6, "the station, or the network to it", "Plug the network cable in. If the other gates blink so too, call the station.",
		[]string{NotProvisioned, IdentityDamaged, BusUnreachable, BusWrongKey, BusIncomplete, GateNotEnrolled, OutOfTouch, JournalRefused, StationRefused, PolicyRefused, ManifestRefused, ManifestMissing, "no_ticket", HTTPNoAddress}},
	{7, "the fire loop is open", "Ask the control room. If there is no alarm, reset the loop.",
		[]string{EmergencyActive}},
	{8, "something else", "Connect a keyboard or a laptop: railgate doctor says what.", nil},
}

// Blinks is the table of the service light.
func Blinks() []Blink { return slices.Clone(blinks[:]) }

// BlinkFor is how the service light blinks for causes: for the first of those that close the
// lane, or else for the first. Times is 0 where there is none: the light is on.
func BlinkFor(causes []Cause) Blink {
	if len(causes) == 0 {
		return Blink{What: "nothing is wrong"}
	}
	i := slices.IndexFunc(causes, func(c Cause) bool { return c.Severity == OutOfService })
	for _, b := range blinks {
		if slices.Contains(b.Causes, causes[max(0, i)].Cause) {
			return b
		}
	}
	return blinks[len(blinks)-1]
}

// Words are a Blink for a person.
func (b *Blink) Words() string {
	switch b.Times {
	case 0:
		return "on: " + b.What
	case 1:
		return "1 blink: " + b.What
	}
	return fmt.Sprintf("%d blinks: %s", b.Times, b.What)
}

// BlinkTable is the table as Markdown, for docs/technician.md.
func BlinkTable() string {
	var t strings.Builder
	t.WriteString("| the light | what is wrong | what to do first |\n| --- | --- | --- |\n")
	t.WriteString("| dark | the gate has no power, or railgated does not run | Look at the power. If other lights are on, switch the gate off and on again. |\n")
	t.WriteString("| on | nothing | – |\n")
	for _, b := range blinks {
		fmt.Fprintf(&t, "| %s %d | %s | %s |\n", strings.TrimSpace(strings.Repeat("● ", b.Times)), b.Times, b.What, b.Do)
	}
	return t.String()
}
