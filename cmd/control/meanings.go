package control

// The causes. Those of outcomes are named as the reasons that passengers get.
const (
	ConfigInvalid    = "config_invalid"
	ConfigUnreadable = "config_unreadable"

	DaemonStopped = "daemon_stopped"
	DaemonFailed  = "daemon_failed"
	DaemonSilent  = "daemon_silent"
	DaemonStarts  = "daemon_starts"
	UnitMissing   = "unit_missing"
	MayNotAsk     = "may_not_ask"

	UserMissing    = "user_missing"
	UserNotInGroup = "user_not_in_group"

	KeysetNotConfigured = "keyset_not_configured"
	KeysetNotSynced     = "keyset_not_synced"
	SyncDegraded        = "sync_degraded"
	SyncStopped         = "sync_stopped"
	StationRefused      = "station_refused"
	RepositoryRefused   = "repository_refused"
	PolicyRefused       = "policy_refused"
	ManifestRefused     = "manifest_refused"
	ManifestMissing     = "manifest_missing"

	NotProvisioned  = "not_provisioned"
	UpdateFailed    = "update_failed"
	UpdateNotStaged = "update_not_staged"
	BootloaderOld   = "bootloader_old"
	KernelNoTryboot = "kernel_no_tryboot"

	IdentityDamaged = "identity_damaged"
	RevocationsOld  = "revocations_old"

	BusUnreachable  = "bus_unreachable"
	BusWrongKey     = "bus_wrong_key"
	GateNotEnrolled = "gate_not_enrolled"
	BusIncomplete   = "bus_incomplete"
	OutOfTouch      = "out_of_touch"
	JournalRefused  = "journal_refused"

	KeysetMissing    = "keyset_missing"
	KeysetUnreadable = "keyset_unreadable"
	KeysetInvalid    = "keyset_invalid"
	KeysetHidden     = "keyset_hidden"
	KeysetForeign    = "keyset_foreign"
	KeysetExpired    = "keyset_expired"
	KeysetEndsSoon   = "keyset_ends_soon"

	ScannerMissing = "scanner_missing"
	ScannerBusy    = "scanner_busy"
	ScannerDown    = "scanner_down"

	GPIOChipMissing = "gpio_chip_missing"
	GPIOLineMissing = "gpio_line_missing"
	GPIOLineBusy    = "gpio_line_busy"
	DeviceForbidden = "device_forbidden"
	TurnstileDown   = "turnstile_down"
	PanelDown       = "panel_down"
	SensorBlocked   = "sensor_blocked"
	EmergencyActive = "emergency_active"

	ClockNotSynchronised = "clock_not_synchronised"
	ClockBelowFloor      = "clock_below_floor"
	ClockStepped         = "clock_stepped"
	ClockDisputed        = "clock_disputed"
	ClockSuspect         = "clock_suspect"
	NoBatteryClock       = "no_battery_clock"

	DataMissing    = "data_missing"
	DataUnwritable = "data_unwritable"
	DataReadOnly   = "data_read_only"
	DiskFull       = "disk_full"
	DiskLow        = "disk_low"
	DiskReadOnly   = "disk_read_only"
	DiskFailing    = "disk_failing"
	DiskSlow       = "disk_slow"
	StoreBusy      = "store_busy"
	StoreDown      = "store_down"
	StoreSetAside  = "store_set_aside"
	SpentCodesLost = "spent_codes_lost"

	StoreRolledBack = "store_rolled_back"
	JournalUnsent   = "journal_unsent"

	LaneHung        = "lane_hung"
	ControlSocket   = "control_socket"
	HTTPPortTaken   = "http_port_taken"
	HTTPNoAddress   = "http_no_address"
	OutputsUnknown  = "outputs_unknown"
	RelayKept       = "relay_kept"
	LogLinesDropped = "log_lines_dropped"
)

var meanings = [...]Meaning{
	{ConfigUnreadable, OutOfService, "the configuration cannot be read", "railgated does not start without one",
		"chgrp {group} {config} && chmod 640 {config} && systemctl restart railgated", ""},
	{ConfigInvalid, OutOfService, "the configuration has an error", "railgated does not start with it",
		"editor +{line} {config} && railgated --check --config {config}", ""},

	{UnitMissing, OutOfService, "systemd does not have railgated.service", "nothing starts railgated, and nothing releases the relay when it dies",
		"make install && systemctl daemon-reload && systemctl enable --now railgated", ""},
	{UserMissing, OutOfService, "the service's user does not exist", "systemd cannot start railgated",
		"systemd-sysusers && systemctl restart railgated", ""},
	{UserNotInGroup, OutOfService, "the service's user is not in the group of a device", "railgated may not open the device",
		"usermod -a -G {device_group} {user} && systemctl restart railgated", ""},
	{DaemonStopped, OutOfService, "railgated is not running", "the lane is closed",
		"systemctl enable --now railgated", ""},
	{DaemonFailed, OutOfService, "railgated ends whenever it is started", "the lane is closed",
		"systemctl restart railgated; journalctl -u railgated -n 50 --no-pager", ""},
	{DaemonSilent, OutOfService, "railgated runs and does not answer on its control socket", "the tools do not reach it, and its lane may hang",
		"systemctl restart railgated", ""},

	{DaemonStarts, OutOfService, "railgated is starting", "the lane opens when it is ready; a large store takes minutes",
		"journalctl -u railgated -f", ""},
	{MayNotAsk, Degraded, "you may not ask railgated", "what it knows is not seen here",
		"sudo {railgate} doctor", ""},

	{NotProvisioned, OutOfService, "the gate is no station's yet", "nobody passes until it is told which gate it is",
		"{railgate} provision", ""},
	{KeysetNotConfigured, OutOfService, "the configuration names no keyset", "no code can be checked, so none opens",
		`sed -i -e '1i keys = "/etc/railgate/keys.json"' -e '/^keys *=/d' {config} && systemctl restart railgated`, ""},
	{KeysetNotSynced, OutOfService, "no keyset has come from the repository yet", "no code can be checked, so none opens",
		"{railgate} sync", ""},
	{SyncDegraded, Degraded, "a repository has not been reached for long", "keys that were withdrawn since are still taken, or the lane's policy is an old one; without the nation's the lane closes after offline_stop",
		"{railgate} sync", ""},
	{RevocationsOld, Degraded, "the list of what is revoked is old, or of the future, or none has come", "the gate is open; codes of a lost phone that was revoked since may still open",
		"{railgate} sync", ""},
	{RepositoryRefused, Degraded, "a repository shows an older publication, one that has expired, or one that its keys have not signed", "nothing of it is used; what came before stays",
		"{railgate} sync", ""},
	{StationRefused, Degraded, "the station publishes what is not its own, or a release that the nation did not sign", "nothing of it is used; what came before stays",
		"{railgate} sync", ""},
	{PolicyRefused, Degraded, "the station's policy for this lane has an error, or contradicts the local file", "it is refused whole; the one before stays in use",
		"{railgate} config show", ""},
	{ManifestRefused, Degraded, "a day's manifest has an error, or cannot be made a table", "it is refused whole; who bought since then has no ticket",
		"{railgate} status", ""},
	{ManifestMissing, Degraded, "the lane asks for tickets, and there is no manifest of today", "nobody gets in: each is denied no_ticket",
		"railgate sync", ""},
	{UpdateFailed, Degraded, "a release did not work on this gate, which went back to the one from before", "the gate works, with the old release; the new one is not installed again by itself",
		"sudo {railgate} update --from-station", ""},
	{UpdateNotStaged, Degraded, "the release that the station gives this gate cannot be brought", "the gate works, with the old release",
		"{railgate} status", ""},
	{BootloaderOld, Degraded, "the board's bootloader cannot try a slot", "every update falls back to the old release",
		"rpi-eeprom-update -a && reboot", ""},
	{KernelNoTryboot, Degraded, "the kernel does not hand the restart's argument to the board's bootloader", "no update can be tried, so railgate update refuses",
		"uname -r", ""},
	{BusUnreachable, Degraded, "the station's bus cannot be reached", "codes that are spent at other gates are not known here, and the journal waits on this gate",
		"{railgate} status", ""},
	{BusWrongKey, Degraded, "the station's bus has another key than station.json says", "the gate does not speak with it: it may be somebody else's",
		"{railgate} sync", ""},
	{GateNotEnrolled, Degraded, "the station does not know this gate's key", "the journal waits on this gate, and codes that are spent at other gates are not known here",
		"{railgate} identity --json", ""},
	{BusIncomplete, Degraded, "a part of the station's bus does not answer", "the rest works: what is missing is named",
		"{railgate} status", ""},
	{OutOfTouch, Degraded, "the gate is out of touch with the station's other gates", "a code that another gate has let in may be let in here; with cut = \"closed\" nobody is",
		"{railgate} status", ""},
	{JournalRefused, Degraded, "the station refuses this gate's journal", "its records stay on this gate, and are not removed for room or age",
		"{railgate} identity", ""},
	{IdentityDamaged, Degraded, "the gate's seed cannot be read", "the gate cannot sign in at its station; the lane works",
		"ls -l {data}/gate.seed", ""},
	{SyncStopped, OutOfService, "the repository has not been reached for longer than offline_stop", "keys may have been withdrawn since, so no code opens",
		"{railgate} sync", ""},
	{KeysetMissing, OutOfService, "the keyset's file is missing", "no code can be checked, so none opens",
		"{keyset}", "keyset"},
	{KeysetUnreadable, OutOfService, "the service's user may not read the keyset", "no code can be checked, so none opens",
		"chgrp {group} {keys} && chmod 640 {keys}", ""},
	{KeysetInvalid, OutOfService, "the keyset's file is damaged, or is not a keyset", "no code can be checked, so none opens",
		"{keyset}", ""},
	{KeysetHidden, OutOfService, "the service does not see the keyset: its unit hides the folder", "no code can be checked, so none opens",
		`install -D -m 640 -g {group} {keys} {etc_keys} && sed -i -e '1i keys = "'{etc_keys}'"' -e '/^keys *=/d' {config} && systemctl restart railgated`, ""},
	{KeysetForeign, Degraded, "the keyset's file has no key of the keyset in use", "it may be another issuer's; the old one stays in use",
		"{keyset}", ""},
	{KeysetExpired, OutOfService, "every key of the keyset has ended or is withdrawn", "every code is denied",
		"{keyset}", ""},
	{KeysetEndsSoon, Degraded, "the last key ends soon", "every code is denied after that",
		"{keyset}", ""},

	{"unknown_key", Degraded, "nobody gets in: the codes are signed by keys that this gate does not know", "the keyset is another issuer's, or too old",
		"{keyset}", ""},
	{"bad_signature", Degraded, "nobody gets in: the codes' signatures do not match their keys", "the keyset may be another issuer's, with the same key ids",
		"{keyset}", ""},
	{"key_revoked", Degraded, "nobody gets in: the codes are signed by a key that is withdrawn", "the issuer signs with a key that the keyset withdraws",
		"{keyset}", ""},
	{"key_not_valid", Degraded, "nobody gets in: the codes are signed by a key outside its time", "the keyset is too old, or the clock is wrong",
		"{keyset}", ""},
	{"code_expired", Degraded, "nobody gets in: the codes are out of date when they are read", "the gate's clock is probably fast",
		"timedatectl set-ntp true && {railgate} clock show", ""},
	{"not_yet_valid", Degraded, "nobody gets in: the codes begin later than they are read", "the gate's clock is probably slow",
		"timedatectl set-ntp true && {railgate} clock show", ""},
	{"liveness_expired", Degraded, "nobody gets in: the passengers' last real-person check is too old for all of them", "the gate's clock is probably half an hour fast, or more",
		"timedatectl set-ntp true && {railgate} clock show", ""},
	{"certificate_expired", Degraded, "nobody gets in: the certificates of all passengers have ended", "the gate's clock is probably a day fast, or more",
		"timedatectl set-ntp true && {railgate} clock show", ""},
	{"class_not_accepted", Degraded, "nobody gets in: the codes are of a class that this lane or their key does not have", "lane.classes, or the keyset, is probably another lane's",
		"editor {config} && systemctl restart railgated", ""},
	{"bad_claims", Degraded, "nobody gets in: the codes say what the keyset does not let their issuer say", "the keyset probably has other rules than the issuer",
		"{keyset}", ""},
	{"bad_proof", Degraded, "nobody gets in: the phones' proofs do not match their codes", "the keyset probably has other rules than the issuer, or somebody shows made-up codes",
		"{keyset}", ""},
	{"no_passage", Degraded, "nobody gets in: codes are granted, and nobody crosses", "the turnstile probably does not move, or the passage sensor sees nobody",
		"{railgate} watch", ""},
	{"no_ticket", Degraded, "nobody gets in: no passenger has a ticket in the manifest", "the manifest is probably not today's",
		"{railgate} status", ""},
	{"too_late", Degraded, "nobody gets in: the record of each grant reaches the disk when the passenger has gone", "the disk is too slow",
		"dmesg --level=err,warn | tail -n 20", ""},

	{DeviceForbidden, OutOfService, "the service's user may not open a device", "railgated may not use the device",
		"chgrp {group} {device} && chmod 660 {device}", ""},
	{ScannerMissing, OutOfService, "a scanner's device is missing", "nobody can show a code there",
		"ls -l /dev/railgate /dev/serial/by-id /dev/v4l/by-id /dev/input/by-id", ""},
	{ScannerBusy, OutOfService, "another program uses a scanner's device", "codes go to the other program",
		"{end}", ""},
	{ScannerDown, OutOfService, "a scanner does not work", "nobody can show a code there",
		"dmesg | tail -n 20", "scanner"},
	{GPIOChipMissing, OutOfService, "a GPIO chip is missing", "the relay or the panel cannot be driven",
		"ls -l /dev/gpiochip*", ""},
	{GPIOLineMissing, OutOfService, "no GPIO chip has a line of the configuration", "the relay or the panel cannot be driven",
		"gpioinfo", ""},
	{GPIOLineBusy, OutOfService, "another program holds a GPIO line", "the relay or the panel cannot be driven",
		"gpioinfo", ""},
	{TurnstileDown, OutOfService, "the turnstile does not work", "the lane cannot open",
		"dmesg | tail -n 20", "turnstile"},
	{PanelDown, Degraded, "the panel does not work", "passengers see and hear nothing",
		"dmesg | tail -n 20", ""},
	{SensorBlocked, Degraded, "the passage sensor is blocked", "passages cannot be counted; something stands in the lane, or the sensor is dirty",
		"{railgate} watch", ""},
	{EmergencyActive, Degraded, "the emergency input is active: the fire loop is open", "the lane is open to everybody until the loop is closed",
		"{railgate} watch", ""},

	{ClockNotSynchronised, OutOfService, "the clock is not synchronised", "a fresh code cannot be told from an old one",
		"timedatectl set-ntp true", "clock"},
	{ClockBelowFloor, OutOfService, "the clock is earlier than the time that is proven", "codes cannot be judged by it",
		"timedatectl set-ntp true && {railgate} clock show", ""},
	{ClockStepped, Degraded, "the clock jumped, and is not believed yet", "the gate goes on by its own count of the time",
		"{railgate} clock show", ""},
	{ClockDisputed, Degraded, "the clock jumped, and the passengers' codes contradict it", "the gate goes on by its own count of the time, for as long as that is good enough",
		"{railgate} clock show", ""},
	{ClockSuspect, Degraded, "most passengers' codes are outside their minute", "the gate's clock is probably wrong, whatever it says",
		"{railgate} clock show", ""},
	{NoBatteryClock, Degraded, "this board has no battery clock", "after a power cut the lane is closed until the network is back",
		"ls -l /dev/rtc*", ""},

	{DataMissing, OutOfService, "the data folder is missing", "nothing can be recorded, so nothing opens",
		"install -d -m 750 -o {user} -g {group} {data} && systemctl restart railgated", ""},
	{DataUnwritable, OutOfService, "the service's user may not write to the data folder", "nothing can be recorded, so nothing opens",
		"chown -R {user}:{group} {data} && chmod u+rwx {data}", ""},
	{DataReadOnly, OutOfService, "the service may not write to the data folder: its unit does not name it", "nothing can be recorded, so nothing opens",
		`mkdir -p {drop_ins} && printf '[Service]\nReadWritePaths=%s\n' {data} > {drop_ins}/data.conf && systemctl daemon-reload && systemctl restart railgated`, ""},
	{DiskFull, OutOfService, "the disk is full", "nothing can be recorded, so nothing opens",
		`du -xah "$(stat -c %m {data})" | sort -h | tail -n 20`, ""},
	{DiskLow, Degraded, "the disk is nearly full", "when it is full the lane closes",
		`du -xah "$(stat -c %m {data})" | sort -h | tail -n 20`, ""},
	{DiskReadOnly, OutOfService, "the disk is read-only", "nothing can be recorded, so nothing opens",
		"mount -o remount,rw \"$(stat -c %m {data})\"", ""},
	{DiskFailing, OutOfService, "writing to the disk fails", "nothing can be recorded, so nothing opens; the card may be worn out",
		"dmesg --level=err,warn | tail -n 20", ""},
	{DiskSlow, Degraded, "the disk is slow", "each passage waits for it, and is too late where it takes seconds",
		"dmesg --level=err,warn | tail -n 20", ""},
	{StoreBusy, OutOfService, "another program holds the store's file", "railgated waits for it, and the lane is closed",
		"{end}", ""},
	{StoreDown, OutOfService, "the store is unavailable", "nothing can be recorded, so nothing opens",
		"journalctl -u railgated -n 50 --no-pager", "store"},
	{StoreSetAside, Degraded, "a damaged store was set aside", "its records are not in the journal; the card may be worn out",
		"{railgate} journal export --json --file {file} > {file}.ndjson && sync {file}.ndjson && rm {file}", ""},
	{SpentCodesLost, OutOfService, "the gate does not know which codes were used before", "no code from before opens; the lane opens by itself when none can be valid",
		"{railgate} status", "memory"},
	{StoreRolledBack, Degraded, "the store is an old copy: the station has records that are not here", "no code from before opens; the card was restored, or another gate has a copy of it",
		"{railgate} status", ""},
	{JournalUnsent, Degraded, "the journal is full of records that the station does not have", "the oldest lose their bodies; only their leaf hashes are kept",
		"{railgate} status", ""},

	{LaneHung, OutOfService, "the lane hangs", "it decides about no code; systemd restarts railgated, if nothing in the kernel hangs with it",
		"systemctl restart railgated", ""},
	{ControlSocket, Degraded, "the control socket cannot be opened", "railgate does not reach this gate; the lane works",
		"ls -ld /run/railgate {data}", ""},
	{HTTPNoAddress, Degraded, "this machine does not have the screen's address", "the screen and the metrics do not work until it has",
		"ip -brief address", ""},
	{HTTPPortTaken, Degraded, "another program uses the screen's port", "the screen and the metrics do not work",
		"{end}", ""},
	{OutputsUnknown, Degraded, "railgate outputs-safe does not know the outputs", "nothing releases the relay when railgated dies",
		"systemctl restart railgated", ""},
	{RelayKept, Degraded, "this board keeps the relay's level when railgated dies", "the relay can stay active",
		"echo dtparam=strict_gpiod >> /boot/firmware/config.txt && reboot", ""},
	{LogLinesDropped, Degraded, "lines of the log were dropped", "what reads the log is stuck or slow; the lane works",
		"systemctl restart systemd-journald", ""},
}
