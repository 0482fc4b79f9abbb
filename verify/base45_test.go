package verify

import (
	"bytes"
	"testing"
)

func TestBase45OfRFC9285(t *testing.T) {
	for _, tt := range []struct{ bytes, text string }{
		{"AB", "BB8"},
		{"Hello!!", "%69 VD92EX0"},
		{"base-45", "UJCLQE7W581"},
		{"ietf!", "QED8WEX0"},
		{"\xff\xff", "FGW"},
		{"\xff", "U5"},
		{"", ""},
	} {
		if got := string(appendBase45(nil, []byte(tt.bytes))); got != tt.text {
			t.Errorf("base45 of %q = %q; want %q", tt.bytes, got, tt.text)
		}
		got, err := appendBase45Decoded(nil, tt.text)
		if err != nil || string(got) != tt.bytes {
			t.Errorf("bytes of %q = %q, %v; want %q", tt.text, got, err, tt.bytes)
		}
	}
}

func TestBase45Refuses(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"a lone last character", "BB8B"},
		{"a group above two bytes", "GGX"},
		{"the highest group", ":::"},
		{"a pair above one byte", "BB8VE"},
		{"a lower-case letter", "bB8"},
		{"a character outside the alphabet", "B\"8"},
		{"a byte above ASCII", "B\xff8"},
		{"a group one above two bytes", "GGW"},
		{"a pair one above one byte", "V5"},
		{"a last pair with a character outside the alphabet", "BB8\"0"},
		{"a last pair with a second character outside the alphabet", "BB80\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := appendBase45Decoded(nil, tt.text); err == nil {
				t.Errorf("bytes of %q = %x; want an error", tt.text, got)
			}
		})
	}
}

func FuzzBase45(f *testing.F) {
	for _, seed := range []string{"", "BB8", "%69 VD92EX0", "QED8WEX0", "FGW", ":::", "0", "00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoded, err := appendBase45Decoded(nil, text)
		if err != nil {
			return
		}
		if again := appendBase45(nil, decoded); !bytes.Equal(again, []byte(text)) {
			t.Errorf("%q decodes to %x, which is spelled %q", text, decoded, again)
		}
	})
}
