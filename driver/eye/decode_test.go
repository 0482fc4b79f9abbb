package eye

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/common/reedsolomon"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// encode is a code's modules as another implementation makes them: 1 dark, -1 light.
func encode(t testing.TB, text string, version, mask int, level decoder.ErrorCorrectionLevel) (soft []float32, dim int) {
	t.Helper()
	code, err := encoder.Encoder_encode(text, level, map[gozxing.EncodeHintType]any{
		gozxing.EncodeHintType_QR_VERSION: version, gozxing.EncodeHintType_QR_MASK_PATTERN: mask,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := code.GetMatrix()
	dim = m.GetWidth()
	for i := range dim * dim {
		s := float32(-1)
		if m.Get(i%dim, i/dim) == 1 {
			s = 1
		}
		soft = append(soft, s)
	}
	return soft, dim
}

func newTestReader() *Reader {
	r := NewReader()
	r.left = 1 << 30
	return r
}

func TestLayoutsAgreeWithAnotherImplementation(t *testing.T) {
	r := newTestReader()
	for version := 1; version <= 40; version++ {
		text := fmt.Sprint("RG1:", version)
		soft, dim := encode(t, text, version, -1, decoder.ErrorCorrectionLevel_M)
		lay := newLayout(dim)
		if lay == nil || lay.dim != dim {
			t.Fatalf("version %d has no layout", version)
		}
		for _, i := range lay.known {
			if (soft[i] > 0) != (lay.fixed[i] == dark) {
				t.Fatalf("version %d: module (%d, %d) is not as it is in every code", version, int(i)%dim, int(i)/dim)
			}
		}
		if got, want := len(lay.data)/8, lay.version.GetTotalCodewords(); got != want {
			t.Errorf("version %d: %d codewords; want %d", version, got, want)
		}
		if !r.decode(lay, soft) || r.code.Text != text {
			t.Errorf("version %d reads %q", version, r.code.Text)
		}
	}
	for _, dim := range []int{0, 20, 22, 181} {
		if newLayout(dim) != nil {
			t.Errorf("a layout of %d modules", dim)
		}
	}
}

func TestEveryMaskAndLevelMirroredOrNot(t *testing.T) {
	r := newTestReader()
	for mask := range 8 {
		for bits := range 4 {
			level, _ := decoder.ErrorCorrectionLevel_ForBits(uint(bits))
			soft, dim := encode(t, "RG1:MASK", 3, mask, level)
			turned := make([]float32, len(soft))
			for i := range soft {
				turned[i%dim*dim+i/dim] = soft[i]
			}
			for mirrored, of := range map[bool][]float32{false: soft, true: turned} {
				f, ok := readFormat(of, dim)
				if !ok || f.mask != mask || f.level != level || f.mirrored != mirrored {
					t.Errorf("mask %d, %v, mirrored %v: %+v, %v", mask, level, mirrored, f, ok)
				}
				if !r.decode(newLayout(dim), of) || r.code.Text != "RG1:MASK" || r.code.Mirrored != mirrored {
					t.Errorf("mask %d, %v, mirrored %v reads %+v", mask, level, mirrored, r.code)
				}
			}
		}
	}
}

func TestFormatSurvivesDamage(t *testing.T) {
	soft, dim := encode(t, "RG1:FORMAT", 4, 5, decoder.ErrorCorrectionLevel_Q)
	places := formatModules(dim)
	flip := func(which ...int) []float32 {
		out := append([]float32(nil), soft...)
		for _, i := range which {
			m := places[i]
			out[m[1]*dim+m[0]] *= -1
		}
		return out
	}
	cover := func(from, to int) []float32 {
		out := append([]float32(nil), soft...)
		for _, m := range places[from:to] {
			out[m[1]*dim+m[0]] = 1
		}
		return out
	}
	for name, of := range map[string][]float32{
		"three bits of each copy":        flip(0, 5, 9, 17, 20, 29),
		"one copy covered":               cover(0, 15),
		"the other copy covered":         cover(15, 30),
		"an encoder that forgot to mask": unmaskFormat(soft, dim),
	} {
		f, ok := readFormat(of, dim)
		if !ok || f.mask != 5 || f.level != decoder.ErrorCorrectionLevel_Q || f.mirrored {
			t.Errorf("%s: %+v, %v", name, f, ok)
		}
	}
}

func unmaskFormat(soft []float32, dim int) []float32 {
	out := append([]float32(nil), soft...)
	for i, m := range formatModules(dim) {
		if formatMask>>(14-i%15)&1 == 1 {
			out[m[1]*dim+m[0]] *= -1
		}
	}
	return out
}

func TestErrorsAreCorrectedUpToHalfTheCheckWords(t *testing.T) {
	soft, dim := encode(t, "RG1:CORRECTED", 2, 1, decoder.ErrorCorrectionLevel_M) // 28 + 16 words
	lay, r := newLayout(dim), newTestReader()
	for words := range 12 {
		of := append([]float32(nil), soft...)
		for w := range words {
			of[lay.data[8*(3*w+1)+2]] *= -1
		}
		if got, want := r.decode(lay, of), words <= 8; got != want {
			t.Errorf("%d wrong words: read %v; want %v", words, got, want)
		}
	}
}

func TestDividersKnowCodewords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	solomon := reedsolomon.NewReedSolomonEncoder(reedsolomon.GenericGF_QR_CODE_FIELD_256)
	for check := 7; check <= maxCheck; check++ {
		d := newDivider(check)
		for range 20 {
			words := make([]int, check+1+r.IntN(100))
			for i := range words[:len(words)-check] {
				words[i] = r.IntN(256)
			}
			if err := solomon.Encode(words, check); err != nil {
				t.Fatal(err)
			}
			code := make([]byte, len(words))
			for i, w := range words {
				code[i] = byte(w)
			}
			if !d.divides(code) {
				t.Errorf("%d check words: a codeword is none", check)
			}
			code[r.IntN(len(code))] ^= byte(1 + r.IntN(255))
			if d.divides(code) {
				t.Errorf("%d check words: a wrong word is skipped", check)
			}
		}
	}
}

// packed puts fields of (value, width) into bytes.
func packed(fields ...[2]int) (out []byte) {
	n := 0
	for _, f := range fields {
		for i := f[1] - 1; i >= 0; i-- {
			if n%8 == 0 {
				out = append(out, 0)
			}
			out[n/8] |= byte(f[0]>>i&1) << (7 - n%8)
			n++
		}
	}
	return append(out, 0, 0)
}

func TestSegments(t *testing.T) {
	version, err := decoder.Version_GetVersionForNumber(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"digits, letters, bytes", packed([2]int{1, 4}, [2]int{3, 10}, [2]int{123, 10}, [2]int{2, 4}, [2]int{2, 9}, [2]int{10*45 + 11, 11}, [2]int{4, 4}, [2]int{2, 8}, [2]int{0xe9, 8}, [2]int{0x80, 8}, [2]int{0, 4}), "123AB\xe9\x80"},
		{"kanji as Shift JIS", packed([2]int{8, 4}, [2]int{1, 8}, [2]int{0xd9f, 13}, [2]int{4, 4}, [2]int{1, 8}, [2]int{0xc3, 8}, [2]int{0, 4}), "\x93\x5f\xc3"},
		{"an ECI of UTF-8", packed([2]int{7, 4}, [2]int{26, 8}, [2]int{4, 4}, [2]int{3, 8}, [2]int{0xe4, 8}, [2]int{0xb9, 8}, [2]int{0x98, 8}, [2]int{0, 4}), "乘"},
		{"an ECI of Latin-1", packed([2]int{7, 4}, [2]int{3, 8}, [2]int{4, 4}, [2]int{1, 8}, [2]int{0xe9, 8}, [2]int{0, 4}), "\xe9"},
		{"an ECI that is no character set", packed([2]int{7, 4}, [2]int{0x8383, 16}, [2]int{4, 4}, [2]int{2, 8}, [2]int{0xe9, 8}, [2]int{0x80, 8}, [2]int{0, 4}), "\xe9\x80"},
		{"an ECI of six digits", packed([2]int{7, 4}, [2]int{0xcf423f, 24}, [2]int{4, 4}, [2]int{1, 8}, [2]int{0x80, 8}, [2]int{0, 4}), "\x80"},
		{"an ECI of Shift JIS", packed([2]int{7, 4}, [2]int{20, 8}, [2]int{4, 4}, [2]int{2, 8}, [2]int{0x93, 8}, [2]int{0x5f, 8}, [2]int{0, 4}), "点"},
		{"bytes that are not of their ECI", packed([2]int{7, 4}, [2]int{26, 8}, [2]int{4, 4}, [2]int{2, 8}, [2]int{0xe9, 8}, [2]int{0x80, 8}, [2]int{0, 4}), "\xe9\x80"},
		{"bytes that are not Shift JIS", packed([2]int{7, 4}, [2]int{20, 8}, [2]int{4, 4}, [2]int{2, 8}, [2]int{0x93, 8}, [2]int{0xff, 8}, [2]int{0, 4}), "\x93\xff"},
		{"kanji beside an ECI", packed([2]int{8, 4}, [2]int{1, 8}, [2]int{0xd9f, 13}, [2]int{7, 4}, [2]int{26, 8}, [2]int{4, 4}, [2]int{3, 8}, [2]int{0xe4, 8}, [2]int{0xb9, 8}, [2]int{0x98, 8}, [2]int{0, 4}), "点乘"},
		{"hanzi as GB 2312", packed([2]int{13, 4}, [2]int{1, 4}, [2]int{1, 8}, [2]int{0x0001, 13}, [2]int{0, 4}), "\xa1\xa2"},
		{"an ECI beyond three bytes", packed([2]int{7, 4}, [2]int{0xe0, 8}, [2]int{4, 4}, [2]int{1, 8}, [2]int{65, 8}, [2]int{0, 4}), ""},
		{"FNC1 in first position", packed([2]int{5, 4}, [2]int{2, 4}, [2]int{3, 9}, [2]int{10*45 + 38, 11}, [2]int{11, 6}, [2]int{0, 4}), "A\x1dB"},
		{"FNC1, and a per cent", packed([2]int{5, 4}, [2]int{2, 4}, [2]int{4, 9}, [2]int{38*45 + 38, 11}, [2]int{38*45 + 11, 11}, [2]int{0, 4}), "%\x1dB"},
		{"FNC1 in second position", packed([2]int{9, 4}, [2]int{37, 8}, [2]int{1, 4}, [2]int{3, 10}, [2]int{123, 10}, [2]int{0, 4}), "123"},
		{"a part of a sequence", packed([2]int{3, 4}, [2]int{0x1234, 16}, [2]int{1, 4}, [2]int{1, 10}, [2]int{7, 4}, [2]int{0, 4}), "7"},
		{"no three digits", packed([2]int{1, 4}, [2]int{3, 10}, [2]int{1000, 10}, [2]int{0, 4}), ""},
		{"no two letters", packed([2]int{2, 4}, [2]int{2, 9}, [2]int{2025, 11}, [2]int{0, 4}), ""},
		{"nothing", packed([2]int{0, 4}), ""},
		{"more than there is", packed([2]int{4, 4}, [2]int{200, 8}, [2]int{65, 8}), ""},
		{"an unknown mode", packed([2]int{15, 4}), ""},
	} {
		got, ok := textOf(tt.data, version)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}

func FuzzSegments(f *testing.F) {
	f.Add([]byte{0x40, 0x14, 0x10}, 1)
	f.Add([]byte{0x71, 0xa4, 0x03, 0xe4, 0xb9, 0x98}, 10)
	f.Add([]byte{0x80, 0x1d, 0x9f, 0xd1, 0x01}, 40)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		version, err := decoder.Version_GetVersionForNumber(n)
		if err != nil {
			return
		}
		if text, ok := textOf(data, version); ok == (text == "") {
			t.Errorf("%q, %v", text, ok)
		}
	})
}
