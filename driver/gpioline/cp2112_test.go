package gpioline

import (
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// A CP2112 is never asked for interrupts, whether it was there from the start or came later: its kernel driver crashes when they are let go. Its
// edges are found all the same, within a look and the time that a level must stand, and it is not looked at more often than it can tell.
func TestCP2112IsLookedAt(t *testing.T) {
	for name, late := range map[string]bool{"there from the start": false, "plugged in later": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, pin, _ := newFake(t)
				pin.fragile, k.nodes[fakePath].label = true, "cp2112_gpio"
				l := Await("cp2112_gpio:1")
				if !late {
					found, err := find([]chip{{name: "gpiochip0", label: "cp2112_gpio", path: fakePath, lines: []string{"OTHER", "RELAY"}}}, "RELAY")
					if err != nil {
						t.Fatal(err)
					}
					l = found
				}
				defer l.Close()
				l.kernel, l.ActiveLow, l.Debounce = k, true, 5*time.Millisecond
				if err := l.In(gpio.PullUp, gpio.BothEdges); err != nil {
					t.Fatal(err)
				}
				if got, want := pin.request.config.flags, uint64(flagInput|flagActiveLow|flagPullDown); got != want {
					t.Errorf("asked for %#x; want %#x", got, want)
				}
				for i := range 40 {
					high := i%2 == 0
					time.AfterFunc(100*time.Millisecond+time.Duration(i)*time.Millisecond, func() { k.put(pin, high) })
					changed := time.Now().Add(100*time.Millisecond + time.Duration(i)*time.Millisecond)
					if !l.WaitForEdge(time.Minute) {
						t.Fatal("no edge")
					}
					level, at := l.Edge()
					if took := at.Sub(changed); bool(level) == high || took < 0 || took > 25*time.Millisecond {
						t.Errorf("edge to %v, %v after the change; want %v within 25 ms", level, took, !high)
					}
				}
				before := pin.looks
				if l.WaitForEdge(time.Second) {
					t.Error("an edge that nobody made")
				}
				if n := pin.looks - before; n > 51 {
					t.Errorf("%d looks in a second; want one in 20 ms", n)
				}
			})
		})
	}
}
