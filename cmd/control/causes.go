package control

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Cause is one thing that is wrong with a gate: what was seen, and what to do. The
// daemon's status, railgate doctor and the gate's page say it alike, for what a cause
// means comes from one table, [Meanings].
type Cause struct {
	Cause    string    `json:"cause"`            // stable, such as "keyset_missing"
	Severity Health    `json:"severity"`         // degraded, out_of_service
	Why      string    `json:"why"`              // what was seen, in words
	Remedy   string    `json:"remedy"`           // a command to paste
	Hands    string    `json:"hands,omitempty"`  // what to do where no command mends it
	Proof    string    `json:"proof,omitempty"`  // a command that shows that it is gone
	About    string    `json:"about,omitempty"`  // which of several: a scanner's name
	Since    time.Time `json:"since,omitzero"`   // zero: not known
	Unsure   bool      `json:"unsure,omitempty"` // since is by a clock that is not trusted
	Alias    string    `json:"alias,omitempty"`  // what an older version called it
}

// SinceWords says since when a cause is seen, by the clock of now's zone; "" where that is not
// known.
func (c *Cause) SinceWords(now time.Time) string {
	if c.Since.IsZero() {
		return ""
	}
	layout := time.TimeOnly
	if now.Sub(c.Since).Abs() > 18*time.Hour {
		layout = time.DateTime
	}
	words := fmt.Sprintf("since %s, for %v", c.Since.In(now.Location()).Format(layout), max(0, now.Sub(c.Since)).Round(time.Second))
	if c.Unsure {
		words += " (by a clock that is not trusted)"
	}
	return words
}

// A Meaning is what is known of a cause wherever it is found.
type Meaning struct {
	Cause    string
	Severity Health // where the one who finds it does not know better
	What     string // what is wrong
	Matters  string // what comes of it
	Remedy   string // a shell command; {keys}, {data}, ... stand for what NewCause is told
	Alias    string
}

// usual has the default values for the names in a remedy.
var usual = []string{
	"{config}", "/etc/railgate/railgated.toml", "{keys}", "/etc/railgate/keys.json", "{data}", "/var/lib/railgate", "{user}", "railgate", "{group}", "railgate", "{device_group}", "dialout,gpio,video", "{line}", "1",
	"{etc_keys}", "/etc/railgate/keys.json", "{drop_ins}", "/etc/systemd/system/railgated.service.d",
}

// NewCause is a cause of the table, with what was seen. names fills the remedy in, as
// pairs: "{keys}", path. A value is quoted where a shell wants it; "{end}" is a command, which is
// not. "{sync}" is where the keyset comes from a repository: the command is then another one.
// NewCause panics where the table does not have the cause: that is a fault of the program.
func NewCause(id, why string, names ...string) Cause {
	m, ok := MeaningOf(id)
	if !ok {
		panic("control: internal error: no cause " + id)
	}
	return Cause{Cause: m.Cause, Severity: m.Severity, Why: why, Remedy: fill(m.Remedy, names), Hands: handsFor(m, names), Proof: fill(proofOf(m.Cause), names), Alias: m.Alias}
}

// fill puts values into a remedy; of two for one name the first counts, and an empty one
// does not count.
func fill(remedy string, names []string) string {
	railgate := tool(names)
	pairs := []string{"{railgate}", railgate, "{keyset}", railgate + " keys install KEYS.JSON"}
	if value(names, "{sync}") != "" { // the keyset comes from a repository, not from a file
		pairs[3] = railgate + " sync"
	}
	for i := 0; i+1 < len(names); i += 2 {
		switch value := names[i+1]; {
		case names[i] == "{end}": // a command
			pairs = append(pairs, names[i], value)
		case value != "":
			pairs = append(pairs, names[i], Quote(value))
		}
	}
	pairs = append(pairs, "{end}", railgate+" doctor") // which finds who it is
	return strings.NewReplacer(append(pairs, usual...)...).Replace(remedy)
}

// value is what stands for a name; "": nothing does.
func value(names []string, name string) string {
	for i := 0; i+1 < len(names); i += 2 {
		if names[i] == name && names[i+1] != "" {
			return names[i+1]
		}
	}
	return ""
}

// tool is how railgate is called for a gate: another configuration is named.
func tool(names []string) string {
	if path := value(names, "{config}"); path != "" && path != usual[1] {
		return "railgate --config " + Quote(path)
	}
	return "railgate"
}

// Quote is a word as a shell reads it back.
func Quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%="
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// MeaningOf finds a cause in the table, by its name or by an older one.
func MeaningOf(id string) (Meaning, bool) {
	for _, m := range meanings {
		if id != "" && (m.Cause == id || m.Alias == id) {
			return m, true
		}
	}
	return Meaning{}, false
}

// Meanings is the table of causes, in the order in which a technician looks.
func Meanings() []Meaning { return slices.Clone(meanings[:]) }
