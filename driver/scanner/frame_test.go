package scanner

import (
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
		{"another QR model's stays", "\r", []string{"]Q3RG1:A\r"}, []string{"]Q3RG1:A"}},
		{"an identifier is taken off once", "\r", []string{"]Q1]Q1RG1:A\r"}, []string{"]Q1RG1:A"}},
		{"an ECI in clear", "\r", []string{`\000026RG1:A` + "\r"}, []string{"RG1:A"}},
		{"an identifier, then an ECI", "\r", []string{`]Q1\000026RG1:A` + "\r"}, []string{"RG1:A"}},
		{"an ECI is taken off once", "\r", []string{`\000026\000026A` + "\r"}, []string{`\000026A`}},
		{"STX and ETX around a code", "\r", []string{"\x02RG1:A\x03\r"}, []string{"RG1:A"}},
		{"as long as a frame may be", "\r", []string{long[:maxFrame-1] + "\r"}, []string{long[:maxFrame-1]}},
		{"too long a frame is cut, not passed over", "\r", []string{long + "\rRG1:B\r"}, []string{long[:maxFrame], "RG1:B"}},
		{"too long a frame in pieces", "\r\n", []string{long, long, "\r", "\n", "RG1:B\r\n"}, []string{long[:maxFrame], "RG1:B"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := texts(tt.suffix, tt.pieces...); !slices.Equal(got, tt.want) {
				t.Errorf("frames = %.80q; want %.80q", got, tt.want)
			}
		})
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
			if text == "" || len(text) > maxFrame {
				t.Errorf("a text of %d bytes", len(text))
			}
		}
	})
}
