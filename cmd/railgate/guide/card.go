package guide

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"strings"
	"unicode"

	"rsc.io/qr"

	"railgate/driver/evdev"
	"railgate/verify"
)

// Card is the text of the test card: every character that a code may have. It is no code: its body is not one.
const Card = verify.Prefix + evdev.Letters

// A sighting is what a scanner made of something that was held to it.
type sighting uint8

const (
	cardSeen    sighting = iota
	codeSeen             // a passenger's code
	otherSeen            // something else
	swappedSeen          // the card, with small letters for capitals
	brokenSeen           // the card, with other characters in it
	noiseSeen            // no text: a serial scanner with another baud
)

// judge says what a reading is.
func judge(text string) sighting {
	switch {
	case text == Card:
		return cardSeen
	case strings.EqualFold(text, Card):
		return swappedSeen
	case strings.ContainsFunc(text, func(r rune) bool { return r == unicode.ReplacementChar || r > unicode.MaxASCII || !unicode.IsPrint(r) }):
		return noiseSeen
	case LikeCard(text):
		return brokenSeen
	case strings.HasPrefix(text, verify.Prefix):
		return codeSeen
	}
	return otherSeen
}

// LikeCard tells whether a text is the card's with a few characters lost or changed.
func LikeCard(text string) bool {
	if len(text) < len(Card)/2 || len(text) > len(Card)*3/2 {
		return false
	}
	same, rest := 0, text
	for _, r := range Card {
		if i := strings.IndexRune(rest, r); i >= 0 && i < 4 {
			same, rest = same+1, rest[i+1:]
		}
	}
	return same >= len(Card)/2
}

// words says it to a person, and what to do.
func (s sighting) words(scanner, text string) string {
	switch s {
	case codeSeen:
		return scanner + " read a passenger's code. It works; but show it the test card, to be sure that it is this gate's scanner."
	case swappedSeen:
		return scanner + " read the card with small letters for capitals: Caps Lock is on, or the scanner is set to change letters. Set it to leave them."
	case brokenSeen:
		return scanner + " read the card, and some characters are others. Set the scanner's keyboard to USA, and take out what it adds or changes; railgate scanner test says more."
	case noiseSeen:
		return scanner + " sent what is no text."
	}
	return fmt.Sprintf("%s read %s, which is not the test card.", scanner, Short(text))
}

// Short is a text in quotes, cut.
func Short(text string) string {
	if len(text) > 30 {
		return fmt.Sprintf("%q…", text[:30])
	}
	return fmt.Sprintf("%q", text)
}

// quiet is the width of the light border that a QR code needs, in modules (ISO/IEC 18004, 5.3.8).
const quiet = 4

func encodeCard() (*qr.Code, error) { return qr.Encode(Card, qr.M) }

// DrawCard draws the card for a terminal, two modules a character. Where colours may be used it is black on white; else the
// terminal is taken for a dark one, whose full blocks are light.
func DrawCard(w io.Writer, colours bool) error {
	code, err := encodeCard()
	if err != nil {
		return err
	}
	dark := func(x, y int) bool { return code.Black(x-quiet, y-quiet) }
	blocks, begin, end := []rune("█▀▄ "), "", ""
	if colours {
		blocks, begin, end = []rune(" ▄▀█"), "\x1b[38;5;16;48;5;231m", "\x1b[0m"
	}
	for y := 0; y < code.Size+2*quiet; y += 2 {
		var line strings.Builder
		for x := range code.Size + 2*quiet {
			i := 0
			if dark(x, y) {
				i += 2
			}
			if dark(x, y+1) {
				i++
			}
			line.WriteRune(blocks[i])
		}
		if _, err := fmt.Fprintf(w, "%s%s%s\n", begin, line.String(), end); err != nil {
			return err
		}
	}
	return nil
}

// WriteCard writes the card as a PNG picture, to print it.
func WriteCard(w io.Writer) error {
	code, err := encodeCard()
	if err != nil {
		return err
	}
	const scale = 12
	size := (code.Size + 2*quiet) * scale
	img := image.NewGray(image.Rect(0, 0, size, size))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for y := range size {
		for x := range size {
			if code.Black(x/scale-quiet, y/scale-quiet) {
				img.SetGray(x, y, color.Gray{})
			}
		}
	}
	return png.Encode(w, img)
}
