package scanset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// The opcodes of Zebra's Simple Serial Interface (72E-40451).
const (
	requestRevision = 0xA3
	replyRevision   = 0xA4
	paramSend       = 0xC6
	paramRequest    = 0xC7
	allCodes        = 0xC9 // all code types on or off
	cmdAck          = 0xD0
	cmdNak          = 0xD1

	fromHost  = 0x04
	permanent = 0x08 // of a status: keep it when the power goes
	noBeep    = 0xFF
)

// zebra are Zebra's (Symbol's, Motorola's) scanners that speak SSI.
func zebra() *Family {
	return &Family{
		Name: "zebra", Words: "Zebra, Symbol, Motorola (SSI)",
		Steps: []Step{
			{Name: "continuous", What: "reads without a trigger (presentation)", From: "Zebra DS457 integration guide, p. 6-11 (parameter 8Ah)", params: [][]byte{{0x8A, 7}}},
			{Name: "aim", What: "symbology identifiers (]Q1)", From: "Symbol DS6708 product reference guide, p. 4-16 (parameter 2Dh)", params: [][]byte{{0x2D, 1}}},
			{Name: "qr_only", What: "QR codes alone", From: "a driver of SSI engines (opcode C9h, parameters F0h 25h and 08h)", params: [][]byte{{0xF0, 0x25, 1}, {0x08, 0}}},
		},
		LeftOut: []string{
			"baud, suffix: scan \"SSI host baud rate 115200\" and \"scan suffix CR\" of its manual, and set baud in the configuration to what it is",
			"no set-up by barcodes: after setup, and the last of all: scan \"disable parameter scanning\" of its manual",
			"raw data: \"decode data packet format\" must be raw, which is the default; ACK/NAK handshaking must be off, or it sends each code twice",
		},
		newTalk: func(l *line) talk { return &ssiTalk{l} },
	}
}

type ssiTalk struct{ *line }

// packet is a message: its length without the checksum, what it is, who sends it, a status, data, and the two's
// complement of the sum of all that.
func packet(op, source, status byte, data ...byte) []byte {
	p := append([]byte{byte(4 + len(data)), op, source, status}, data...)
	return binary.BigEndian.AppendUint16(p, complement(p))
}

func complement(p []byte) uint16 {
	sum := uint16(0)
	for _, b := range p {
		sum += uint16(b)
	}
	return -sum
}

// ssiAnswer finds a message of the scanner's with an opcode: what it is for, its data.
func ssiAnswer(op byte) func([]byte) ([]byte, error) {
	return func(got []byte) ([]byte, error) {
		for at := 0; at+6 <= len(got); at++ {
			n := int(got[at])
			if n < 4 || at+n+2 > len(got) || got[at+2] != 0 || binary.BigEndian.Uint16(got[at+n:]) != complement(got[at:at+n]) {
				continue
			}
			switch got[at+1] {
			case op:
				return append([]byte{}, got[at+4:at+n]...), nil
			case cmdNak:
				return nil, ErrRefused
			}
		}
		return nil, nil
	}
}

func (s *ssiTalk) send(answer, op, status byte, data ...byte) ([]byte, error) {
	// A scanner at rest needs a byte to wake by, which it does not read.
	if _, err := s.port.Write([]byte{0}); err != nil {
		return nil, err
	}
	return s.ask(packet(op, fromHost, status, data...), ssiAnswer(answer))
}

// acknowledge tells the scanner that its message came: it repeats it otherwise.
func (s *ssiTalk) acknowledge() error {
	_, err := s.port.Write(packet(cmdAck, fromHost, 0))
	return err
}

func (s *ssiTalk) probe() (string, error) {
	data, err := s.send(replyRevision, requestRevision, 0)
	if err != nil {
		return "", err
	}
	text, _, _ := bytes.Cut(data, []byte{' '})
	return strings.ToValidUTF8(string(text), "?"), s.acknowledge()
}

func (s *ssiTalk) read(step *Step) (done, known bool, err error) {
	for _, p := range step.params {
		name, value := p[:len(p)-1], p[len(p)-1]
		data, err := s.send(paramSend, paramRequest, 0, name...)
		if err != nil {
			return false, false, err
		}
		if err := s.acknowledge(); err != nil {
			return false, false, err
		}
		// A beep's number, then the parameter and its value.
		if len(data) != 1+len(p) || !bytes.Equal(data[1:len(data)-1], name) {
			return false, false, fmt.Errorf("parameter % X: %w", name, ErrAnswer)
		}
		if data[len(data)-1] != value {
			return false, true, nil
		}
	}
	return true, true, nil
}

func (s *ssiTalk) write(step *Step) error {
	if step.Name == "qr_only" {
		if _, err := s.send(cmdAck, allCodes, permanent, 0); err != nil {
			return err
		}
		if _, err := s.send(cmdAck, paramSend, permanent, noBeep, 0xF0, 0x25, 1); err != nil {
			return fmt.Errorf("it reads no code at all now: %v; set it to its factory defaults, and try again", err)
		}
		return nil
	}
	_, err := s.send(cmdAck, paramSend, permanent, append([]byte{noBeep}, step.params[0]...)...)
	return err
}

// save has nothing to do: each status says that the parameter is kept.
func (s *ssiTalk) save() error { return nil }
