package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"railgate/cmd/control"
	"railgate/driver"
)

// View implements [tea.Model].
func (w *watch) View() tea.View {
	v := tea.NewView(strings.Join(w.screen(), "\n"))
	v.AltScreen = true
	return v
}

// screen is what the terminal shows: at most its height of lines, none wider than it.
func (w *watch) screen() []string {
	lines := w.body()
	for len(lines) < w.room() {
		lines = append(lines, "")
	}
	lines = lines[:w.room()]
	if w.room() < w.height {
		lines = append(lines, w.keys())
	}
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], w.width, "…")
	}
	return lines
}

// room is how many lines there are above the keys, which a very small terminal does not show.
func (w *watch) room() int {
	if w.height < 8 {
		return w.height
	}
	return w.height - 1
}

// body is all but the keys.
func (w *watch) body() []string {
	if w.status == nil {
		return []string{w.paint.bold("railgate watch"), w.paint.yellow("railgated does not answer yet; waiting for it")}
	}
	lines := w.head()
	if w.causes {
		all := w.causeLines()
		if len(all) == 0 {
			all = []string{w.paint.green("✓") + " nothing is wrong"}
		}
		room := max(1, w.room()-len(lines))
		w.scroll = min(w.scroll, max(0, len(all)-room))
		return append(lines, all[w.scroll:]...)
	}
	room := w.room() - len(lines) - 1 // the rule above the records
	facts := w.facts()
	least := max(2, room/4) // lines for records
	causes, most := w.causeLines(), max(1, room-least-len(facts))
	if len(causes) > most {
		causes = w.shortCauses()
	}
	if len(causes) > most {
		causes = append(causes[:most-1:most-1], w.paint.dim(fmt.Sprintf("… %d more lines: c", len(causes)-most+1)))
	}
	if most == 1 {
		causes = w.shortCauses()[:min(1, len(causes))]
	}
	lines = append(lines, causes...)
	lines = append(lines, facts[:max(0, min(len(facts), room-least-len(causes)))]...)
	return append(lines, w.recordLines(w.room()-len(lines))...)
}

// head is who the gate is and how.
func (w *watch) head() []string {
	s := w.status
	left := w.paint.bold(strings.Join(strings.Fields(s.Station+" "+s.Gate+" "+s.Direction), " ")) + "  " + w.paint.mark(s.Health) + " " + w.paint.health(s.Health) + "  lane " + s.Mode
	right := s.Clock.Time.In(w.zone).Format("15:04:05 Z07")
	lines := []string{left}
	if gap := w.width - ansi.StringWidth(left) - ansi.StringWidth(right); gap > 0 {
		lines[0] += strings.Repeat(" ", gap) + right
	}
	if s.Service != "" && s.ServiceUntil != nil {
		lines = append(lines, w.paint.yellow("service: ")+serviceWords(s.Service, s.ServiceUntil.In(w.zone), s.Clock.Time))
	}
	if w.absent {
		lines = append(lines, w.paint.yellow("railgated does not answer; waiting for it. This is what it said last."))
	}
	return lines
}

// causeLines are what is wrong, and what to do about it.
func (w *watch) causeLines() (lines []string) {
	for i := range w.status.Causes {
		c := &w.status.Causes[i]
		mark := w.paint.mark(c.Severity)
		lines = append(lines, w.wrap(mark+" ", "  ", w.paint.bold(c.Cause)+": "+visible(strings.TrimPrefix(c.Why, c.Cause+": ")))...)
		if since := c.SinceWords(w.status.Clock.Time.In(w.zone)); since != "" && w.causes {
			lines = append(lines, "  "+w.paint.dim(since))
		}
		if c.Hands != "" {
			lines = append(lines, w.wrap("  ", "  ", c.Hands)...)
		}
		lines = append(lines, w.wrap("  "+w.paint.dim("→ "), "    ", c.Remedy)...)
		if c.Proof != "" && c.Proof != c.Remedy && w.causes {
			lines = append(lines, w.wrap("  "+w.paint.dim("mended? "), "    ", c.Proof)...)
		}
	}
	return lines
}

// shortCauses are what is wrong and the command for it, a line each.
func (w *watch) shortCauses() (lines []string) {
	for i := range w.status.Causes {
		c := &w.status.Causes[i]
		lines = append(lines, w.paint.mark(c.Severity)+" "+w.paint.bold(c.Cause)+": "+visible(strings.TrimPrefix(c.Why, c.Cause+": ")), "  "+w.paint.dim("→ ")+c.Remedy)
	}
	return lines
}

// wrap breaks a text into lines of the terminal's width.
func (w *watch) wrap(first, next, text string) []string {
	lines := strings.Split(ansi.Wordwrap(text, max(10, w.width-len(next)), ""), "\n")
	for i := range lines {
		if i == 0 {
			lines[i] = first + lines[i]
		} else {
			lines[i] = next + lines[i]
		}
	}
	return lines
}

// facts are the devices, the lines, the clock, the keyset, and how long passages take.
func (w *watch) facts() []string {
	s := w.status
	lines := []string{w.lanePart()}
	for i := range s.Devices {
		lines = append(lines, w.device(&s.Devices[i]))
	}
	lines = append(lines, w.clock())
	if k := &s.Keyset; k.Loaded {
		lines = append(lines, w.fact("keyset", fmt.Sprintf("version %d, %d keys; the last ends %s", k.Version, k.Keys, k.Expires.In(w.zone).Format(time.DateOnly))))
	}
	if s.Bus != nil {
		state, journal := busWords(s.Bus)
		lines = append(lines, w.fact("bus", state+"; "+journal))
	}
	return append(lines, w.latency(), w.fact("last hour", w.hour()))
}

func (w *watch) fact(name, text string) string {
	return fmt.Sprintf("%s %s", w.paint.dim(fmt.Sprintf("%-9s", name)), text)
}

// lanePart is the turnstile's lines: what moves.
func (w *watch) lanePart() string {
	var parts []string
	for i := range w.status.Devices {
		for j := range w.status.Devices[i].Lines {
			parts = append(parts, w.line(&w.status.Devices[i].Lines[j]))
		}
	}
	if len(parts) == 0 {
		return w.fact("lines", "the turnstile has not told its lines yet")
	}
	return w.fact("lines", strings.Join(parts, "   "))
}

// lineWords are a line's name for people, and what its levels mean.
var lineWords = map[string][3]string{
	driver.LineNames[0]: {"relay", "inactive", "ACTIVE"},
	driver.LineNames[1]: {"sensor", "clear", "SOMEBODY"},
	driver.LineNames[2]: {"fire loop", "closed", "OPEN"},
}

func (w *watch) line(l *control.Line) string {
	words, ok := lineWords[l.Name]
	if !ok {
		words = [3]string{l.Name, "inactive", "ACTIVE"}
	}
	text := words[0] + " ○ " + words[1]
	if l.Active {
		text = words[0] + " " + w.paint.yellow("● "+words[2])
	}
	if l.Changes > 0 {
		text += w.paint.dim(fmt.Sprintf(" ×%d, %s", l.Changes, w.ago(l.Since)))
	}
	return text
}

// ago is how long something is ago, by the gate's clock.
func (w *watch) ago(at time.Time) string {
	d := max(0, w.status.Clock.Time.Sub(at))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func (w *watch) device(d *control.Device) string {
	state := w.paint.green("up")
	if !d.Up {
		state = w.paint.red("down")
	}
	text := fmt.Sprintf("%s (%s) %s %s", d.Name, d.Driver, state, w.ago(d.Since))
	if n, ok := w.status.Counts.Readings[d.Name]; ok && d.Kind == "scanner" {
		text += fmt.Sprintf(", %d readings", n)
	}
	if d.Suffix != "" {
		text += ", suffix " + d.Suffix
	}
	if !d.Up {
		text += ": " + visible(d.Error)
	}
	if d.Note != "" {
		text += "; " + visible(d.Note)
	}
	return w.fact(d.Kind, text)
}

func (w *watch) clock() string {
	c := &w.status.Clock
	text := string(c.Source)
	if !c.Trusted {
		text = w.paint.red("not trusted") + " (" + text + ")"
	}
	if c.Why != "" {
		text += ": " + visible(c.Why)
	}
	return w.fact("clock", text)
}

// latency is how long the last passages took, from a code's last byte to the relay.
func (w *watch) latency() string {
	totals := slices.Clone(w.status.History.Totals)
	if len(totals) == 0 {
		return w.fact("latency", "none yet")
	}
	shown := totals[max(0, len(totals)-max(8, w.width-62)):]
	bars := spark(shown)
	slices.Sort(totals)
	at := func(per int) string { return micros((totals[(len(totals)-1)*per/100] + 50) / 100 * 100) }
	return w.fact("latency", fmt.Sprintf("p50 %s  p99 %s  slowest %s  %s", at(50), at(99), at(100), w.paint.green(bars)))
}

// sparks are the heights of a sparkline.
var sparks = []rune("▁▂▃▄▅▆▇█")

// spark draws values beside one another, from 0 to the largest, which is never small.
func spark(values []int64) string {
	top := max(slices.Max(values), 20_000) // 20 ms, which a passage may take
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(sparks[max(0, v)*int64(len(sparks)-1)/top])
	}
	return b.String()
}

func (w *watch) hour() string {
	granted, denied := 0, 0
	for _, m := range w.status.History.Minutes {
		granted, denied = granted+m.Granted, denied+m.Denied
	}
	return fmt.Sprintf("%d granted, %d denied; since the start %s", granted, denied, counts(w.status.Counts.Decided))
}

// recordLines are a rule and the last records, the newest below.
func (w *watch) recordLines(room int) []string {
	if room < 1 {
		return nil
	}
	records := w.records[:max(0, len(w.records)-w.late)]
	lines := []string{w.paint.dim(strings.Repeat("─", max(0, w.width)))}
	if len(records) == 0 {
		return append(lines, w.paint.dim("nothing has happened yet"))
	}
	for _, r := range records[max(0, len(records)-room+1):] {
		lines = append(lines, w.paint.dim(r.Time.In(w.zone).Format("15:04:05.000"))+"  "+recordWords(w.paint, &r))
	}
	return lines
}

// keys is the last line.
func (w *watch) keys() string {
	words := "q ends   p holds   c causes"
	if w.causes {
		words = "q ends   p holds   c back   ↑↓ scroll"
	}
	words = w.paint.dim(words)
	if w.held {
		words += "   " + w.paint.yellow(fmt.Sprintf("held: %d more since; p goes on", w.late))
	}
	return words
}
