package control

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// causeTable is the table of causes as docs/technician.md has it.
func causeTable() string {
	var b strings.Builder
	b.WriteString("| cause | what is wrong; what comes of it; what to do by hand | command, and the one that shows that it is mended |\n| --- | --- | --- |\n")
	for _, m := range Meanings() {
		c := NewCause(m.Cause, "")
		commands := "`" + c.Remedy + "`"
		if c.Proof != c.Remedy && c.Proof != "railgate doctor" {
			commands += "; `" + c.Proof + "`"
		}
		commands = strings.ReplaceAll(commands, "|", `\|`)
		what := m.What + "; " + m.Matters
		if c.Hands != "" {
			what += ". " + c.Hands
		}
		name := "`" + m.Cause + "`"
		if m.Alias != "" {
			name += " (was `" + m.Alias + "`)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, what, commands)
	}
	return b.String()
}

func TestManualHasEachCause(t *testing.T) {
	text, err := os.ReadFile("../../docs/technician.md")
	if err != nil || !strings.Contains(string(text), causeTable()) {
		t.Errorf("docs/technician.md does not have this table (%v):\n%s", err, causeTable())
	}
}
