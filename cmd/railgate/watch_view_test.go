package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"railgate/cmd/control"
	"railgate/store/journal"
)

var rewrite = flag.Bool("rewrite", false, "write the views of railgate watch in testdata/watch again")

// sickGate is a gate with two causes, at noon in China.
func sickGate() *control.Status {
	missing := control.NewCause(control.ScannerMissing, "scanner front: open /dev/serial/by-id/usb-GM65-front: no such file or directory")
	missing.Since, missing.About = noon.Add(-12*time.Minute), "front"
	soon := control.NewCause(control.KeysetEndsSoon, "the last key ends in 3 days")
	until := noon.Add(9*time.Minute + 55*time.Second)
	s := &control.Status{
		Health: control.OutOfService, Mode: "out_of_service", Causes: []control.Cause{missing, soon}, Service: "diagnosis", ServiceUntil: &until,
		Station: "GZQ", Gate: "A07", Direction: "entry", Zone: "Asia/Shanghai",
		Devices: []control.Device{
			{Kind: "scanner", Name: "front", Driver: "serial", Since: noon.Add(-12 * time.Minute), Error: "no such file or directory"},
			{Kind: "scanner", Name: "back", Driver: "camera", Up: true, Since: noon.Add(-50 * time.Hour), Note: "4 % of the frames were damaged"},
			{Kind: "turnstile", Name: "A07", Driver: "gpio", Up: true, Since: noon.Add(-3 * time.Hour), Lines: []control.Line{
				{Name: "open", Active: true, Changes: 412, Since: noon.Add(-time.Second)}, {Name: "passage", Changes: 409, Since: noon.Add(-4 * time.Second)}, {Name: "emergency"},
			}},
			{Kind: "panel", Name: "panel", Driver: "gpio", Up: true, Since: noon.Add(-3 * time.Hour)},
		},
		Clock:  control.Clock{Time: noon, Source: "station", Trusted: true},
		Keyset: control.Keyset{Loaded: true, Version: 41, Keys: 3, Expires: noon.Add(72 * time.Hour)},
		Bus:    &control.Bus{Connected: true, InTouch: true, Unsent: 2, Receipt: 1210, Time: noon.Add(-time.Second), TimeAge: 1},
		Counts: control.Counts{Readings: map[string]uint64{"front": 431, "back": 12}, Decided: map[string]uint64{"ok": 409, "already_used": 3, "code_expired": 19}},
		History: control.History{
			Minutes: []control.Minute{{Granted: 12, Denied: 1}, {Granted: 9}},
			Recent: []journal.Record{
				{Time: noon.Add(-13 * time.Minute), Kind: journal.Decision, Decision: journal.Granted, Reason: "ok", Scanner: "front"},
				{Time: noon.Add(-13*time.Minute + 2*time.Second), Kind: journal.Passage},
				{Time: noon.Add(-12 * time.Minute), Kind: journal.Fault, Detail: "scanner front: no such file or directory"},
			},
		},
	}
	for i := range 100 {
		s.History.Totals = append(s.History.Totals, int64(4000+i*i%37*400))
	}
	s.History.Totals[97] = 48_200
	return s
}

// model is a watch of a status, without colours.
func model(s *control.Status) *watch {
	w := newWatchModel(func() (*control.Status, error) { return s, nil }, painter{})
	if s != nil {
		w.Update(statusMsg{s})
	}
	return w
}

func (w *watch) at(width, height int, msgs ...tea.Msg) string {
	w.Update(tea.WindowSizeMsg{Width: width, Height: height})
	for _, m := range msgs {
		w.Update(m)
	}
	return w.View().Content
}

func key(text string) tea.KeyPressMsg { return tea.KeyPressMsg{Code: []rune(text)[0], Text: text} }

func happened(n int) (msgs []tea.Msg) {
	for i := range n {
		r := &journal.Record{Time: noon.Add(time.Duration(i) * time.Second), Kind: journal.Decision, Decision: journal.Denied, Reason: "already_used", Scanner: "back", Holder: journal.ID([]byte{1, byte(i)})}
		msgs = append(msgs, eventMsg{control.Event{Record: r}})
	}
	return msgs
}

func TestTheViewsOfWatch(t *testing.T) {
	well := sickGate()
	well.Health, well.Mode, well.Causes, well.Service, well.ServiceUntil = control.Healthy, "closed", nil, "", nil
	well.Devices = well.Devices[1:]
	for _, tt := range []struct {
		name string
		text string
	}{
		{"sick-80x24", model(sickGate()).at(80, 24)},
		{"sick-120x40", model(sickGate()).at(120, 40, happened(9)...)},
		{"sick-40x15", model(sickGate()).at(40, 15)},
		{"sick-20x5", model(sickGate()).at(20, 5)},
		{"well-80x24", model(well).at(80, 24, happened(30)...)},
		{"well-held-80x24", model(well).at(80, 24, append([]tea.Msg{key("p")}, happened(3)...)...)},
		{"causes-80x24", model(sickGate()).at(80, 24, key("c"))},
		{"causes-none-80x10", model(well).at(80, 10, key("c"))},
		{"gone-80x24", model(sickGate()).at(80, 24, goneMsg{})},
		{"waiting-80x24", model(nil).at(80, 24, silentMsg{})},
	} {
		path := "testdata/watch/" + tt.name + ".txt"
		if *rewrite {
			if err := os.WriteFile(path, []byte(tt.text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != tt.text+"\n" {
			t.Errorf("%s (%v):\n%s\nwant\n%s", tt.name, err, tt.text, want)
		}
	}
}

// Whatever the terminal's size, nothing is wider or longer than it.
func TestTheViewFitsTheTerminal(t *testing.T) {
	for _, w := range []*watch{model(sickGate()), model(nil)} {
		for _, msg := range append(happened(3), key("c")) {
			w.Update(msg)
			for width := range 130 {
				for _, height := range []int{0, 1, 2, 3, 5, 7, 8, 9, 12, 24, 60} {
					text := w.at(width, height)
					if n := strings.Count(text, "\n") + 1; n > max(1, height) {
						t.Fatalf("%dx%d: %d lines", width, height, n)
					}
					for line := range strings.Lines(text) {
						if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
							t.Fatalf("%dx%d: %q is %d wide", width, height, line, n)
						}
					}
				}
			}
		}
	}
}

// The worst cause and the last decision are on each screen that has room for anything.
func TestASmallTerminalShowsWhatMatters(t *testing.T) {
	for _, size := range [][2]int{{40, 8}, {60, 10}, {80, 12}} {
		text := model(sickGate()).at(size[0], size[1], happened(5)...)
		for _, want := range []string{"out_of_service", "scanner_missing", "lines", "denied already_used"} {
			if !strings.Contains(text, want) {
				t.Errorf("%v lacks %q:\n%s", size, want, text)
			}
		}
	}
}

// What comes from outside moves no cursor.
func TestTheViewObeysNobody(t *testing.T) {
	s := sickGate()
	evil := "\x1b[2J\x1b]0;x\a\nx"
	s.Causes[0].Why, s.Devices[0].Error, s.Devices[1].Note, s.Clock.Why = evil, evil, evil, evil
	w := model(s)
	w.Update(eventMsg{control.Event{Record: &journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: evil, Detail: evil, Scanner: evil}}})
	if text := w.at(200, 60); strings.ContainsAny(text, "\x1b\a") {
		t.Errorf("%q", text)
	}
	if line := eventLine(painter{}, &control.Event{Record: &journal.Record{Kind: journal.Fault, Detail: evil}}, time.UTC); strings.ContainsAny(line, "\x1b\a\n") {
		t.Errorf("%q", line)
	}
}

func TestKeysOfWatch(t *testing.T) {
	for _, quit := range []tea.KeyPressMsg{key("q"), {Code: 'c', Mod: tea.ModCtrl}, {Code: tea.KeyEscape}} {
		if _, cmd := model(sickGate()).Update(quit); cmd == nil || cmd() != tea.Quit() {
			t.Errorf("%v does not end it", quit)
		}
	}
	w := model(sickGate())
	w.Update(key("p"))
	frozen := w.at(80, 24)
	for _, msg := range happened(2) {
		w.Update(msg)
	}
	if got := w.at(80, 24); !strings.Contains(got, "held: 2 more") || strings.Contains(got, "already_used") && !strings.Contains(frozen, "already_used") {
		t.Errorf("held:\n%s", got)
	}
	if got := w.at(80, 24, key("p")); strings.Contains(got, "held") || !strings.Contains(got, "denied already_used") {
		t.Errorf("not held any more:\n%s", got)
	}
	w.Update(key("c"))
	top := w.at(80, 10)
	if got := w.at(80, 10, key("j")); got == top || !strings.Contains(top, "scanner_missing") {
		t.Errorf("j does not scroll:\n%s", got)
	}
	for range 100 {
		w.Update(key("j"))
	}
	if got := w.at(80, 10); !strings.Contains(got, "railgate keys show") || w.at(80, 10, key("k")) == got {
		t.Errorf("the end, or k:\n%s", got)
	}
}

// A watch asks again after each answer, and shows what a daemon that has gone said last.
func TestWatchAsksAgain(t *testing.T) {
	err := errors.New("gone")
	w := newWatchModel(func() (*control.Status, error) { return sickGate(), err }, painter{})
	if msg := w.Init()(); msg != (silentMsg{}) {
		t.Fatalf("%#v", msg)
	}
	for _, msg := range []tea.Msg{silentMsg{}, statusMsg{sickGate()}} {
		if _, cmd := w.Update(msg); cmd == nil {
			t.Errorf("%T: it does not ask again", msg)
		}
	}
	if _, cmd := w.Update(goneMsg{}); cmd != nil || !strings.Contains(w.at(80, 24), "said last") || !strings.Contains(w.at(80, 24), "scanner_missing") {
		t.Errorf("gone:\n%s", w.at(80, 24))
	}
	err = nil
	if _, cmd := w.Update(askMsg{}); cmd == nil || cmd().(statusMsg).status == nil {
		t.Error("it does not ask")
	}
	w.Update(statusMsg{sickGate()})
	if strings.Contains(w.at(80, 24), "said last") {
		t.Error("it is back")
	}
}

func TestSpark(t *testing.T) {
	for _, tt := range []struct {
		values []int64
		want   string
	}{{[]int64{0, 20_000, 10_000}, "▁█▄"}, {[]int64{-1, 1000, 200_000}, "▁▁█"}} {
		if got := spark(tt.values); got != tt.want {
			t.Errorf("spark(%v) = %s; want %s", tt.values, got, tt.want)
		}
	}
}

// A long watch remembers a bounded number of records.
func TestWatchForgets(t *testing.T) {
	w := model(sickGate())
	for _, msg := range happened(3*eventsKept + 5) {
		w.Update(msg)
	}
	if n := len(w.records); n < eventsKept || n > 2*eventsKept {
		t.Errorf("%d records; want %d to %d", n, eventsKept, 2*eventsKept)
	}
	if last := fmt.Sprint(w.records[len(w.records)-1].Time); last != fmt.Sprint(noon.Add((3*eventsKept+4)*time.Second)) {
		t.Errorf("the last is %s", last)
	}
}
