package guide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"railgate/cmd/control"
	"railgate/configs"
)

// findScanner finds each scanner by the card, and puts it into the draft.
func (g *guide) findScanner() error {
	for {
		if len(g.state.Scanners) > 0 {
			more, err := g.ask.Confirm("Does the lane have another scanner?", false)
			if err != nil || !more {
				return err
			}
		}
		if err := g.free(); err != nil {
			return err
		}
		found, err := g.search()
		if err != nil || found == nil {
			return err // without one the draft's own stay
		}
		if err := errors.Join(g.take(found), g.save()); err != nil {
			return err
		}
	}
}

// free has railgated let go of the scanners.
func (g *guide) free() error {
	if _, err := g.client().Status(g.ctx); errors.Is(err, control.ErrNotRunning) {
		return nil
	}
	yes, err := g.ask.Confirm("railgated runs and has the scanner. Stop it for the search? The lane is closed meanwhile.", true)
	if err != nil {
		return err
	}
	if !yes {
		g.ask.Say("The scanner stays as it is in the configuration.")
		return nil
	}
	if err := g.Systemctl(g.ctx, "stop"); err != nil {
		return fmt.Errorf("stopping railgated: %w; stop it yourself, then: railgate init", err)
	}
	g.stopped = true
	return nil
}

// search shows the card and listens until a scanner has read it; nil: the person gives it up.
func (g *guide) search() (*Found, error) {
	if g.running() {
		return nil, nil
	}
	if err := g.showCard(); err != nil {
		return nil, err
	}
	for {
		s := &search{candidates: g.left(), say: g.ask.Say}
		s.ready = func() { g.ask.Say("Hold the test card to the scanner. Listening for %v …", g.Wait) }
		for _, c := range s.candidates {
			g.ask.Say("  %s", c)
		}
		ctx, cancel := context.WithTimeout(g.ctx, g.Wait)
		var found *Found
		if len(s.candidates) > 0 {
			found = s.run(ctx)
		}
		cancel()
		switch {
		case g.ctx.Err() != nil:
			return nil, ErrStopped
		case found != nil:
			g.ask.Say("The card was read by %s.", found)
			return found, nil
		}
		g.ask.Say("%s\n\n%s", s.describe(), adviceNoScan)
		again, err := g.ask.Choose("And now?", []string{"listen again", "go on with the scanner of the configuration"}, 0)
		if err != nil || again == 1 {
			g.notFound()
			return nil, err
		}
	}
}

func (g *guide) notFound() {
	if len(g.state.Scanners) == 0 {
		g.state.set(result{What: "scanner: the test card", Want: "read", Is: isNotDone, At: g.Now()})
	}
}

func (g *guide) running() bool {
	_, err := g.client().Status(g.ctx)
	return err == nil
}

// left are the candidates that are not taken yet.
func (g *guide) left() (all []Candidate) {
	for _, c := range FindCandidates(g.Dev) {
		if !slices.ContainsFunc(g.state.Scanners, func(s string) bool { return strings.HasSuffix(s, " "+c.Device) }) {
			all = append(all, c)
		}
	}
	return all
}

// showCard shows the test card, and writes it as a picture where one is wanted.
func (g *guide) showCard() error {
	const onScreen, inFile, have = 0, 1, 2
	how, err := g.ask.Choose("The test card: a QR code that the scanner is to read.", []string{"show it here", "write a picture, to print it or to open it on a phone", "I have it"}, onScreen)
	if err != nil {
		return err
	}
	switch how {
	case onScreen:
		if !g.Colours {
			g.ask.Say("On a terminal with a light background the card is inverted here: then take the picture.")
		}
		return DrawCard(sayer{g.ask}, g.Colours)
	case inFile:
		path := filepath.Join(g.Folder, "railgate-test-card.png")
		f, err := os.Create(path)
		if err == nil {
			err = errors.Join(WriteCard(f), f.Close())
		}
		if err != nil {
			return err
		}
		g.ask.Say("The test card is %s.", path)
	}
	return nil
}

// A sayer writes lines to a person.
type sayer struct{ ask Asker }

func (s sayer) Write(p []byte) (int, error) {
	s.ask.Say("%s", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// take puts a scanner that was found into the draft, the first in the place of the draft's first.
func (g *guide) take(f *Found) error {
	section := fmt.Sprintf("scanner[%d]", len(g.state.Scanners))
	keys := map[string]any{"driver": f.Driver}
	switch f.Driver {
	case "serial":
		keys["port"], keys["baud"], keys["suffix"] = f.Device, int64(f.Baud), f.Suffix
	case "keyboard":
		keys["device"], keys["suffix"] = f.Device, f.Suffix
	default:
		keys["device"] = f.Device
	}
	values := configs.Values([]byte(g.state.Draft))
	if values[section+".name"] == nil {
		keys["name"] = []string{"front", "back"}[min(len(g.state.Scanners), 1)]
		if len(g.state.Scanners) > 1 {
			keys["name"] = fmt.Sprintf("scanner%d", len(g.state.Scanners)+1)
		}
	}
	var changes []configs.Change
	for key := range values {
		name, ok := strings.CutPrefix(key, section+".")
		if _, kept := keys[name]; ok && !kept && name != "name" && !(f.Driver == "camera" && slices.Contains([]string{"size", "exposure", "focus", "k1", "fps"}, name)) {
			changes = append(changes, configs.Change{Key: key}) // another driver's
		}
	}
	for _, name := range []string{"name", "driver", "port", "device", "baud", "suffix"} {
		if value, ok := keys[name]; ok {
			changes = append(changes, configs.Change{Key: section + "." + name, Value: value})
		}
	}
	if err := g.set(changes...); err != nil {
		return err
	}
	words := f.Driver
	if f.Baud != 0 {
		words = fmt.Sprintf("%s, %d baud, ends its codes with %s", f.Driver, f.Baud, configs.Shown(f.Suffix))
	}
	g.state.Scanners = append(g.state.Scanners, words+", "+f.Device)
	g.state.set(result{What: "scanner: the test card", Want: "read", Is: isRight, Note: strings.Join(g.state.Scanners, "; "), At: g.Now()})
	return nil
}
