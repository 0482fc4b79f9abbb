package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"railgate/store/journal"
)

// asStation has the test program be the station's, for a test that kills it.
const asStation = "RAILGATE_TEST_STATION"

// A station whose power is cut again and again loses and doubles nothing: the gates' records
// are each in the ledger once, under receipts.
func TestAStationThatIsKilled(t *testing.T) {
	t.Parallel()
	r := &running{t: t, dir: t.TempDir()}
	r.write("passphrase", "correct horse battery\n")
	r.must("init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222")
	r.enroll("A07")
	kill := r.process("127.0.0.1:0")
	dir := t.TempDir()
	g := r.gate("A07", dir)
	at := r.bus
	passed := 0
	for range 4 {
		for range 40 {
			g.pass(5)
			passed += 5
			if r.view("A07").Records > int64(passed)-20 {
				break
			}
		}
		kill()
		g.pass(5)
		passed += 5
		kill = r.process(at)
	}
	defer kill()
	until(t, "every passage is in the ledger", func() bool { return r.view("A07").People.Entered == int64(passed) })
	g.stop() // a gate asks at once when it connects
	g = r.gate("A07", dir)
	g.receipted()
	if v := r.view("A07"); v.People.Entered != int64(passed) || v.RolledBack != "" {
		t.Errorf("%d passages are counted; want %d: %+v", v.People.Entered, passed, v)
	}
	if out := r.must("audit"); !strings.Contains(out, "0 with something wrong") {
		t.Errorf("audit: %s", out)
	}
	if kinds := g.kinds(journal.Epoch); kinds != 1 {
		t.Errorf("%d epochs; want one", kinds)
	}
}

// process starts the station as a program of its own; kill ends it as a power cut does.
func (r *running) process(bus string) (kill func()) {
	r.t.Helper()
	log := &lines{more: make(chan struct{})}
	cmd := exec.CommandContext(context.Background(), os.Args[0], "serve", "--dir", r.dir, "--listen", "127.0.0.1:0", "--bus", bus)
	cmd.Env = append(os.Environ(), asStation+"=1")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	r.t.Cleanup(kill)
	r.bus = log.find(r.t, `bus listens" address=(\S+)`)
	log.find(r.t, `msg=(collects)`)
	return kill
}

// kinds is how many records of a kind the gate has.
func (g *laneGate) kinds(kind journal.Kind) (n int) {
	g.t.Helper()
	for after := uint64(0); ; {
		records, err := g.store.Records(after, 1000)
		if err != nil {
			g.t.Fatal(err)
		}
		if len(records) == 0 {
			return n
		}
		for _, rec := range records {
			if rec.Kind == kind {
				n++
			}
			after = rec.Seq
		}
	}
}

func (r *running) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(r.dir+"/"+name, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}
