package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"railgate/cmd/control"
	"railgate/cmd/railgate/guide"
	"railgate/configs"
)

// A part of a set-up is a question with its answer, and the step that is begun again when it is interrupted there.
type part struct {
	step string
	do   func()
	wait string // what is on the terminal when it can be interrupted
}

// parts are those of a set-up in which everything is right.
func (v *visit) parts() []part {
	all := []part{
		{"gate", func() { v.text("Your name", "wang") }, "Your name"},
		{"gate", func() { v.choose("begin with?", 1) }, "begin with?"},
		{"gate", func() { v.text("telegraph code", "GZQ") }, "telegraph code"},
		{"gate", func() { v.text("gate's name", "A07") }, "gate's name"},
		{"gate", func() { v.choose("What is the lane for?", 1) }, "What is the lane for?"},
		{"scanner", func() { v.choose("The test card", 3) }, "The test card"},
		{"scanner", func() { v.sees("Hold the test card"); v.scan(guide.Card) }, "Hold the test card"},
		{"another", func() { v.confirm("another scanner?", false) }, "another scanner?"},
		{"write", func() { v.confirm("Write ", true) }, "Write "},
		{"relay", func() { v.confirm("open once", true) }, "open once"},
		{"relay", func() { v.choose("Did the relay click", 1) }, "Did the relay click"},
		{"sensor", func() { v.confirm("free until you have walked", true) }, "free until you have walked"},
		{"sensor", func() { v.sees("Walk through now"); v.walks() }, "Walk through now"},
		{"fire", func() { v.confirm("fire loop: its button", true) }, "fire loop: its button"},
		{"fire", func() { v.sees("Press the fire button"); v.fire(true) }, "Press the fire button"},
		{"fire", func() { v.sees("Put it back"); v.fire(false) }, "Put it back"},
	}
	for i := range guide.Tests {
		name := fmt.Sprintf("%2d. ", i+1)
		all = append(all, part{name, func() { v.choose(name, 1) }, name})
	}
	return all
}

// through does the parts up to the first of a step; "": all.
func (v *visit) through(step string) {
	v.t.Helper()
	for _, p := range v.parts() {
		if p.step == step {
			return
		}
		p.do()
	}
}

// Ctrl-C, or a power cut, at each question and at each wait: the configuration is the old one or the new one, the lane
// is given back, and the set-up goes on where it was.
func TestInitIsInterruptedEverywhere(t *testing.T) {
	for name, plain := range map[string]bool{"Ctrl-C in forms": false, "Ctrl-C in lines": true, "power cut": true} {
		t.Run(name, func(t *testing.T) {
			v := newVisit(t)
			v.plain = plain
			v.interruptEach(name == "power cut")
		})
	}
}

func (v *visit) interruptEach(cut bool) {
	old, written := v.read("gate.toml"), ""
	v.come()
	parts := v.parts()
	if !v.plain {
		parts = parts[:18] // the tests' answers are all asked alike
	}
	begun := 0 // the first part of the step
	for i, p := range parts {
		if p.step != parts[begun].step {
			begun = i
		}
		v.sees(p.wait)
		if cut {
			v.cmd.Process.Kill()
			v.leaves()
		} else {
			v.types("\x03")
			v.sees("Interrupted. Nothing is half written")
			if status := v.leaves(); status != exitFailed {
				v.t.Fatalf("status %d; want %d", status, exitFailed)
			}
		}
		switch now := v.read("gate.toml"); {
		case written == "" && slices.Contains([]string{"gate", "scanner", "another", "write"}, p.step) && now == old:
		case written == "":
			if _, err := configs.Parse("gate.toml", []byte(now)); err != nil || !strings.Contains(now, "A07") {
				v.t.Fatalf("at %s: %v, %s; want the whole configuration", p.wait, err, now)
			}
			written = now
		case now != written:
			v.t.Fatalf("at %s: %s; want it as it was written", p.wait, now)
		}
		v.laneIsGivenBack(p.wait, cut)
		if p.step == "fire" && p.wait == "Put it back" {
			v.fire(false)
		}
		v.come()
		if i > 1 {
			v.confirm("Go on with it?", true)
		}
		for _, again := range parts[begun : i+1] {
			again.do()
		}
	}
	if v.plain {
		v.sees("Everything is right.")
		if status := v.leaves(); status != 0 || len(v.reports()) != 1 {
			v.t.Errorf("status %d, %v; want one report", status, v.reports())
		}
	}
}

// laneIsGivenBack tells that nobody's takeover is left. After a power cut of the person's own machine railgated ends it
// by itself.
func (v *visit) laneIsGivenBack(at string, cut bool) {
	v.t.Helper()
	client := control.NewClient(v.path("data"))
	s, err := client.Status(v.t.Context())
	switch {
	case err != nil: // railgated does not run yet
	case s.Service == "":
	case cut:
		if _, err := client.Service(v.t.Context(), "none", ""); err != nil {
			v.t.Fatal(err)
		}
	default:
		v.t.Errorf("at %s: the lane is left as %s", at, s.Service)
	}
}

// What a tired person holds to the scanner in the card's place.
func TestInitIsShownOtherThings(t *testing.T) {
	v := newVisit(t)
	v.come()
	v.through("scanner")
	v.choose("The test card", 3)
	v.sees("Hold the test card")
	v.scan("6901234567892")
	v.sees(`read "6901234567892", which is not the test card`)
	v.scan("RG1:SECRETS")
	v.sees("read a passenger's code")
	v.scan(strings.ToLower(guide.Card))
	v.sees("Caps Lock")
	v.scan(strings.ReplaceAll(guide.Card, "-", "/"))
	v.sees("set the scanner's keyboard to USA"[5:])
	v.scan("\x80\x9f\xfe\x81")
	v.sees("Trying it with 9600 baud")
	v.sees("Show the card again")
	v.scan(guide.Card)
	v.sees("was read by")
	v.confirm("another scanner?", false)
	v.confirm("Write ", true)
	v.sees("railgated runs")
	if text := v.read("gate.toml"); !strings.Contains(text, "baud   = 9600") {
		t.Errorf("%s; want the baud at which the card was read", text)
	}
	if strings.Contains(v.shown(), "SECRETS") {
		t.Error("a passenger's code is shown")
	}
}

// Nobody scans, there is no scanner, and then there is one.
func TestInitWithoutAScan(t *testing.T) {
	v := newVisit(t)
	if err := os.Rename(v.path("dev/serial/by-id/usb-Test_Scanner-if00"), v.path("aside")); err != nil {
		t.Fatal(err)
	}
	v.args = []string{"--wait", "1s"}
	v.come()
	v.through("scanner")
	v.choose("The test card", 2)
	v.sees("The test card is " + v.path("railgate-test-card.png"))
	v.sees("There is no device that may be a scanner")
	if err := os.Rename(v.path("aside"), v.path("dev/serial/by-id/usb-Test_Scanner-if00")); err != nil {
		t.Fatal(err)
	}
	v.choose("And now?", 1)
	v.sees("Test Scanner")
	v.sees("nothing came")
	v.sees("Nothing read the card")
	v.choose("And now?", 2)
	v.confirm("Write ", true)
	v.sees("railgated runs")
	v.confirm("open once", false)
	v.confirm("free until", false)
	v.confirm("fire loop", false)
	for i := range guide.Tests {
		v.choose(fmt.Sprintf("%2d. ", i+1), 3)
		v.text("What was seen", "no time")
	}
	v.sees("17 of 17 are not right: the gate must not go into service")
	if status := v.leaves(); status != exitFailed || !strings.Contains(v.read("gate.toml"), "frames = ") || strings.Contains(v.read("trace.ndjson"), `"open","level":1`) {
		t.Errorf("status %d, %s; want a failure, the scanner of before, and nothing moved", status, v.read("gate.toml"))
	}
	report, _ := os.ReadFile(v.reports()[0])
	for _, want := range []string{"[ ] scanner: the test card", "[ ] relay: opens the turnstile once\n      not done", "by wang's choice", "note: no time"} {
		if !strings.Contains(string(report), want) {
			t.Errorf("%s; want %s", report, want)
		}
	}
}

// The relay is not heard, nobody is seen, the loop does nothing: each has its advice, and is in the report.
func TestInitOfAGateThatIsWiredWrong(t *testing.T) {
	t.Parallel()
	v := newVisit(t)
	v.args = []string{"--wait", "1s"}
	v.come()
	v.through("relay")
	v.confirm("open once", true)
	v.choose("Did the relay click", 2)
	v.choose("Did the relay click", 3)
	v.sees("the relay board is active low")
	v.confirm("free until", true)
	v.sees("Nobody was seen")
	v.choose("And now?", 1)
	v.sees("Nobody was seen")
	v.choose("And now?", 2)
	v.confirm("fire loop", true)
	v.sees("The fire loop was not seen")
	v.choose("And now?", 2)
	v.choose(" 1. ", 2)
	v.text("What was seen", "it clicked at power-on")
	v.choose(" 2. ", 4)
	v.sees("goes on here")
	if status := v.leaves(); status != exitFailed {
		t.Errorf("status %d; want %d", status, exitFailed)
	}
	state := v.read("init.json")
	for _, want := range []string{`"nothing was heard"`, `"it clicked at power-on"`, `"next": "list"`} {
		if !strings.Contains(state, want) {
			t.Errorf("%s; want %s", state, want)
		}
	}
	_, journal, _ := v.tool("journal", "export", "--json")
	if n := strings.Count(journal, "the relay is tried"); n != 2 {
		t.Errorf("%d openings of the relay in the journal; want 2", n)
	}
}

// An alarm, a railgated that does not start, and a no to the file.
func TestInitThatCannotGoOn(t *testing.T) {
	t.Parallel()
	v := newVisit(t)
	old := v.read("gate.toml")
	v.come()
	v.text("Your name", "wang")
	v.choose("begin with?", 1)
	v.text("telegraph code", "GZQ/1")
	v.sees("letters, digits")
	v.text("telegraph code", "GZQ")
	v.text("gate's name", "A07")
	v.choose("What is the lane for?", 1)
	v.choose("The test card", 3)
	v.sees("Hold the test card")
	v.scan(guide.Card)
	v.confirm("another scanner?", false)
	v.confirm("Write ", false)
	v.sees("goes on here")
	if status := v.leaves(); status != exitFailed || v.read("gate.toml") != old {
		t.Errorf("status %d; want nothing written", status)
	}
	v.write("broken", "")
	v.come()
	v.confirm("Go on with it?", true)
	v.confirm("Write ", true)
	v.sees("railgated did not start")
	v.sees("railgate doctor")
	if err := os.Remove(v.path("broken")); err != nil {
		t.Fatal(err)
	}
	v.confirm("Try again?", true)
	v.sees("railgated runs")
	v.sees("open once")
	v.fire(true)
	v.types("y\r")
	v.sees("the fire loop's input is active, so nothing opens")
	v.fire(false)
}

// A gate in service: railgated is asked for before it is stopped, and runs again when the person leaves.
func TestInitOfAGateInService(t *testing.T) {
	t.Parallel()
	v := newVisit(t)
	v.systemctl("start")
	v.until("railgated answers", func() bool {
		_, err := control.NewClient(v.path("data")).Status(t.Context())
		return err == nil
	})
	v.come()
	v.through("scanner")
	v.confirm("Stop it for the search?", true)
	v.sees("The test card")
	v.types("\x03")
	v.sees("railgated runs again")
	v.leaves()
	v.until("railgated answers again", func() bool {
		_, err := control.NewClient(v.path("data")).Status(t.Context())
		return err == nil
	})
	v.come()
	v.confirm("Go on with it?", true)
	v.confirm("Stop it for the search?", false)
	v.sees("The scanner stays as it is")
	v.confirm("Write ", true)
	v.sees("railgated runs")
}

// Neither forms nor lines have colours where NO_COLOR is set.
func TestInitWithoutColours(t *testing.T) {
	for _, plain := range []bool{true, false} {
		v := newVisit(t)
		v.plain = plain
		v.come()
		v.through("scanner")
		v.choose("The test card", 1)
		v.sees("Hold the test card")
		v.types("\x03")
		v.leaves()
		if found := regexp.MustCompile("\x1b\\[[0-9;]*(3|4|9|10)[0-7][0-9;]*m|\x1b\\[[34]8").FindString(v.raw); found != "" {
			t.Errorf("plain %v: %q; want no colour", plain, found)
		}
	}
}

// Wrong places are named before anything is asked.
func TestInitWhereItCannotWrite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if status, _, errOut := tool(t, "", "init", "--config", s.path("none/gate.toml")); status != exitFailed || !strings.Contains(errOut, "cannot be written") {
		t.Errorf("status %d, %q; want the folder named", status, errOut)
	}
	s.write("init.json", "{half")
	if status, _, errOut := s.tool("init"); status != exitFailed || !strings.Contains(errOut, "rm "+s.path("init.json")) {
		t.Errorf("status %d, %q; want what to do with the unfinished set-up", status, errOut)
	}
	if status, _, _ := s.tool("init", "--card", s.path("card.png")); status != 0 || !strings.HasPrefix(s.read("card.png"), "\x89PNG") {
		t.Errorf("status %d; want the card as a picture", status)
	}
}

// A gate without a configuration gets one that railgated's group can read; one that appeared meanwhile is not replaced.
func TestInitWritesTheFirstConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text := []byte("# new\n")
	if err := writeConfig(s.path("first.toml"), nil, text); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(s.path("first.toml")); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v; want mode 640", info.Mode(), err)
	}
	if err := writeConfig(s.path("first.toml"), []byte("# old\n"), []byte("# newer\n")); err == nil || s.read("first.toml") != "# new\n" {
		t.Errorf("%v, %s; want what appeared meanwhile kept", err, s.read("first.toml"))
	}
}
