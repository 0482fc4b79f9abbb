package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A bench is a station with its gates.
type bench struct {
	o             *options
	say           func(format string, args ...any)
	dir, gatesDir string
	station       *station
	gates         []*gate
	real          *realGate
	report        Report
}

func measure(ctx context.Context, o *options, say func(string, ...any)) (*Report, error) {
	if o.gates < 2 || o.rate < 1 {
		return nil, errors.New("a station has two gates or more, with a passage a minute or more")
	}
	for _, p := range []string{"station", "railgated"} {
		if _, err := os.Stat(filepath.Join(o.programs, p)); err != nil {
			return nil, fmt.Errorf("%w; make build builds it", err)
		}
	}
	b := &bench{o: o, say: say, dir: o.dir, gatesDir: o.gatesDir, report: Report{Gates: o.gates, Rate: o.rate}}
	for _, dir := range []struct {
		is *string
		in string
	}{{&b.dir, ""}, {&b.gatesDir, memory()}} {
		if *dir.is == "" {
			var err error
			if *dir.is, err = os.MkdirTemp(dir.in, "bench-station-"); err != nil {
				return nil, err
			}
			defer os.RemoveAll(*dir.is)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	wait := new(sync.WaitGroup)
	defer wait.Wait()
	defer cancel()
	if err := b.begin(ctx, wait); err != nil {
		return nil, err
	}
	defer b.station.stop()
	defer b.real.stop()
	for _, step := range []func(context.Context) error{b.steady, b.cut, b.polls, b.settle} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &b.report, nil
}

// memory is a folder in memory, or the system's for what is temporary.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

// begin starts the station and its gates, and waits until all are in touch.
func (b *bench) begin(ctx context.Context, wait *sync.WaitGroup) (err error) {
	b.say("a station with %d gates, in %s", b.o.gates, b.dir)
	if b.station, err = newStation(ctx, b.o.programs, b.dir); err != nil {
		return err
	}
	if b.real, err = newRealGate(ctx, b.o.programs, b.dir, b.station); err != nil {
		return err
	}
	for n := range b.o.gates - 1 { // the real one is the last
		g, err := newGate(n+1, b.gatesDir)
		if err == nil {
			err = b.station.enroll(ctx, g.identity.Public(stationName, g.name))
		}
		if err != nil {
			return err
		}
		b.gates = append(b.gates, g)
	}
	if err := b.station.start(ctx); err != nil {
		return err
	}
	every := time.Minute / time.Duration(b.o.rate)
	for _, g := range b.gates {
		g.run(ctx, wait, b.station.info, every, rand.N(every))
	}
	if err := b.real.start(); err != nil {
		return err
	}
	took, err := b.until(ctx, "all gates in touch", func() bool { return b.inTouch() == len(b.gates) })
	b.say("all in touch after %.1f s", took.Seconds())
	return err
}

func (b *bench) inTouch() (n int) {
	for _, g := range b.gates {
		if g.InTouch() {
			n++
		}
	}
	return n
}

func (b *bench) grants() (n int) {
	for _, g := range b.gates {
		n += int(g.grants.Load())
	}
	return n
}

func (b *bench) unreceipted() (n int) {
	for _, g := range b.gates {
		n += g.unreceipted()
	}
	return n
}

// patience bounds whatever must come.
const patience = 30 * time.Minute

// until waits for something, and says now and then how far it is.
func (b *bench) until(ctx context.Context, what string, is func() bool) (time.Duration, error) {
	began, said := time.Now(), time.Now()
	for !is() {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			b.say("waiting for %s: %d of %d in touch, %d records without a receipt", what, b.inTouch(), len(b.gates), b.unreceipted())
		}
		if time.Since(began) > patience {
			return 0, fmt.Errorf("it never came to this: %s", what)
		}
	}
	return time.Since(began), nil
}

// steady measures the station at work.
func (b *bench) steady(ctx context.Context) error {
	b.say("measuring for %v", b.o.measured)
	r := &b.report
	began, passages := time.Now(), b.grants()
	streams, ledger := b.station.sizes()
	carried := carriedByLoopback()
	own, station, real := cpuOf(os.Getpid()), cpuOf(b.station.process.Process.Pid), cpuOf(b.real.pid())
	known, err := b.probe(ctx, b.o.measured)
	if err != nil {
		return err
	}
	in := time.Since(began)
	r.Seconds, r.Passages, r.Known = in.Seconds(), b.grants()-passages, known
	r.Station, r.Railgated = usageOf(b.station.process.Process.Pid, station, in), usageOf(b.real.pid(), real, in)
	r.GatesCPU = usageOf(os.Getpid(), own, in).CPU / float64(len(b.gates))
	n := float64(max(1, r.Passages))
	r.Loopback = float64(carriedByLoopback()-carried) / n
	streamsNow, ledgerNow := b.station.sizes()
	r.Stream, r.Ledger = float64(streamsNow-streams)/n, float64(ledgerNow-ledger)/n
	return nil
}

// probeEvery is how often one gate's commit is followed to all the others.
const probeEvery = 200 * time.Millisecond

// probe measures how long it takes from a gate's commit until every other gate knows.
func (b *bench) probe(ctx context.Context, d time.Duration) (Times, error) {
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); {
		next := time.Now().Add(probeEvery)
		t, err := b.follow(ctx, b.gates[rand.N(len(b.gates))])
		if err != nil {
			return Times{}, err
		}
		took = append(took, t)
		select {
		case <-ctx.Done():
			return Times{}, ctx.Err()
		case <-time.After(time.Until(next)):
		}
	}
	return timesOf(took), nil
}

// follow has a gate let somebody through, and waits until every other gate denies that code.
func (b *bench) follow(ctx context.Context, g *gate) (time.Duration, error) {
	use, err := g.pass()
	if err != nil {
		return 0, err
	}
	began := time.Now() // the commit is on the disk
	rest := slices.DeleteFunc(slices.Clone(b.gates), func(o *gate) bool { return o == g })
	for {
		rest = slices.DeleteFunc(rest, func(o *gate) bool { return o.Spent(use) })
		if len(rest) == 0 {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > patience {
			return 0, fmt.Errorf("%d gates never hear of a code", len(rest))
		}
	}
}

func timesOf(d []time.Duration) Times {
	slices.Sort(d)
	ms := func(q float64) float64 { return float64(d[int(q*float64(len(d)-1))].Microseconds()) / 1000 }
	return Times{Of: len(d), P50: ms(0.5), P99: ms(0.99), Worst: ms(1)}
}

// cut takes the station away for a while, and measures how it is caught up.
func (b *bench) cut(ctx context.Context) error {
	if b.o.cut == 0 {
		return nil
	}
	b.say("the station is stopped for %v", b.o.cut)
	b.station.stop()
	before := b.unreceipted()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.o.cut):
	}
	r := &b.report
	r.Cut, r.CutRecords = b.o.cut.Seconds(), b.unreceipted()-before
	newest := make([]uint64, len(b.gates))
	for i, g := range b.gates {
		newest[i] = g.store.Seq()
	}
	began := time.Now()
	if err := b.station.start(ctx); err != nil {
		return err
	}
	if _, err := b.until(ctx, "all gates in touch", func() bool { return b.inTouch() == len(b.gates) }); err != nil {
		return err
	}
	r.Touch = time.Since(began).Seconds()
	_, err := b.until(ctx, "receipts for all records of the cut", func() bool {
		for i, g := range b.gates {
			if seq, _ := g.store.Receipt(); seq < newest[i] {
				return false
			}
		}
		return true
	})
	r.Receipts = time.Since(began).Seconds()
	return err
}

// settle ends the passages and waits for the last receipts.
func (b *bench) settle(ctx context.Context) error {
	newest := make([]uint64, len(b.gates))
	for i, g := range b.gates {
		newest[i] = g.store.Seq()
	}
	missing := func() (n int) {
		for i, g := range b.gates {
			if seq, _ := g.store.Receipt(); seq < newest[i] {
				n += int(newest[i] - seq)
			}
		}
		return n
	}
	end := time.Now().Add(3 * time.Minute) // a gate asks each minute, and later where an answer was late
	_, err := b.until(ctx, "the last receipts", func() bool { return missing() == 0 || time.Now().After(end) })
	b.report.Missing = missing()
	return err
}
