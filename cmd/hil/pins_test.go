package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// The pins of the board's GPIO controller, as prepare.sh names them.
const (
	relayPin = iota
	greenPin
	redPin
	buzzerPin
	passagePin
	emergencyPin
	sparePin
)

// dataRegister reads all eight pins (ARM's PL061 manual, GPIODATA, all mask bits set).
const dataRegister = 0x0903_03fc

// pins are the wires: outputs are heard of as they change, stamped by this machine's clock; inputs are
// set. QEMU's qtest socket is a line protocol: "IRQ raise 0" comes by itself, all else is an answer.
type pins struct {
	conn       net.Conn
	controller string
	answers    chan string

	mu      sync.Mutex // guards the fields below
	changes []change
}

// change is one of an output.
type change struct {
	at   time.Time
	pin  int
	high bool
}

func (p *pins) open(t testing.TB, conn net.Conn, controller string) {
	t.Helper()
	p.conn, p.controller, p.answers = conn, controller, make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			p.hear(lines.Text(), time.Now())
		}
		close(p.answers)
	}()
	p.must(t, "irq_intercept_out "+controller)
}

func (p *pins) hear(line string, now time.Time) {
	var what string
	var pin int
	if _, err := fmt.Sscanf(line, "IRQ %s %d", &what, &pin); err != nil {
		p.answers <- line
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes = append(p.changes, change{now, pin, what == "raise"})
}

func (p *pins) close() {
	if p.conn != nil {
		p.conn.Close()
	}
}

// must has QEMU do something, and returns the rest of its "OK".
func (p *pins) must(t testing.TB, command string) string {
	t.Helper()
	rest, err := p.do(command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return rest
}

func (p *pins) do(command string) (string, error) {
	if _, err := fmt.Fprintln(p.conn, command); err != nil {
		return "", err
	}
	select {
	case line, ok := <-p.answers:
		rest, good := strings.CutPrefix(line, "OK")
		if !ok || !good {
			return "", fmt.Errorf("QEMU says %q", line)
		}
		return strings.TrimSpace(rest), nil
	case <-time.After(patience):
		return "", errors.New("QEMU does not answer")
	}
}

// set drives an input.
func (p *pins) set(pin int, high bool) error {
	level := 0
	if high {
		level = 1
	}
	_, err := p.do(fmt.Sprintf("set_irq_in %s unnamed-gpio-in %d %d", p.controller, pin, level))
	return err
}

// level reads a pin.
func (p *pins) level(t testing.TB, pin int) bool {
	t.Helper()
	var all uint64
	if _, err := fmt.Sscanf(p.must(t, fmt.Sprintf("readl %#x", dataRegister)), "0x%x", &all); err != nil {
		t.Fatal(err)
	}
	return all>>pin&1 == 1
}

// since are a pin's changes after an instant.
func (p *pins) since(from time.Time, pin int) (found []change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.changes {
		if c.pin == pin && c.at.After(from) {
			found = append(found, c)
		}
	}
	return found
}

func (p *pins) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, c := range p.changes {
		fmt.Fprintf(&b, "%s pin %d %v\n", c.at.Format("15:04:05.000"), c.pin, c.high)
	}
	return b.String()
}
