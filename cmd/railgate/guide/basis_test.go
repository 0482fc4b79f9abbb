package guide

import (
	"os"
	"strings"
	"testing"

	"railgate/configs"
)

// Whatever a set-up begins with, a scanner that was found makes a whole configuration of it.
func TestEachBasisBecomesAConfiguration(t *testing.T) {
	boards, err := os.ReadDir("../../../configs/boards")
	if err != nil || len(boards) < 5 {
		t.Fatalf("%v, %v", boards, err)
	}
	for i := range len(boards) + 1 { // the last is none: a bench
		g, ask := newGuide(t, "", &fakeGate{}, map[string][]any{
			"Your name": {"li"}, "begin with?": {i}, "telegraph code": {"GZQ"}, "gate's name": {"A07"}, "lane for?": {1}})
		g.Boards, g.state.Draft = "../../../configs/boards", ""
		if err := g.askGate(); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		for _, f := range []Found{
			{Candidate{Driver: "serial", Device: "/dev/railgate/scanner", Baud: 9600}, ""},
			{Candidate{Driver: "keyboard", Device: "/dev/railgate/keyboard"}, "\t"},
			{Candidate{Driver: "hid", Device: "/dev/railgate/hid"}, ""},
			{Candidate{Driver: "camera", Device: "/dev/v4l/by-id/x"}, ""},
		} {
			if err := g.take(&f); err != nil {
				t.Fatalf("%d: %s: %v", i, f, err)
			}
		}
		c, err := configs.Parse("f", []byte(g.state.Draft))
		if err != nil {
			t.Errorf("%d: %v\n%s", i, err, g.state.Draft)
			continue
		}
		if s := c.Scanners; len(s) != 4 || s[0].Baud != 9600 || s[0].Suffix != "" || s[1].Suffix != "\t" || s[2].Driver != "hid" || s[3].Device != "/dev/v4l/by-id/x" || c.Gate != "A07" || c.Lane.Direction != "exit" {
			t.Errorf("%d: %+v, %s; want the four scanners, and the gate's name", i, c.Scanners, &ask.said)
		}
	}
}

// The draft's own scanner of another driver leaves no key behind that the new one does not have.
func TestAScannerInThePlaceOfAnother(t *testing.T) {
	g, _ := newGuide(t, gpioGate, &fakeGate{}, nil)
	g.state.Draft = strings.Replace(gpioGate, "driver = \"serial\"\nport = \"/dev/x\"\n", "name = \"eye\"\ndriver = \"camera\"\ndevice = \"/dev/video0\"\nsize = \"640x480\"\nexposure = \"5ms\"\n", 1)
	if err := g.take(&Found{Candidate{Driver: "serial", Device: "/dev/ttyACM0", Baud: 115200}, "\r"}); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Parse("f", []byte(g.state.Draft))
	if err != nil || c.Scanners[0].Port != "/dev/ttyACM0" || c.Scanners[0].Name != "eye" || !strings.Contains(g.state.Draft, "# exposure = \"5ms\"") {
		t.Errorf("%v, %s; want a serial scanner by the old name", err, g.state.Draft)
	}
}

func TestTheBoardThatThisIs(t *testing.T) {
	for model, board := range map[string]string{
		"Raspberry Pi 4 Model B Rev 1.4\x00": "raspberry-pi-4", "Raspberry Pi Zero 2 W Rev 1.0\x00": "raspberry-pi-zero-2-w", "Raspberry Pi Zero 2 W": "raspberry-pi-zero-2-w",
		"Raspberry Pi Compute Module 4 Rev 1.0\x00": "raspberry-pi-cm4", "Raspberry Pi 5 Model B Rev 1.0\x00": "raspberry-pi-5",
	} {
		for _, other := range []string{"raspberry-pi-4", "raspberry-pi-zero-2-w", "raspberry-pi-cm4", "raspberry-pi-5", "industrial-pc"} {
			if isModel(model, other) != (other == board) {
				t.Errorf("%q is %s: %v", model, other, isModel(model, other))
			}
		}
	}
	if isModel("Raspberry Pi 400 Rev 1.0", "raspberry-pi-4") {
		t.Error("a Raspberry Pi 400 is taken for a 4")
	}
}

// A draft that would be wrong is not written, and the questions begin again.
func TestADraftThatIsWrong(t *testing.T) {
	g, ask := newGuide(t, gpioGate, &fakeGate{}, map[string][]any{"Write": {true}})
	g.state.Draft = gpioGate + "[lane]\nhours = \"25:00-26:00\"\n"
	if err := g.write(); err == nil || !strings.Contains(err.Error(), "nothing was written") || !strings.Contains(ask.said.String(), "lane.hours") {
		t.Errorf("%v, %s; want what is wrong", err, &ask.said)
	}
	if text, _ := os.ReadFile(g.Config); string(text) != gpioGate {
		t.Errorf("%s; want the file as it was", text)
	}
	if s, err := loadState(g.State); err != nil || s.Next != stepGate {
		t.Errorf("%+v, %v; want to begin with the questions", s, err)
	}
}

// Who does not want to go on with an old set-up begins a new one.
func TestANewSetUpInPlaceOfAnOldOne(t *testing.T) {
	g, _ := newGuide(t, gpioGate, &fakeGate{}, map[string][]any{"Go on with it?": {false, true}})
	g.state.Next, g.state.Scanners = stepFire, []string{"x"}
	if err := g.save(); err != nil {
		t.Fatal(err)
	}
	if err := g.begin(); err != nil || g.state.Next != stepGate || len(g.state.Scanners) != 0 {
		t.Errorf("%v, %+v; want a new one", err, g.state)
	}
	if err := g.begin(); err != nil || g.state.Next != stepFire {
		t.Errorf("%v, %+v; want the old one", err, g.state)
	}
}
