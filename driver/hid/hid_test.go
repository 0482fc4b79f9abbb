package hid

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// usual is the descriptor that the usage tables give as their example, with a report that lights the scanner.
var usual = []byte{
	0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, // a bar code scanner
	0x09, 0x12, 0xa1, 0x02, 0x85, 0x02, // its scanned data report, number 2
	0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08,
	0x95, 0x01, 0x05, 0x01, 0x09, 0x3b, 0x81, 0x02, // byte count
	0x95, 0x03, 0x05, 0x8c, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x81, 0x02, // symbology identifiers
	0x95, 0x38, 0x09, 0xfe, 0x82, 0x02, 0x01, // decoded data
	0x95, 0x02, 0x06, 0x66, 0xff, 0x09, 0x04, 0x09, 0x00, 0x81, 0x02, // the maker's
	0x05, 0x8c, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x09, 0xff, 0x81, 0x02, // continued
	0xc0,
	0x09, 0x14, 0xa1, 0x02, 0x85, 0x04, 0x95, 0x08, 0x09, 0x60, 0x91, 0x86, 0xc0, // trigger report, to the scanner
	0xc0,
}

// bare has neither numbers nor a byte count, identifiers or a flag.
var bare = []byte{0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x75, 0x08, 0x95, 0x10, 0x09, 0xfe, 0x81, 0x02, 0xc0}

// keyboard is a boot keyboard's.
var keyboard = []byte{0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0x95, 0x06, 0x75, 0x08, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00, 0xc0}

// data makes a usual report.
func data(aim, text string, more byte) []byte {
	r := make([]byte, 64)
	r[0], r[1], r[63] = 2, byte(len(text)), more
	copy(r[2:], aim)
	copy(r[5:], text)
	return r
}

func mustParse(t testing.TB, d []byte) *Layout {
	t.Helper()
	l, err := Parse(d)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestReports(t *testing.T) {
	full := strings.Repeat("x", 56)
	for _, tt := range []struct {
		name       string
		descriptor []byte
		report     []byte
		want       Part
	}{
		{"a code with its identifier", usual, data("]Q1", "RG1:A", 0), Part{"RG1:A", "]Q1", false}},
		{"the first part of a long one", usual, data("]Q1", full, 1), Part{full, "]Q1", true}},
		{"no identifier", usual, data("", "RG1:A", 0), Part{"RG1:A", "", false}},
		{"half an identifier", usual, data("]Q", "RG1:A", 0), Part{"RG1:A", "", false}},
		{"nothing", usual, data("", "", 0), Part{}},
		{"the maker's bits beside the flag", usual, data("]Q1", "RG1:A", 0xfe), Part{"RG1:A", "]Q1", false}},
		{"no count: up to the zeros", bare, append([]byte("RG1:A"), make([]byte, 11)...), Part{Text: "RG1:A"}},
		{"a longer report than described", bare, append([]byte("RG1:A"), make([]byte, 20)...), Part{Text: "RG1:A"}},
	} {
		got, ok, err := mustParse(t, tt.descriptor).Decode(tt.report)
		if err != nil || !ok || got != tt.want {
			t.Errorf("%s: %+v, %v, %v; want %+v", tt.name, got, ok, err, tt.want)
		}
	}
}

func TestReportsThatAreNotTexts(t *testing.T) {
	l := mustParse(t, usual)
	if _, ok, err := l.Decode([]byte{9, 1, 2, 3}); ok || err != nil {
		t.Errorf("another report: %v, %v; want that it is passed by", ok, err)
	}
	long := data("]Q1", "RG1:A", 0)
	long[1] = 57
	for name, report := range map[string][]byte{"empty": nil, "short": data("]Q1", "RG1:A", 0)[:63], "a count beyond its field": long} {
		if _, ok, err := l.Decode(report); ok || err == nil {
			t.Errorf("%s: %v, %v; want an error", name, ok, err)
		}
	}
}

// with puts bytes into the usual descriptor in the place of others.
func with(old, new string) []byte {
	return []byte(strings.Replace(string(usual), old, new, 1))
}

func TestDescriptorsThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name       string
		descriptor []byte
		want       string
	}{
		{"a keyboard", keyboard, "not a HID-POS"},
		{"nothing", nil, "not a HID-POS"},
		{"a scanner that sends no data", []byte{0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0xc0}, "not a HID-POS"},
		{"data outside of a scanner's collection", []byte{0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x8c, 0x75, 0x08, 0x95, 0x10, 0x09, 0xfe, 0x81, 0x02, 0xc0}, "not a HID-POS"},
		{"cut in an item", usual[:len(usual)-14-1], "without its end"},
		{"cut after an item", usual[:len(usual)-1], "a collection without its end"},
		{"an end too many", append(usual[:len(usual):len(usual)], 0xc0), "an end of no collection"},
		{"a long item", append([]byte{0xfe, 1, 1, 1}, usual...), "long item"},
		{"a reserved item", append([]byte{0x0d, 1}, usual...), "reserved"},
		{"a reserved main item", append([]byte{0x11, 1}, usual...), "reserved"},
		{"report number 0", with("\x85\x02", "\x85\x00"), "report number 0"},
		{"usage page 0", append([]byte{0x05, 0x00}, usual...), "usage page 0"},
		{"a pop without its push", append([]byte{0xb4}, usual...), "pop"},
		{"an input outside of a collection", append([]byte{0x75, 8, 0x95, 1, 0x81, 2}, usual...), "outside"},
		{"a number after reports without", append(bare[:len(bare)-1:len(bare)-1], 0x85, 0x02, 0x81, 0x02, 0xc0), "some have none"},
		{"data of 7 bits", with("\x75\x08", "\x75\x07"), "not bytes in a row"},
		{"data twice", with("\x95\x38\x09\xfe\x82\x02\x01", "\x95\x01\x09\xfe\x81\x02\x09\xfe\x81\x02"), "twice"},
		{"data, then more in the same input", with("\x95\x38\x09\xfe", "\x95\x38\x09\xfe\x09\xff"), "not bytes in a row"},
		{"data that begin within a byte", with("\x95\x38\x09\xfe", "\x75\x01\x81\x02\x75\x08\x95\x38\x09\xfe"), "not whole bytes"},
		{"a count of 16 bits", with("\x95\x01\x05\x01\x09\x3b\x81\x02", "\x75\x10\x95\x01\x05\x01\x09\x3b\x81\x02\x75\x08"), "byte count"},
		{"a report of a million bits", with("\x95\x38\x09\xfe", "\x97\x00\x00\x10\x00\x09\xfe"), "1048576 fields"},
		{"a report of too many bits", with("\x95\x38\x09\xfe", "\x96\xff\xff\x09\xfe"), "bits"},
		{"a range of all usages", append([]byte{0x1b, 0, 0, 0, 0, 0x2b, 0xff, 0xff, 0xff, 0xff}, usual...), "usages from"},
		{"too long", append(make([]byte, 4096), usual...), "at most 4096"},
	} {
		if _, err := Parse(tt.descriptor); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want an error with %q", tt.name, err, tt.want)
		}
	}
	if _, err := Parse(keyboard); !errors.Is(err, ErrNotScanner) {
		t.Errorf("a keyboard: %v; want ErrNotScanner", err)
	}
}

// A descriptor may keep its globals (push, pop), and name pages within usages.
func TestDescriptorWithPushAndExtendedUsages(t *testing.T) {
	d := []byte{
		0x0b, 0x02, 0x00, 0x8c, 0x00, 0xa1, 0x01, 0x75, 0x08, 0x95, 0x10, 0xa4, 0x05, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x03, 0xb4,
		0x0b, 0xfe, 0x00, 0x8c, 0x00, 0x81, 0x02, 0xc0,
	}
	got, ok, err := mustParse(t, d).Decode(append([]byte("-RG1:A"), make([]byte, 11)...))
	if want := (Part{Text: "RG1:A"}); err != nil || !ok || got != want {
		t.Errorf("%+v, %v, %v; want %+v", got, ok, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range [][]byte{usual, bare, keyboard, nil, {0xfe}, {0xa4, 0xb4}, with("\x95\x38", "\x95\xff")} {
		f.Add(d, data("]Q1", "RG1:A", 1))
	}
	f.Fuzz(func(t *testing.T, descriptor, report []byte) {
		l, err := Parse(descriptor)
		if err != nil {
			return
		}
		for _, r := range [][]byte{report, make([]byte, 16385), append([]byte{2}, make([]byte, 16384)...)} {
			if part, ok, err := l.Decode(r); err == nil && ok && len(part.Text) > len(r) {
				t.Errorf("%d bytes of text from a report of %d", len(part.Text), len(r))
			}
		}
	})
}

func TestDeviceWaitsAndGoesOn(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := newDevice(r, mustParse(t, usual))
	defer d.Close()
	if _, ok, err := d.Next(time.Now().Add(time.Millisecond)); ok || err != nil {
		t.Errorf("a silent device: %v, %v; want nothing", ok, err)
	}
	soon := func() time.Time { return time.Now().Add(20 * time.Second) }
	bad := data("]Q1", "RG1:A", 0)
	bad[1] = 200
	for _, report := range [][]byte{bad, data("]Q1", "RG1:A", 0)} {
		if _, err := w.Write(report); err != nil {
			t.Fatal(err)
		}
		part, ok, err := d.Next(soon())
		if report[1] == 200 && !errors.Is(err, ErrReport) || report[1] != 200 && (!ok || part.Text != "RG1:A") {
			t.Errorf("report %v: %+v, %v, %v", report[:2], part, ok, err)
		}
	}
	w.Close() // unplugged
	if _, _, err := d.Next(soon()); err == nil || errors.Is(err, ErrReport) {
		t.Errorf("unplugged: %v; want an error that is not a report's", err)
	}
}

func TestFind(t *testing.T) {
	sys := t.TempDir()
	plug := func(node, id string, descriptor []byte) {
		dir := filepath.Join(sys, "class/hidraw", node, "device")
		err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "report_descriptor"), descriptor, 0o644),
			os.WriteFile(filepath.Join(dir, "uevent"), []byte("DRIVER=hid-generic\nHID_ID="+id+"\nHID_NAME=x\n"), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	plug("hidraw0", "0003:00000C2E:00000B61", keyboard) // its other interface
	plug("hidraw1", "0003:00000C2E:00000B61", usual)
	plug("hidraw2", "0003:000005E0:00001200", usual)
	if got, err := Find(sys, "/dev", 0x0c2e, 0x0b61); got != "/dev/hidraw1" {
		t.Errorf("Find = %q, %v; want /dev/hidraw1", got, err)
	}
	if _, err := Find(sys, "/dev", 0x0c2e, 0x0b62); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("one that is not there: %v; want that it does not exist", err)
	}
	plug("hidraw3", "0003:000005E0:00001200", usual)
	if _, err := Find(sys, "/dev", 0x05e0, 0x1200); err == nil || !strings.Contains(err.Error(), "/dev/hidraw2, /dev/hidraw3") {
		t.Errorf("two of a kind: %v; want both named", err)
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	if _, err := Open("/dev/null"); err == nil || !strings.Contains(err.Error(), "not a hidraw device") {
		t.Errorf("/dev/null: %v; want that it is not a hidraw device", err)
	}
	if _, err := Open("/dev/hidraw-none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no device: %v; want that it does not exist", err)
	}
}
