package guide

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"railgate/configs"
)

// A basis is a configuration to begin with.
type basis struct {
	name, text string
	board      string // its folder; "": it is no board's
}

// bare is a gate without wires, for a bench.
const bare = `#:schema file://` + configs.SchemaPath + `
# A gate on a bench: its turnstile is simulated.

[lane]

[[scanner]]
name = "front"

[turnstile]
driver = "sim"
`

// askBasis asks what the configuration is made of: the gate's own, where it names a turnstile, or a board's.
func (g *guide) askBasis() (string, error) {
	var all []basis
	if g.state.Draft != "" {
		all = append(all, basis{name: "the one of before the interruption", text: g.state.Draft})
	}
	if own := g.current(); configs.Values(own)["turnstile.driver"] != nil {
		all = append(all, basis{name: "the configuration that is there: " + g.Config, text: string(own)})
	}
	mine, usual := len(all), 0
	for i, b := range g.boards() {
		if mine == 0 && g.isBoard(b.board) {
			usual = i
		}
		all = append(all, b)
	}
	all = append(all, basis{name: "none: a bench, with a simulated turnstile", text: bare})
	names := make([]string, len(all))
	for i, b := range all {
		names[i] = b.name
	}
	i, err := g.ask.Choose("What is the configuration to begin with?", names, usual)
	if err != nil {
		return "", err
	}
	return all[i].text, nil
}

// boards are the configurations of boards that came with the package.
func (g *guide) boards() (all []basis) {
	paths, _ := filepath.Glob(filepath.Join(g.Boards, "*", "railgated.toml")) // the pattern is good
	for _, path := range paths {
		if text, err := configs.ReadFile(path); err == nil {
			board := filepath.Base(filepath.Dir(path))
			all = append(all, basis{"the board " + board, string(text), board})
		}
	}
	return all
}

// isBoard tells whether this machine calls itself so (the device tree's model).
func (g *guide) isBoard(board string) bool {
	model, err := os.ReadFile("/proc/device-tree/model")
	if err != nil {
		return board == "industrial-pc"
	}
	return isModel(string(model), board)
}

// isModel tells whether a model, such as "Raspberry Pi 4 Model B Rev 1.4", is a board's.
func isModel(model, board string) bool {
	words := strings.ToLower(strings.ReplaceAll(strings.TrimRight(model, "\x00"), "Compute Module ", "cm")) + " "
	return strings.HasPrefix(words, strings.ReplaceAll(board, "-", " ")+" ")
}

// askLines shows the lines of the draft, and asks for others where it is wired otherwise.
func (g *guide) askLines() error {
	if g.value("turnstile.driver") != "gpio" {
		g.ask.Say("The turnstile is simulated, or there is none: no lines.")
		return nil
	}
	for {
		lines := []struct{ key, what string }{
			{"turnstile.open", "relay"}, {"turnstile.passage", "passage sensor"}, {"turnstile.emergency", "fire loop"},
		}
		for _, l := range lines {
			g.ask.Say("  %-15s %s", l.what, g.value(l.key))
		}
		g.ask.Say("  active low      %s", configs.Shown(list(configs.Values([]byte(g.state.Draft))["turnstile.active_low"])))
		wired, err := g.ask.Confirm("Is the gate wired so? (docs/installation.md has the drawings)", true)
		if err != nil || wired {
			return err
		}
		for _, l := range lines {
			line, err := g.ask.Text("The line of the "+l.what+", by name or CHIP:OFFSET (gpioinfo lists them)", g.value(l.key), needed)
			if err == nil {
				err = g.set(configs.Change{Key: l.key, Value: line})
			}
			if err != nil {
				return err
			}
		}
	}
}

func list(value any) any {
	if value == nil {
		return []any{}
	}
	return value
}

// write shows what will be written, and writes it once the person says so.
func (g *guide) write() error {
	old, text := g.current(), []byte(g.state.Draft)
	if _, err := configs.Parse(g.Config, text); err != nil {
		g.ask.Say("The configuration would be wrong:\n%v", err)
		g.state.Next = stepGate
		return errors.Join(fmt.Errorf("nothing was written; begin again, or write the file with railgate config edit"), g.save())
	}
	g.tellChanges(old, text)
	yes, err := g.ask.Confirm("Write "+g.Config+"?", true)
	if err != nil {
		return err
	}
	if !yes {
		return ErrStopped
	}
	if err := g.Write(old, text); err != nil {
		return err
	}
	g.state.Written = true
	g.ask.Say("%s is written.", g.Config)
	if cfg, err := configs.Load(g.Config); err == nil {
		if err := errors.Join(cfg.CheckDevices(), cfg.CheckOpens()); err != nil {
			g.ask.Say("Not here yet:\n%v", err)
		}
	}
	return nil
}

// tellChanges lists the keys that the file has not, or has otherwise.
func (g *guide) tellChanges(old, text []byte) {
	before, n := configs.Values(old), 0
	cfg, err := configs.Parse(g.Config, text)
	if err != nil {
		return
	}
	after := configs.Values(text)
	for _, s := range cfg.Settings() {
		value, ok := after[s.Key]
		if !ok || before[s.Key] != nil && configs.Shown(before[s.Key]) == configs.Shown(value) {
			continue
		}
		g.ask.Say("  %s = %s", s.Key, configs.Shown(value))
		n++
	}
	if n == 0 {
		g.ask.Say("  it has everything already")
	}
}
