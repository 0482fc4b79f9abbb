package office

import (
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"railgate/verify"
)

// The rules of the police window, R17 to R19, as functions of what is on record and of a
// time. A slip is a paper certificate, with a static code (R16).

// An Officer is who acts at the window. Whoever makes one has seen that they are signed in
// and have the role for it.
type Officer struct {
	Subject string // by which the provider knows them
	Lead    bool   // may end other officers' slips (R20)
}

// A Slip is a paper certificate. What identifies somebody, and the code itself, are sealed.
type Slip struct {
	ID      verify.CertificateID
	Issued  time.Time
	By      string    // the officer's subject
	Why     string    // there is no electronic one: one of [SlipReasons]
	Sealed  []byte    // a [bearer]
	Code    []byte    // the signed credential
	Printed int       // how often
	Ended   time.Time // before its time, by an officer; zero: it was not
	EndedAs string    // cancelled, or why it was revoked: one of [RevokeReasons]
}

// A bearer is whom a slip is for, and for which journey.
type bearer struct {
	Person  Person
	Journey Journey
}

// A Journey is what a slip is needed for.
type Journey struct {
	Train string `json:"train"`
	Day   string `json:"day"` // 2006-01-02, of the railway's time
	From  string `json:"from"`
	To    string `json:"to"`
}

// A SlipForm is what an officer fills in (R17).
type SlipForm struct {
	Name     string `json:"name"`
	Document string `json:"document"`
	Number   string `json:"number"`
	Why      string `json:"reason"`
	Journey
	Told bool `json:"told"` // that an electronic certificate is valid (R18)
}

// SlipDocuments are those that the window takes: those of the page, and an infant's.
func SlipDocuments() []string { return append(Documents(), "birth_certificate") }

// SlipReasons are why somebody has no electronic certificate.
func SlipReasons() []string {
	return []string{"no_phone", "monthly_limit", "document", "check_failed", "no_location", "infant", "other"}
}

// RevokeReasons are why a slip is revoked.
func RevokeReasons() []string { return []string{"lost", "misused", "wrong", "not_needed"} }

const slipCancelled = "cancelled"

// cancelFor is how long after it was issued a slip may be cancelled as a mistake (R20).
const cancelFor = 30 * time.Minute

func (sl *Slip) Ends() time.Time { return sl.Issued.Add(validFor) }

func (sl *Slip) valid(now time.Time) bool { return sl.Ended.IsZero() && now.Before(sl.Ends()) }

// slipTime is the size of a time in a key, in bytes.
const slipTime = 8

// slipKey is what a slip is filed under.
func slipKey(issued time.Time, id verify.CertificateID) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(issued.Unix()))) + string(id)
}

func (sl *Slip) key() string { return slipKey(sl.Issued, sl.ID) }

// slip is the one with an id; nil: there is none.
func (d *dossier) slip(id verify.CertificateID) *Slip {
	for i := range d.Slips {
		if d.Slips[i].ID == id {
			return &d.Slips[i]
		}
	}
	return nil
}

// validSlip is the one that is valid; nil: none is.
func (d *dossier) validSlip(now time.Time) *Slip {
	for i := range d.Slips {
		if d.Slips[i].valid(now) {
			return &d.Slips[i]
		}
	}
	return nil
}

// reviewSlip decides whether somebody who is at the window may have a slip (R18). The
// electronic certificates of the month are no obstacle: who had three is sent here (R6).
func (d *dossier) reviewSlip(told bool, now time.Time) Reason {
	switch {
	case d.validSlip(now) != nil:
		return SlipValid
	case d.current(now) != nil && !told:
		return ElectronicValid
	}
	return ""
}

// mayEnd tells why an officer may not end a slip, if so (R20).
func (sl *Slip) mayEnd(as string, by Officer, now time.Time) Reason {
	switch {
	case !sl.valid(now):
		return SlipOver
	case sl.By != by.Subject && !by.Lead:
		return NotYourSlip
	case as == slipCancelled && !now.Before(sl.Issued.Add(cancelFor)):
		return TooLateToCancel
	}
	return ""
}

// tidy spells the form in one way, as a passenger's is (R1).
func (f *SlipForm) tidy() {
	p := Form{Name: f.Name, Number: f.Number}
	p.tidy()
	f.Name, f.Number = p.Name, p.Number
	from, to := Form{Name: f.From}, Form{Name: f.To}
	from.tidy()
	to.tidy()
	f.From, f.To = from.Name, to.Name
	train := Form{Number: f.Train}
	train.tidy()
	f.Train = train.Number
}

// check tells what is wrong with the form, if anything is (R17).
func (f *SlipForm) check(now time.Time) Reason {
	switch {
	case !slices.Contains(SlipDocuments(), f.Document) || !slices.Contains(SlipReasons(), f.Why):
		return Incomplete
	case !goodName(f.Name) || f.Number == "":
		return Incomplete
	case f.Document == ResidentCard && !goodNumber(f.Number, now):
		return BadNumber
	case !otherNumber.MatchString(f.Number):
		return BadDocument
	case !f.Journey.good(now):
		return BadJourney
	}
	return ""
}

var (
	otherNumber = regexp.MustCompile(`^[0-9A-Z()/-]{1,30}$`)
	trainNumber = regexp.MustCompile(`^[A-Z]?[0-9]{1,4}$`)
)

// good tells whether there may be such a journey with a slip of now: on a day on which the
// slip is valid.
func (j *Journey) good(now time.Time) bool {
	day := func(t time.Time) string { return t.In(RailwayTime).Format(time.DateOnly) }
	return trainNumber.MatchString(j.Train) && (j.Day == day(now) || j.Day == day(now.Add(validFor))) &&
		goodPlace(j.From) && goodPlace(j.To) && j.From != j.To
}

const maxPlace = 20 // characters

func goodPlace(name string) bool { return goodName(name) && utf8.RuneCountInString(name) <= maxPlace }

// goodSlipNumber tells whether a text is a slip's number or the beginning of one: 8 to 16
// digits in hex, of which 8 are enough not to be guessed. It gives them as the register has
// them.
func goodSlipNumber(text string) (string, bool) {
	n := Form{Number: text}
	n.tidy()
	digits := strings.ToLower(strings.ReplaceAll(n.Number, "-", ""))
	return digits, slipNumber.MatchString(digits)
}

var slipNumber = regexp.MustCompile(`^[0-9a-f]{8,16}$`)
