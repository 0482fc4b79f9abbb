package guide

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"railgate/store/durable"
)

// A test is one of the power-off tests.
type test struct{ Do, Right string }

// Tests are the power-off tests; docs/installation.md has the same, and says for what they are done.
var Tests = []test{
	{"switch the board on; watch the relay for the whole start", "never energised, not even for an instant"},
	{"switch it off, and on, ten times, once in the middle of an opening", "never energised by that; the arm is locked within the one-shot's time"},
	{"show a code; pull the plug while the light is green; start; show the same code again", "denied: already used, or out of date; `railgate journal export` has the first one"},
	{"`systemctl kill -s KILL railgated` in the middle of an opening", "relay released within a second; the gate is back within a few"},
	{"pull the relay board's IN wire off the board; touch nothing", "released"},
	{"hold the relay by hand, or bridge its contact", "the turnstile opens once, for the one-shot's time, and is locked again"},
	{"pull the passage sensor's wire; show a code, walk", "the journal says `no_passage`"},
	{"pull one wire of the fire loop, with the board switched **off**", "the turnstile is free in both directions"},
	{"the same with the board on", "free; the screen shows the way out; `railgate status` says emergency; it ends when the wire is back"},
	{"pull the loop relay's wire at the board", "emergency on the screen; the turnstile is as the loop has it"},
	{"unplug the scanner, plug it in again, into another socket too", "out of service, then back by itself"},
	{"network off, power off for ten minutes, power on", "opens for good codes at once: the battery clock works"},
	{"`echo c > /proc/sysrq-trigger` as root", "the board is reset after ten seconds and comes back, gate closed"},
}

// plain is a text without Markdown's marks.
func plain(text string) string { return strings.NewReplacer("`", "", "**", "").Replace(text) }

func (t test) name(i int) string { return fmt.Sprintf("%2d. %s", i+1, plain(t.Do)) }

// powerOff asks for each test that is not answered yet. The answers are on the disk before the next question: half of
// the tests end with the plug pulled.
func (g *guide) powerOff() error {
	g.ask.Say("The power-off tests, with a second person at the arm, and a meter or a lamp at the relay.\nAfter one that switches the board off, run railgate init again: it goes on here.")
	for i, t := range Tests {
		if g.state.of(t.name(i)) != nil {
			continue
		}
		r := result{What: t.name(i), Want: plain(t.Right), Is: isRight}
		answer, err := g.ask.Choose(fmt.Sprintf("%s\n    want: %s", t.name(i), r.Want), []string{"right", "wrong", "not done", "later: stop here"}, 0)
		switch {
		case err != nil:
			return err
		case answer == 3:
			return ErrStopped
		case answer > 0:
			r.Is = []string{isRight, isWrong, isNotDone}[answer]
			if r.Note, err = g.ask.Text("What was seen, or why", "", needed); err != nil {
				return err
			}
		}
		r.At = g.Now()
		g.state.set(r)
		if err := g.save(); err != nil {
			return err
		}
	}
	return nil
}

// report writes the report, and forgets how far the set-up was.
func (g *guide) report() error {
	path, text := g.reportPath(), g.reportText()
	if err := durable.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	g.ask.Say("\n%s\nIt is saved: %s", text, path)
	if err := os.Remove(g.State); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// reportPath is a name that no report has yet.
func (g *guide) reportPath() string {
	name := fmt.Sprintf("acceptance-%s-%s", g.gateName(), g.Now().Format("2006-01-02"))
	for i := 1; ; i++ {
		path := filepath.Join(g.Folder, name+".txt")
		if i > 1 {
			path = filepath.Join(g.Folder, fmt.Sprintf("%s-%d.txt", name, i))
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
}

func (g *guide) gateName() string {
	if name := g.now("gate"); goodName(name) == nil {
		return name
	}
	return "gate"
}

func (g *guide) reportText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Acceptance of gate %s, station %s\n\n", g.now("gate"), g.now("station"))
	fmt.Fprintf(&b, "by        %s\nbegan     %s\nended     %s\nrailgate  %s\n", g.state.Who, g.state.Began.In(g.Now().Location()).Format(time.RFC3339), g.Now().Format(time.RFC3339), g.Version)
	fmt.Fprintf(&b, "file      %s\nsha256    %x\n\n", g.Config, sha256.Sum256(g.current()))
	for _, r := range g.state.Results {
		fmt.Fprintf(&b, "[%s] %s\n", map[string]string{isRight: "x", isWrong: "!", isNotDone: " "}[r.Is], r.What)
		if r.Want != "" {
			fmt.Fprintf(&b, "      want: %s\n", r.Want)
		}
		fmt.Fprintf(&b, "      %s, %s\n", r.Is, r.At.In(g.Now().Location()).Format("2006-01-02 15:04"))
		if r.Note != "" {
			fmt.Fprintf(&b, "      note: %s\n", r.Note)
		}
	}
	verdict := "Everything is right."
	if n := g.state.bad(); n > 0 {
		verdict = fmt.Sprintf("%d of %d are not right: the gate must not go into service.", n, len(g.state.Results))
	}
	fmt.Fprintf(&b, "\n%s\n\nSigned: ______________________\n", verdict)
	return b.String()
}
