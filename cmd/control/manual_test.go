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
	b.WriteString("| cause | what is wrong; what comes of it | command |\n| --- | --- | --- |\n")
	for _, m := range Meanings() {
		remedy := strings.ReplaceAll(fill(m.Remedy, nil), "|", `\|`)
		name := "`" + m.Cause + "`"
		if m.Alias != "" {
			name += " (was `" + m.Alias + "`)"
		}
		fmt.Fprintf(&b, "| %s | %s; %s | `%s` |\n", name, m.What, m.Matters, remedy)
	}
	return b.String()
}

func TestManualHasEachCause(t *testing.T) {
	text, err := os.ReadFile("../../docs/technician.md")
	if err != nil || !strings.Contains(string(text), causeTable()) {
		t.Errorf("docs/technician.md does not have this table (%v):\n%s", err, causeTable())
	}
}
