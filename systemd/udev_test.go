package systemd

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A term of a udev rule: KEY OP "VALUE" (udev(7)).
var term = regexp.MustCompile(`^([A-Z]+(?:\{[A-Za-z_]+\})?)(==|!=|=|\+=|-=)"([^"]*)"$`)

// A device is what udev knows of one.
type device struct {
	props   map[string]string // SUBSYSTEM, KERNEL, ATTR{…}, ENV{…}, DRIVERS
	links   []string
	changed map[string]string
}

// matches tells whether one of the patterns that | separates is a text; only * is special.
func matches(patterns, text string) bool {
	for pattern := range strings.SplitSeq(patterns, "|") {
		expr := strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*"), `\?`, ".")
		if regexp.MustCompile("^" + expr + "$").MatchString(text) {
			return true
		}
	}
	return false
}

// apply does what the rules say to a device.
func (d *device) apply(t *testing.T) {
	data, err := os.ReadFile("udev/99-railgate.rules")
	if err != nil {
		t.Fatal(err)
	}
	skip := ""
rules:
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var terms [][]string
		for part := range strings.SplitSeq(line, ", ") {
			m := term.FindStringSubmatch(part)
			if m == nil {
				t.Fatalf("line %d: %q is no term of a rule", i+1, part)
			}
			terms = append(terms, m)
		}
		if skip != "" {
			if terms[0][1] != "LABEL" || terms[0][3] != skip {
				continue
			}
			skip = ""
		}
		for _, m := range terms {
			if (m[2] == "==" && !matches(m[3], d.props[m[1]])) || (m[2] == "!=" && matches(m[3], d.props[m[1]])) {
				continue rules
			}
		}
		for _, m := range terms {
			switch {
			case m[2] == "==" || m[2] == "!=" || m[1] == "LABEL":
			case m[1] == "GOTO":
				skip = m[3]
			case m[2] == "-=":
				d.changed[m[1]+"-"] += m[3] + " "
			case m[1] == "ENV{RAILGATE_SCANNER}": // which later rules ask for
				d.props[m[1]] = m[3]
			case m[1] == "SYMLINK":
				d.links = append(d.links, strings.ReplaceAll(m[3], "$env{ID_PATH}", d.props["ENV{ID_PATH}"]))
			default:
				d.changed[m[1]] = m[3]
			}
		}
	}
	if skip != "" {
		t.Errorf("GOTO %q leads nowhere", skip)
	}
}

func TestUdevRules(t *testing.T) {
	scanner := func(driver string) map[string]string {
		return map[string]string{"SUBSYSTEM": "tty", "KERNEL": "ttyUSB3", "ENV{ID_USB_INTERFACE_NUM}": "00", "ENV{ID_PATH}": "platform-usb-0:1.2:1.0", "DRIVERS": driver}
	}
	usb := func(vendor, product, braille string) map[string]string {
		return map[string]string{"SUBSYSTEM": "usb", "ENV{DEVTYPE}": "usb_device", "ATTR{idVendor}": vendor, "ATTR{idProduct}": product, "ENV{BRLTTY_BRAILLE_DEVICE}": braille}
	}
	hid := func(subsystem, kernel, vendor, protocol string) map[string]string {
		return map[string]string{
			"SUBSYSTEM": subsystem, "KERNEL": kernel, "ATTRS{idVendor}": vendor, "ATTRS{bInterfaceNumber}": "00", "ATTRS{bInterfaceProtocol}": protocol,
			"ENV{ID_INPUT_KEYBOARD}": "1", "ENV{ID_PATH}": "platform-usb-0:1.2:1.0",
		}
	}
	block := func(bus, system, action string) map[string]string {
		return map[string]string{"ACTION": action, "SUBSYSTEM": "block", "KERNEL": "sda1", "ENV{ID_BUS}": bus, "ENV{ID_FS_TYPE}": system}
	}
	called := func(props map[string]string) map[string]string { props["ENV{RAILGATE_SCANNER}"] = "1"; return props }
	ours := map[string]string{"GROUP": "railgate", "MODE": "0660", "TAG-": "seat uaccess power-switch ", "ENV{LIBINPUT_IGNORE_DEVICE}": "1"}
	for _, tt := range []struct {
		name    string
		props   map[string]string
		links   string
		changed map[string]string
	}{
		{"a GPIO chip", map[string]string{"SUBSYSTEM": "gpio", "KERNEL": "gpiochip0"}, "", map[string]string{"GROUP": "gpio", "MODE": "0660"}},
		{"a scanner", scanner("ftdi_sio"), "railgate/scanner railgate/scanner-platform-usb-0:1.2:1.0", nil},
		{"a modem's port", scanner("option"), "", nil},
		{"a serial port of the board", map[string]string{"SUBSYSTEM": "tty", "KERNEL": "ttyAMA0"}, "", nil},
		{"a CH340 that brltty wants", usb("1a86", "7523", "usb:x"), "", map[string]string{"ENV{ID_MM_DEVICE_IGNORE}": "1", "ENV{SYSTEMD_WANTS}": ""}},
		{"a CH340 without brltty", usb("1a86", "7523", ""), "", map[string]string{"ENV{ID_MM_DEVICE_IGNORE}": "1"}},
		{"an STM32 module", usb("0483", "5740", ""), "", map[string]string{"ENV{ID_MM_DEVICE_IGNORE}": "1"}},
		{"a HID-POS scanner", hid("hidraw", "hidraw0", "0c2e", "00"), "railgate/hid railgate/hid-platform-usb-0:1.2:1.0", ours},
		{"a scanner's keyboard, raw", hid("hidraw", "hidraw0", "0c2e", "01"), "", ours},
		{"a scanner that types", hid("input", "event3", "1eab", "01"), "railgate/keyboard railgate/keyboard-platform-usb-0:1.2:1.0", ours},
		{"its parent, which has the seat", hid("input", "input3", "1eab", "01"), "", map[string]string{"TAG-": ours["TAG-"], "ENV{LIBINPUT_IGNORE_DEVICE}": "1"}},
		{"a technician's keyboard", hid("input", "event4", "046d", "01"), "", nil},
		{"another one that somebody calls a scanner", called(hid("input", "event4", "046d", "01")), "railgate/keyboard railgate/keyboard-platform-usb-0:1.2:1.0", ours},
		{"a stick with FAT32", block("usb", "vfat", "add"), "", map[string]string{"TAG": "systemd", "ENV{SYSTEMD_WANTS}": "railgate-provision@%k.service"}},
		{"a stick that is pulled", block("usb", "vfat", "remove"), "", nil},
		{"a stick with another file system", block("usb", "ext4", "add"), "", nil},
		{"the card that the gate runs from", block("", "vfat", "add"), "", nil},
		{"a modem", usb("2c7c", "0125", ""), "", nil},
	} {
		d := &device{props: tt.props, changed: map[string]string{}}
		d.apply(t)
		if got := strings.Join(d.links, " "); got != tt.links {
			t.Errorf("%s: links %q; want %q", tt.name, got, tt.links)
		}
		if len(d.changed) != len(tt.changed) {
			t.Errorf("%s: %v; want %v", tt.name, d.changed, tt.changed)
		}
		for key, want := range tt.changed {
			if got, ok := d.changed[key]; !ok || got != want {
				t.Errorf("%s: %s=%q; want %q", tt.name, key, got, want)
			}
		}
	}
}
