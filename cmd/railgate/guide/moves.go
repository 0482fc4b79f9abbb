package guide

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/journal"
)

// start has railgated run with the configuration that was written.
func (g *guide) start() error {
	for {
		g.ask.Say("Starting railgated …")
		err := g.Systemctl(g.ctx, "restart")
		g.stopped = false
		var s *control.Status
		if err == nil {
			s, err = g.answers()
		}
		if err == nil {
			g.ask.Say("railgated runs: %s.", strings.ReplaceAll(string(s.Health), "_", " "))
			for _, c := range s.Causes {
				g.ask.Say("  %s: %s\n      %s", c.Cause, c.Why, cmp.Or(c.Hands, c.Remedy))
			}
			return nil
		}
		if g.ctx.Err() != nil {
			return ErrStopped
		}
		g.ask.Say("railgated did not start: %v\n  railgate doctor looks for the reason; journalctl -u railgated -n 20 has its last words.", err)
		again, err := g.ask.Confirm("Try again?", true)
		if err != nil || !again {
			return errors.Join(err, stopUnless(again))
		}
	}
}

func stopUnless(again bool) error {
	if again {
		return nil
	}
	return ErrStopped
}

// startTime is how long a gate may take to be ready.
const startTime = 30 * time.Second

// answers waits until railgated answers and has seen its devices, or it is clear what it lacks.
func (g *guide) answers() (*control.Status, error) {
	ctx, cancel := context.WithTimeout(g.ctx, startTime)
	defer cancel()
	var last *control.Status
	for {
		s, err := g.client().Status(ctx)
		if err == nil {
			if last = s; s.Health != control.OutOfService {
				return s, nil
			}
		}
		select {
		case <-ctx.Done():
			if last != nil {
				return last, nil
			}
			return nil, fmt.Errorf("%w within %v", err, startTime)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

const (
	relayClicks = "relay: opens the turnstile once"
	sensorSees  = "passage sensor: sees who walks through"
	fireSeen    = "fire loop: is seen, and its end"
)

// opens tells whether the lane has a turnstile.
func (g *guide) opens() bool {
	cfg, err := configs.Load(g.Config)
	return err != nil || cfg.Turnstile.Driver != ""
}

// consents asks before anything moves. No is a result, too.
func (g *guide) consents(what, question string) (bool, error) {
	yes, err := g.ask.Confirm(question, false)
	if err == nil && !yes {
		g.state.set(result{What: what, Is: isNotDone, Note: "by " + g.state.Who + "'s choice", At: g.Now()})
	}
	return yes, err
}

// clickTime is how long the lane is free for one click.
const clickTime = time.Second

// tryRelay opens the turnstile for a moment, as often as the person wants, and asks whether it was heard.
func (g *guide) tryRelay() error {
	if !g.opens() {
		g.ask.Say("A lane of this direction opens nothing: there is no relay.")
		return nil
	}
	yes, err := g.consents(relayClicks, "The turnstile will open once, and the journal says that you did it. Is nobody in it, and may it move?")
	if err != nil || !yes {
		return err
	}
	for {
		if err := g.openFor("the relay is tried", func(ctx context.Context) { sleep(ctx, clickTime) }); err != nil {
			return g.cannotOpen(relayClicks, err)
		}
		options := []string{"yes", "no, try again", "no, nothing: go on", "it opened, and stayed open"}
		if g.now("turnstile.driver") == "gpio" {
			options = append(options, "no: it is on another line")
		}
		what, err := g.ask.Choose("Did the relay click and the turnstile open, once?", options, 0)
		if err != nil {
			return err
		}
		switch what {
		case 4:
			if err := g.otherLine(); err != nil {
				return err
			}
			continue
		case 0:
			g.state.set(result{What: relayClicks, Is: isRight, At: g.Now()})
			return nil
		case 1:
			continue
		case 2:
			if err := g.lineBack(); err != nil {
				return err
			}
			g.ask.Say("%s", adviceNoClick)
		case 3:
			g.ask.Say("%s", adviceStaysOpen)
		}
		g.state.set(result{What: relayClicks, Is: isWrong, Note: []string{2: "nothing was heard", 3: "it stayed open"}[what], At: g.Now()})
		return nil
	}
}

// otherLine asks for the line that the relay is on, and has railgated drive it. To choose is to consent: what is chosen is clicked next.
func (g *guide) otherLine() error {
	current := g.now("turnstile.open")
	if !slices.Contains(g.tried, current) {
		g.tried = append(g.tried, current)
	}
	var lines []string
	for _, line := range g.Lines(g.tried[0]) {
		if !slices.Contains(g.tried, line) {
			lines = append(lines, line)
		}
	}
	const typed = "another one, which I type"
	if len(lines) > 0 {
		i, err := g.ask.Choose("Which line is it on? These are free; the one that you choose is switched on for a moment", append(lines, typed), 0)
		if err != nil {
			return err
		}
		if i < len(lines) {
			return g.setLine(lines[i])
		}
	}
	line, err := g.ask.Text("The relay's line, by name or CHIP:OFFSET (gpioinfo lists them)", current, needed)
	if err != nil {
		return err
	}
	return g.setLine(line)
}

// setLine has railgated drive the relay on a line.
func (g *guide) setLine(line string) error {
	current := g.current()
	g.state.Draft = string(current)
	if err := g.set(configs.Change{Key: "turnstile.open", Value: line}); err != nil {
		return err
	}
	if _, err := configs.Parse(g.Config, []byte(g.state.Draft)); err != nil {
		g.ask.Say("Nothing was changed: %v", err)
		return nil
	}
	if err := errors.Join(g.Write(current, []byte(g.state.Draft)), g.save()); err != nil {
		return err
	}
	g.ask.Say("turnstile.open = %q is written.", line)
	return g.start()
}

// lineBack is for a relay that was heard on no line: the one that the gate had first is written again.
func (g *guide) lineBack() error {
	if len(g.tried) == 0 || g.tried[0] == g.now("turnstile.open") {
		return nil
	}
	return g.setLine(g.tried[0])
}

const adviceNoClick = `What it mostly is:
  - the relay board's light comes on, and the turnstile does nothing: the wire from the relay to the turnstile's "open" input, or the one-shot relay;
  - no light: the wire at the board's pin (turnstile.open), the relay board's supply, its ground to the board's;
  - the light goes off for a moment: the relay board is active low; docs/installation.md, section 2, says what that needs;
  - another line: railgate config set turnstile.open LINE, then railgate init again.`

const adviceStaysOpen = `Switch the turnstile off. What it mostly is:
  - the relay board is active low (it is on while its input is low): docs/installation.md, section 2;
  - the one-shot relay is not there, or is set too long;
  - turnstile.pulse is "hold", and the turnstile wants a pulse: railgate config set turnstile.pulse 300ms.`

// openFor has railgated open the lane for whoever comes, as a technician at it, until do returns. railgated writes
// the record before it moves the relay, and gives the lane back even if the person leaves.
func (g *guide) openFor(why string, do func(context.Context)) error {
	client := g.client()
	s, err := client.Status(g.ctx)
	if err != nil {
		return err
	}
	if s.Mode == "emergency" {
		return errors.New("the fire loop's input is active, so nothing opens: check its wire and turnstile.active_low")
	}
	answer, err := client.Service(g.ctx, "free", "railgate init: "+why) // the journal names nobody
	if err == nil && len(answer.OutOfService) > 0 {
		err = fmt.Errorf("the lane is out of service: %s", strings.Join(answer.OutOfService, "; "))
	}
	if err == nil {
		do(g.ctx)
	}
	_, err2 := client.Service(context.WithoutCancel(g.ctx), "none", "")
	if g.ctx.Err() != nil {
		return ErrStopped
	}
	return errors.Join(err, err2)
}

// cannotOpen says why nothing moved, and notes it.
func (g *guide) cannotOpen(what string, err error) error {
	if errors.Is(err, ErrStopped) {
		return err
	}
	g.ask.Say("It was not opened: %v\n  railgate doctor says what to do; then railgate init again.", err)
	g.state.set(result{What: what, Is: isWrong, Note: "not opened: " + err.Error(), At: g.Now()})
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// trySensor opens the turnstile, and waits for the record of somebody who walks through.
func (g *guide) trySensor() error {
	if !g.opens() {
		return nil
	}
	yes, err := g.consents(sensorSees, "The turnstile will be free until you have walked through it. May it?")
	if err != nil || !yes {
		return err
	}
	for {
		records, seen := g.records(), journal.Kind("")
		err := g.openFor("the sensor is tried", func(ctx context.Context) {
			g.ask.Say("Walk through now, all the way …")
			seen = records.await(ctx, journal.Passage, journal.Obstructed)
		})
		switch {
		case err != nil:
			return g.cannotOpen(sensorSees, err)
		case seen == journal.Passage:
			g.ask.Say("Seen.")
			g.state.set(result{What: sensorSees, Is: isRight, At: g.Now()})
			return nil
		}
		again, err := g.again(sensorSees, map[bool]string{true: adviceBlocked, false: adviceNobody}[seen == journal.Obstructed])
		if err != nil || !again {
			return err
		}
	}
}

const adviceNobody = `Nobody was seen. What it mostly is:
  - the sensor's contact never closes: bridge its two wires for a second; if that is seen, it is the sensor or where it looks;
  - it is not seen either: the wire at the board's pin (turnstile.passage), and 3.3 V at the contact's other side;
  - the contact is closed while nobody is there: it is active low; railgate config set turnstile.active_low passage emergency.`

const adviceBlocked = `The sensor is active all the time. What it mostly is:
  - something is before it;
  - its contact is closed while nobody is there: railgate config set turnstile.active_low passage emergency.`

// again gives advice, and asks whether to try again. No is a result.
func (g *guide) again(what, advice string) (bool, error) {
	g.ask.Say("%s", advice)
	again, err := g.ask.Choose("And now?", []string{"try again", "go on: it is noted as wrong"}, 0)
	if err == nil && again == 1 {
		g.state.set(result{What: what, Is: isWrong, At: g.Now()})
	}
	return again == 0, err
}

// tryFire waits for the fire loop to be opened, and closed again.
func (g *guide) tryFire() error {
	if !g.opens() {
		return nil
	}
	yes, err := g.consents(fireSeen, "Next is the fire loop: its button is pressed, or one of its wires pulled. The turnstile is free while it is. May it?")
	if err != nil || !yes {
		return err
	}
	for {
		records := g.records()
		g.ask.Say("Press the fire button, or pull a wire of the loop …")
		if records.await(g.ctx, journal.EmergencyBegin) != "" {
			g.ask.Say("Seen. Put it back …")
			if records.await(g.ctx, journal.EmergencyEnd) != "" {
				g.ask.Say("Seen.")
				g.state.set(result{What: fireSeen, Is: isRight, At: g.Now()})
				return nil
			}
		}
		if g.ctx.Err() != nil {
			return ErrStopped
		}
		again, err := g.again(fireSeen, adviceFire)
		if err != nil || !again {
			return err
		}
	}
}

const adviceFire = `The fire loop was not seen, or not its end. What it mostly is:
  - turnstile.emergency is "": set it to its line;
  - the relay that tells the gate has no supply, or its contact is on another pin;
  - it is the other way round: with turnstile.active_low = ["emergency"] the contact is closed while there is no alarm.`

// A reader reads the journal's new records.
type reader struct {
	g     *guide
	after uint64
}

// records begins to read behind the newest record.
func (g *guide) records() *reader {
	r := &reader{g: g}
	if s, err := g.client().Status(g.ctx); err == nil {
		for _, record := range s.History.Recent {
			r.after = max(r.after, record.Seq)
		}
	}
	for old := r.after == 0; old && g.ctx.Err() == nil; { // none since its start: what was before that is not new
		records, err := g.client().Records(r.after, 1000)
		if err != nil || len(records) == 0 {
			break
		}
		r.after = records[len(records)-1].Seq
	}
	return r
}

// lookEvery is how often the journal is looked at.
const lookEvery = 100 * time.Millisecond

// await waits for a record of one of some kinds; "": none comes in time, or the person leaves.
func (r *reader) await(ctx context.Context, kinds ...journal.Kind) journal.Kind {
	ctx, cancel := context.WithTimeout(ctx, r.g.Wait)
	defer cancel()
	for ctx.Err() == nil {
		records, _ := r.g.client().Records(r.after, 1000) // without an answer it is asked again
		for _, record := range records {
			r.after = record.Seq
			if slices.Contains(kinds, record.Kind) {
				return record.Kind
			}
		}
		sleep(ctx, lookEvery)
	}
	return ""
}
