package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A story is what happened to one machine, in the order of time: what was done to it, what its pins did, and what
// railgated wrote. It is kept beside the kernel, a file for each test, for whoever wants to see and not to believe.
type story struct {
	ahead time.Duration // of the guest's clock, to ours

	mu    sync.Mutex // guards the field below
	lines []storyLine
}

type storyLine struct {
	at        time.Time
	who, what string
}

// tell adds something that happens now.
func (s *story) tell(who, format string, args ...any) {
	s.add(time.Now(), who, fmt.Sprintf(format, args...))
}

func (s *story) add(at time.Time, who, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, storyLine{at, who, what})
}

// log adds what railgated wrote, by the times in it, which are the guest's; a line that has none belongs to the one
// before.
func (s *story) log(text string, timeOf func(line string) (at time.Time, rest string, ok bool)) {
	last := time.Now()
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if at, rest, ok := timeOf(line); ok {
			last, line = at.Add(-s.ahead), rest
		}
		s.add(last, "railgated", line)
	}
}

// slogTime takes the time off a line of log/slog.
func slogTime(line string) (at time.Time, rest string, ok bool) {
	text, ok := strings.CutPrefix(line, "time=")
	if !ok {
		return at, line, false
	}
	text, rest, _ = strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, rest, err == nil
}

// journalTime takes the time and the host's name off a line of journalctl -o short-iso-precise.
func journalTime(line string) (at time.Time, rest string, ok bool) {
	text, rest, _ := strings.Cut(line, " ")
	at, err := time.Parse("2006-01-02T15:04:05.999999-0700", text)
	if err != nil {
		return at, line, false
	}
	_, rest, _ = strings.Cut(rest, " ")
	return at, rest, true
}

var pinNames = []string{relayPin: "relay", greenPin: "green", redPin: "red", buzzerPin: "buzzer", passagePin: "passage", emergencyPin: "fire loop", sparePin: "spare"}

// pins adds what the pins did.
func (s *story) pins(changes []change) {
	for _, c := range changes {
		level := "low"
		if c.high {
			level = "HIGH"
		}
		name := fmt.Sprint(c.pin)
		if c.pin < len(pinNames) {
			name = pinNames[c.pin]
		}
		s.add(c.at, "pin", name+" "+level)
	}
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.lines, func(a, b storyLine) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, l := range s.lines {
		fmt.Fprintf(&b, "%s  %-9s  %s\n", l.at.UTC().Format("15:04:05.000"), l.who, l.what)
	}
	return b.String()
}

// keep adds the story to the file of its test.
func (s *story) keep(t testing.TB) {
	dir := filepath.Join(folder(t), "stories")
	err := os.MkdirAll(dir, 0o755)
	if err != nil {
		t.Error(err)
		return
	}
	f, err := os.OpenFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", ".")+".txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, s); err != nil {
		t.Error(err)
	}
}

func TestStoryIsInTheOrderOfTime(t *testing.T) {
	s := new(story)
	at := time.Date(2026, 11, 25, 2, 33, 47, 0, time.UTC)
	s.add(at.Add(time.Millisecond), "hand", "shows a code")
	s.pins([]change{{at.Add(20 * time.Millisecond), relayPin, true}, {at.Add(320 * time.Millisecond), relayPin, false}})
	s.log("time=2026-11-25T02:33:47.015Z level=INFO msg=granted\nsomething more\n", slogTime)
	s.log("2026-11-25T02:33:47.350000+0000 gate railgated[7]: level=INFO msg=passage\n", journalTime)
	want := `02:33:47.001  hand       shows a code
02:33:47.015  railgated  level=INFO msg=granted
02:33:47.015  railgated  something more
02:33:47.020  pin        relay HIGH
02:33:47.320  pin        relay low
02:33:47.350  railgated  railgated[7]: level=INFO msg=passage
`
	if got := s.String(); got != want {
		t.Errorf("story:\n%s\nwant:\n%s", got, want)
	}
}
