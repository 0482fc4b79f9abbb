package guide

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"railgate/driver/eye"
	"railgate/driver/scanner"
)

// The list that init asks for is docs/installation.md's.
func TestTheManualHasThePowerOffTests(t *testing.T) {
	text, err := os.ReadFile("../../../docs/installation.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| do | right result |\n| --- | --- |\n")
	for i, test := range Tests {
		fmt.Fprintf(&b, "| %d. %s | %s |\n", i+1, test.Do, test.Right)
	}
	if !strings.Contains(string(text), b.String()+"\n") {
		t.Errorf("docs/installation.md does not have this table:\n%s", &b)
	}
}

func TestJudge(t *testing.T) {
	for text, want := range map[string]sighting{
		Card:                  cardSeen,
		"RG1:ABC":             codeSeen,
		strings.ToLower(Card): swappedSeen,
		strings.ReplaceAll(strings.ReplaceAll(Card, ":", "Ö"), "Y", "Z"): noiseSeen,
		strings.ReplaceAll(strings.ReplaceAll(Card, "Y", "Z"), "/", "-"): brokenSeen,
		Card[:40]:       brokenSeen,
		"\x00\x80\xff":  noiseSeen,
		"6901234567892": otherSeen,
		"":              otherSeen,
		"https://rail.example/very/long/and/nothing/to/do/with/it/": otherSeen,
	} {
		if got := judge(text); got != want {
			t.Errorf("%q: %d; want %d", text, got, want)
		}
	}
	if words := codeSeen.words("front", "RG1:SECRET"); strings.Contains(words, "SECRET") {
		t.Errorf("%q shows a passenger's code", words)
	}
}

// A camera reads the card's picture, and the card is text that every scanner can send.
func TestTheCardIsRead(t *testing.T) {
	var picture bytes.Buffer
	if err := WriteCard(&picture); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture.Bytes())); err != nil {
		t.Fatal(err)
	}
	img, err := scanner.DecodePicture(picture.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := eye.NewReader().Read(img); !ok || text != Card {
		t.Errorf("%q, %v; want the card's text", text, ok)
	}
}

// The card on a terminal has the same modules as its picture, with and without colours.
func TestTheCardOnATerminal(t *testing.T) {
	code, err := encodeCard()
	if err != nil {
		t.Fatal(err)
	}
	for _, colours := range []bool{true, false} {
		var b strings.Builder
		if err := DrawCard(&b, colours); err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(b.String())
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			for x, r := range []rune(line) {
				full := map[rune][2]bool{'█': {true, true}, '▀': {true, false}, '▄': {false, true}, ' ': {}}[r]
				for half := range 2 {
					if drawn := full[half] == colours; drawn != code.Black(x-quiet, 2*i+half-quiet) && 2*i+half < code.Size+2*quiet {
						t.Fatalf("colours %v: module %d, %d is %v", colours, x-quiet, 2*i+half-quiet, drawn)
					}
				}
			}
		}
	}
}

func TestFindCandidates(t *testing.T) {
	dev := t.TempDir()
	for _, name := range []string{"ttyACM0", "ttyUSB3", "hidraw4", "event9", "ttyS0"} {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"serial/by-id/usb-Newland_Auto-ID_FM430-if00": "../../ttyACM0", "railgate/scanner": "../ttyACM0", "railgate/hid": "../hidraw4",
		"railgate/hid-usb-1": "../hidraw4", "railgate/keyboard": "../event9", "serial/by-id/usb-gone-if00": "../../ttyACM7",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dev, link)), 0o755), os.Symlink(to, filepath.Join(dev, link))); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, c := range FindCandidates(dev) {
		got = append(got, strings.ReplaceAll(c.String(), dev+"/", ""))
	}
	want := []string{"Newland Auto-ID FM430 (serial, railgate/scanner)", "ttyUSB3 (serial)", "railgate/hid (hid)", "railgate/keyboard (keyboard)"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("%q; want %q: each device once, by the name that lasts longest", got, want)
	}
}

func TestAStateThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "init.json")
	if s, err := loadState(path); s != nil || err != nil {
		t.Errorf("%v, %v; want none", s, err)
	}
	if err := os.WriteFile(path, []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadState(path); err == nil || !strings.Contains(err.Error(), "rm "+path) {
		t.Errorf("%v; want what to do", err)
	}
}

// The answers to several questions come in one piece, as from a pipe; and their end is no Enter.
func TestLinesAreHandedOutOneByOne(t *testing.T) {
	var out strings.Builder
	ask := NewTerminal(context.Background(), strings.NewReader("wang\n\n2\nmaybe\ny\n"), &out)
	name, err := ask.Text("Name", "", needed)
	if name != "wang" || err != nil {
		t.Fatalf("%q, %v", name, err)
	}
	if name, err := ask.Text("Gate", "A07", goodName); name != "A07" || err != nil {
		t.Errorf("%q, %v; want what was proposed", name, err)
	}
	if i, err := ask.Choose("Which?", []string{"a", "b", "c"}, 0); i != 1 || err != nil {
		t.Errorf("%d, %v; want the second", i, err)
	}
	if yes, err := ask.Confirm("Sure?", false); !yes || err != nil {
		t.Errorf("%v, %v; want yes, after one answer that is neither", yes, err)
	}
	if _, err := ask.Confirm("Go on?", true); !errors.Is(err, ErrStopped) {
		t.Errorf("%v; want that nobody answered", err)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q; want plain lines", &out)
	}
}

// Whatever a scanner sends, it is judged, and what is said of it is short and has no code in it.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{Card, "RG1:x", "", "\x00\xff", Card[3:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := judge(text).words("front", text)
		if len(words) > 400 || strings.ContainsAny(words, "\x00\x1b\n") {
			t.Errorf("%q", words)
		}
	})
}
