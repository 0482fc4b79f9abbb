package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/configs"
	"railgate/driver"
	"railgate/driver/evdev"
	"railgate/driver/eye"
	"railgate/driver/scanner"
	"railgate/driver/scanset"
	"railgate/driver/scanset/scansettest"
	"railgate/verify"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// gateWith is a configuration with a scanner.
func gateWith(t *testing.T, scanner string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.toml")
	text := "[[scanner]]\nname = \"front\"\n" + scanner + "\n[turnstile]\ndriver = \"sim\"\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScannerSetup(t *testing.T) {
	t.Parallel()
	sim := (&scansettest.Sim{Family: "gm65", Baud: 9600}).Start(t)
	gate := gateWith(t, fmt.Sprintf("driver = \"serial\"\nport = %q\nbaud = 9600", sim.Path))
	status, out, errOut := tool(t, "", "scanner", "setup", "--config", gate, "--family", "gm65", "--show")
	if status != 0 || sim.Kept("0000") != "" || strings.Count(out, "would be set") != 4 || !strings.Contains(errOut, sim.Path) {
		t.Errorf("show: status %d\n%s%s", status, out, errOut)
	}
	status, out, errOut = tool(t, "", "scanner", "setup", "--config", gate, "--family", "gm65", sim.Path)
	if status != 0 || sim.Kept("0000") != "D2" || strings.Count(out, " set\n") != 4 {
		t.Errorf("setup: status %d, mode %s\n%s%s", status, sim.Kept("0000"), out, errOut)
	}
	for _, want := range []string{"115200 baud", "--allow-codes", "by hand: QR codes alone", "railgate config set scanner.front.baud 115200"} {
		if !strings.Contains(out, want) {
			t.Errorf("setup does not say %q:\n%s", want, out)
		}
	}
}

func TestScannerTakesItsManualsBarcodesAgain(t *testing.T) {
	t.Parallel()
	sim := (&scansettest.Sim{Family: "honeywell", Baud: 115200}).Start(t)
	status, out, errOut := tool(t, "", "scanner", "setup", "--allow-codes", "--family", "honeywell", sim.Path)
	if status != 0 || sim.Value("MNUENA") != "1" || sim.Value("TRGMOD") != "0" || strings.Contains(out, "it takes no barcodes now") {
		t.Errorf("status %d, codes %s, mode %s\n%s%s", status, sim.Value("MNUENA"), sim.Value("TRGMOD"), out, errOut)
	}
	zebra := (&scansettest.Sim{Family: "zebra", Baud: 115200}).Start(t)
	if status, _, errOut = tool(t, "", "scanner", "setup", "--allow-codes", "--family", "zebra", zebra.Path); status != exitFailed || !strings.Contains(errOut, "factory defaults") {
		t.Errorf("zebra: status %d, %s", status, errOut)
	}
}

func TestScannerSetupAsJSON(t *testing.T) {
	t.Parallel()
	sim := (&scansettest.Sim{Family: "honeywell", Baud: 115200, Refuse: map[string]bool{"TRGMOD": true}}).Start(t)
	status, out, errOut := tool(t, "", "scanner", "setup", "--json", "--family", "honeywell", sim.Path)
	var r setupReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != exitFailed || r.Family != "honeywell" || r.Baud != 115200 || len(r.LeftOut) == 0 {
		t.Fatalf("status %d, %v\n%s%s", status, err, out, errOut)
	}
	states := map[string]string{}
	for _, s := range r.Settings {
		states[s.Name] = s.State
	}
	if states["continuous"] != "refused" || states["qr_only"] != "set" || states["baud"] != "already" {
		t.Errorf("%v", states)
	}
}

func TestScannerSetupSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	sim := (&scansettest.Sim{Family: "zebra", Baud: 115200, Leave: 3}).Start(t)
	busy := (&scansettest.Sim{Family: "gm65"}).Start(t)
	f, err := os.Open(busy.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil { // as railgated does
		t.Fatal(err)
	}
	camera := gateWith(t, "driver = \"camera\"\nframes = \"/tmp\"")
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--family", "grow", sim.Path}, exitUsage, "want one of gm65, newland, honeywell, zebra"},
		{[]string{"/dev/none"}, exitFailed, "/dev/none"},
		{[]string{"--config", camera}, exitUsage, "0 serial scanners"},
		{[]string{"--config", "/none.toml"}, exitFailed, "name the scanner's port"},
		{[]string{busy.Path}, exitFailed, "systemctl stop railgated"},
		{[]string{"--family", "zebra", sim.Path}, exitFailed, sim.Path},
	} {
		if status, _, errOut := tool(t, "", append([]string{"scanner", "setup"}, tt.args...)...); status != tt.status || !strings.Contains(errOut, tt.want) {
			t.Errorf("%v: status %d, %s; want %d, %q", tt.args, status, errOut, tt.status, tt.want)
		}
	}
}

// A cardScanner reads a text, as it was typed.
type cardScanner struct {
	driver.Monitor
	text, suffix, err string
	others            []string // that it reads first
}

func (s *cardScanner) String() string { return "front" }

func (s *cardScanner) Run(ctx context.Context, deliver func(driver.Reading)) error {
	for _, text := range s.others {
		deliver(driver.Reading{Text: text})
	}
	if s.err != "" {
		s.Down(fmt.Errorf("%s", s.err))
	} else if s.text != "" {
		s.Update(func(h *driver.Health) { h.Suffix = s.suffix })
		deliver(driver.Reading{Text: s.text})
	}
	<-ctx.Done()
	return nil
}

func TestScannerTestCard(t *testing.T) {
	t.Parallel()
	typed := func(layout string) string {
		text, ok := evdev.Typed(testCard, layout)
		if !ok {
			t.Fatalf("%s does not type the card", layout)
		}
		return text
	}
	keyboard := &configs.Scanner{Name: "front", Driver: "keyboard", Suffix: "\r"}
	for _, tt := range []struct {
		name         string
		text, suffix string
		good         bool
		want         []string
	}{
		{"all is well", testCard, "CR", true, []string{"every character of a code arrives; suffix CR"}},
		{"German", typed("German"), "CR", false, []string{"German layout", "US keyboard"}},
		{"French", typed("French"), "TAB", false, []string{"French layout", "its suffix is TAB, and the configuration says CR"}},
		{"Japanese", typed("Japanese"), "CR", false, []string{"Japanese layout"}},
		{"small letters", strings.ToLower(testCard), "CR", false, []string{"changes the case"}},
		{"no suffix", testCard, "none", true, []string{"suffix none", "says CR"}},
		{"a character that never comes", strings.ReplaceAll(testCard, "$", ""), "CR", false, []string{`leaves out "$"`}},
		{"other characters", strings.ReplaceAll(testCard, "$", "€"), "CR", false, []string{`"€" arrive in place of "$"`}},
		{"another kind of code", "]C1" + testCard, "CR", false, []string{"no QR code (]C1)"}},
		{"digits alone", "0123456789", "CR", false, []string{"leaves out"}},
		{"with a prefix", "A" + testCard, "CR", false, []string{"is a prefix set"}},
	} {
		var out bytes.Buffer
		c := &cobra.Command{}
		c.SetOut(&out)
		test := scannerTest{wait: 20 * time.Second, open: func(*configs.Scanner) driver.Scanner { return &cardScanner{text: tt.text, suffix: tt.suffix} }}
		if err := test.run(c, keyboard); (err == nil) != tt.good {
			t.Errorf("%s: %v; want good %v", tt.name, err, tt.good)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: want %q:\n%s", tt.name, want, out.String()[strings.LastIndex(out.String(), "front:"):])
			}
		}
	}
}

// Another code before the scanner, as a poster's or a passenger's, says nothing of the scanner's settings, and the
// test goes on.
func TestScannerTestKnowsOtherCodes(t *testing.T) {
	t.Parallel()
	others := []string{"https://rail.example/departures?from=GZQ", "6901234567892", verify.Prefix + strings.Repeat("A7*", 60), verify.Prefix + "0Y44.+DMWT:BEQLT8Q6RKAUZMB$I5J7", "hello"}
	front := &configs.Scanner{Name: "front", Driver: "keyboard", Suffix: "\r"}
	var out bytes.Buffer
	c := &cobra.Command{}
	c.SetOut(&out)
	test := scannerTest{wait: 20 * time.Second, open: func(*configs.Scanner) driver.Scanner {
		return &cardScanner{text: testCard, suffix: "CR", others: others}
	}}
	if err := test.run(c, front); err != nil || strings.Count(out.String(), "that is another code. Hold the test card before it.") != len(others) || strings.Contains(out.String(), "manual") {
		t.Errorf("%v; want %d other codes, and the card:\n%s", err, len(others), out.String()[strings.LastIndex(out.String(), "Hold the scanner"):])
	}
	test = scannerTest{wait: 10 * time.Millisecond, open: func(*configs.Scanner) driver.Scanner { return &cardScanner{others: others} }}
	if err := test.run(c, front); err == nil || !strings.Contains(err.Error(), "take the others away") {
		t.Errorf("%v; want that the card was not read, and others were", err)
	}
}

// The doctor's card is scanner test's, and everything else of the doctor takes no name.
func TestDoctorShowsTheTestCard(t *testing.T) {
	t.Parallel()
	s := &site{t: t, dir: t.TempDir()}
	args := strings.Fields(s.withScanner("doctor --card --json --wait 20s --config " + s.path("gate.toml")))
	status, out, errOut := tool(t, "", args...)
	var r cardReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 || !r.Good || r.Text != testCard {
		t.Errorf("status %d, %v, %s%s; want that the card was read", status, err, out, errOut)
	}
	if status, _, errOut := tool(t, "", append(args, "other")...); status != exitUsage || !strings.Contains(errOut, `"other" is not a scanner`) {
		t.Errorf("a scanner that there is not: status %d, %s", status, errOut)
	}
	if status, _, errOut := tool(t, "", "doctor", "front", "--config", args[len(args)-1]); status != exitUsage || !strings.Contains(errOut, "front") {
		t.Errorf("a name without --card: status %d, %s", status, errOut)
	}
}

func TestScannerTestThatReadsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scanner *cardScanner
		want    string
	}{
		{&cardScanner{}, "nothing was read in 10ms"},
		{&cardScanner{err: "/dev/none: no such file"}, "/dev/none: no such file"},
		{&cardScanner{err: "/dev/x: " + scanner.ErrTaken.Error()}, "systemctl stop railgated"},
	} {
		test := scannerTest{wait: 10 * time.Millisecond, open: func(*configs.Scanner) driver.Scanner { return tt.scanner }}
		if tt.scanner.err != "" {
			test.wait = 20 * time.Second
		}
		c := &cobra.Command{}
		c.SetOut(new(bytes.Buffer))
		if err := test.run(c, &configs.Scanner{Name: "front", Driver: "serial"}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v; want %q", err, tt.want)
		}
	}
}

// The card on the terminal is a code that the camera's eye reads.
func TestScannerTestShowsAReadableCard(t *testing.T) {
	var out bytes.Buffer
	if err := showCard(&out); err != nil {
		t.Fatal(err)
	}
	if text := readTerminal(t, out.String()); text != testCard {
		t.Errorf("the terminal shows %q; want %q", text, testCard)
	}
}

// readTerminal reads the code that is drawn in half blocks.
func readTerminal(t *testing.T, text string) string {
	t.Helper()
	text = strings.NewReplacer("\x1b[30;107m", "", "\x1b[0m", "").Replace(text)
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	const module = 4
	width := len([]rune(lines[0]))
	img := image.NewGray(image.Rect(0, 0, width*module, 2*len(lines)*module))
	for y, line := range lines {
		for x, c := range []rune(line) {
			for half, dark := range []bool{c == '█' || c == '▀', c == '█' || c == '▄'} {
				shade := color.Gray{Y: 255}
				if dark {
					shade.Y = 0
				}
				for i := range module * module {
					img.SetGray(x*module+i%module, (2*y+half)*module+i/module, shade)
				}
			}
		}
	}
	got, _ := eye.NewReader().Read(img)
	return got
}

// The sheet has each family's steps and what is left, and its card is read.
func TestScannerSheet(t *testing.T) {
	t.Parallel()
	for _, f := range scanset.Families() {
		status, out, errOut := tool(t, "", "scanner", "sheet", "--family", f.Name)
		if status != 0 {
			t.Fatalf("%s: status %d, %s", f.Name, status, errOut)
		}
		for _, step := range f.Steps {
			if !strings.Contains(out, template.HTMLEscapeString(step.What)) {
				t.Errorf("%s: %q is not on the sheet", f.Name, step.What)
			}
		}
		for _, left := range f.LeftOut {
			if !strings.Contains(out, template.HTMLEscapeString(left)) {
				t.Errorf("%s: %q is not on the sheet", f.Name, left)
			}
		}
		if text := readPath(t, out); text != testCard {
			t.Errorf("%s: the card says %q; want %q", f.Name, text, testCard)
		}
	}
	file := filepath.Join(t.TempDir(), "sheet.html")
	status, out, errOut := tool(t, "", "scanner", "sheet", "--family", "gm65", "--output", file)
	if page, err := os.ReadFile(file); status != 0 || err != nil || !strings.HasPrefix(string(page), "<!DOCTYPE html>") || !strings.Contains(out, "open it in a browser") {
		t.Errorf("into a file: status %d, %q, %q, %v", status, out, errOut, err)
	}
	c := newSite(t).onScreen(nil, "scanner", "sheet", "--family", "gm65")
	c.ends(exitUsage)
	if text := c.text(); strings.Contains(text, "<svg") || !strings.Contains(text, "--output sheet.html") {
		t.Errorf("on a terminal: %q", text)
	}
	if status, _, errOut := tool(t, "", "scanner", "sheet"); status != exitUsage || !strings.Contains(errOut, "gm65") {
		t.Errorf("no family: status %d, %s", status, errOut)
	}
}

// readPath reads the code that a path of squares draws.
func readPath(t *testing.T, html string) string {
	t.Helper()
	var size int
	_, box, _ := strings.Cut(html, `viewBox="0 0 `)
	if _, err := fmt.Sscanf(box, "%d", &size); err != nil {
		t.Fatal(err)
	}
	const module = 4
	img := image.NewGray(image.Rect(0, 0, size*module, size*module))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	_, path, _ := strings.Cut(html, `<path d="`)
	path, _, _ = strings.Cut(path, `"`)
	for square := range strings.SplitSeq(path, "z") {
		var x, y int
		if n, _ := fmt.Sscanf(square, "M%d %dh1v1h-1", &x, &y); n == 2 {
			for i := range module * module {
				img.SetGray(x*module+i%module, y*module+i/module, color.Gray{})
			}
		}
	}
	got, _ := eye.NewReader().Read(img)
	return got
}
