package guide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
)

// A Gate is the gate that is set up.
type Gate struct {
	Config string // the path of its configuration
	State  string // of how far the set-up is
	Folder string // where the report is put
	Dev    string // the folder of devices: /dev
	Boards string // the folder of the boards' configurations

	// Write puts a configuration in place, if it is still old, and keeps that.
	Write func(old, text []byte) error

	// Client asks the railgated that has a data folder.
	Client func(data string) *control.Client

	// Lines names the free lines that the relay may be on instead of one.
	Lines func(spec string) []string

	// Systemctl starts and stops railgated.
	Systemctl func(ctx context.Context, verb string) error

	Who     string // the person's name, as far as it is known
	Version string
	Colours bool
	Now     func() time.Time
	Wait    time.Duration // how long people are waited for; 0: a minute
}

// A guide leads through one set-up.
type guide struct {
	*Gate
	ask     Asker
	ctx     context.Context
	state   *state
	stopped bool     // railgated was stopped by it, and ran before
	tried   []string // lines on which the relay was not heard, the gate's first
}

// ErrNotRight is a set-up that is done, with things that are not right.
var ErrNotRight = errors.New("not everything is right: the gate must not go into service")

// Run leads through the set-up to its end, or until it is interrupted: then the error is [ErrStopped].
func (g *Gate) Run(ctx context.Context, ask Asker) error {
	r := &guide{Gate: g, ask: ask, ctx: ctx}
	if r.Wait == 0 {
		r.Wait = searchTime
	}
	err := r.begin()
	if err == nil {
		err = r.lead()
	}
	if r.stopped {
		r.startAgain()
	}
	if errors.Is(err, ErrStopped) || ctx.Err() != nil {
		r.ask.Say("\nInterrupted. Nothing is half written; railgate init goes on here.")
		return ErrStopped
	}
	return err
}

// begin goes on with an unfinished set-up, or begins one.
func (g *guide) begin() error {
	s, err := loadState(g.State)
	if err != nil {
		return err
	}
	if s != nil && s.Next != "" {
		on, err := g.ask.Confirm(fmt.Sprintf("A set-up by %s of %s is not finished; it was at: %s. Go on with it?", s.Who, s.Began.In(g.Now().Location()).Format("2006-01-02 15:04"), stepWords[s.Next]), true)
		if err != nil {
			return err
		}
		if on {
			g.state = s
			return nil
		}
	}
	g.state = &state{Began: g.Now(), Who: g.Who, Next: stepGate}
	g.ask.Say("This sets the gate up: its configuration, its scanner, its relay, its sensor, its fire loop, and the power-off tests.")
	g.ask.Say("Ctrl-C interrupts it anywhere, and it goes on there. The configuration is written only when you say so.\n")
	return nil
}

// stepWords say what a step is.
var stepWords = map[step]string{
	stepGate: "which gate it is", stepScanner: "the scanner", stepLines: "the lines", stepWrite: "writing the configuration", stepStart: "starting railgated",
	stepRelay: "the relay", stepSensor: "the passage sensor", stepFire: "the fire loop", stepList: "the power-off tests", stepReport: "the report",
}

// lead takes the steps that are left. Each is saved when it is done.
func (g *guide) lead() error {
	do := map[step]func() error{
		stepGate: g.askGate, stepScanner: g.findScanner, stepLines: g.askLines, stepWrite: g.write, stepStart: g.start,
		stepRelay: g.tryRelay, stepSensor: g.trySensor, stepFire: g.tryFire, stepList: g.powerOff, stepReport: g.report,
	}
	reached := false
	for i, s := range steps {
		if reached = reached || s == g.state.Next; !reached {
			continue
		}
		if s != stepGate {
			g.ask.Say("\n%d of %d: %s", i+1, len(steps), stepWords[s])
		}
		if err := do[s](); err != nil {
			return err
		}
		if i+1 == len(steps) {
			break
		}
		g.state.Next = steps[i+1]
		if err := g.save(); err != nil {
			return err
		}
	}
	if g.state.bad() > 0 {
		return ErrNotRight
	}
	return nil
}

func (g *guide) save() error { return g.state.save(g.State) }

// startAgain starts the railgated that was stopped for the search, for the person has left.
func (g *guide) startAgain() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.ctx), 15*time.Second)
	defer cancel()
	if err := g.Systemctl(ctx, "start"); err != nil {
		g.ask.Say("railgated was stopped, and could not be started again: %v; systemctl start railgated", err)
		return
	}
	g.ask.Say("railgated runs again.")
}

// data is the folder of the gate's store, as the draft has it.
func (g *guide) data() string {
	if data, _ := configs.Values([]byte(g.state.Draft))["data"].(string); data != "" {
		return data
	}
	return configs.DefaultData
}

func (g *guide) client() *control.Client { return g.Client(g.data()) }

// set changes keys of the draft.
func (g *guide) set(changes ...configs.Change) error {
	text, err := configs.Edit([]byte(g.state.Draft), changes)
	if err == nil {
		g.state.Draft = string(text)
	}
	return err
}

// value is a key's text in the draft; "": it has none.
func (g *guide) value(key string) string {
	text, _ := configs.Values([]byte(g.state.Draft))[key].(string)
	return text
}

// askGate asks who and which gate, and makes the draft of a board's configuration, or of the gate's own.
func (g *guide) askGate() error {
	who, err := g.ask.Text("Your name, for the report", g.state.Who, needed)
	if err != nil {
		return err
	}
	g.state.Who = who
	if g.state.Draft, err = g.askBasis(); err == nil {
		err = g.save()
	}
	if err != nil {
		return err
	}
	if configs.Values([]byte(g.state.Draft))["provision.wait"] == true {
		g.ask.Say("Its station, its name and its direction are told to this gate by a code, or by: railgate provision. They are not asked here.")
		return nil
	}
	for _, q := range []struct{ key, question, usual string }{{"station", "The station's telegraph code", ""}, {"gate", "The gate's name in the station", "A01"}} {
		usual := g.value(q.key)
		if usual == "" {
			usual = q.usual
		}
		text, err := g.ask.Text(q.question, usual, goodName)
		if err == nil {
			err = errors.Join(g.set(configs.Change{Key: q.key, Value: text}), g.save())
		}
		if err != nil {
			return err
		}
	}
	return g.askDirection()
}

func (g *guide) askDirection() error {
	directions := configs.Options("lane.direction")
	usual := 0
	for i, d := range directions {
		if d == g.value("lane.direction") {
			usual = i
		}
	}
	words := map[string]string{"entry": "entry: lets people in", "exit": "exit: lets people out", "check": "check: a real-name check, which opens nothing"}
	options := make([]string, len(directions))
	for i, d := range directions {
		if options[i] = words[d]; options[i] == "" {
			options[i] = d
		}
	}
	i, err := g.ask.Choose("What is the lane for?", options, usual)
	if err == nil {
		err = g.set(configs.Change{Key: "lane.direction", Value: directions[i]})
	}
	return err
}

func needed(s string) error {
	if s == "" {
		return errors.New("it is needed; type it, then Enter")
	}
	return nil
}

// goodName takes what names a gate of a station: it becomes a part of paths.
func goodName(s string) error {
	if s == "" || len(s) > 32 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return errors.New("want 1 to 32 letters, digits, - and _")
	}
	return nil
}

// now is a key's value as the gate has it, with what was provisioned over the file; "": it has none.
func (g *guide) now(key string) string {
	if cfg, err := configs.Load(g.Config); err == nil {
		for _, s := range cfg.Settings() {
			if text, ok := s.Value.(string); ok && s.Key == key {
				return text
			}
		}
	}
	return g.value(key)
}

// current is the text of the gate's file; empty: there is none.
func (g *guide) current() []byte {
	text, _ := os.ReadFile(g.Config)
	return text
}
