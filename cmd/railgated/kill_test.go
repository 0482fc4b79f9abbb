package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/driver/turnstile"
	"railgate/store"
	"railgate/store/journal"
)

// The daemon is killed (SIGKILL) at random instants around grants, RAILGATE_KILLS
// times (make crash: a thousand), and after each: every relay pulse has its durable
// record, no certificate's code is granted twice, and the relay is released by
// outputs-safe or by the next start.
func TestKilledAtRandomInstants(t *testing.T) {
	t.Parallel()
	kills := 15
	if n, err := strconv.Atoi(os.Getenv("RAILGATE_KILLS")); err == nil {
		kills = n
	}
	s := newSite(t, "", func(c string) string {
		return strings.Replace(c, `open_for = "1s"`, `open_for = "200ms"`, 1)
	})
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 7))
	var codes []string
	within := 12 * time.Millisecond // until the kill; longer while no pulse came about, on a machine that is slower
	for n := range kills {
		d := s.launch()
		d.until("ready", func() bool { return strings.Contains(d.log.String(), "in_service") })
		deadline := time.After(time.Duration(random.Int64N(int64(within))))
		sent := make(chan struct{})
		go func() { // codes until the kill; some are shown a second time
			defer close(sent)
			for range 4 {
				code := s.code()
				if len(codes) > 0 && random.IntN(3) == 0 {
					code = codes[random.IntN(len(codes))]
				}
				codes = append(codes, code)
				s.port.WriteString(code + "\r")
				time.Sleep(time.Duration(random.IntN(4000)) * time.Microsecond)
			}
		}()
		<-deadline
		d.kill()
		<-sent
		if p, _ := s.pulses(); p == 0 {
			within = min(2*within, time.Second)
		}
		if len(codes) > 40 {
			codes = codes[20:]
		}
		if n%2 == 0 { // every other time the next start alone must release
			s.makeSafe()
			if _, active := s.pulses(); active {
				t.Fatalf("kill %d: the relay is active after outputs-safe", n)
			}
		}
	}
	d := s.start()
	if _, active := s.pulses(); active {
		t.Error("the relay is active after the last start")
	}
	if d.status().Health != control.Healthy {
		t.Errorf("health %s after %d kills; want healthy", d.status().Health, kills)
	}
	s.checkKills(d, kills)
	d.stop()
	report, err := store.Verify(s.path("data/gate.db"), store.Proofs{})
	if err != nil || !report.OK || report.First != 1 || report.Leaves != int64(report.Newest) {
		s.t.Errorf("after %d kills the log is %+v, %v, %v; want it whole, and of one epoch", kills, report, report.Bad, err)
	}
}

// checkKills holds the trace against the journal.
func (s *site) checkKills(d *process, kills int) {
	s.t.Helper()
	granted := map[string]int{}
	var lives []*life
	for _, r := range d.journal() {
		switch {
		case r.Kind == journal.Damaged, r.Kind == journal.SetAside:
			s.t.Errorf("after kills the journal has %+v", r)
		case r.Kind == journal.Started && r.Direction != "":
			lives = append(lives, &life{began: r.Time})
		case r.Decision == "granted":
			granted[hexOf(r.Certificate)]++
			now := lives[len(lives)-1]
			now.grants = append(now.grants, r.Time)
		}
	}
	for certificate, n := range granted {
		if n > 1 {
			s.t.Errorf("certificate %s is granted %d times", certificate, n)
		}
	}
	if len(lives) < kills {
		s.t.Errorf("the journal tells of %d starts; want more than %d kills", len(lives), kills)
	}
	pulses := s.checkPulses(lives)
	s.t.Logf("%d kills: %d codes granted, none twice; %d pulses, each with its record before it", kills, len(granted), pulses)
	if pulses == 0 {
		s.t.Error("no pulse at all: nothing was tested")
	}
}

// life is what a daemon did between its start and its death.
type life struct {
	began  time.Time
	grants []time.Time
	pulses int
}

// journal is the whole of it.
func (d *process) journal() (all []journal.Record) {
	d.t.Helper()
	for after := uint64(0); ; {
		records, err := d.client().Records(after, 1000)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(records) == 0 {
			return all
		}
		all = append(all, records...)
		after = records[len(records)-1].Seq
	}
}

// checkPulses checks that at each activation of the relay its daemon had written at
// least as many grants as it has made pulses.
func (s *site) checkPulses(lives []*life) (pulses int) {
	s.t.Helper()
	data, err := os.ReadFile(s.path("trace.ndjson"))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var l turnstile.TraceLine
		if err := json.Unmarshal(line, &l); err != nil {
			s.t.Errorf("trace: %s: %v", line, err)
			continue
		}
		if l.Line != "open" || l.Level != 1 {
			continue
		}
		pulses++
		for len(lives) > 1 && !lives[1].began.After(l.Time) {
			lives = lives[1:]
		}
		now := lives[0]
		now.pulses++
		written := 0
		for _, at := range now.grants {
			if !at.After(l.Time) {
				written++
			}
		}
		if now.pulses > written {
			s.t.Errorf("at %v the relay was active for the %d. time since its daemon's start, with %d grants written", l.Time, now.pulses, written)
		}
	}
	return pulses
}
