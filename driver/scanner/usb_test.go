package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"railgate/driver"
	"railgate/driver/drivertest"
	"railgate/driver/evdev"
	"railgate/driver/hid"
)

// A fakeUSB is a device that gives what is put into its queue, and is there while it is plugged.
type fakeUSB struct {
	queue   chan any // hid.Part, string (typed), error
	strange evdev.Strange
	closed  bool
}

func (f *fakeUSB) get(deadline time.Time) any {
	select {
	case v := <-f.queue:
		return v
	default:
	}
	select {
	case v := <-f.queue:
		return v
	case <-time.After(time.Until(deadline)):
		return nil
	}
}

func (f *fakeUSB) Next(deadline time.Time) (hid.Part, bool, error) {
	switch v := f.get(deadline).(type) {
	case hid.Part:
		return v, true, nil
	case error:
		return hid.Part{}, false, v
	}
	return hid.Part{}, false, nil
}

func (f *fakeUSB) Type(text []byte, deadline time.Time) (int, error) {
	switch v := f.get(deadline).(type) {
	case string:
		f.strange.Keys += strings.Count(v, evdev.Unknown)
		return copy(text, v), nil
	case error:
		return 0, v
	}
	return 0, nil
}

func (f *fakeUSB) Strange() evdev.Strange { return f.strange }
func (f *fakeUSB) Close() error           { f.closed = true; return nil }

// A usbScan is a scanner on USB in a bubble.
type usbScan struct {
	driver.Scanner
	t    *testing.T
	dev  atomic.Pointer[fakeUSB] // nil: unplugged
	log  drivertest.Log
	got  []string
	ages []time.Duration
}

// onUSB runs a test with a scanner of each kind whose device holds what was scanned before.
func onUSB(t *testing.T, kind string, before []any, test func(*usbScan)) {
	synctest.Test(t, func(t *testing.T) {
		u := &usbScan{t: t}
		u.dev.Store(&fakeUSB{queue: make(chan any, 1000)})
		for _, v := range before {
			u.dev.Load().queue <- v
		}
		log, cfg := slog.New(slog.NewTextHandler(&u.log, nil)), USBConfig{Name: "front", Device: "/dev/fake", Suffix: "\r", Prefix: "RG1:"}
		open := func() (*fakeUSB, error) {
			dev := u.dev.Load()
			if dev == nil {
				return nil, &os.PathError{Op: "open", Path: "/dev/fake", Err: os.ErrNotExist}
			}
			return dev, nil
		}
		if kind == "hid" {
			h := NewHID(cfg, log)
			h.open = func(string) (parts, error) { return open() }
			u.Scanner = h
		} else {
			k := NewKeyboard(cfg, log)
			k.open = func(string) (keys, error) { return open() }
			u.Scanner = k
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- u.Run(ctx, func(r driver.Reading) {
				u.got, u.ages = append(u.got, r.Text), append(u.ages, time.Since(r.At))
			})
		}()
		aSecond()
		test(u)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	})
}

// aSecond lets a second pass, and all that happens in it be seen.
func aSecond() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// send gives the device things to say, and takes what was read of them.
func (u *usbScan) send(things ...any) []string {
	for _, v := range things {
		u.dev.Load().queue <- v
	}
	aSecond()
	got := u.got
	u.got = nil
	return got
}

func (u *usbScan) want(got []string, want ...string) {
	u.t.Helper()
	if !slices.Equal(got, want) {
		u.t.Errorf("read %q; want %q\n%s", got, want, &u.log)
	}
}

func part(aim, text string, more bool) hid.Part {
	return hid.Part{Text: text, AIM: aim, Continued: more}
}

func TestHIDReadsCodes(t *testing.T) {
	onUSB(t, "hid", nil, func(u *usbScan) {
		u.want(u.send(part("]Q1", "RG1:A", false)), "RG1:A")
		u.want(u.send(part("", "RG1:A\r", false)), "RG1:A")
		u.want(u.send(part("]Q1", "]Q1RG1:A", false)), "RG1:A") // it is set to send it with the data too
		u.want(u.send(part("]C1", "RG1:A", false)), "]C1RG1:A") // a linear code is no code
		u.want(u.send(part("]Q1", "RG1:A", false), part("]Q1", "RG1:B", false)), "RG1:A", "RG1:B")
		u.want(u.send(part("]Q1", "RG1:", true), part("]Q1", "A", true), part("]Q1", "B", false), part("]Q1", "RG1:C", false)), "RG1:AB", "RG1:C")
		u.want(u.send(part("]Q1", "", false)))
		u.want(u.send(part("]Q1", "RG1:HALF", true)), "RG1:HALF") // what should follow never comes
		u.want(u.send(part("]Q1", "RG1:A", false)), "RG1:A")
		long := make([]any, 0, 40)
		for range 39 {
			long = append(long, part("]Q1", strings.Repeat("A", 56), true))
		}
		got := u.send(append(long, part("]Q1", "A", false), part("]Q1", "RG1:A", false))...)
		u.want(got, strings.Repeat("A", maxFrame-len("]Q1")), "RG1:A")
		if h := u.Health(); h.Suffix != "" || h.Note != "" || !h.Up {
			t.Errorf("health %+v; want no suffix and no note", h)
		}
	})
}

// A report that the device's own descriptor does not allow is answered as a code that cannot be read.
func TestHIDReportThatIsWrong(t *testing.T) {
	onUSB(t, "hid", nil, func(u *usbScan) {
		wrong := fmt.Errorf("%w: report 2 says 200 bytes", hid.ErrReport)
		u.want(u.send(part("]Q1", "RG1:HALF", true), wrong, part("]Q1", "RG1:A", false)), "RG1:HALF"+evdev.Unknown, "RG1:A")
		u.want(u.send(wrong), evdev.Unknown)
		if note := u.Health().Note; !strings.Contains(note, "200 bytes") {
			t.Errorf("note %q; want what is wrong", note)
		}
		u.want(u.send(part("]Q1", "RG1:A", false)), "RG1:A")
		if note := u.Health().Note; note != "" {
			t.Errorf("note %q; want none, for all is well", note)
		}
	})
}

func TestKeyboardReadsCodes(t *testing.T) {
	onUSB(t, "keyboard", nil, func(u *usbScan) {
		u.want(u.send("R", "G", "1:A\r"), "RG1:A")
		if h := u.Health(); h.Suffix != "CR" || h.Note != "" {
			t.Errorf("suffix %q, note %q; want CR and no note", h.Suffix, h.Note)
		}
		u.want(u.send("]Q1RG1:A\rRG1:B\r"), "RG1:A", "RG1:B")
		u.want(u.send("]C1RG1:A\r"), "]C1RG1:A")
		u.want(u.send("RG1:A\t"), "RG1:A")
		if h := u.Health(); h.Suffix != "TAB" || !strings.Contains(h.Note, `suffix = "\t"`) {
			t.Errorf("suffix %q, note %q; want TAB and advice", h.Suffix, h.Note)
		}
		u.want(u.send("RG1:A"), "RG1:A")
		u.want(u.send(strings.Repeat("A", 2000)+"\r", "RG1:A\r"), strings.Repeat("A", maxFrame), "RG1:A")
	})
}

func TestKeyboardSaysWhatItsScannerDoesWrong(t *testing.T) {
	onUSB(t, "keyboard", nil, func(u *usbScan) {
		for _, tt := range []struct{ typed, note string }{
			{"RG1>AYZ\r", "German or Spanish or Italian"},
			{"HELLO\r", "German or Spanish or Italian"}, // nothing is known from that
			{"RG1:AZY\r", ""},
			{"HELLO\r", ""},
			{"rg1:azy\r", "small letters"},
			{"RG1:A" + evdev.Unknown + "B\r", "no character"},
			{"RG1:AB\r", ""},
		} {
			u.want(u.send(tt.typed), strings.TrimSuffix(tt.typed, "\r"))
			if note := u.Health().Note; !strings.Contains(note, tt.note) || tt.note == "" && note != "" {
				t.Errorf("after %q the note is %q; want %q", tt.typed, note, tt.note)
			}
		}
		if strings.Contains(u.log.String(), "RG1") {
			t.Errorf("a code is in the log:\n%s", &u.log)
		}
	})
}

func TestRemarkKeys(t *testing.T) {
	for _, tt := range []struct {
		text    string
		strange evdev.Strange
		want    string
	}{
		{"RG1:A", evdev.Strange{Chords: 2}, "Ctrl or Alt"},
		{"RG1:A", evdev.Strange{Keys: 1, Code: 59}, "code 59"},
		{"RG1:A", evdev.Strange{Lost: 1}, "too slow"},
		{"RG1:A", evdev.Strange{Code: 59}, ""},
	} {
		if got, known := remarkKeys(tt.text, "RG1:", tt.strange); !known || !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%+v: %q, %v; want %q", tt.strange, got, known, tt.want)
		}
	}
	if _, known := remarkKeys("RG1>A", "", evdev.Strange{}); known {
		t.Error("without a prefix nothing is known")
	}
}

// What was scanned before the device was opened, and while the process was stopped, opens nothing.
func TestUSBBacklogIsNeverDelivered(t *testing.T) {
	for kind, code := range map[string]func(string) any{
		"hid":      func(text string) any { return part("]Q1", text, false) },
		"keyboard": func(text string) any { return text + "\r" },
	} {
		t.Run(kind, func(t *testing.T) {
			onUSB(t, kind, []any{code("RG1:OLD"), code("RG1:OLDER"), code("RG1:HALF")}, func(u *usbScan) {
				u.want(u.send(code("RG1:NEW")), "RG1:NEW")
			})
		})
	}
}

func TestUSBScannersSurviveUnplugging(t *testing.T) {
	for kind, pieces := range map[string][]any{
		"hid":      {part("]Q1", "RG1:HAL", true), part("]Q1", "RG1:A", false)},
		"keyboard": {"RG1:HAL", "RG1:A\r"},
	} {
		for _, gone := range []error{unix.ENODEV, unix.EIO} {
			t.Run(kind+" "+gone.Error(), func(t *testing.T) {
				onUSB(t, kind, nil, func(u *usbScan) {
					old := u.dev.Load()
					u.dev.Store(nil)
					old.queue <- pieces[0]
					old.queue <- &os.PathError{Op: "read", Path: "/dev/fake", Err: gone}
					time.Sleep(10 * time.Second)
					synctest.Wait()
					if h := u.Health(); h.Up || !strings.Contains(h.Err, "/dev/fake") || !old.closed {
						t.Errorf("unplugged: %+v, closed %v; want that it is down, and which device is not there", h, old.closed)
					}
					if !strings.Contains(u.log.String(), "unplugged") {
						t.Errorf("the log does not say unplugged:\n%s", &u.log)
					}
					u.dev.Store(&fakeUSB{queue: make(chan any, 10)})
					time.Sleep(6 * time.Second)
					synctest.Wait()
					if !u.Health().Up {
						t.Fatalf("plugged in again: %+v; want up", u.Health())
					}
					u.want(u.send(pieces[1]), "RG1:A")
					if n := strings.Count(u.log.String(), "\n"); n > 5 {
						t.Errorf("%d lines about one unplugging:\n%s", n, &u.log)
					}
				})
			})
		}
	}
}

// What a keyboard types before it is grabbed reaches whoever hears keyboards: it is grabbed soon.
func TestKeyboardIsGrabbedSoonAfterItIsPlugged(t *testing.T) {
	onUSB(t, "keyboard", nil, func(u *usbScan) {
		old := u.dev.Load()
		u.dev.Store(nil)
		old.queue <- unix.ENODEV
		time.Sleep(time.Minute)
		synctest.Wait()
		u.dev.Store(&fakeUSB{queue: make(chan any, 10)})
		time.Sleep(grabAgain + settle + time.Millisecond)
		if !u.Health().Up {
			t.Errorf("%+v; want up within %v", u.Health(), grabAgain)
		}
	})
}

func TestParseUSB(t *testing.T) {
	for text, want := range map[string]bool{"0c2e:0b61": true, "0C2E:0B61": true, "c2e:b61": false, "/dev/hidraw0": false, "0c2e": false, "0c2e:0b61:1": false, "": false} {
		if v, p, ok := ParseUSB(text); ok != want || ok && (v != 0x0c2e || p != 0x0b61) {
			t.Errorf("ParseUSB(%q) = %x, %x, %v; want %v", text, v, p, ok, want)
		}
	}
	if _, err := FindUSB("hid", "ffff:fffe"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("FindUSB = %v; want that there is none", err)
	}
	if path, err := FindUSB("keyboard", "/dev/x"); path != "/dev/x" || err != nil {
		t.Errorf("FindUSB = %q, %v; want the path", path, err)
	}
}

// A scanner that is set to the other kind is there, and its configuration names it: what to do is said.
func TestScannerOfTheOtherKind(t *testing.T) {
	sys := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(sys, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("class/hidraw/hidraw0/device/uevent", "HID_ID=0003:00000C2E:00000B61\n")
	write("class/hidraw/hidraw0/device/report_descriptor", "\x05\x8c\x09\x02\xa1\x01\x75\x08\x95\x10\x09\xfe\x81\x02\xc0")
	write("class/input/event0/device/id/vendor", "1eab\n")
	write("class/input/event0/device/id/product", "0003\n")
	write("class/input/event0/device/capabilities/key", "7 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n")
	for _, tt := range []struct{ kind, device, path, want string }{
		{"hid", "0c2e:0b61", "/dev/hidraw0", ""},
		{"keyboard", "0c2e:0b61", "", `use driver = "hid"`},
		{"keyboard", "1eab:0003", "/dev/input/event0", ""},
		{"hid", "1eab:0003", "", `use driver = "keyboard"`},
	} {
		if path, err := findUSB(sys, "/dev", tt.kind, tt.device); path != tt.path || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %q, %v; want %q, %q", tt.kind, tt.device, path, err, tt.path, tt.want)
		}
	}
}
