// Package scanset sets serial scanners up for a gate by their makers' protocols: continuous reading, QR codes
// alone, symbology identifiers, no set-up by barcodes, 115200 baud.
//
// What it sends is from the makers' manuals, named beside each table, as far as one was read that says it.
// What none says is left out, and [Family].LeftOut says so: a scanner is not guessed at.
package scanset

import (
	"errors"
	"fmt"
	"time"
)

// A Port is a serial port, 8N1.
type Port interface {
	Read([]byte) (int, error) // 0 bytes: nothing came in time
	Write([]byte) (int, error)
	SetReadTimeout(time.Duration) error
	ResetInputBuffer() error
	SetBaud(int) error
}

// The errors of a scanner.
var (
	ErrSilent  = errors.New("the scanner does not answer")
	ErrRefused = errors.New("the scanner refuses it")
	ErrAnswer  = errors.New("the scanner's answer is not one of its protocol")
	ErrNone    = errors.New("no scanner answers")
)

// A Family is a maker's scanners that speak one protocol.
type Family struct {
	Name    string
	Words   string
	Steps   []Step
	LeftOut []string // what it does not set, and what to do instead

	codesOn *Step // lets barcodes change its settings; nil: it is not known how
	newTalk func(*line) talk
}

// A Step is one thing to be set.
type Step struct {
	Name string // stable: continuous, qr_only, aim, setup_codes_off, suffix_cr, baud
	What string
	From string // the manual, or what else says so

	// How it is set: as its family's talk understands it.
	register register
	command  string
	checks   []string
	params   [][]byte
}

// talk is a protocol.
type talk interface {
	// probe asks something harmless, and says what answered.
	probe() (id string, err error)
	// read tells whether a step is done already. known is false where the protocol cannot tell.
	read(s *Step) (done, known bool, err error)
	write(s *Step) error
	// save keeps what was written when the power goes.
	save() error
}

// Families are all of them.
func Families() []*Family { return []*Family{grow(), newland(), honeywell(), zebra()} }

// AllowCodes has the scanner take its manual's barcodes, so that what is left out can be scanned: the
// last step of a set-up forbids them. It reports whether the family can.
func (f *Family) AllowCodes() bool {
	if f.codesOn != nil {
		f.Steps = []Step{*f.codesOn}
	}
	return f.codesOn != nil
}

// FamilyOf is the family of a name; nil: there is none.
func FamilyOf(name string) *Family {
	for _, f := range Families() {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Baud is what scanners are set to: a code takes 16 ms then, and 200 ms at 9600.
const Baud = 115200

// Bauds are the rates at which scanners are looked for, the likeliest first.
var Bauds = []int{115200, 9600, 57600, 38400, 19200}

// A Scanner is one that answered.
type Scanner struct {
	Family *Family
	ID     string // what it says of itself
	Baud   int

	port Port
	talk talk
}

// Find looks for a scanner that answers, of one of some families, at each rate twice. wait is how long an answer may
// take, [AnswerTime] but in tests.
func Find(p Port, families []*Family, wait time.Duration) (*Scanner, error) {
	for range 2 {
		for _, baud := range Bauds {
			if err := p.SetBaud(baud); err != nil {
				return nil, err
			}
			if s, err := findAt(p, families, baud, wait); s != nil || err != nil {
				return s, err
			}
		}
	}
	return nil, ErrNone
}

// findAt asks once for each family.
func findAt(p Port, families []*Family, baud int, wait time.Duration) (*Scanner, error) {
	for _, f := range families {
		l := &line{port: p, wait: wait, tries: 1}
		s := &Scanner{Family: f, Baud: baud, port: p, talk: f.newTalk(l)}
		id, err := s.talk.probe()
		switch {
		case err == nil:
			s.ID, l.tries = id, tries
			return s, nil
		case !errors.Is(err, ErrSilent) && !errors.Is(err, ErrAnswer) && !errors.Is(err, ErrRefused):
			return nil, err // the port's own
		}
	}
	return nil, nil
}

// What became of a step.
const (
	Already = "already" // it was so
	WouldBe = "would be set"
	Done    = "set"
	Unread  = "set, and the protocol cannot read it back"
	Refused = "refused"
	Differs = "accepted, and read back otherwise"
)

// A Result is what became of a step.
type Result struct {
	Name  string `json:"name"`
	What  string `json:"what"`
	State string `json:"state"`
	From  string `json:"from"`
}

// Good tells whether a scanner is as the step wants it, as far as that can be told.
func (r *Result) Good() bool { return r.State == Already || r.State == Done || r.State == Unread }

// Setup sets the scanner up, and keeps that when the power goes; with show alone it only reads. The results
// that there are come with its error.
func (s *Scanner) Setup(show bool, say func(Result)) error {
	changed := false
	for i := range s.Family.Steps {
		step := &s.Family.Steps[i]
		state, err := s.do(step, show)
		if err != nil {
			return fmt.Errorf("%s: %w", step.What, err)
		}
		changed = changed || state != Already && state != Refused
		say(Result{Name: step.Name, What: step.What, State: state, From: step.From})
	}
	if show || !changed {
		return nil
	}
	if err := s.talk.save(); err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	return nil
}

// do does a step, and reads it back.
func (s *Scanner) do(step *Step, show bool) (state string, err error) {
	if step.Name == "baud" {
		return s.setBaud(step, show)
	}
	done, known, err := s.talk.read(step)
	switch {
	case err != nil && !errors.Is(err, ErrRefused):
		return "", err
	case done && known:
		return Already, nil
	case show:
		return WouldBe, nil
	}
	if err := s.talk.write(step); errors.Is(err, ErrRefused) {
		return Refused, nil
	} else if err != nil {
		return "", err
	}
	done, known, err = s.talk.read(step)
	switch {
	case errors.Is(err, ErrRefused) || err == nil && !known:
		return Unread, nil
	case err != nil:
		return "", err
	case !done:
		return Differs, nil
	}
	return Done, nil
}

// settling is how long a scanner may take to change its rate.
const settling = 200 * time.Millisecond

// setBaud changes the rate, and looks whether the scanner answers at the new one.
func (s *Scanner) setBaud(step *Step, show bool) (state string, err error) {
	switch {
	case s.Baud == Baud:
		return Already, nil
	case show:
		return WouldBe, nil
	}
	// Its answer may come at either rate: whether it is heard at the new one is what counts.
	if err := s.talk.write(step); errors.Is(err, ErrRefused) {
		return Refused, nil
	} else if err != nil && !errors.Is(err, ErrSilent) && !errors.Is(err, ErrAnswer) {
		return "", err
	}
	time.Sleep(settling)
	if err := s.port.SetBaud(Baud); err != nil {
		return "", err
	}
	for range 3 {
		if _, err = s.talk.probe(); err == nil {
			s.Baud = Baud
			return Done, nil
		}
	}
	return "", fmt.Errorf("after it was set to %d baud: %w; pull its plug, and try again", Baud, err)
}
