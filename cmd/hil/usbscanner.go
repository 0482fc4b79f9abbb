package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A usbScanner is a barcode scanner on USB that is no serial port, on the kernel's uhid: a HID-POS device
// or a keyboard.
type usbScanner struct {
	uhid io.WriteCloser
	send func(s *usbScanner, text string) error
}

// The vendor and product of each kind: Honeywell's, and Newland's.
const (
	posID      = "0c2e:0b61"
	keyboardID = "1eab:0003"
)

// posDescriptor is that of the usage tables' example: report 2 has a byte count, three symbology identifiers, 56
// bytes of data, two of the maker's and a flag.
var posDescriptor = []byte{
	0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x12, 0xa1, 0x02, 0x85, 0x02, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x01, 0x05, 0x01,
	0x09, 0x3b, 0x81, 0x02, 0x95, 0x03, 0x05, 0x8c, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x81, 0x02, 0x95, 0x38, 0x09, 0xfe, 0x82, 0x02, 0x01,
	0x95, 0x02, 0x06, 0x66, 0xff, 0x09, 0x04, 0x09, 0x00, 0x81, 0x02, 0x05, 0x8c, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x09, 0xff, 0x81, 0x02,
	0xc0, 0xc0,
}

// keyboardDescriptor is a boot keyboard's (HID 1.11, appendix B.1): modifiers, a byte, six keys.
var keyboardDescriptor = []byte{
	0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
	0x95, 0x01, 0x75, 0x08, 0x81, 0x03, 0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00, 0xc0,
}

const uhidInput2 = 12 // a report of the device's: its size in 16 bits, then itself

// plugUSBScanner plugs a kind of scanner in: "hid" or "keyboard".
func plugUSBScanner(kind string) (*usbScanner, error) {
	descriptor, id, s := posDescriptor, posID, &usbScanner{send: (*usbScanner).report}
	if kind == "keyboard" {
		descriptor, id, s = keyboardDescriptor, keyboardID, &usbScanner{send: (*usbScanner).press}
	}
	uhid, err := os.OpenFile("/dev/uhid", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s.uhid = uhid
	var create struct {
		Kind                              uint32
		Name                              [128]byte
		Phys, Uniq                        [64]byte
		Size, Bus                         uint16
		Vendor, Product, Version, Country uint32
		Descriptor                        [4096]byte
	}
	create.Kind, create.Size, create.Bus = uhidCreate, uint16(len(descriptor)), 3
	copy(create.Name[:], "Scanner "+kind)
	copy(create.Descriptor[:], descriptor)
	if _, err := fmt.Sscanf(id, "%x:%x", &create.Vendor, &create.Product); err != nil {
		return nil, err
	}
	return s, binary.Write(uhid, binary.LittleEndian, create)
}

func (s *usbScanner) input(report []byte) error {
	event := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint32(nil, uhidInput2), uint16(len(report)))
	_, err := s.uhid.Write(append(event, report...))
	return err
}

// report sends a text in reports of 56 characters, as a QR code's.
func (s *usbScanner) report(text string) error {
	text = strings.TrimSuffix(text, "\r")
	for more := true; more; {
		r := make([]byte, 64)
		r[0] = 2
		copy(r[2:], "]Q1")
		n := copy(r[5:61], text)
		r[1], text = byte(n), text[n:]
		if more = text != ""; more {
			r[63] = 1
		}
		if err := s.input(r); err != nil {
			return err
		}
	}
	return nil
}

// The keys of a US keyboard in the order of their HID usages from 0x1e on, then letters.
const (
	rowPlain   = "1234567890\r\x1b\b\t -=[]\\#;'`,./"
	rowShifted = "!@#$%^&*()\r\x1b\b\t _+{}|~:\"~<>?"
)

// press types a text, a key after the other.
func (s *usbScanner) press(text string) error {
	for _, c := range []byte(text) {
		usage, shift := byte(0), byte(0)
		switch i, j := strings.IndexByte(rowPlain, c), strings.IndexByte(rowShifted, c); {
		case c >= 'a' && c <= 'z':
			usage = 4 + c - 'a'
		case c >= 'A' && c <= 'Z':
			usage, shift = 4+c-'A', 2
		case i >= 0:
			usage = 0x1e + byte(i)
		case j >= 0:
			usage, shift = 0x1e+byte(j), 2
		default:
			return fmt.Errorf("no key types %q", c)
		}
		err := errors.Join(s.input([]byte{shift, 0, usage, 0, 0, 0, 0, 0}), s.input(make([]byte, 8)))
		if err != nil {
			return err
		}
		time.Sleep(4 * time.Millisecond) // four times as fast as a real one; the kernel keeps some twenty keys
	}
	return nil
}

// Shown is a text that a scanner on USB reads.
type Shown struct{ Kind, Text string }

// PlugUSB plugs a scanner in.
func (g *Guest) PlugUSB(kind string, _ *struct{}) error {
	s, err := plugUSBScanner(kind)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usb[kind] = s
	return nil
}

// ShowUSB shows a scanner a text.
func (g *Guest) ShowUSB(s Shown, _ *struct{}) error {
	g.mu.Lock()
	scanner := g.usb[s.Kind]
	g.mu.Unlock()
	if scanner == nil {
		return errors.New("it is not plugged in")
	}
	return scanner.send(scanner, s.Text)
}

// UnplugUSB pulls a scanner out.
func (g *Guest) UnplugUSB(kind string, _ *struct{}) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.usb[kind]
	delete(g.usb, kind)
	if s == nil {
		return errors.New("it is not plugged in")
	}
	return s.uhid.Close() // the kernel takes the device away with it
}

// listen prints what is typed at a console, as a login prompt there would read it.
func listen(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	raw := &unix.Termios{Iflag: unix.ICRNL, Cflag: unix.CS8 | unix.CREAD}
	raw.Cc[unix.VMIN] = 1
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETSF, raw); err != nil {
		return err
	}
	fmt.Println("listening")
	_, err = io.Copy(os.Stdout, f)
	return err
}
