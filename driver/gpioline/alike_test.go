package gpioline

import (
	"fmt"
	"testing"
)

// What a technician may click is a free pin of the header: not a line that somebody holds, and not one that the board lives on.
func TestLinesAlike(t *testing.T) {
	names := []string{"ID_SDA", "GPIO17", "GPIO27", "SD_CLK", "GPIO5", "", "GPIO6", ""}
	chips := []chip{
		{name: "gpiochip0", label: "pl061", path: fakePath, lines: names},
		{name: "gpiochip1", label: "other", path: "/dev/gpiochip1", lines: []string{"GPIO40"}},
	}
	k, _, _ := newFake(t)
	c := &fakeChip{label: "pl061"}
	for _, name := range names {
		c.lines = append(c.lines, &fakeLine{name: name})
	}
	c.lines[2].holder = "railgated"
	k.nodes[fakePath] = c
	for spec, want := range map[string]string{"GPIO17": "[GPIO5 (pl061:4) GPIO6 (pl061:6)]", "pl061:5": "[pl061:7]", "SD_CLK": "[]"} {
		l, err := find(chips, spec)
		if err != nil {
			t.Fatal(err)
		}
		l.kernel = k
		if lines, err := alike(chips, l); err != nil || fmt.Sprint(lines) != want {
			t.Errorf("%s: %v, %v; want %s", spec, lines, err, want)
		}
	}
	delete(k.nodes, fakePath)
	l, err := find(chips, "GPIO17")
	if err != nil {
		t.Fatal(err)
	}
	l.kernel = k
	if lines, err := alike(chips, l); err == nil {
		t.Errorf("without the chip: %v; want an error", lines)
	}
}
