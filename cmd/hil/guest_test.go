package main

import (
	"fmt"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"time"
)

// meet greets the agent, which sets its clock.
func (m *machine) meet(agent net.Conn) {
	m.t.Helper()
	m.guest = jsonrpc.NewClient(agent)
	// It answers once it runs; the time must not have waited for that.
	if err := m.tryFor(bootPatience, "Exists", "/", new(bool)); err != nil {
		m.t.Fatalf("the guest does not boot: %v\nconsole:\n%s", err, m.log)
	}
	m.ask("Time", time.Now(), new(struct{}))
	m.compareClocks()
}

// compareClocks notes how far ahead of ours the guest's clock is: by the quickest of a few answers.
func (m *machine) compareClocks() {
	m.t.Helper()
	quickest := patience
	for range 8 {
		var guests time.Time
		asked := time.Now()
		m.ask("Now", struct{}{}, &guests)
		if took := time.Since(asked); took < quickest {
			quickest, m.story.ahead = took, guests.Sub(asked.Add(took/2))
		}
	}
}

// again greets the agent of a machine that boots again.
func (m *machine) again() {
	m.t.Helper()
	m.guest.Close()
	m.meet(m.dial("agent"))
}

// ask has the agent do something.
func (m *machine) ask(method string, args, reply any) {
	m.t.Helper()
	if err := m.try(method, args, reply); err != nil {
		m.t.Fatalf("the guest's %s(%.200v): %v\nconsole:\n%s", method, args, err, m.log)
	}
}

func (m *machine) try(method string, args, reply any) error {
	return m.tryFor(patience, method, args, reply)
}

func (m *machine) tryFor(limit time.Duration, method string, args, reply any) error {
	call := m.guest.Go("Guest."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-m.exited:
		return fmt.Errorf("QEMU has ended")
	case <-time.After(limit):
		return fmt.Errorf("no answer in %v", limit)
	}
}

// run runs a program in the guest that must succeed, and returns what it printed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	r := m.attempt(args...)
	if r.End != "exit status 0" {
		m.t.Fatalf("%s: %s\n%s", strings.Join(args, " "), r.End, r.Output)
	}
	return r.Output
}

// attempt runs a program in the guest.
func (m *machine) attempt(args ...string) (r Result) {
	m.t.Helper()
	m.ask("Run", Command{Args: args}, &r)
	return r
}

func (m *machine) write(path string, data string, mode uint32) {
	m.t.Helper()
	m.ask("Write", File{path, []byte(data), mode}, new(struct{}))
}

func (m *machine) read(path string) string {
	m.t.Helper()
	var data []byte
	m.ask("Read", path, &data)
	return string(data)
}

func (m *machine) exists(path string) (there bool) {
	m.t.Helper()
	m.ask("Exists", path, &there)
	return there
}
