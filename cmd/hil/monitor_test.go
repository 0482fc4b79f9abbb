package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// monitor is QEMU's own control (QMP).
type monitor struct {
	conn    net.Conn
	answers chan answer

	mu     sync.Mutex // guards the field below
	events []string   // their names, in order
}

type answer struct {
	Return json.RawMessage
	Error  *struct{ Desc string }
	Event  string
}

// open takes the connection; whatever QEMU tells by itself is heard.
func (q *monitor) open(t testing.TB, conn net.Conn, heard func(event string)) {
	t.Helper()
	q.conn, q.answers = conn, make(chan answer, 1)
	dec := json.NewDecoder(conn)
	var greeting json.RawMessage
	if err := dec.Decode(&greeting); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			var a answer
			if dec.Decode(&a) != nil {
				close(q.answers)
				return
			}
			if a.Event == "" {
				q.answers <- a
				continue
			}
			heard(a.Event)
			q.mu.Lock()
			q.events = append(q.events, a.Event)
			q.mu.Unlock()
		}
	}()
	q.do(t, "qmp_capabilities", nil)
}

func (q *monitor) close() {
	if q.conn != nil {
		q.conn.Close()
	}
}

// do executes one command.
func (q *monitor) do(t testing.TB, command string, arguments any) json.RawMessage {
	t.Helper()
	if err := json.NewEncoder(q.conn).Encode(map[string]any{"execute": command, "arguments": object(arguments)}); err != nil {
		t.Fatal(err)
	}
	select {
	case a, ok := <-q.answers:
		if !ok {
			t.Fatalf("QEMU hung up at %s", command)
		}
		if a.Error != nil {
			t.Fatalf("QEMU's %s: %s", command, a.Error.Desc)
		}
		return a.Return
	case <-time.After(patience):
		t.Fatalf("QEMU does not answer to %s", command)
	}
	return nil
}

func object(v any) any {
	if v == nil {
		return struct{}{}
	}
	return v
}

// happened tells how often QEMU has told of an event.
func (q *monitor) happened(event string) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.events {
		if e == event {
			n++
		}
	}
	return n
}

// controller finds the GPIO controller among the board's devices.
func (q *monitor) controller(t testing.TB) string {
	t.Helper()
	const where = "/machine/unattached"
	var items []struct{ Name, Type string }
	if err := json.Unmarshal(q.do(t, "qom-list", map[string]string{"path": where}), &items); err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if strings.Contains(item.Type, "pl061") {
			return fmt.Sprintf("%s/%s", where, item.Name)
		}
	}
	t.Fatalf("there is no PL061 in %v", items)
	return ""
}

// forget starts the count of events again.
func (q *monitor) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = nil
}
