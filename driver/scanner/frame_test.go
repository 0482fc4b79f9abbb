package scanner

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// pause stands for an idle gap among the pieces.
const pause = "\x00pause"

// texts pushes pieces, with an idle gap after each pause piece, and lists what came out.
func texts(suffix string, pieces ...string) (got []string) {
	f := newFramer(suffix)
	emit := func(text string) { got = append(got, text) }
	for _, piece := range pieces {
		if piece == pause {
			f.idle(emit)
			continue
		}
		f.push([]byte(piece), emit)
	}
	return got
}

func TestFrames(t *testing.T) {
	long := strings.Repeat("A", 5000)
	for _, tt := range []struct {
		name, suffix string
		pieces       []string
		want         []string
	}{
		{"one code, one piece", "\r", []string{"RG1:A\r"}, []string{"RG1:A"}},
		{"one code in pieces", "\r", []string{"R", "G1", ":A", "\r"}, []string{"RG1:A"}},
		{"two codes in a piece", "\r", []string{"RG1:A\rRG1:B\r"}, []string{"RG1:A", "RG1:B"}},
		{"CR LF where CR is configured", "\r", []string{"RG1:A\r\nRG1:B\r\n"}, []string{"RG1:A", "RG1:B"}},
		{"CR LF as the suffix", "\r\n", []string{"RG1:A\r", "\nRG1:B\r\n"}, []string{"RG1:A", "RG1:B"}},
		{"a suffix of three", "END", []string{"RG1:EEENEND", "RG1:BEN", "D"}, []string{"RG1:EEEN", "RG1:B"}},
		{"no suffix, a gap", "", []string{"RG1", ":A", pause, "RG1:B", pause}, []string{"RG1:A", "RG1:B"}},
		{"the suffix never comes, a gap", "\r", []string{"RG1:A", pause}, []string{"RG1:A"}},
		{"a gap after nothing", "\r", []string{pause, "\r", pause}, nil},
		{"empty frames", "\r", []string{"\r\r\n\r"}, nil},
		{"spaces are data", "\r", []string{" RG1:A B \r"}, []string{" RG1:A B "}},
		{"a QR code's AIM identifier", "\r", []string{"]Q1RG1:A\r"}, []string{"RG1:A"}},
		{"a linear code's AIM identifier stays", "\r", []string{"]C1RG1:A\r"}, []string{"]C1RG1:A"}},
		{"a QR code's with a number that there is not", "\r", []string{"]Q7RG1:A\r"}, []string{"]Q7RG1:A"}},
		{"an identifier alone", "\r", []string{"]Q\r]Q1\r"}, []string{"]Q"}},
		{"an identifier is taken off once", "\r", []string{"]Q1]Q1RG1:A\r"}, []string{"]Q1RG1:A"}},
		{"an ECI in clear", "\r", []string{`\000026RG1:A` + "\r"}, []string{"RG1:A"}},
		{"an identifier, then an ECI", "\r", []string{`]Q1\000026RG1:A` + "\r"}, []string{"RG1:A"}},
		{"one ECI after another", "\r", []string{`]Q2\000026\000003RG1:A` + "\r"}, []string{"RG1:A"}},
		{"an ECI in the middle is data", "\r", []string{`RG1:A\000026B` + "\r"}, []string{`RG1:A\000026B`}},
		{"an ECI of five digits", "\r", []string{`\00026RG1:A` + "\r"}, []string{`\00026RG1:A`}},
		{"a byte order mark", "\r", []string{"\ufeffRG1:A\r]Q2\ufeff\\000026RG1:B\r"}, []string{"RG1:A", "RG1:B"}},
		{"a semicolon behind a code", "\r", []string{"RG1:A;\r"}, []string{"RG1:A"}},
		{"a suffix of letters, and controls before it", "END", []string{"RG1:A\tEND"}, []string{"RG1:A"}},
		{"STX and ETX around a code", "\r", []string{"\x02RG1:A\x03\r"}, []string{"RG1:A"}},
		{"as long as a frame may be", "\r", []string{long[:maxFrame-1] + "\r"}, []string{long[:maxFrame-1]}},
		{"too long a frame is cut, not ignored", "\r", []string{long + "\rRG1:B\r"}, []string{long[:maxFrame], "RG1:B"}},
		{"too long a frame in pieces", "\r\n", []string{long, long, "\r", "\n", "RG1:B\r\n"}, []string{long[:maxFrame], "RG1:B"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := texts(tt.suffix, tt.pieces...); !slices.Equal(got, tt.want) {
				t.Errorf("frames = %.80q; want %.80q", got, tt.want)
			}
		})
	}
}

// What a scanner of another setting sends of a code that it read.
func TestWhatScannersPutAroundACode(t *testing.T) {
	sample, err := os.ReadFile("testdata/scanner-eci-q2.bin")
	if err != nil {
		t.Fatal(err)
	}
	if got := texts("\r", string(sample)); !slices.Equal(got, []string{"RG1:ABC"}) {
		t.Errorf("the recorded bytes read %q; want RG1:ABC", got)
	}
	const text = "RG1:A B$%*+-./:"
	for _, front := range []string{"", "]Q0", "]Q1", "]Q2", "]Q3", "]Q4", "]Q5", "]Q6", `]Q2\000026`, `\000003`, `]Q4\000020`, "\ufeff", "\x02", "\x02]Q1", "\t", "]Q3\x1d"} {
		for _, back := range []string{"", "\t", "\f", "\x05", "\x04", ";", "\x03", "\x00", "\n", "\r\n", "\x7f", "\x03\x04;"} {
			for _, suffix := range []string{"\r", "\r\n", ""} {
				if got := texts(suffix, front+text+back+suffix, pause); !slices.Equal(got, []string{text}) {
					t.Errorf("%q reads %q; want %q", front+text+back+suffix, got, text)
				}
			}
		}
	}
}

func TestTheSuffixThatIsSeen(t *testing.T) {
	for _, tt := range []struct {
		suffix string
		pieces []string
		want   string
	}{
		{"\r", []string{"RG1:A\r"}, "\r"},
		{"\r", []string{"RG1:A\r\nRG1:B\r"}, "\r\n"},
		{"\r", []string{"RG1:A\r\n", pause}, "\r\n"},
		{"\r", []string{"RG1:A\r\n", pause, "RG1:B\r"}, "\r\n"},
		{"\r", []string{"RG1:A\r\nRG1:B\r", "RG1:C\r"}, "\r"},
		{"\r", []string{"RG1:A\t", pause}, "\t"},
		{"\r", []string{"RG1:A\t\r"}, "\t\r"},
		{"\r", []string{"\x02RG1:A\x03\r\x02RG1:A\x03\r"}, "\x03\r"},
		{"", []string{"RG1:A\r\n", pause}, "\r\n"},
		{"", []string{"RG1:A", pause}, ""},
		{"\r", []string{"RG1:A" + strings.Repeat(";", 100) + "\r"}, ";;;;;;;;"},
		{"\r", []string{strings.Repeat("\r", 100)}, "\r\r\r\r\r\r\r\r"},
	} {
		f := newFramer(tt.suffix)
		for _, piece := range tt.pieces {
			if piece == pause {
				f.idle(func(string) {})
			} else {
				f.push([]byte(piece), func(string) {})
			}
		}
		if got := f.ends(); got != tt.want {
			t.Errorf("after %q ends = %q; want %q", tt.pieces, got, tt.want)
		}
	}
}

func TestDroppedFrameLeavesNothing(t *testing.T) {
	f := newFramer("\r")
	var got []string
	emit := func(text string) { got = append(got, text) }
	f.push([]byte("RG1:HAL"), emit)
	if n := f.drop(); n != 7 || f.partial() {
		t.Errorf("drop = %d, partial %v; want 7, false", n, f.partial())
	}
	f.push([]byte("RG1:B\r"), emit)
	if !slices.Equal(got, []string{"RG1:B"}) {
		t.Errorf("frames = %q; want RG1:B alone", got)
	}
}

func FuzzFramer(f *testing.F) {
	f.Add("\r", "RG1:A\rRG1:B\r\n", 3)
	f.Add("\r\n", "]Q1RG1:A\r\n", 1)
	f.Add("", `\000026RG1:A`, 5)
	f.Add("ABAB", "xABAABAB", 2)
	f.Add("\r", "\x02]Q2\\000026\\000003\ufeffRG1:A;\t\x03\r", 4)
	f.Fuzz(func(t *testing.T, suffix, data string, cut int) {
		if len(suffix) > 8 || strings.Contains(data, pause) {
			return
		}
		cut = min(max(cut, 0), len(data))
		whole := texts(suffix, data, pause)
		if parts := texts(suffix, data[:cut], data[cut:], pause); !slices.Equal(whole, parts) {
			t.Errorf("in one piece %q, in two %q", whole, parts)
		}
		for _, text := range whole {
			if text == "" || len(text) > maxFrame || isControl(rune(text[0])) || isEnd(rune(text[len(text)-1])) {
				t.Errorf("a text of %d bytes: %q", len(text), text)
			}
		}
	})
}
