package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// adapterInputs is a file with one number: the levels at the adapter's pins that are inputs.
const adapterInputs = "/run/adapter"

// An adapter is a CP2112, Silicon Labs' USB adapter with eight GPIO pins, as the kernel's hid-cp2112 sees it: a
// HID device whose feature reports are its registers (AN495, the CP2112's interface specification). It stands
// on the kernel's uhid, and says each change of its pins on standard output: "out 01 levels 01". What a real one
// drives when a pin first becomes an output is not known here: this one drives it high, which is the worse.
type adapter struct {
	uhid      io.ReadWriter
	outputs   byte // the pins that are outputs
	levels    byte // of those
	inputs    byte // the levels of the others
	pushPull  byte
	smbus     []byte // how its other half is set up; it comes back as it went
	said      string
	announced io.Writer
}

// The events of uhid (linux/uhid.h): a number of 32 bits, then what belongs to it.
const (
	uhidGetReport      = 9
	uhidGetReportReply = 10
	uhidCreate         = 11
	uhidSetReport      = 13
	uhidSetReportReply = 14

	uhidSize = 4 + 128 + 64 + 64 + 2 + 2 + 4*4 + 4096 // of the largest
)

// The reports' numbers.
const (
	reportDirections = 0x02
	reportGetPins    = 0x03
	reportSetPins    = 0x04
	reportVersion    = 0x05
	reportSMBus      = 0x06
	reportLock       = 0x20
)

// runAdapter plugs the adapter in, and is it from then on.
func runAdapter() error {
	uhid, err := os.OpenFile("/dev/uhid", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer uhid.Close()
	a := &adapter{uhid: uhid, levels: 0xff, smbus: make([]byte, 14), announced: os.Stdout}
	a.smbus[0] = reportSMBus
	if err := a.plug(); err != nil {
		return err
	}
	for event := make([]byte, uhidSize); ; {
		n, err := uhid.Read(event)
		if err != nil {
			return err
		}
		if err := a.obey(event[:n]); err != nil {
			return err
		}
	}
}

func (a *adapter) plug() error {
	// One feature report of a vendor's own: the driver asks for all by their numbers.
	descriptor := []byte{0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x85, 0x02, 0x09, 0x02, 0x75, 0x08, 0x95, 0x04, 0xb1, 0x02, 0xc0}
	var create struct {
		Kind                              uint32
		Name                              [128]byte
		Phys, Uniq                        [64]byte
		Size, Bus                         uint16
		Vendor, Product, Version, Country uint32
		Descriptor                        [4096]byte
	}
	create.Kind, create.Size, create.Bus, create.Vendor, create.Product = uhidCreate, uint16(len(descriptor)), 3, 0x10c4, 0xea90
	copy(create.Name[:], "Silicon Labs CP2112")
	copy(create.Descriptor[:], descriptor)
	return binary.Write(a.uhid, binary.LittleEndian, create)
}

// obey does what one event asks for.
func (a *adapter) obey(event []byte) error {
	if len(event) < 12 {
		return nil
	}
	id, rest := event[4:8], event[8:]
	switch binary.LittleEndian.Uint32(event) {
	case uhidGetReport:
		report := a.get(rest[0])
		answer := append(head(uhidGetReportReply, id), 0, 0)
		answer = binary.LittleEndian.AppendUint16(answer, uint16(len(report)))
		return a.answer(append(answer, report...))
	case uhidSetReport:
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		a.set(rest[4 : 4+size])
		return a.answer(append(head(uhidSetReportReply, id), 0, 0))
	}
	return nil
}

func head(kind uint32, id []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, kind), id...)
}

func (a *adapter) answer(b []byte) error {
	_, err := a.uhid.Write(b)
	return err
}

func (a *adapter) get(report byte) []byte {
	switch report {
	case reportDirections:
		return []byte{report, a.outputs, a.pushPull, 0, 0}
	case reportGetPins:
		a.look()
		return []byte{report, a.outputs&a.levels | ^a.outputs&a.inputs}
	case reportVersion:
		return []byte{report, 0x0c, 0x03}
	case reportSMBus:
		return bytes.Clone(a.smbus)
	case reportLock:
		return []byte{report, 0xff}
	}
	return []byte{report}
}

// look reads the inputs, which are low until somebody says otherwise. A file that is being written is empty.
func (a *adapter) look() {
	if text, err := os.ReadFile(adapterInputs); err == nil && len(text) == 2 {
		fmt.Sscanf(string(text), "%x", &a.inputs)
	}
}

func (a *adapter) set(report []byte) {
	switch {
	case report[0] == reportDirections && len(report) == 5:
		a.outputs, a.pushPull = report[1], report[2]
	case report[0] == reportSetPins && len(report) == 3:
		a.levels = a.levels&^report[2] | report[1]&report[2]
	case report[0] == reportSMBus && len(report) == len(a.smbus):
		a.smbus = bytes.Clone(report)
	}
	if now := fmt.Sprintf("out %02x levels %02x", a.outputs, a.outputs&a.levels); now != a.said {
		a.said = now
		fmt.Fprintln(a.announced, now)
	}
}
