package scanset

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// This file has the two families whose commands are words: a tag of three characters, a subtag of three, a value.

// A dialect is how a family wraps its commands.
type dialect struct {
	first, last string // around commands
	query       string // in a value's place: what is it?
	set         string // before a command that is kept when the power goes
	before      string // commands around those that set
	after       string
	marker      string // what every answer begins with
	ask         string // the harmless query by which the family is known
}

// The statuses behind each command of an answer.
const (
	ack     = 0x06
	nak     = 0x15 // the value is out of range
	unknown = 0x05 // there is no such tag
)

// newland are Newland's scanners and engines.
func newland() *Family {
	const manual = "Newland NLS-FM430 user guide UM10054, as a driver of it quotes the pages; syntax: NLS-HR52 user manual, p. 35"
	return &Family{
		Name: "newland", Words: "Newland",
		Steps: []Step{
			{Name: "continuous", What: "reads without a trigger", From: manual + " (SCNMOD, p. 26)", command: "SCNMOD2", checks: []string{"SCNMOD2"}},
			{Name: "qr_only", What: "QR codes alone", From: manual + " (ALLENA, p. 81; QRCENA, p. 178)", command: "ALLENA0;QRCENA1", checks: []string{"QRCENA1", "128ENA0"}},
			{Name: "aim", What: "symbology identifiers (]Q1)", From: manual + " (AIDENA, p. 242)", command: "AIDENA1", checks: []string{"AIDENA1"}},
			{Name: "baud", What: "115200 baud", From: manual + " (232BAD, p. 49)", command: "232BAD8"},
		},
		LeftOut: []string{
			"suffix CR: scan \"terminating character CR\" of its manual where railgate status names another",
			"no set-up by barcodes: after setup, and the last of all: scan \"disable barcode programming\" of its manual",
		},
		newTalk: func(l *line) talk {
			return &menuTalk{l, dialect{first: "~\x010000", last: ";\x03", query: "*", set: "@", before: "#SETUPE1", after: "#SETUPE0", marker: "\x02\x010000", ask: "QRCENA"}}
		},
	}
}

// honeywell are Honeywell's engines and imagers on RS-232.
func honeywell() *Family {
	const manual = "Honeywell N3680 Decoded Engine user guide, p. 144, and N86 Series, chapter 10"
	return &Family{
		Name: "honeywell", Words: "Honeywell",
		Steps: []Step{
			{Name: "continuous", What: "reads without a trigger (presentation)", From: manual + "; a driver of N36XX (TRGMOD3)", command: "TRGMOD3", checks: []string{"TRGMOD3"}},
			{Name: "qr_only", What: "QR codes alone", From: manual + " (syntax); drivers of its engines (ALLENA, QRCENA)", command: "ALLENA0;QRCENA1", checks: []string{"QRCENA1", "128ENA0"}},
			{Name: "suffix_cr", What: "suffix CR", From: "a driver of N36XX (VSUFCR)", command: "VSUFCR"},
			{Name: "setup_codes_off", What: "no barcode changes its settings", From: "VotingWorks' scanner driver (MNUENA0)", command: "MNUENA0", checks: []string{"MNUENA0"}},
			{Name: "baud", What: "115200 baud", From: "Honeywell N3680 Decoded Engine user guide, p. 144 (232BAD9)", command: "232BAD9"},
		},
		codesOn: &Step{Name: "setup_codes_on", What: "barcodes change its settings", From: "VotingWorks' scanner driver (MNUENA)", command: "MNUENA1", checks: []string{"MNUENA1"}},
		LeftOut: []string{"symbology identifiers: scan \"add AIM ID prefix, all symbologies\" of its manual"},
		newTalk: func(l *line) talk {
			return &menuTalk{l, dialect{first: "\x16M\r", last: ".", query: "?", marker: "", ask: "232BAD"}}
		},
	}
}

type menuTalk struct {
	*line
	d dialect
}

// send sends commands, and returns what the scanner says of each: "QRCENA1". One that it refuses is an error.
func (m *menuTalk) send(storage, commands string) ([]string, error) {
	n := strings.Count(commands, ";") + 1
	raw, err := m.line.ask([]byte(m.d.first+storage+commands+m.d.last), func(got []byte) ([]byte, error) { return m.answer(got, commands, n) })
	if err != nil {
		return nil, err
	}
	return strings.Split(string(raw), ";"), nil
}

// answer finds the answer to n commands in what came. It has each command's tag and subtag, with a status behind it.
func (m *menuTalk) answer(got []byte, commands string, n int) ([]byte, error) {
	if m.d.marker != "" {
		at := bytes.Index(got, []byte(m.d.marker))
		if at < 0 {
			return nil, nil
		}
		got = bytes.TrimLeft(got[at+len(m.d.marker):], "@#")
	}
	var words []string
	for i, command := range strings.Split(commands, ";") {
		at := bytes.Index(bytes.ToUpper(got), []byte(command[:6]))
		if at < 0 {
			return nil, nil
		}
		got = got[at:]
		end := bytes.IndexAny(got, string([]byte{ack, nak, unknown}))
		switch {
		case end < 0:
			return nil, nil
		case got[end] != ack:
			return nil, ErrRefused
		}
		words = append(words, string(bytes.ToUpper(got[:end])))
		if got = got[end+1:]; i == n-1 {
			return []byte(strings.Join(words, ";")), nil
		}
	}
	return nil, nil
}

func (m *menuTalk) probe() (string, error) {
	words, err := m.send(m.storage(), m.d.ask+m.d.query)
	if err != nil {
		return "", err
	}
	return words[0], nil
}

// storage is what stands before a query.
func (m *menuTalk) storage() string {
	if m.d.set == "" {
		return ""
	}
	return "#"
}

func (m *menuTalk) read(s *Step) (done, known bool, err error) {
	for _, check := range s.checks {
		words, err := m.send(m.storage(), check[:6]+m.d.query)
		if err != nil {
			return false, false, err
		}
		if words[0] != check {
			return false, true, nil
		}
	}
	return true, len(s.checks) > 0, nil
}

func (m *menuTalk) write(s *Step) error {
	if m.d.before != "" {
		if _, err := m.send(m.d.before[:1], m.d.before[1:]); err != nil {
			return fmt.Errorf("entering set-up: %w", err)
		}
	}
	_, err := m.send(m.d.set, s.command)
	if errors.Is(err, ErrRefused) && strings.HasPrefix(s.command, noCodes) {
		if _, err2 := m.send(m.d.set, allCodesOn); err2 != nil {
			err = fmt.Errorf("it reads no code at all now: %v; set it to its factory defaults, and try again", err)
		}
	}
	if m.d.after != "" {
		if _, err2 := m.send(m.d.after[:1], m.d.after[1:]); err == nil && err2 != nil {
			err = fmt.Errorf("leaving set-up: %w", err2)
		}
	}
	return err
}

// A refusal of what follows noCodes must not leave a scanner that reads nothing.
const (
	noCodes    = "ALLENA0"
	allCodesOn = "ALLENA1"
)

// save leaves set-up for good: after a change of the rate nothing that was sent at the old one counts. The
// commands that were sent are kept ("@", ".").
func (m *menuTalk) save() error {
	if m.d.after == "" {
		return nil
	}
	_, err := m.send(m.d.after[:1], m.d.after[1:])
	return err
}
