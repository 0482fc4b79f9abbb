package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"railgate/driver/scanner"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// check fills in the configuration from the document, and reports what is wrong.
func (c *checker) check() {
	c.checkNames()
	c.checkLane()
	c.checkScanners()
	c.checkTurnstile()
	c.checkPanel()
	c.checkLines()
	c.checkHTTP()
	c.checkSync()
	c.checkRoots()
	c.checkProvision()
	c.checkNetwork()
	c.checkEntryRules()
	c.checkUpdate()
	c.in("clock")
	c.Clock = Clock{DriftPPM: c.number(driftPPM), RequireSync: c.flag("require_sync", true)}
	c.in("journal")
	c.Journal = Journal{Days: c.whole(journalDays), MaxBytes: c.size(journalSize)}
}

func (c *checker) checkNames() {
	c.in("")
	c.Station, c.Gate = c.label("station"), c.label("gate")
	c.Data, c.Keys = c.path(dataPath), c.path(keysPath)
	switch c.Data {
	case "":
		c.wrong("data", "is empty; want the store's folder, such as %q", dataPath.example)
	case "/":
		c.wrong("data", "is the whole machine; want a folder of the store's own, such as %q", dataPath.example)
	}
}

func (c *checker) checkLane() {
	c.in("lane")
	c.Lane = Lane{
		Direction: c.word(direction), Classes: c.classes(), Staff: c.word(staff), Passback: c.word(passback),
		PassbackFor: c.duration(passbackFor), OpenFor: c.duration(openFor),
	}
	c.Lane.Tickets, c.Lane.PerDay = c.word(tickets) == "required", c.whole(perDay)
	hours, err := lane.ParseHours(c.text("hours"))
	if err != nil {
		c.wrong("hours", "%s is not a span of hours; want such as \"05:30-23:45\"; over midnight too: \"22:00-02:00\"", quote(c.text("hours")))
	}
	c.Lane.Hours = hours
}

// checkEntryRules refuses what nobody may be held to who wants to leave, and tickets without
// a manifest.
func (c *checker) checkEntryRules() {
	c.in("lane")
	for key, set := range map[string]bool{"tickets": c.Lane.Tickets, "hours": c.Lane.Hours != lane.Hours{}, "per_day": c.Lane.PerDay > 0} {
		if set && c.Lane.Direction != "entry" {
			c.wrong(key, "is for direction = \"entry\": no other lane may keep anybody in; take it out")
		}
	}
	c.in("bus")
	if closed := c.Bus.Cut == "closed"; closed && c.Lane.Direction != "entry" {
		c.wrong("cut", "\"closed\" is for direction = \"entry\": no other lane may keep anybody in; use \"open\"")
	} else if closed && c.Sync.Station == "" {
		c.wrong("cut", "\"closed\" needs a station, or nobody would ever pass; set sync.station, or use \"open\"")
	}
	c.in("lane")
	if c.Lane.Tickets && c.Sync.Station == "" {
		c.wrong("tickets", "\"required\" needs the day's manifest, which comes from sync.station; set that, or use \"off\"")
	}
}

func (c *checker) classes() (classes []int) {
	defer func() { c.set("classes", append([]int{}, classes...)) }()
	form := between("array", 1, 3)
	form.Items = "integer"
	c.kind("classes", kind{"list of " + classWords, shown(usualClasses()), form})
	values, ok := list[int64](c, "classes", "a list of numbers, such as [1, 2]")
	if !ok {
		return usualClasses()
	}
	if len(values) == 0 {
		c.wrong("classes", "is empty, so nobody could pass; want %s", classWords)
	}
	for _, class := range values {
		if class < 1 || class > 3 {
			c.wrong("classes", "%d is not a class; want %s", class, classWords)
			continue
		}
		classes = append(classes, int(class))
	}
	return classes
}

func (c *checker) checkScanners() {
	if c.document.scanners == 0 && c.document.lines["scanner"] == 0 {
		c.in("")
		c.wrong("", "there is no [[scanner]]; a lane needs at least one")
	}
	names, devices := map[string]bool{}, map[string]string{}
	for i := range c.document.scanners {
		c.in(scannerName(i))
		s := c.checkScanner(i)
		if names[s.Name] {
			c.wrong("name", "%s is another scanner's name too; choose another", quote(s.Name))
		}
		names[s.Name] = true
		for key, device := range map[string]string{"port": s.Port, "device": s.Device} {
			if other, ok := devices[device]; ok && device != "" {
				c.wrong(key, "%s is the device of scanner %s already; each scanner has its own", quote(device), quote(other))
			}
			devices[device] = s.Name
		}
		c.Scanners = append(c.Scanners, s)
	}
}

func scannerName(i int) string { return fmt.Sprintf("scanner[%d]", i) }

func (c *checker) checkScanner(i int) Scanner {
	c.kind("driver", kind{want: or(quoted(scannerDrivers)), form: form{Options: scannerDrivers, Needed: true}})
	s := Scanner{Name: c.label("name"), Driver: c.text("driver")}
	if s.Name == "" {
		s.Name = fmt.Sprintf("scanner%d", i+1)
	}
	check, ok := map[string]func(*Scanner){"serial": c.checkSerial, "hid": c.checkHID, "keyboard": c.checkKeyboard, "camera": c.checkCamera}[s.Driver]
	for _, key := range scannerKeys {
		c.asked[c.name(key)] = true
		if ok && c.has(key) && !slices.Contains(driverKeys[s.Driver], key) {
			c.wrong(key, "is not for driver = %q; take it out", s.Driver)
		}
	}
	switch {
	case ok:
		check(&s)
	case !c.has("driver"):
		c.wrong("driver", "is missing; want %s", or(scannerDrivers))
	case s.Driver != "":
		c.wrong("driver", "%s is not a scanner's driver; %swant %s", quote(s.Driver), meantDriver(s.Driver), or(scannerDrivers))
	}
	return s
}

// The keys of scanners, and those that each driver has.
var (
	scannerKeys = []string{"port", "baud", "suffix", "device", "size", "exposure", "focus", "k1", "frames", "fps"}
	driverKeys  = map[string][]string{
		"serial": {"port", "baud", "suffix"}, "hid": {"device"}, "keyboard": {"device", "suffix"}, "camera": {"device", "size", "exposure", "focus", "k1", "frames", "fps"},
	}
)

// meantDriver is what somebody meant who calls a driver by another of its names.
func meantDriver(name string) string {
	for driver, names := range map[string]string{
		"hid": "usb hidpos hid-pos hid_pos pos hidraw usb-hid usbhid", "keyboard": "kbw wedge keyboard-wedge hid-kbw hidkbw kbd evdev keyboards", "serial": "com cdc acm usb-serial uart rs232 tty", "camera": "webcam v4l2 video cam",
	} {
		if slices.Contains(strings.Fields(names), strings.ToLower(name)) {
			return "is it " + driver + "? "
		}
	}
	return meant(name, scannerDrivers)
}

func (c *checker) checkSerial(s *Scanner) {
	s.Port, s.Baud = c.path(portPath), c.whole(baud)
	if s.Port == "" {
		c.wrong("port", "is missing; want a device, best a link of /dev/serial/by-id")
	}
	c.checkSuffix(s)
}

func (c *checker) checkHID(s *Scanner) {
	s.Device = c.usbDevice("/dev/railgate/hid, or USB's VENDOR:PRODUCT")
}

func (c *checker) checkKeyboard(s *Scanner) {
	s.Device = c.usbDevice("/dev/railgate/keyboard, a link of /dev/input/by-id, or USB's VENDOR:PRODUCT")
	c.checkSuffix(s)
}

// deviceKind is what a scanner's device may be, whichever its driver is.
var deviceKind = kind{want: "path; of hid and keyboard USB's VENDOR:PRODUCT too", form: form{Pattern: "^(/.*|[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4})?$"}}

// usbDevice reads which device a scanner on USB is.
func (c *checker) usbDevice(want string) string {
	c.kind("device", deviceKind)
	device, ok := read[string](c, "device", wantText)
	c.set("device", device)
	_, _, usb := scanner.ParseUSB(device)
	switch {
	case !ok && c.has("device"): // which is said
	case device == "":
		c.wrong("device", "is missing; want %s", want)
	case usb || filepath.IsAbs(device) && !strings.ContainsFunc(device, unicode.IsControl):
	case strings.Contains(device, ":"):
		c.wrong("device", "%s is not VENDOR:PRODUCT; want four hexadecimal digits each, as lsusb shows them, such as \"0c2e:0b61\"", quote(device))
	default:
		c.wrong("device", "%s is not a device; want %s", quote(device), want)
	}
	return device
}

func (c *checker) checkSuffix(s *Scanner) {
	s.Suffix = "\r"
	c.kind("suffix", kind{fmt.Sprintf("text of up to %d characters that no code has", scanner.MaxSuffix), shown(s.Suffix), form{Chars: scanner.MaxSuffix}})
	if suffix, ok := read[string](c, "suffix", wantText); ok {
		s.Suffix = suffix
	}
	c.set("suffix", s.Suffix)
	switch {
	case len(s.Suffix) > scanner.MaxSuffix:
		c.wrong("suffix", "%s is too long; want up to %d characters, mostly \"\\r\"; \"\" where the scanner sends none", quote(s.Suffix), scanner.MaxSuffix)
	case s.Suffix != "" && strings.Trim(s.Suffix, codeCharacters) == "":
		c.wrong("suffix", "%s can be a part of a code; set the scanner to end a code with \"\\r\"", quote(s.Suffix))
	}
}

// codeCharacters are those that a code is made of: base45's.
const codeCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

func (c *checker) checkCamera(s *Scanner) {
	c.kind("device", deviceKind)
	s.Device, s.Frames, s.FPS, s.Exposure = c.path(devicePath), c.path(framesPath), c.number(fps), c.duration(exposure)
	if n := c.whole(focus); c.has(focus.key) {
		s.Focus = &n
	}
	s.K1 = c.number(lensK1)
	s.Width, s.Height = c.checkSize()
	switch {
	case s.Device == "" && s.Frames == "":
		c.wrong("device", "is missing; want a camera such as /dev/video0, or frames = a folder of pictures")
	case s.Device != "" && s.Frames != "":
		c.wrong("frames", "excludes device; take one of them out")
	case s.Device != "" && s.FPS < 1:
		c.wrong("fps", "%v is out of range; want 1 to %v frames a second of a camera", s.FPS, fps.most)
	}
}

var wantFrame = fmt.Sprintf("WIDTHxHEIGHT from %dx%d to %dx%d", scanner.MinWidth, scanner.MinHeight, scanner.MaxSide, scanner.MaxSide)

// checkSize reads a frame's size, such as "1280x720".
func (c *checker) checkSize() (width, height int) {
	c.kind("size", kind{wantFrame, shown("1280x720"), form{Pattern: "^[0-9]+x[0-9]+$"}})
	text, ok := read[string](c, "size", wantText)
	if !ok {
		return 1280, 720
	}
	w, h, _ := strings.Cut(text, "x")
	width, err1 := strconv.Atoi(w)
	height, err2 := strconv.Atoi(h)
	if err1 != nil || err2 != nil || width < scanner.MinWidth || height < scanner.MinHeight || max(width, height) > scanner.MaxSide {
		c.wrong("size", "%s is not a size; want %s, such as \"1280x720\"", quote(text), wantFrame)
	}
	return width, height
}

func (c *checker) checkTurnstile() {
	c.in("turnstile")
	t := &c.Turnstile
	*t = Turnstile{
		Open: c.text("open"), Passage: c.text("passage"), Emergency: c.text("emergency"), ActiveLow: c.words(turnstileLow),
		Pulse: c.duration(pulse), Trace: c.path(tracePath), PassageAfter: c.duration(passageAfter), Interlock: c.path(interlockPath),
	}
	if t.Trace != "" && t.Trace == c.Keys {
		c.wrong("trace", "%s is the keyset's file, and the trace is written; name another", quote(t.Trace))
	}
	if c.asked[c.name("driver")] = true; !c.has("driver") && c.Lane.Direction == "check" {
		return
	}
	if t.Driver = c.word(turnstileDriver); t.Driver != "gpio" {
		return
	}
	c.needed("open", t.Open, "GPIO17")
	c.needed("passage", t.Passage, "GPIO27")
	if t.Trace != "" {
		c.wrong("trace", "is for driver = \"sim\"; take it out")
	}
}

func (c *checker) needed(key, value, example string) {
	if value == "" {
		c.wrong(key, "is missing; want a line's name, such as %q, or CHIP:OFFSET", example)
	}
}

func (c *checker) checkPanel() {
	c.in("panel")
	p := &c.Panel
	*p = Panel{Driver: "sim", Green: c.text("green"), Red: c.text("red"), Buzzer: c.text("buzzer"), Service: c.text("service"), ActiveLow: c.words(panelLow), Languages: c.words(languages)}
	if c.asked["panel.driver"] = true; c.hasPanel() {
		p.Driver = c.word(panelDriver)
	}
	if len(p.Languages) == 0 {
		c.wrong("languages", "is empty; want some of %s", strings.Join(languages.options, ", "))
	}
}

func (c *checker) hasPanel() bool {
	for name := range c.document.lines {
		if name == "panel" || strings.HasPrefix(name, "panel.") {
			return true
		}
	}
	return false
}

// checkLines refuses one line for two purposes.
func (c *checker) checkLines() {
	seen := map[string]string{}
	for _, l := range c.namedLines() {
		if other, ok := seen[l.spec]; ok {
			c.in("")
			c.wrong(l.key, "%s is the line of %s already; each has its own", quote(l.spec), other)
		}
		seen[l.spec] = l.key
	}
}

func (c *checker) checkHTTP() {
	c.in("http")
	c.HTTP.Listen = c.text("listen")
	if l := c.HTTP.Listen; l != "" && !isAddress(l) {
		c.wrong("listen", "%s is not an address; want HOST:PORT, such as \"127.0.0.1:8080\"", quote(l))
	}
}

func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil || isHost(host)
}

// isHost tells whether a text may be a host's name, or "" for all of a machine's addresses.
func isHost(s string) bool {
	return s == "" || len(s) <= 253 && strings.Trim(s, "0123456789.") != "" &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// checkSync checks where the keyset comes from, and what only a station has.
func (c *checker) checkSync() {
	c.in("sync")
	c.Sync = Sync{Nation: c.text("nation"), Station: c.text("station"), Roots: c.path(rootsPath), Every: c.duration(syncEvery), OfflineFor: c.duration(offlineFor), OfflineStop: c.duration(offlineStop), Revocations: c.text("revocations"), Revokers: c.text("revokers"), RevocationsFor: c.duration(revocationsFor)}
	if c.Sync.OfflineStop < c.Sync.OfflineFor {
		c.wrong("offline_stop", "%s is before offline_for; want later", quote(c.text("offline_stop")))
	}
	switch n := c.Sync.Nation; {
	case n == "":
	case c.Keys != "":
		c.wrong("nation", "is set and so is keys, and a gate has one source of keys; set keys = \"\", or take nation out")
	case !isRepository(n):
		c.wrong("nation", "%s is neither a URL nor a folder; want such as \"https://rail.example/nation\" or \"/media/usb/nation\"", quote(n))
	}
	if r := c.Sync.Revocations; r != "" && !isRepository(r) {
		c.wrong("revocations", "%s is neither a URL nor a file's path; want such as \"https://issuer.example/v1/revocations\" or \"/media/usb/revocations\"", quote(r))
	}
	switch r := c.Sync.Revokers; {
	case r != "" && c.Sync.Nation != "":
		c.wrong("revokers", "is set and so is nation, whose repository has them; take revokers out")
	case r != "" && !filepath.IsAbs(r):
		c.wrong("revokers", "%s is not a file's path; want such as \"/etc/railgate/revokers.json\"", quote(r))
	}
	c.checkStation()
	if c.text("url") != "" {
		c.wrong("url", "is the name of an older version; want nation = URL for the keyset")
	}
	c.checkBus()
}

// checkBus checks where the station's messages are, and what the lane does without them. How the
// servers are known comes in station.json.
func (c *checker) checkBus() {
	c.in("bus")
	c.Bus = Bus{Cut: c.word(busCut)}
	c.Bus.Servers, _ = list[string](c, "servers", wantTexts)
	for _, server := range c.Bus.Servers {
		if err := bus.CheckServer(server); err != nil {
			c.wrong("servers", "%s is not a server's address; want such as \"tls://station.example:4222\"", quote(server))
		}
	}
	if len(c.Bus.Servers) > 0 && c.Sync.Station == "" {
		c.wrong("servers", "is set and sync.station is not, where station.json says by which key a gate knows them; set that, or take servers out")
	}
	if c.text("credentials") != "" {
		c.wrong("credentials", "a gate signs in with its own key, which railgate identity shows; take it out")
	}
}

// checkStation checks where a station's policy comes from. The names of the station and
// of the gate are then parts of paths and subjects.
func (c *checker) checkStation() {
	c.in("sync")
	switch s := c.Sync.Station; {
	case s == "":
		return
	case c.Sync.Nation == "":
		c.wrong("station", "is set and nation is not; a gate with a station takes its keyset from the nation's repository: set nation too")
	case !isRepository(s):
		c.wrong("station", "%s is neither a URL nor a folder; want such as \"https://station.example/tuf\" or \"/media/usb/station\"", quote(s))
	}
	c.in("")
	for _, key := range []string{"station", "gate"} {
		if name := c.text(key); !journal.GoodName(name) {
			c.wrong(key, "%s cannot name a gate of a station; want 1 to 32 letters, digits, - and _, for it becomes a part of paths", quote(name))
		}
	}
	c.in("sync")
}

// isRepository tells whether a text may name a repository: a URL of a web server, or a folder.
func isRepository(s string) bool {
	if filepath.IsAbs(s) {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}
