package office

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// ResidentCard is the one document that is taken (R2).
const ResidentCard = "resident_id"

// Documents are those that the page names; all but the first are told that they
// cannot apply.
func Documents() []string {
	return []string{ResidentCard, "passport", "hk_macao_permit", "taiwan_permit", "foreigner_id", "other"}
}

// A Form is what a passenger fills in (R1, R12).
type Form struct {
	Name      string `json:"name"`
	Document  string `json:"document"`
	Number    string `json:"number"`
	Confirmed bool   `json:"confirmed"` // I act for myself, and the details are true
	City      string `json:"city"`      // where the phone is; "": it does not say
	NoCity    string `json:"no_city"`   // why: refused, unavailable, timed_out
}

// tidy spells a form in one way, however it was typed: wide characters as narrow ones, none
// that cannot be seen, one kind of dot between the parts of a name, one apostrophe and one
// hyphen, single spaces in a name and none in a number, the check digit in upper case.
func (f *Form) tidy() {
	f.Name = oneSpelling.Replace(strings.Join(strings.Fields(norm.NFC.String(fold(f.Name))), " "))
	f.Number = strings.ToUpper(strings.Join(strings.Fields(fold(f.Number)), ""))
}

// fold makes narrow characters of wide ones, and takes out what nobody sees: what is pasted
// brings marks of direction, joiners, variation selectors.
func fold(text string) string {
	visible := func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return r
	}
	return strings.Map(visible, width.Fold.String(strings.ToValidUTF8(text, "\uFFFD")))
}

// oneSpelling has one dot, one apostrophe and one hyphen for the many that keyboards and documents have.
var oneSpelling = func() *strings.Replacer {
	var pairs []string
	for want, others := range map[string]string{"·": "•‧∙⋅・․﹒●", "'": "’‘‛ʼʻ`´′", "-": "‐‑–−"} {
		for _, r := range others {
			pairs = append(pairs, string(r), want)
		}
	}
	return strings.NewReplacer(pairs...)
}()

// sameName tells whether two names are one, for the spaces, dots, hyphens and
// apostrophes in them, and the case of Latin letters, are written in more than one way.
func sameName(a, b string) bool { return letters(a) == letters(b) }

func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, name)
}

// check tells what is wrong with the form of an application, if anything is.
func (f *Form) check(signedIn bool, now time.Time) Reason {
	if r := f.checkPerson(signedIn, now); r != "" {
		return r
	}
	if !goodCity(f.City) {
		return f.noCity() // R3
	}
	return ""
}

// goodCity tells whether something may be a city's name. A yes or coordinates are none.
func goodCity(name string) bool {
	const most = 20 // characters
	n := 0
	for _, r := range name {
		if n++; !unicode.Is(unicode.Han, r) {
			return false
		}
	}
	return n >= 2 && n <= most
}

// noCity is why an application comes from nowhere.
func (f *Form) noCity() Reason {
	switch f.NoCity {
	case "unavailable":
		return NoPosition
	case "timed_out":
		return LocatingTimedOut
	}
	return NoLocation
}

// checkPerson is check without what only an application needs. A signed-in user has
// confirmed the details when the account was opened; everybody else does now (R12).
func (f *Form) checkPerson(signedIn bool, now time.Time) Reason {
	switch {
	case f.Document != ResidentCard || otherCard(f.Number):
		return NotResidentCard // R2, and before anything else: the rest would be in vain
	case !goodName(f.Name) || f.Number == "":
		return Incomplete // R1
	case !goodNumber(f.Number, now):
		return BadNumber // R2
	case !signedIn && !f.Confirmed:
		return NotConfirmed
	}
	return ""
}

const maxName = 50 // characters

func goodName(name string) bool {
	if !strings.ContainsFunc(name, unicode.IsLetter) || utf8.RuneCountInString(name) > maxName {
		return false
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" ·•.'-", r) {
			return false
		}
	}
	return true
}

// otherCard tells whether a number is that of a document of its own kind: a card of the
// first generation (15 digits), a residence permit of somebody from Hong Kong, Macao
// or Taiwan (81, 82, 83), or a foreigner's permanent residence card (9).
func otherCard(number string) bool {
	if len(number) == 15 {
		return strings.Trim(number, "0123456789") == ""
	}
	if len(number) != 18 {
		return false
	}
	switch number[:2] {
	case "81", "82", "83":
		return true
	}
	return number[0] == '9'
}

// goodNumber tells whether a number is a resident identity card's (GB 11643-1999):
// 6 digits of a place, 8 of the date of birth, 3 of an order, and a check digit by
// ISO 7064 MOD 11-2.
func goodNumber(number string, now time.Time) bool {
	const size, check = 18, "10X98765432"
	if len(number) != size {
		return false
	}
	sum, weight := 0, 1<<17 // 2^17, 2^16 … 2^1, modulo 11
	for i := range size - 1 {
		digit := int(number[i]) - '0'
		if digit < 0 || digit > 9 {
			return false
		}
		sum += digit * (weight % 11)
		weight /= 2
	}
	if number[size-1] != check[sum%11] {
		return false
	}
	return goodBirth(number[6:14], now)
}

// goodBirth tells whether eight digits are a day on which somebody may have been born.
func goodBirth(digits string, now time.Time) bool {
	born, _ := time.ParseInLocation("20060102", digits, RailwayTime) // the year 1, where there is no such day
	return born.Year() >= 1900 && !born.After(now)
}

// Masked is a person whom only the person recognises.
func (p Person) Masked() Person {
	return Person{maskedName(p.Name), p.Document, maskedNumber(p.Number)}
}

// maskedName shows whose certificate it is to its holder, and little to a neighbour.
func maskedName(name string) string {
	runes := []rune(name)
	if len(runes) < 2 {
		return name
	}
	return string(runes[0]) + strings.Repeat("*", min(len(runes)-1, 3))
}

func maskedNumber(number string) string {
	if len(number) < 8 {
		return ""
	}
	return number[:3] + strings.Repeat("*", len(number)-7) + number[len(number)-4:]
}
