package main

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"
)

// branch makes a node of its properties: texts, or cells.
func branch(name string, properties map[string]any, nodes ...*node) *node {
	n := &node{path: name, properties: map[string][]byte{}, nodes: nodes}
	for _, child := range nodes {
		child.parent = n
	}
	for property, value := range properties {
		switch v := value.(type) {
		case string:
			n.properties[property] = []byte(v + "\x00")
		case []uint32:
			n.properties[property], _ = binary.Append(nil, binary.BigEndian, v) // numbers always go
		}
	}
	return n
}

// Every way in which a tree gives a pin away, and those in which it does not.
func TestClaimsOnPins(t *testing.T) {
	type values = map[string]any
	gpio := branch("gpio", values{"phandle": []uint32{1}, "#gpio-cells": []uint32{2}, "#interrupt-cells": []uint32{2}},
		branch("group", values{"phandle": []uint32{2}, "brcm,pins": []uint32{4, 5}}),
		branch("names", values{"phandle": []uint32{3}}, branch("below", values{"pins": "gpio6\x00gpio7"})),
		branch("hog", values{"gpio-hog": "", "gpios": []uint32{8, 0}}),
		branch("unused", values{"phandle": []uint32{4}, "brcm,pins": []uint32{17}}))
	other := branch("other", values{"phandle": []uint32{5}, "#gpio-cells": []uint32{3}, "#interrupt-cells": []uint32{1}},
		branch("group", values{"phandle": []uint32{6}, "brcm,pins": []uint32{17}}))
	root := branch("", nil, gpio, other,
		branch("spi", values{"pinctrl-0": []uint32{2}, "pinctrl-names": "default"}),
		branch("uart", values{"pinctrl-1": []uint32{6, 3}}),
		branch("lamp", values{"gpios": []uint32{5, 17, 0, 0, 1, 9, 0}}),
		branch("card", values{"cd-gpios": []uint32{0, 1, 10, 1}}),
		branch("touch", values{"interrupts-extended": []uint32{5, 17, 1, 11, 8}}),
		branch("bus", values{"interrupt-parent": []uint32{1}}, branch("clock", values{"interrupts": []uint32{12, 8, 13, 8}})),
		branch("timer", values{"interrupt-parent": []uint32{5}, "interrupts": []uint32{17}}),
		branch("off", values{"status": "disabled", "gpios": []uint32{1, 17, 0}}, branch("below", values{"gpios": []uint32{1, 17, 0}})))
	got := root.claims(gpio)
	want := map[int][]string{4: {"spi"}, 5: {"spi"}, 6: {"uart"}, 7: {"uart"}, 8: {"hog"}, 9: {"lamp"}, 10: {"card"}, 11: {"touch"}, 12: {"clock"}, 13: {"clock"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("claims %v; want %v", got, want)
	}
}

func TestTreesThatAreNone(t *testing.T) {
	header := func(size, structure, names uint32) []byte {
		b, err := binary.Append(nil, binary.BigEndian, []uint32{0xd00dfeed, size, structure, names, 0, 17, 16, 0, 0, 0})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":          nil,
		"no magic number":  make([]byte, 40),
		"no token":         append(header(44, 40, 44), 0, 0, 0, 7),
		"no node":          append(header(44, 40, 44), 0, 0, 0, 9),
		"one end too many": append(header(44, 40, 44), 0, 0, 0, 2),
		"its end is gone":  append(header(60, 40, 56), "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x09"...),
	} {
		if n, err := parseTree(b); err == nil {
			t.Errorf("%s: read as %v", name, n)
		}
	}
}
