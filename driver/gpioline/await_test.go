package gpioline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"periph.io/x/conn/v3/gpio"
)

// A line whose chip is plugged in later is the same line from then on.
func TestALineThatIsAwaited(t *testing.T) {
	k, pin, _ := newFake(t)
	c := k.nodes[fakePath]
	delete(k.nodes, fakePath)
	l := Await("pl061:1")
	l.kernel, l.ActiveLow = k, true
	t.Cleanup(func() { l.Close() })
	for range 2 {
		err := l.Out(gpio.Low)
		if !errors.Is(err, ErrNoChip) || !strings.Contains(err.Error(), `GPIO line "pl061:1"`) || l.Spec() != "pl061:1" || l.String() != "pl061:1" {
			t.Fatalf("%v: %v; want a missing chip", l, err)
		}
	}
	if err := l.In(gpio.PullUp, gpio.BothEdges); !errors.Is(err, ErrNoChip) {
		t.Fatalf("as an input: %v; want a missing chip", err)
	}
	k.nodes[fakePath] = &fakeChip{label: "another"}
	if err := l.Out(gpio.Low); !errors.Is(err, ErrNoChip) || !strings.Contains(err.Error(), "another") {
		t.Fatalf("with another chip: %v; want what there is", err)
	}
	k.nodes["/dev/gpiochip7"] = c
	if err := l.Out(gpio.Low); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(pin.trace, ", "); got != "request high" || l.String() != "RELAY (pl061:1)" || l.Spec() != "pl061:1" || l.Path() != "/dev/gpiochip7" {
		t.Errorf("%v at %s, %s: its pin: %s; want it inactive at once", l, l.Path(), l.Spec(), got)
	}
}

// What there is, as the kernel tells it.
func TestScan(t *testing.T) {
	k, _, _ := newFake(t)
	k.nodes = map[string]*fakeChip{
		"/dev/gpiochip0": {label: "pl061", lines: []*fakeLine{{name: "OTHER"}, {name: "RELAY"}}},
		"/dev/gpiochip1": {label: "usb-relay", lines: []*fakeLine{{}}},
		"/dev/gpiochip2": {label: "usb-relay"},
		"/dev/gpiochip3": {label: "secret", lines: []*fakeLine{{name: "RELAY"}}, forbidden: true},
	}
	k.nodes["/dev/gpiochip9"] = k.nodes["/dev/gpiochip0"] // a second node of the first
	chips, err := scan(k)
	if got, want := fmt.Sprint(chips), "[{gpiochip0 pl061 false /dev/gpiochip0 [OTHER RELAY]} {gpiochip1 usb-relay true /dev/gpiochip1 []} {gpiochip2 usb-relay true /dev/gpiochip2 []}]"; got != want || err != nil {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	k.nodes = map[string]*fakeChip{"/dev/gpiochip3": {label: "secret", forbidden: true}}
	chips, err = scan(k)
	if _, err := findAmong(chips, err, "RELAY"); !errors.Is(err, ErrNoChip) || !strings.Contains(err.Error(), "/dev/gpiochip3: permission denied") {
		t.Errorf("a chip that may not be opened: %v", err)
	}
}
