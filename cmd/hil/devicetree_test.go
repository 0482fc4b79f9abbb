package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A node is one of a device tree. A property's value is in big-endian cells of 32 bits, or in texts that end
// with a zero.
type node struct {
	path       string // "" is the root's
	parent     *node
	properties map[string][]byte
	nodes      []*node
}

// parseTree reads a device tree as a kernel gets it (Devicetree Specification 0.4, chapter 5).
func parseTree(b []byte) (*node, error) {
	if len(b) < 40 || binary.BigEndian.Uint32(b) != 0xd00d_feed {
		return nil, errors.New("this is no flattened device tree")
	}
	header := cells(b[:40])
	if int(header[1]) > len(b) || header[2] > header[1] || header[3] > header[1] {
		return nil, fmt.Errorf("the device tree has %d bytes; want %d", len(b), header[1])
	}
	r := treeReader{structure: b[header[2]:], names: b[header[3]:]}
	at := &node{}
	top := at
	for {
		switch token := r.cell(); token {
		case 1: // a node begins
			n := &node{path: at.path + "/" + r.text(), parent: at, properties: map[string][]byte{}}
			at.nodes = append(at.nodes, n)
			at = n
		case 2: // it ends
			if at = at.parent; at == nil {
				return nil, errors.New("the device tree ends twice")
			}
		case 3:
			length, name := int(r.cell()), r.cell()
			at.properties[text(r.names[name:])] = r.bytes(length)
		case 4: // nothing
		case 9:
			if at != top || len(top.nodes) != 1 {
				return nil, errors.New("the device tree ends too early")
			}
			root := top.nodes[0]
			root.path, root.parent = "", nil
			for n := range root.all {
				n.path = strings.TrimPrefix(n.path, "/")
			}
			return root, nil
		default:
			return nil, fmt.Errorf("token %d in the device tree", token)
		}
	}
}

type treeReader struct{ structure, names []byte }

// bytes takes so many, and what pads them to a cell.
func (r *treeReader) bytes(n int) []byte {
	b := r.structure[:n]
	r.structure = r.structure[(n+3)&^3:]
	return b
}

func (r *treeReader) cell() uint32 { return binary.BigEndian.Uint32(r.bytes(4)) }

func (r *treeReader) text() string {
	s := text(r.structure)
	r.bytes(len(s) + 1)
	return s
}

func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

func cells(b []byte) (all []uint32) {
	for ; len(b) >= 4; b = b[4:] {
		all = append(all, binary.BigEndian.Uint32(b))
	}
	return all
}

// all ranges over a node and those below it.
func (n *node) all(yield func(*node) bool) {
	if !yield(n) {
		return
	}
	for _, child := range n.nodes {
		stop := false
		for m := range child.all {
			if !yield(m) {
				stop = true
				break
			}
		}
		if stop {
			return
		}
	}
}

func (n *node) cells(property string) []uint32 { return cells(n.properties[property]) }

func (n *node) texts(property string) []string {
	value, has := n.properties[property]
	if !has {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(value), "\x00"), "\x00")
}

// number is a property of one cell, 0 if it is not there.
func (n *node) number(property string) int {
	if c := n.cells(property); len(c) == 1 {
		return int(c[0])
	}
	return 0
}

func (n *node) is(compatible string) bool { return slices.Contains(n.texts("compatible"), compatible) }

// on tells whether a node and all above it are in use.
func (n *node) on() bool {
	for ; n != nil; n = n.parent {
		if s := n.texts("status"); s != nil && s[0] != "okay" && s[0] != "ok" {
			return false
		}
	}
	return true
}

// find is the first node that is compatible with a device, or nil.
func (n *node) find(compatible string) *node {
	for m := range n.all {
		if m.is(compatible) {
			return m
		}
	}
	return nil
}

// A handle is how nodes name each other.
func (n *node) handles() map[int]*node {
	found := map[int]*node{}
	for m := range n.all {
		if h := m.number("phandle"); h != 0 {
			found[h] = m
		}
	}
	return found
}

// claims are the pins of a GPIO controller that nodes in use want, by number, with the nodes' paths: as a
// group of pins (pinctrl), as GPIO lines, or as interrupts.
func (n *node) claims(controller *node) map[int][]string {
	c := claims{root: n, controller: controller, handles: n.handles(), pins: map[int][]string{}}
	for m := range n.all {
		if m.on() {
			c.of(m)
		}
	}
	return c.pins
}

type claims struct {
	root, controller *node
	handles          map[int]*node
	pins             map[int][]string
}

func (c *claims) add(n *node, pin int) { c.pins[pin] = append(c.pins[pin], n.path) }

func (c *claims) of(n *node) {
	for name, value := range n.properties {
		state, isState := strings.CutPrefix(name, "pinctrl-")
		if _, err := strconv.Atoi(state); isState && err == nil {
			for _, handle := range cells(value) {
				c.group(n, c.handles[int(handle)])
			}
		}
		if name == "gpios" || name == "gpio" || strings.HasSuffix(name, "-gpios") || strings.HasSuffix(name, "-gpio") {
			if _, hog := n.properties["gpio-hog"]; hog && n.parent == c.controller {
				c.add(n, int(cells(value)[0]))
			} else if !hog {
				c.list(n, cells(value), "#gpio-cells")
			}
		}
	}
	c.list(n, n.cells("interrupts-extended"), "#interrupt-cells")
	if interrupts := n.cells("interrupts"); len(interrupts) > 0 && c.interruptParent(n) == c.controller {
		for i := 0; i < len(interrupts); i += c.controller.number("#interrupt-cells") {
			c.add(n, int(interrupts[i]))
		}
	}
}

// group are pins that are set up together: brcm,pins has numbers, pins has names.
func (c *claims) group(n, group *node) {
	if group == nil || !slices.Contains(slices.Collect(c.controller.all), group) {
		return
	}
	for m := range group.all {
		for _, pin := range m.cells("brcm,pins") {
			c.add(n, int(pin))
		}
		for _, name := range m.texts("pins") {
			if pin, err := strconv.Atoi(strings.TrimPrefix(name, "gpio")); err == nil {
				c.add(n, pin)
			}
		}
	}
}

// list is a row of references: a handle, and as many cells as its node says, the pin first.
func (c *claims) list(n *node, row []uint32, size string) {
	for len(row) > 1 {
		to := c.handles[int(row[0])]
		if to == nil {
			row = row[1:] // "none"
			continue
		}
		if to == c.controller {
			c.add(n, int(row[1]))
		}
		row = row[min(len(row), 1+to.number(size)):]
	}
}

func (c *claims) interruptParent(n *node) *node {
	for ; n != nil; n = n.parent {
		if handle := n.number("interrupt-parent"); handle != 0 {
			return c.handles[handle]
		}
	}
	return nil
}
