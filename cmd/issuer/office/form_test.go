package office

import (
	"strings"
	"testing"
)

func TestR1ApplicationTakesNameDocumentAndNumber(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Form)
		want   Reason
	}{
		{"complete", func(*Form) {}, ""},
		{"no name", func(f *Form) { f.Name = "" }, Incomplete},
		{"a name of spaces", func(f *Form) { f.Name = "  " }, Incomplete},
		{"a name of 50", func(f *Form) { f.Name = strings.Repeat("名", 50) }, ""},
		{"a name of 51", func(f *Form) { f.Name = strings.Repeat("名", 51) }, Incomplete},
		{"a name with a dot in it", func(f *Form) { f.Name = "阿依古丽·买买提" }, ""},
		{"a name without a letter", func(f *Form) { f.Name = "·-'" }, Incomplete},
		{"a name with markup in it", func(f *Form) { f.Name = "<b>" }, Incomplete},
		{"no number", func(f *Form) { f.Number = "" }, Incomplete},
		{"no document", func(f *Form) { f.Document = "" }, NotResidentCard},
	} {
		f := goodForm()
		tt.change(&f)
		f.tidy()
		if got := f.check(false, noon); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestR1NamesAreSpelledInOneWay(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"李雷", " 李　雷 ", true},
		{"阿依古丽·买买提", "阿依古丽•买买提", true},
		{"阿依古丽·买买提", "阿依古丽．买买提", true},
		{"阿依古丽·买买提", "阿依古丽买买提", true},
		{"Anna O'Neill", "ＡＮＮＡ O’NEILL", true},
		{"Jean-Luc", "jean luc", true},
		{"阿依古丽·买买提", "阿依古丽﹒买买提", true},
		{"阿依古丽·买买提", "阿依古丽●买买提", true},
		{"Anna O'Neill", "Anna O´Neill", true},
		{"Anna O'Neill", "Anna Oʻneill", true},
		{"Jean-Luc", "Jean‑Luc", true},
		{"Jean-Luc", "Jean–Luc", true},
		{"李雷", "\u202a李\u200b雷\u202c\ufeff", true}, // as pasted: marks of direction, spaces without a width
		{"葛", "葛\U000e0100", true},                 // a variation selector
		{"李雷", "李雪", false},
		{"का", "कि", false}, // two marks that no letter holds
		{"阿依古丽·买买提", "阿依古丽·买提", false},
		{"é", "e", false},
	} {
		f, g := Form{Name: tt.a}, Form{Name: tt.b}
		f.tidy()
		g.tidy()
		if !goodName(f.Name) || !goodName(g.Name) || sameName(f.Name, g.Name) != tt.same {
			t.Errorf("%q and %q: names %v, %v, the same %v; want %v", f.Name, g.Name, goodName(f.Name), goodName(g.Name), sameName(f.Name, g.Name), tt.same)
		}
	}
}

// A name has a letter that can be seen.
func TestR1ANameIsSeen(t *testing.T) {
	for _, name := range []string{"", " ", "·", "\u0301", "\u3164", "\u115f\u1160", "\u200b", "\ufe0f", "\u202e"} {
		f := goodForm()
		f.Name = name
		if f.tidy(); f.checkPerson(false, noon) != Incomplete {
			t.Errorf("%+q is taken for a name", name)
		}
	}
}

func TestR2OnlyAResidentIdentityCard(t *testing.T) {
	const good = "11010519491231002X"
	for _, tt := range []struct {
		name, document, number string
		want                   Reason
	}{
		{"the standard's own example", ResidentCard, good, ""},
		{"a small x", ResidentCard, "11010519491231002x", ""},
		{"wide digits", ResidentCard, "１１０１０５１９４９１２３１００２Ｘ", ""},
		{"as pasted, with marks of direction", ResidentCard, "\u202d110105 19491231\u00a0002X\u202c\ufeff", ""},
		{"spaces", ResidentCard, " 110105 19491231 002X ", ""},
		{"a minor", ResidentCard, number("51010420140601", "312"), ""},
		{"17 characters", ResidentCard, good[:17], BadNumber},
		{"19 characters", ResidentCard, good + "1", BadNumber},
		{"a letter", ResidentCard, "1101051949123100AX", BadNumber},
		{"a sign that counts as a digit would, eleven above", ResidentCard, "1101051949123100=X", BadNumber},
		{"and eleven below", ResidentCard, "1101051949123100'X", BadNumber},
		{"and one above 9", ResidentCard, number("11010519491231", "00:"), BadNumber},
		{"a letter among 15", ResidentCard, "11010549123100A", BadNumber},
		{"digits of another script", ResidentCard, "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", BadNumber},
		{"born on the 30th of February", ResidentCard, number("11010519490230", "002"), BadNumber},
		{"born on the 29th of February of no leap year", ResidentCard, number("11010520230229", "002"), BadNumber},
		{"born on the 29th of February of a leap year", ResidentCard, number("11010520240229", "002"), ""},
		{"born in the 13th month", ResidentCard, number("11010519491331", "002"), BadNumber},
		{"born in month 0", ResidentCard, number("11010519490031", "002"), BadNumber},
		{"born on day 0", ResidentCard, number("11010519491200", "002"), BadNumber},
		{"born today", ResidentCard, number("11010520261110", "002"), ""},
		{"born tomorrow", ResidentCard, number("11010520261111", "002"), BadNumber},
		{"born in 1899", ResidentCard, number("11010518991231", "002"), BadNumber},
		{"born in 1900", ResidentCard, number("11010519000101", "002"), ""},
		{"a card of the first generation", ResidentCard, "110105491231002", NotResidentCard},
		{"a residence permit, Hong Kong", ResidentCard, number("81000019491231", "002"), NotResidentCard},
		{"a residence permit, Macao", ResidentCard, number("82000019491231", "002"), NotResidentCard},
		{"a residence permit, Taiwan", ResidentCard, number("83000019491231", "002"), NotResidentCard},
		{"a foreigner's permanent residence card", ResidentCard, number("91110119491231", "002"), NotResidentCard},
		{"a passport", "passport", "E12345678", NotResidentCard},
		{"a passport with a card's number", "passport", good, NotResidentCard},
	} {
		f := goodForm()
		f.Document, f.Number = tt.document, tt.number
		f.tidy()
		if got := f.check(false, noon); got != tt.want {
			t.Errorf("%s, %s: %q; want %q", tt.name, tt.number, got, tt.want)
		}
	}
	for _, r := range []Reason{NotResidentCard} {
		if w := r.Words(); w.Next != "window" || w.Rule != "R2" {
			t.Errorf("%s: sent to %q by %q; want the police window, by R2", r, w.Next, w.Rule)
		}
	}
}

// The check digit finds every digit that is wrong and every two neighbours that have
// changed places (ISO 7064, MOD 11-2).
func TestR2TheCheckDigitFindsSlips(t *testing.T) {
	for _, good := range []string{"11010519491231002X", "440106198803052464", number("51010420140601", "312")} {
		if !goodNumber(good, noon) {
			t.Fatalf("%s is not taken", good)
		}
		for i := range good {
			for _, digit := range "0123456789X" {
				if slip := good[:i] + string(digit) + good[i+1:]; slip != good && goodNumber(slip, noon) {
					t.Errorf("%s is taken, with one digit other than in %s", slip, good)
				}
			}
			if i+1 < len(good) && good[i] != good[i+1] {
				if slip := good[:i] + good[i+1:i+2] + good[i:i+1] + good[i+2:]; goodNumber(slip, noon) {
					t.Errorf("%s is taken, with two digits of %s exchanged", slip, good)
				}
			}
		}
	}
}

// number makes a number with a right check digit, by the standard's other formula:
// the sum of all digits times their weights is 1 modulo 11.
func number(place14, order string) string {
	weights := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	text, sum := place14+order, 0
	for i, w := range weights {
		sum += int(text[i]-'0') * w
	}
	for check := range 11 {
		if (sum+check)%11 == 1 {
			return text + string("0123456789X"[check])
		}
	}
	panic("no check digit")
}

func TestR3LocationMustBeGranted(t *testing.T) {
	f := goodForm()
	for _, tt := range []struct {
		city, why string
		want      Reason
	}{
		{"广州", "", ""},
		{"呼和浩特", "", ""},
		{"", "refused", NoLocation},
		{"", "", NoLocation},
		{"", "unavailable", NoPosition},
		{"", "timed_out", LocatingTimedOut},
		{"yes", "", NoLocation},
		{"23.13,113.26", "", NoLocation},
		{"广", "", NoLocation},
		{strings.Repeat("广", 20), "", ""},
		{strings.Repeat("广", 21), "", NoLocation},
	} {
		f.City, f.NoCity = tt.city, tt.why
		if got := f.check(false, noon); got != tt.want {
			t.Errorf("city %q, %q: %q; want %q", tt.city, tt.why, got, tt.want)
		}
	}
	f.City = ""
	if got := f.checkPerson(false, noon); got != "" {
		t.Errorf("viewing without location: %q; it needs none", got)
	}
	for _, r := range []Reason{NoLocation, NoPosition, LocatingTimedOut} {
		if w := r.Words(); w.Next != "locate" {
			t.Errorf("%s offers %q; want to locate again", r, w.Next)
		}
	}
}

func TestR12VisitorsConfirmThatTheyActForThemselves(t *testing.T) {
	f := goodForm()
	f.Confirmed = false
	if got := f.check(false, noon); got != NotConfirmed {
		t.Errorf("applying: %q; want %q", got, NotConfirmed)
	}
	if got := f.checkPerson(false, noon); got != NotConfirmed {
		t.Errorf("viewing: %q; want %q", got, NotConfirmed)
	}
	if got := f.check(true, noon); got != "" {
		t.Errorf("a signed-in user: %q; has confirmed already", got)
	}
}

// FuzzForm: whatever is typed, tidying it twice changes nothing more, and what is taken
// as a number has 18 characters.
func FuzzForm(f *testing.F) {
	for _, seed := range [][2]string{{"李雷", "11010519491231002X"}, {"ＡＮＮＡ　O’NEILL", "１１０１０５１９４９１２３１００２Ｘ"}, {"\xff", "110105491231002"}, {"ﬁ", "١"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, number string) {
		form := Form{Name: name, Document: ResidentCard, Number: number, Confirmed: true, City: "北京"}
		form.tidy()
		again := form
		again.tidy()
		if again != form {
			t.Errorf("%+q becomes %+q, and then %+q", name+" "+number, form.Name+" "+form.Number, again.Name+" "+again.Number)
		}
		if form.check(false, noon) == "" && len(form.Number) != 18 {
			t.Errorf("%q is taken as a number", form.Number)
		}
		maskedName(form.Name)
		_ = maskedNumber(form.Number)
	})
}

// A neighbour at the glass learns little from what the page shows.
func TestWhatThePageShowsOfAPerson(t *testing.T) {
	for _, tt := range []struct{ name, number, wantName, wantNumber string }{
		{"李雷", "11010519491231002X", "李*", "110***********002X"},
		{"阿依古丽·买买提", "", "阿***", ""},
		{"李", "1234567", "李", ""},
		{"", "12345678", "", "123*5678"},
		{"欧阳修", "123456789", "欧**", "123**6789"},
	} {
		got := Person{Name: tt.name, Document: ResidentCard, Number: tt.number}.Masked()
		if got.Name != tt.wantName || got.Number != tt.wantNumber || got.Document != ResidentCard {
			t.Errorf("%s %s is shown as %+v; want %s %s", tt.name, tt.number, got, tt.wantName, tt.wantNumber)
		}
	}
}
