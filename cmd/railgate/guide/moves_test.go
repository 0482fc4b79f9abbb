package guide

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// A script answers questions by a part of their words, each answer once and in its order.
type script struct {
	t       *testing.T
	answers map[string][]any // an int, a bool, a string
	said    strings.Builder
}

func (s *script) Say(format string, args ...any) { fmt.Fprintf(&s.said, format+"\n", args...) }

func (s *script) next(question string) any {
	for part, answers := range s.answers {
		if strings.Contains(question, part) && len(answers) > 0 {
			s.answers[part] = answers[1:]
			return answers[0]
		}
	}
	return nil
}

func (s *script) Choose(question string, options []string, _ int) (int, error) {
	i, ok := s.next(question).(int)
	if !ok || i >= len(options) {
		return 0, ErrStopped
	}
	return i, nil
}

func (s *script) Confirm(question string, _ bool) (bool, error) {
	yes, ok := s.next(question).(bool)
	if !ok {
		return false, ErrStopped
	}
	return yes, nil
}

func (s *script) Text(question, _ string, check func(string) error) (string, error) {
	text, ok := s.next(question).(string)
	if !ok || check(text) != nil {
		return "", ErrStopped
	}
	return text, nil
}

// A fakeGate is a railgated that notes what it is asked.
type fakeGate struct {
	status  control.Status
	refused []string // why the lane is out of service
	records []journal.Record
	asked   []string
}

func (f *fakeGate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/status":
		json.NewEncoder(w).Encode(f.status)
	case "/service":
		f.asked = append(f.asked, r.FormValue("mode")+" "+r.FormValue("why"))
		json.NewEncoder(w).Encode(control.Service{Service: r.FormValue("mode"), OutOfService: f.refused})
	case "/journal":
		for _, record := range f.records {
			json.NewEncoder(w).Encode(record)
		}
		f.records = nil
	}
}

const gpioGate = `gate = "A07"
[[scanner]]
driver = "serial"
port = "/dev/x"
[turnstile]
driver = "gpio"
open = "GPIO17" # the relay
passage = "GPIO27"
`

// newGuide is a guide at a fake gate with a configuration.
func newGuide(t *testing.T, config string, fake *fakeGate, answers map[string][]any) (*guide, *script) {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: fake}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	path := filepath.Join(dir, "railgated.toml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := &script{t: t, answers: answers}
	g := &guide{ask: ask, ctx: t.Context(), state: &state{Who: "wang", Draft: config}, Gate: &Gate{
		Config: path, State: filepath.Join(dir, "init.json"), Folder: dir, Boards: dir, Now: time.Now, Wait: time.Second,
		Write:  func(_, text []byte) error { return os.WriteFile(path, text, 0o600) },
		Lines:  func(string) []string { return nil },
		Client: func(string) *control.Client { return control.NewClient(dir) },
		Systemctl: func(_ context.Context, verb string) error {
			fake.asked = append(fake.asked, verb)
			return nil
		},
	}}
	return g, ask
}

// A relay on another line: the file has it, railgated drives it, and the comment is there still.
func TestARelayOnAnotherLine(t *testing.T) {
	fake := &fakeGate{status: control.Status{Health: control.Healthy, Mode: "closed"}}
	g, ask := newGuide(t, gpioGate, fake, map[string][]any{"open once": {true}, "Did the relay": {4, 4, 0}, "relay's line": {"GPIO18", "GPIO27"}})
	if err := g.tryRelay(); err != nil {
		t.Fatal(err)
	}
	if want := "[free railgate init: the relay is tried none  restart free railgate init: the relay is tried none  free railgate init: the relay is tried none ]"; fmt.Sprint(fake.asked) != want {
		t.Errorf("%v; want %s", fake.asked, want)
	}
	text, _ := os.ReadFile(g.Config)
	if !strings.Contains(string(text), `open = "GPIO18" # the relay`) || !strings.Contains(ask.said.String(), "Nothing was changed") {
		t.Errorf("%s, %s; want the new line, and the sensor's refused for it", text, &ask.said)
	}
	if r := g.state.of(relayClicks); r == nil || r.Is != isRight {
		t.Errorf("%+v; want that it is right", r)
	}
}

// A relay whose line nobody knows: the free ones are offered, each once, and clicked when it is chosen.
func TestARelayIsFoundByItsClick(t *testing.T) {
	fake := &fakeGate{status: control.Status{Health: control.Healthy, Mode: "closed"}}
	g, ask := newGuide(t, gpioGate, fake, map[string][]any{"open once": {true}, "Did the relay": {4, 4, 0}, "Which line": {1, 1}})
	g.Lines = func(spec string) []string {
		if spec != "GPIO17" {
			t.Errorf("lines like %s; want those like the gate's first", spec)
		}
		return []string{"GPIO5", "GPIO6", "GPIO13"}
	}
	if err := g.tryRelay(); err != nil {
		t.Fatal(err)
	}
	const click = "free railgate init: the relay is tried none "
	if want := "[" + click + " restart " + click + " restart " + click + "]"; fmt.Sprint(fake.asked) != want {
		t.Errorf("%v; want %s", fake.asked, want)
	}
	if got := g.now("turnstile.open"); got != "GPIO13" || fmt.Sprint(g.tried) != "[GPIO17 GPIO6]" {
		t.Errorf("the relay is on %s, tried were %v, said %s; want GPIO13, GPIO6 not offered again", got, g.tried, &ask.said)
	}
}

// A relay that is heard on no line leaves the gate with the line that it had.
func TestARelayThatIsHeardOnNoLine(t *testing.T) {
	fake := &fakeGate{status: control.Status{Health: control.Healthy, Mode: "closed"}}
	g, ask := newGuide(t, gpioGate, fake, map[string][]any{"open once": {true}, "Did the relay": {4, 2}, "Which line": {0}})
	g.Lines = func(string) []string { return []string{"GPIO5"} }
	if err := g.tryRelay(); err != nil {
		t.Fatal(err)
	}
	if r := g.state.of(relayClicks); r == nil || r.Is != isWrong || g.now("turnstile.open") != "GPIO17" {
		t.Errorf("%+v, on %s, said %s; want that it is wrong, on the line of before", r, g.now("turnstile.open"), &ask.said)
	}
}

// Nothing moves without a yes, in an alarm, or where the lane is out of service; each is told and noted.
func TestARelayThatDoesNotMove(t *testing.T) {
	for _, tt := range []struct {
		name    string
		consent bool
		fake    fakeGate
		asked   string
		is      string
	}{
		{"no", false, fakeGate{}, "[]", isNotDone},
		{"an alarm", true, fakeGate{status: control.Status{Mode: "emergency"}}, "[]", isWrong},
		{"out of service", true, fakeGate{refused: []string{"store: disk is full"}}, "[free railgate init: the relay is tried none ]", isWrong},
	} {
		g, ask := newGuide(t, gpioGate, &tt.fake, map[string][]any{"open once": {tt.consent}})
		if err := g.tryRelay(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if r := g.state.of(relayClicks); fmt.Sprint(tt.fake.asked) != tt.asked || r == nil || r.Is != tt.is || r.Note == "" {
			t.Errorf("%s: %v, %+v, %s; want %s and %s", tt.name, tt.fake.asked, r, &ask.said, tt.asked, tt.is)
		}
	}
}

// A sensor that is active all the time is told from one that sees nobody.
func TestASensorThatIsBlocked(t *testing.T) {
	fake := &fakeGate{status: control.Status{Mode: "closed", History: control.History{Recent: []journal.Record{{Seq: 4}}}}, records: []journal.Record{{Seq: 5, Kind: journal.Obstructed}}}
	g, ask := newGuide(t, gpioGate, fake, map[string][]any{"free until": {true}, "And now?": {1}})
	if err := g.trySensor(); err != nil || !strings.Contains(ask.said.String(), "active all the time") {
		t.Errorf("%v, %s; want what is wrong with it", err, &ask.said)
	}
}

// What happened before is not taken for what the person does.
func TestOldRecordsAreNotNews(t *testing.T) {
	fake := &fakeGate{records: []journal.Record{{Seq: 1, Kind: journal.EmergencyBegin}, {Seq: 2, Kind: journal.EmergencyEnd}}}
	g, _ := newGuide(t, gpioGate, fake, nil)
	if r := g.records(); r.after != 2 || r.await(t.Context(), journal.EmergencyBegin) != "" {
		t.Errorf("after %d; want the old alarm left alone", r.after)
	}
}

// A gate that is provisioned is not asked which one it is.
func TestAGateThatIsProvisioned(t *testing.T) {
	text := gpioGate + "[provision]\nwait = true\n"
	g, ask := newGuide(t, text, &fakeGate{}, map[string][]any{"Your name": {"li"}, "begin with?": {0}})
	g.state.Draft = ""
	if err := g.askGate(); err != nil || !strings.Contains(ask.said.String(), "railgate provision") || g.state.Who != "li" {
		t.Errorf("%v, %s; want no more questions", err, &ask.said)
	}
}

// A lane that opens nothing has no relay to try, and a check of it no questions.
func TestALaneThatOpensNothing(t *testing.T) {
	g, _ := newGuide(t, "[lane]\ndirection = \"check\"\n[[scanner]]\ndriver = \"serial\"\nport = \"/dev/x\"\n", &fakeGate{}, nil)
	if err := errors.Join(g.tryRelay(), g.trySensor(), g.tryFire(), g.askLines()); err != nil || len(g.state.Results) != 0 {
		t.Errorf("%v, %+v; want nothing asked and nothing noted", err, g.state.Results)
	}
}

// Lines that are wired otherwise are asked for, and asked about again.
func TestLinesThatAreWiredOtherwise(t *testing.T) {
	g, ask := newGuide(t, gpioGate, &fakeGate{}, map[string][]any{"wired so?": {false, true}, "line of the relay": {"GPIO5"}, "line of the passage": {"GPIO6"}, "line of the fire": {"GPIO7"}})
	if err := g.askLines(); err != nil {
		t.Fatal(err)
	}
	if g.value("turnstile.open") != "GPIO5" || g.value("turnstile.emergency") != "GPIO7" || !strings.Contains(ask.said.String(), "GPIO6") {
		t.Errorf("%s, %s; want the new lines, shown again", g.state.Draft, &ask.said)
	}
}
