package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"railgate/cmd/railgate/guide"
	"railgate/configs"
	"railgate/driver"
	"railgate/driver/evdev"
	"railgate/driver/scanner"
	"railgate/verify"
)

// testCard is the text of the card that railgate init shows, too.
const testCard = guide.Card

// A scannerTest is what railgate scanner test is told.
type scannerTest struct {
	wait   time.Duration
	asJSON bool
	open   func(*configs.Scanner) driver.Scanner // openForTest but in tests
}

func newScannerTest(g *gate) *cobra.Command {
	t := scannerTest{open: openForTest}
	c := &cobra.Command{
		Use:   "test [NAME]",
		Short: "Show a test card, and say what the scanner makes of it",
		Long: `Test shows a QR code with every character that a code may have, and waits until the scanner reads it. It says
whether all of them arrived, which keyboard layout a scanner types by where it is not the US one, and which suffix it sends.

NAME is a scanner of the configuration; without it, its only one. railgated must not read it: systemctl stop railgated.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return t.of(c, g, args) },
	}
	c.Flags().DurationVar(&t.wait, "wait", time.Minute, "how long to wait for the scanner")
	c.Flags().BoolVar(&t.asJSON, "json", false, "print JSON: scanner, good, text, layouts, suffix, advice")
	return c
}

// of tests the scanner of a name, or the only one.
func (t *scannerTest) of(c *cobra.Command, g *gate, args []string) error {
	s, err := scannerToTest(g, args)
	if err != nil {
		return err
	}
	return t.run(c, s)
}

// scannerToTest is the configuration's scanner of a name, or its only one.
func scannerToTest(g *gate, args []string) (*configs.Scanner, error) {
	cfg, err := g.load()
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range cfg.Scanners {
		s := &cfg.Scanners[i]
		if names = append(names, s.Name); len(args) == 1 && s.Name == args[0] || len(args) == 0 && len(cfg.Scanners) == 1 {
			return s, nil
		}
	}
	if len(args) == 1 {
		return nil, usageError{fmt.Errorf("scanner test: %q is not a scanner of %s; it has %s", args[0], cfg.Path, strings.Join(names, ", "))}
	}
	return nil, usageError{fmt.Errorf("scanner test: which of %s?", strings.Join(names, ", "))}
}

// openForTest prepares a scanner as railgated does, but for its suffix: silence ends a text, so that all
// that comes behind it is seen.
func openForTest(s *configs.Scanner) driver.Scanner {
	log, usb := slog.New(slog.DiscardHandler), scanner.USBConfig{Name: s.Name, Device: s.Device, Prefix: verify.Prefix}
	switch s.Driver {
	case "hid":
		return scanner.NewHID(usb, log)
	case "keyboard":
		return scanner.NewKeyboard(usb, log)
	case "serial":
		return scanner.NewSerial(scanner.SerialConfig{Name: s.Name, Port: s.Port, Baud: s.Baud}, log)
	}
	return scanner.NewCamera(scanner.CameraConfig{Name: s.Name, Device: s.Device, Width: s.Width, Height: s.Height, Exposure: s.Exposure, Focus: s.Focus, K1: s.K1, Frames: s.Frames, FPS: s.FPS}, log)
}

// A cardReport is what a scanner made of the card.
type cardReport struct {
	Scanner string   `json:"scanner"`
	Good    bool     `json:"good"`
	Text    string   `json:"text"`
	Layouts []string `json:"layouts"` // by which it types, where that is not the US one
	Suffix  string   `json:"suffix"`  // "CR LF", "none"; "": the driver has none
	Advice  []string `json:"advice"`
}

func (t *scannerTest) run(c *cobra.Command, s *configs.Scanner) error {
	if !t.asJSON {
		if err := showCard(c.OutOrStdout()); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "Hold the scanner %s before this code, or before a printed one (railgate scanner sheet).\n", s.Name)
	}
	text, health, err := t.read(c.Context(), t.open(s), func(other string) {
		if !t.asJSON {
			fmt.Fprintf(c.OutOrStdout(), "%s read %s: that is another code. Hold the test card before it.\n", s.Name, guide.Short(other))
		}
	})
	if err != nil {
		return fmt.Errorf("scanner %s: %w", s.Name, err)
	}
	r := judgeCard(text)
	r.Scanner, r.Suffix = s.Name, health.Suffix
	r.judgeSuffix(s)
	if t.asJSON {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetEscapeHTML(false)
		err = enc.Encode(r)
	} else {
		err = r.print(c.OutOrStdout())
	}
	if err == nil && !r.Good {
		err = exitError(exitFailed)
	}
	return err
}

// read waits for the card's text of a scanner's, right or not, and for what comes behind it; others are told.
func (t *scannerTest) read(ctx context.Context, s driver.Scanner, other func(text string)) (text string, h driver.Health, err error) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	texts, done := make(chan string, 16), make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(r driver.Reading) {
			select {
			case texts <- r.Text:
			default:
			}
		})
	}()
	defer func() { cancel(); <-done }()
	nothing := "nothing was read in %v: is its light on, and does it read QR codes?"
	for {
		select {
		case text = <-texts:
			if isOtherCode(text) {
				nothing = "the test card was not read in %v, and other codes were: take the others away"
				other(text)
				continue
			}
			return text, s.Health(), nil
		case <-ctx.Done():
			return "", h, fmt.Errorf(nothing, t.wait)
		case <-time.After(100 * time.Millisecond):
			h := s.Health()
			if taken := scanner.ErrTaken.Error(); strings.Contains(h.Err, taken) {
				return "", h, errors.New(taken + ": systemctl stop railgated, and systemctl start railgated afterwards")
			} else if h.Err != "" {
				return "", h, errors.New(h.Err)
			}
		}
	}
}

// isOtherCode tells whether a text is certainly not the card's, however a scanner is set: a poster's address, a
// passenger's code, a number on a box. Of such a one no setting is to be told.
func isOtherCode(text string) bool {
	n := utf8.RuneCountInString(text)
	switch {
	case len(evdev.LayoutsOf(text, testCard)) > 0, guide.LikeCard(text), strings.HasPrefix(text, "]"):
		return false
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), isPart(text, testCard): // another rate; characters left out
		return false
	}
	return n < len(testCard)/2 || n > len(testCard)*3/2 || strings.HasPrefix(text, verify.Prefix) || strings.Contains(text, "://")
}

// isPart tells whether a text is another's with characters left out.
func isPart(text, whole string) bool {
	for _, r := range text {
		_, rest, ok := strings.Cut(whole, string(r))
		if !ok {
			return false
		}
		whole = rest
	}
	return true
}

// judgeCard says what a text tells that should be the card's.
func judgeCard(text string) *cardReport {
	r := &cardReport{Text: text, Layouts: evdev.LayoutsOf(text, testCard), Advice: []string{}}
	switch {
	case text == testCard:
		r.Good = true
	case len(r.Layouts) > 0:
		r.Advice = append(r.Advice, fmt.Sprintf("it types by the %s layout: scan \"US keyboard\" of its manual", strings.Join(r.Layouts, " or ")))
	case strings.EqualFold(text, testCard):
		r.Advice = append(r.Advice, "it changes the case of letters: scan \"no case conversion\" of its manual, and Caps Lock off")
	case strings.HasPrefix(text, "]"):
		r.Advice = append(r.Advice, "it says that this is no QR code ("+text[:min(3, len(text))]+"): was it another code?")
	default:
		r.Advice = append(r.Advice, differences(text))
	}
	return r
}

// differences names the characters that are missing, and those that are not the card's.
func differences(text string) string {
	missing, foreign := "", ""
	for _, c := range testCard {
		if !strings.ContainsRune(text, c) && !strings.ContainsRune(missing, c) {
			missing += string(c)
		}
	}
	for _, c := range text {
		if !strings.ContainsRune(testCard, c) && !strings.ContainsRune(foreign, c) {
			foreign += string(c)
		}
	}
	switch {
	case missing == "" && foreign == "":
		return fmt.Sprintf("it has all characters, and others than these %d in a row: is a prefix set, or another code before it?", len(testCard))
	case foreign == "":
		return fmt.Sprintf("it leaves out %q", missing)
	}
	return fmt.Sprintf("%q arrive in place of %q: scan \"US keyboard\" and \"plain ASCII\" of its manual", foreign, missing)
}

// judgeSuffix compares what comes behind the text with the configuration.
func (r *cardReport) judgeSuffix(s *configs.Scanner) {
	if r.Suffix == "" || s.Driver != "serial" && s.Driver != "keyboard" {
		return
	}
	if want := scanner.NameSuffix(s.Suffix); !strings.Contains(r.Suffix, want) || want == "none" && r.Suffix != want {
		r.Advice = append(r.Advice, fmt.Sprintf("its suffix is %s, and the configuration says %s: set either to the other, or each code waits", r.Suffix, want))
	}
}

func (r *cardReport) print(out io.Writer) error {
	verdict := "every character of a code arrives"
	if !r.Good {
		verdict = "codes do not arrive as they are"
	}
	if r.Suffix != "" {
		verdict += "; suffix " + r.Suffix
	}
	for _, advice := range r.Advice {
		verdict += "\n  " + advice
	}
	_, err := fmt.Fprintln(out, r.Scanner+": "+verdict)
	return err
}

// showCard draws the card's QR code, two modules a character, black on white whatever the terminal's colours are.
func showCard(out io.Writer) error {
	code, err := qr.Encode(testCard, qr.M)
	if err != nil {
		return err
	}
	const quiet = 4
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(blocks[code.Black(x, y)][code.Black(x, y+1)])
		}
		b.WriteString("\x1b[0m\n")
	}
	_, err = io.WriteString(out, b.String())
	return err
}

// blocks are a character's upper and lower half.
var blocks = map[bool]map[bool]string{true: {true: "█", false: "▀"}, false: {true: "▄", false: " "}}
