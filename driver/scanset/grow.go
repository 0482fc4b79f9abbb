package scanset

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A register is a byte of a GM module's, of which some bits are set.
type register struct {
	address uint16
	mask    byte
	value   byte
}

// growManual says how the modules' frames are: questions are 7E 00, what is wanted, a length, an address, data and a
// checksum (CRC-16 of the polynomial 0x1021); answers 02 00 00, a length, data and a checksum.
const growManual = "Hangzhou Grow, GM812-S and GM812-L manual V1.2.1, appendices A and B, as drivers quote it"

// grow are the modules of Hangzhou Grow: GM60, GM65, GM805, GM812.
func grow() *Family {
	return &Family{
		Name: "gm65", Words: "Hangzhou Grow GM60, GM65, GM805, GM812",
		Steps: []Step{
			{Name: "continuous", What: "reads without a trigger", From: "specter-diy's GM65 driver (0x0000)", register: register{0x0000, 0x03, 0x02}},
			{Name: "setup_codes_off", What: "no barcode changes its settings", From: "DFRobot's GM60 driver (0x0003)", register: register{0x0003, 0x03, 0x02}},
			{Name: "aim", What: "symbology identifiers (]Q1)", From: growManual + " (0x00D0)", register: register{0x00D0, 0x80, 0x80}},
			{Name: "baud", What: "115200 baud", From: growManual + " (0x002A); specter-diy's GM65 driver"},
		},
		LeftOut: []string{
			"QR codes alone: the register of QR codes is another one in a GM60 (0x0049) than in a GM65 (0x003F); scan \"disable all barcodes\" and \"enable QR\" of its manual. With its identifier no other code opens a gate",
			"suffix CR: it is the default; scan \"tail CR\" of its manual where railgate status names another",
		},
		codesOn: &Step{Name: "setup_codes_on", What: "barcodes change its settings", From: "DFRobot's GM60 driver (0x0003)", register: register{0x0003, 0x03, 0x00}},
		newTalk: func(l *line) talk { return &growTalk{l} },
	}
}

type growTalk struct{ *line }

// frame is a question. The checksum is of all but its first two bytes.
func frame(kind, length byte, address uint16, data ...byte) []byte {
	f := []byte{0x7E, 0x00, kind, length, byte(address >> 8), byte(address)}
	f = append(f, data...)
	return binary.BigEndian.AppendUint16(f, checksum(f[2:]))
}

// checksum is CRC-16 with the polynomial 0x1021, from 0 on.
func checksum(data []byte) (sum uint16) {
	for _, b := range data {
		sum ^= uint16(b) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// growAnswer finds an answer with n bytes of data in what came.
func growAnswer(n int) func([]byte) ([]byte, error) {
	head := []byte{0x02, 0x00}
	return func(got []byte) ([]byte, error) {
		for {
			at := bytes.Index(got, head)
			if at < 0 || len(got) < at+4 {
				return nil, nil
			}
			got = got[at:]
			end := 4 + int(got[3])
			switch {
			case got[2] != 0 && len(got) >= end+2 && binary.BigEndian.Uint16(got[end:]) == checksum(got[2:end]):
				return nil, ErrRefused
			case got[2] == 0 && int(got[3]) == n && len(got) >= end+2 && binary.BigEndian.Uint16(got[end:]) == checksum(got[2:end]):
				return got[4:end], nil
			case int(got[3]) == n && len(got) < end+2:
				return nil, nil
			}
			got = got[1:]
		}
	}
}

func (g *growTalk) get(address uint16, n byte) ([]byte, error) {
	return g.ask(frame(0x07, 0x01, address, n), growAnswer(int(n)))
}

func (g *growTalk) put(address uint16, data ...byte) error {
	_, err := g.ask(frame(0x08, byte(len(data)), address, data...), growAnswer(1))
	return err
}

func (g *growTalk) probe() (string, error) {
	v, err := g.get(0x002A, 2)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("baud register % X", v), nil
}

func (g *growTalk) read(s *Step) (done, known bool, err error) {
	v, err := g.get(s.register.address, 1)
	if err != nil {
		return false, false, err
	}
	return v[0]&s.register.mask == s.register.value, true, nil
}

func (g *growTalk) write(s *Step) error {
	if s.Name == "baud" {
		return g.put(0x002A, 0x1A, 0x00)
	}
	v, err := g.get(s.register.address, 1)
	if err != nil {
		return err
	}
	return g.put(s.register.address, v[0]&^s.register.mask|s.register.value)
}

func (g *growTalk) save() error {
	_, err := g.ask(frame(0x09, 0x01, 0x0000, 0x00), growAnswer(1))
	return err
}
