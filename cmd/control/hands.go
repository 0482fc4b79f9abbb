package control

// hands says for a cause what a person does where no command mends it: with a plug, a cloth,
// a telephone. The command beside it then shows where to look.
var hands = map[string]string{
	ConfigInvalid: "Correct the line; the check that follows says whether all is well.",

	MayNotAsk:     "To ask without sudo from now on: sudo usermod -a -G railgate YOUR-NAME, then log in again.",
	UnitMissing:   "Paste it in the folder of railgate's source, or of the release.",
	DaemonFailed:  "The last words say why it ends. If they name a device, look at its plug. If they say internal error, send us the log.",
	DaemonSilent:  "If it is still silent after that, switch the gate off and on again.",
	DaemonStarts:  "Wait: there is nothing to mend.",
	LaneHung:      "If it hangs again within minutes, switch the gate off and on again, and replace the card or the disk.",
	ControlSocket: "Both folders must be the service's: systemctl restart railgated makes the first one again.",

	KeysetNotSynced:   "Plug the network cable in. If there is no network, have the repository brought on a USB stick; railgate sync --from /media/usb takes it.",
	SyncDegraded:      "Plug the network cable in. If there is no network, have the repository brought on a USB stick; railgate sync --from /media/usb takes it.",
	SyncStopped:       "Plug the network cable in. If there is no network, have the repository brought on a USB stick; railgate sync --from /media/usb takes it.",
	RevocationsOld:    "Plug the network cable in. If the other gates say the same, call the station: it gets the list from the issuer. Without a network have the station's folder brought on a USB stick; railgate sync --from /media/usb takes it.",
	RepositoryRefused: "Call whoever keeps the repository: it must be published again, with the newest files (station timestamp signs them again; where it was put back from a copy, station restored does). Nobody at the gate can mend it.",
	StationRefused:    "Call the station: what it publishes must be published again. Nobody at the gate can mend it.",
	UpdateFailed:      "Look at why first: if it names a device, look at its plug; if not, call the station, which gives this gate another release. The command tries the same one again.",
	UpdateNotStaged:   "Plug the network cable in. If the disk has no room, railgate doctor says what fills it. If the release is not listed, call the station.",
	KernelNoTryboot:   "Call whoever made the image: on this board it needs one of Raspberry Pi's kernels, for only these have tryboot. Until then a release comes as a new card.",
	BusUnreachable:    "Plug the network cable in. If the other gates say the same, call the station: its machine is off, or its address has changed.",
	BusWrongKey:       "Call the station. If it has a new machine, station.json must be published again; if not, somebody stands between.",
	ManifestRefused:   "Call the station: the file names what is wrong, row by row, and must be published again. Until then send who has a new ticket to the staffed lane.",
	GateNotEnrolled:   "Have the station enroll the gate: station enroll takes what railgate identity --json prints, or the code on the gate's screen in diagnosis. It is let in within seconds.",
	BusIncomplete:     "Call the station: its program or its disk is at fault. Nobody at the gate can mend it.",
	OutOfTouch:        "Plug the network cable in. If the other gates say the same, call the station: its program has stopped.",
	JournalRefused:    "Have the station enroll the gate: it takes what railgate identity prints, or the code on the gate's screen in diagnosis.",
	IdentityDamaged:   "Put the backup of gate.seed back. If there is none, remove the file, restart railgated and have the station enroll the gate again.",
	KeysetMissing:     "Have the issuer's keyset brought or sent, and write its path for KEYS.JSON.",
	KeysetInvalid:     "Have the issuer's keyset brought or sent, and write its path for KEYS.JSON.",
	KeysetForeign:     "Ask the issuer which keyset is this gate's. If the one in use is right, install that one again. If the file is right, add --force.",
	KeysetExpired:     "Have a new keyset brought or sent by the issuer, and write its path for KEYS.JSON.",
	KeysetEndsSoon:    "Have a new keyset brought or sent by the issuer, and write its path for KEYS.JSON.",

	"unknown_key":         "Have the issuer's newest keyset brought or sent, and write its path for KEYS.JSON.",
	"bad_signature":       "Have the keyset of the issuer whose codes are shown here brought or sent, and write its path for KEYS.JSON.",
	"key_revoked":         "Call the issuer: it signs with a key that it has withdrawn. A keyset with its new key helps once it signs with that.",
	"key_not_valid":       "Compare railgate clock show with your watch first. If the clock is right, have the issuer's newest keyset brought or sent, and write its path for KEYS.JSON.",
	"code_expired":        clockHands,
	"not_yet_valid":       clockHands,
	"liveness_expired":    clockHands,
	"certificate_expired": clockHands,
	"class_not_accepted":  "Compare classes under [lane] with what this lane is for: 1 phones, 2 paper, 3 staff. If it is right, have the issuer's newest keyset installed.",
	"bad_claims":          "Have the issuer's newest keyset brought or sent, and write its path for KEYS.JSON.",
	"bad_proof":           "Have the issuer's newest keyset brought or sent, and write its path for KEYS.JSON. If it is the newest, call the station's police: somebody tries codes.",
	"no_passage":          "Show a good code and look: if the turnstile does not move, look at its power, its lock and the wire open; if it moves, wave a hand before the passage sensor: watch must say passage.",
	"no_ticket":           "Call the station: the manifest of today must be published. Until then the staffed lane.",
	"too_late":            "Replace the card or the disk: save the journal first (railgate journal export --json), then set it up as a new gate.",

	NotProvisioned: "Have the station scan the code on this gate's screen and make a set-up code of it (station enroll). Hold that to this gate's scanner, plug in a stick that has it, or paste the command and type the settings.",

	ScannerMissing:  "Push its plug home at both ends, try another cable and another socket: its light must be on. If it is listed under another name, write that name into the configuration.",
	ScannerDown:     "Pull its plug, count to five, push it home at both ends. If that does not help, take another cable, then another scanner.",
	GPIOChipMissing: "Push the plug of the board with the relays home, and look at its power. If none is missing, the configuration is another board's (docs/installation.md has each board's).",
	GPIOLineMissing: "Compare the names with those that are listed, and write one of these into the configuration.",
	GPIOLineBusy:    "End the program that holds the line. If it is the kernel's (a fan, a lamp, a bus), choose another line, or remove that device from config.txt and restart the board.",
	TurnstileDown:   "Look at the turnstile's power, then at the plug of the wires open and passage at both ends. Release people by hand until it works.",
	PanelDown:       "Push the panel's plug home at both ends, and look at its power.",
	SensorBlocked:   "Take away what stands in the lane. Wipe the sensor's glass on both sides. If it is loose, turn it until its own lamp changes when a hand is between.",
	EmergencyActive: "Ask the control room whether there is an alarm. If there is none, reset the fire loop, then look at the wire of the emergency input at both ends.",

	ClockNotSynchronised: "Plug the network cable in. Without a network the gate cannot know the time after a power cut: fit a battery clock.",
	ClockBelowFloor:      "Plug the network cable in: nobody keeps this clock right. If a time server is there, docs/technician.md says more under The clock.",
	ClockStepped:         "Wait two minutes: a right time is taken by itself. Compare with your watch. If the system's clock is wrong, have the time server set.",
	ClockDisputed:        "Compare with your watch. If the system's clock is wrong, have the time server set. If it is right, call the issuer or the station: their clock is wrong.",
	ClockSuspect:         "Compare with your watch. If the gate's time is wrong, have the time server set. If it is right, call the issuer: its clock is wrong.",
	NoBatteryClock:       "Fit a battery clock, or push its plug home (docs/installation.md). The lane works without one for as long as the power stays on.",

	DiskFull:      "Delete what is not the gate's, from the bottom of the list upwards; never gate.db. If all of it is the gate's, lower journal.max_bytes.",
	DiskLow:       "Delete what is not the gate's, from the bottom of the list upwards; never gate.db. If all of it is the gate's, lower journal.max_bytes.",
	DiskReadOnly:  "If it is read-only again soon, the card or the disk is worn out: replace it.",
	DiskFailing:   "Replace the card or the disk: save the journal first (railgate journal export --json), then set it up as a new gate.",
	DiskSlow:      "Replace the card or the disk: save the journal first (railgate journal export --json), then set it up as a new gate.",
	StoreDown:     "The last lines say why. If they name the disk, replace the card or the disk.",
	StoreSetAside: "If it happens again within a month, replace the card or the disk.",

	SpentCodesLost: "Wait: the lane opens by itself, and says when. Passengers with paper codes take the staffed lane for today.",

	StoreRolledBack: "Call the station: two gates may have the same card. If the card was restored on purpose, wait: the lane opens by itself, and tomorrow paper codes do too.",
	JournalUnsent:   "Plug the network cable in, and call the station: its collector must run. It ends by itself once the station has the journal.",

	HTTPNoAddress: "Plug the network cable in, or correct http.listen in the configuration.",
}

const clockHands = "Compare the time that it shows with your watch. If it is wrong, plug the network cable in, or have the time server set."

// handsFor says what to do by hand. A keyset of a repository is not brought to the gate by itself.
func handsFor(m Meaning, names []string) string {
	if m.Remedy == "{keyset}" && value(names, "{sync}") != "" {
		return hands[KeysetNotSynced] + " If the keyset is the same after that, call who publishes it."
	}
	return hands[m.Cause]
}

// proofs are the commands that show that a cause is gone, where railgate doctor is not the best
// of them.
var proofs = map[string]string{
	ConfigInvalid:         "railgated --check --config {config}",
	DaemonStarts:          "{railgate} status",
	NotProvisioned:        "{railgate} status",
	KeysetNotSynced:       "{railgate} keys show",
	SyncDegraded:          "{railgate} status",
	RevocationsOld:        "{railgate} status",
	SyncStopped:           "{railgate} status",
	KeysetMissing:         "{railgate} keys show",
	KeysetInvalid:         "{railgate} keys show",
	KeysetExpired:         "{railgate} keys show",
	KeysetEndsSoon:        "{railgate} keys show",
	"unknown_key":         watchCode,
	"bad_signature":       watchCode,
	"key_revoked":         watchCode,
	"key_not_valid":       watchCode,
	"code_expired":        watchCode,
	"not_yet_valid":       watchCode,
	"liveness_expired":    watchCode,
	"certificate_expired": watchCode,
	"class_not_accepted":  watchCode,
	"bad_claims":          watchCode,
	"bad_proof":           watchCode,
	"no_passage":          "{railgate} watch    # walk through behind a good code: passage",
	"no_ticket":           watchCode,
	"too_late":            watchCode,
	ScannerMissing:        watchCode,
	ScannerBusy:           watchCode,
	ScannerDown:           watchCode,
	TurnstileDown:         "{railgate} watch    # show a good code: the turnstile opens",
	PanelDown:             "{railgate} watch    # show a code: the light and the sound come with the line",
	SensorBlocked:         "{railgate} watch    # walk through behind a good code: passage",
	EmergencyActive:       "{railgate} watch    # emergency_end",

	ClockNotSynchronised: "{railgate} clock show",
	ClockBelowFloor:      "{railgate} clock show",
	ClockStepped:         "{railgate} clock show",
	ClockDisputed:        "{railgate} clock show",
}

// watchCode proves that codes are read and decided.
const watchCode = "{railgate} watch    # a line for each code that is shown"

// proofOf is the command that shows that a cause is gone.
func proofOf(id string) string {
	if p := proofs[id]; p != "" {
		return p
	}
	return "{railgate} doctor"
}

// A Keeper is who keeps a clock right that is earlier than what is proven of the time.
type Keeper struct {
	Synced      bool // a time daemon vouches for it
	Station     bool // a station has told the time since this machine started
	BeforeBuild bool // it is before railgated was made: nobody can have such a time accepted
}

// acceptNow lowers what is proven of the time to what the system's clock says. It asks first.
const acceptNow = `{railgate} clock accept "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --why "a signer's clock was ahead"`

// BelowProven is clock_below_floor, with the remedy that fits who keeps the clock.
func BelowProven(why string, k Keeper, names ...string) Cause {
	c := NewCause(ClockBelowFloor, why, names...)
	switch {
	case !k.Synced:
		// The table's.
	case k.BeforeBuild:
		c.Hands = "The time server gives a time that is long past: have it set, or name another one in /etc/systemd/timesyncd.conf, or in chrony's configuration."
		c.Remedy = "timedatectl timesync-status || chronyc -n sources"
	case k.Station:
		c.Hands = "Compare the time now with your watch. If the gate's is wrong, have the clock of the station's server set. If it is right, a signer's clock was ahead: have that one set first, then paste the command."
		c.Remedy = fill(acceptNow, names)
	default:
		c.Hands = "Compare the time now with your watch. If the gate's is wrong, have the time server set. If it is right, a signer's clock was ahead: have that one set first, then paste the command."
		c.Remedy = fill(acceptNow, names)
	}
	return c
}
