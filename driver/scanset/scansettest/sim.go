// Package scansettest has scanners for tests: they speak their makers' protocols over a pty.
package scansettest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A Sim is a scanner at one end of a pty. Its fields may be changed before Start.
type Sim struct {
	Family string
	Baud   int             // at which it listens; at another it answers noise, and obeys nothing
	Refuse map[string]bool // what it refuses: a register ("0003"), a command ("MNUENA"), a parameter ("8A")
	Deaf   bool            // it never answers
	Leave  int             // it is pulled out after so many questions; 0: never
	Talks  string          // what it says before each answer, such as a code that it read

	Path string // the port

	mu        sync.Mutex // guards the fields below
	values    map[string]string
	kept      map[string]string // after its power went
	questions []string
	master    *os.File
	handled   atomic.Int64
}

var bauds = map[uint32]int{unix.B9600: 9600, unix.B19200: 19200, unix.B38400: 38400, unix.B57600: 57600, unix.B115200: 115200}

// Start plugs the scanner in.
func (s *Sim) Start(t testing.TB) *Sim {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s.master, s.Path = master, slave.Name()
	if s.values == nil {
		s.values = factory(s.Family)
	}
	s.kept = map[string]string{}
	if s.Baud == 0 {
		s.Baud = 9600
	}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	t.Cleanup(func() { slave.Close(); master.Close(); <-done })
	return s
}

// rest is how long a scanner waits for the next byte of a question.
const rest = 30 * time.Millisecond

func factory(family string) map[string]string {
	switch family {
	case "gm65":
		return map[string]string{"0000": "D1", "0003": "01", "00D0": "00", "002A": "3901"}
	case "zebra":
		return map[string]string{"8A": "00", "2D": "00", "F025": "01", "08": "01"}
	}
	return map[string]string{"TRGMOD": "0", "QRCENA": "1", "128ENA": "1", "MNUENA": "1", "232BAD": "5", "VSUFCR": "", "ALLENA": "1", "SETUPE": "0", "SCNMOD": "0", "AIDENA": "0"}
}

// Value is a setting, as it is until the power goes; Kept what it is afterwards.
func (s *Sim) Value(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name]
}

// Kept is what a setting is after the power went; "" if it was never kept.
func (s *Sim) Kept(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[name]
}

// Handled is how many bytes were read, and answered if they are to be.
func (s *Sim) Handled() int64 { return s.handled.Load() }

// Questions are all that it was asked, at the right rate.
func (s *Sim) Questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.questions...)
}

// baud is the rate of whoever has the port open.
func (s *Sim) baud() int {
	raw, err := s.master.SyscallConn()
	if err != nil {
		return 0
	}
	rate := 0
	raw.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			rate = bauds[t.Cflag&unix.CBAUD]
		}
	})
	return rate
}

func (s *Sim) serve() {
	buf := make([]byte, 4096)
	var got []byte
	n := 0
	for last := time.Now(); ; last = time.Now() {
		s.handled.Add(int64(n))
		var err error
		n, err = s.master.Read(buf)
		if err != nil {
			return
		}
		if time.Since(last) > rest {
			got = nil // a question that was begun, and never ended
		}
		if got = append(got, buf[:n]...); s.baud() != s.Baud {
			s.master.Write([]byte{0xf8, 0x80, 0x1e}) // framing errors, both ways
			got = nil
			continue
		}
		for {
			question, rest := s.cut(got)
			if question == nil {
				break
			}
			got = rest
			if s.answer(question) {
				s.master.Close()
				return
			}
		}
	}
}

// answer obeys a question, and tells whether it is pulled out now.
func (s *Sim) answer(question []byte) (gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.questions = append(s.questions, fmt.Sprintf("%q", question))
	if s.Leave > 0 && len(s.questions) >= s.Leave {
		return true
	}
	var reply []byte
	switch s.Family {
	case "gm65":
		reply = s.grow(question)
	case "zebra":
		reply = s.ssi(question)
	default:
		reply = s.menu(question)
	}
	if !s.Deaf && reply != nil {
		s.master.Write(append([]byte(s.Talks), reply...))
	}
	return false
}

// cut takes a whole question off what came.
func (s *Sim) cut(got []byte) (question, rest []byte) {
	switch s.Family {
	case "gm65":
		at := bytes.Index(got, []byte{0x7E, 0})
		if at < 0 || len(got) < at+9 {
			return nil, got
		}
		n := 9
		if got[at+2] == 8 {
			n = 8 + int(got[at+3])
		}
		if len(got) < at+n {
			return nil, got
		}
		return got[at : at+n], got[at+n:]
	case "zebra":
		for len(got) > 0 && got[0] < 4 {
			got = got[1:]
		}
		if len(got) == 0 || len(got) < int(got[0])+2 {
			return nil, got
		}
		return got[:got[0]+2], got[got[0]+2:]
	}
	first, last := "\x16M\r", "."
	if s.Family == "newland" {
		first, last = "~\x010000", ";\x03"
	}
	begin := bytes.Index(got, []byte(first))
	if begin < 0 {
		return nil, got
	}
	end := bytes.Index(got[begin:], []byte(last))
	if end < 0 {
		return nil, got
	}
	return got[begin+len(first) : begin+end], got[begin+end+len(last):]
}

func crc(data []byte) (sum uint16) {
	for _, b := range data {
		for bit := byte(0x80); bit != 0; bit /= 2 {
			high := sum&0x8000 != 0
			if sum *= 2; high {
				sum ^= 0x1021
			}
			if b&bit != 0 {
				sum ^= 0x1021
			}
		}
	}
	return sum
}

func (s *Sim) grow(q []byte) []byte {
	if binary.BigEndian.Uint16(q[len(q)-2:]) != crc(q[2:len(q)-2]) {
		return nil
	}
	address := fmt.Sprintf("%X%02X", q[4:5], q[5])
	data, status := []byte{0}, byte(0)
	switch {
	case s.Refuse[address] && q[2] == 8:
		status = 1
	case q[2] == 7:
		fmt.Sscanf(s.values[address], "%X", &data)
	case q[2] == 8:
		s.values[address] = fmt.Sprintf("%X", q[6:len(q)-2])
		if address == "002A" {
			defer func() { s.Baud = map[string]int{"1A00": 115200, "3901": 9600}[s.values[address]] }()
		}
	case q[2] == 9:
		for name, value := range s.values {
			s.kept[name] = value
		}
	}
	a := append([]byte{status, byte(len(data))}, data...)
	return binary.BigEndian.AppendUint16(append([]byte{2, 0}, a...), crc(a))
}

// menu answers Newland's and Honeywell's commands.
func (s *Sim) menu(q []byte) []byte {
	storage, commands, between, first, last := "", string(q), ",", "", "."
	if s.Family == "newland" {
		storage, commands, between, first, last = commands[:1], commands[1:], ";", "\x02\x010000", ";\x03"
		first += storage
	}
	var said []string
	for command := range strings.SplitSeq(commands, ";") {
		said = append(said, s.obey(command, storage != "#"))
	}
	return []byte(first + strings.Join(said, between) + last)
}

func (s *Sim) obey(command string, keep bool) string {
	name, value := command[:6], command[6:]
	old, there := s.values[name]
	locked := s.Family == "newland" && name != "SETUPE" && s.values["SETUPE"] != "1"
	switch {
	case !there:
		return command + "\x05"
	case value == "?" || value == "*":
		return name + old + "\x06"
	case s.Refuse[name] || locked:
		return command + "\x15"
	case name == "ALLENA":
		s.values["128ENA"], s.values["QRCENA"] = value, value
	}
	s.values[name] = value
	if keep {
		s.kept[name] = value
	}
	if name == "232BAD" && value == map[string]string{"newland": "8", "honeywell": "9"}[s.Family] {
		s.Baud = 115200
	}
	return command + "\x06"
}

func ssiPacket(op byte, data ...byte) []byte {
	p := append([]byte{byte(4 + len(data)), op, 0, 0}, data...)
	sum := uint16(0)
	for _, b := range p {
		sum -= uint16(b)
	}
	return binary.BigEndian.AppendUint16(p, sum)
}

func (s *Sim) ssi(q []byte) []byte {
	data := q[4 : len(q)-2]
	switch q[1] {
	case 0xA3:
		return ssiPacket(0xA4, []byte("PAABLS00-001-R00 x")...)
	case 0xC7:
		var value byte
		fmt.Sscanf(s.values[fmt.Sprintf("%X", data)], "%X", &value)
		return ssiPacket(0xC6, append(append([]byte{0xFF}, data...), value)...)
	case 0xC6:
		name := fmt.Sprintf("%X", data[1:len(data)-1])
		if s.Refuse[name] {
			return ssiPacket(0xD1, 6)
		}
		s.values[name] = fmt.Sprintf("%02X", data[len(data)-1])
		if q[3]&8 != 0 {
			s.kept[name] = s.values[name]
		}
		return ssiPacket(0xD0)
	case 0xC9:
		s.values["08"], s.values["F025"] = "00", "00"
		return ssiPacket(0xD0)
	}
	return nil // it acknowledges
}
