package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/loopback"
)

// A gate is one of the bench's gates: railgated with its own folder.
type gate struct {
	name   string
	dir    string
	listen string // of its pages

	mu   sync.Mutex // guards the fields below
	cmd  *exec.Cmd  // nil: it does not run
	card uint64     // the newest record of its old card
}

func (g *gate) path(name string) string { return filepath.Join(g.dir, name) }

func (g *gate) client() *control.Client { return control.NewClient(g.path("data")) }

func (g *gate) url() *url.URL { return &url.URL{Scheme: "http", Host: g.listen} }

// The bench's station and its gates, by name.
const (
	stationName = "BENCH"
	firstGate   = "A07"
	secondGate  = "A08"
)

// walkFor is how long a passenger walks from the opening to the sensor behind it. The
// gate is green meanwhile, and page/bench.css shows the walk for as long.
const walkFor = 2 * time.Second

const config = `# A gate on a bench: no hardware.
station = %q
gate    = %q
data    = %q
keys    = %q

[lane]
classes = [1, 2, 3] # 3, staff: the page shows a staff code

[[scanner]]
name   = "camera"
driver = "camera"
frames = %q
fps    = 30

[turnstile]
driver        = "sim"
trace         = %q
passage_after = %q

[clock]
require_sync = %v

[http]
listen = %q
`

const serialConfig = `
[[scanner]]
name   = "serial"
driver = "serial"
port   = %q
`

const syncConfig = `
[sync]
nation  = %q
station = %q
roots   = %q
every   = "5s"
`

// prepare makes the issuer's keys, and a folder and a configuration for each gate.
func (b *bench) prepare(o *options) error {
	out, err := b.command("issuer", "--dir", b.path("issuer"), "keys", "--staff").CombinedOutput()
	if err != nil {
		return fmt.Errorf("issuer keys: %w: %s", err, out)
	}
	if o.station {
		if b.station, err = b.newStation(); err != nil {
			return err
		}
	}
	b.gates = []*gate{{name: firstGate, dir: b.dir}}
	if o.station {
		b.gates = append(b.gates, &gate{name: secondGate, dir: b.path(secondGate)})
	}
	for i, g := range b.gates {
		if err := b.configure(g, o.crowd && i == 0); err != nil {
			return err
		}
	}
	return nil
}

// staffCode is the picture of a new staff code, signed by the phone that shows it, with the
// key that signs nothing else.
func (b *bench) staffCode(at time.Time) ([]byte, error) {
	picture := b.path("staff.png")
	out, err := b.command("issuer", "--dir", b.path("issuer"), "code", "--class", "3", "--at", at.Format(time.RFC3339), "--qr", picture).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("issuer code: %w: %s", err, out)
	}
	return os.ReadFile(picture)
}

// configure writes a gate's configuration. serial: it has the crowd's line too.
func (b *bench) configure(g *gate, serial bool) (err error) {
	if g.listen, err = loopback.Free(); err != nil {
		return err
	}
	if err := os.MkdirAll(g.path("frames"), 0o750); err != nil {
		return err
	}
	keys := b.path("issuer/keys.json")
	if b.station != nil {
		keys = ""
	}
	text := fmt.Sprintf(config, stationName, g.name, g.path("data"), keys, g.path("frames"), g.path("turnstile.ndjson"), cmp.Or(b.walk, walkFor).String(), b.station != nil, g.listen)
	if b.station != nil {
		text += fmt.Sprintf(syncConfig, b.station.files("nation"), b.station.files("station"), b.station.path("roots"))
	}
	if serial {
		text += fmt.Sprintf(serialConfig, b.path("scanner"))
	}
	return os.WriteFile(g.path("railgated.toml"), []byte(text), 0o640)
}

// startGates starts the gates beside one another, and waits until all let people pass.
func (b *bench) startGates(ctx context.Context) error {
	for _, g := range b.gates {
		if err := b.launchGate(g); err != nil {
			return err
		}
	}
	for _, g := range b.gates {
		if err := g.answers(ctx); err != nil {
			return err
		}
	}
	if err := b.web.pretendAgain(ctx); err != nil {
		return err
	}
	for _, g := range b.gates {
		if err := g.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// launchGate starts a gate's daemon.
func (b *bench) launchGate(g *gate) error {
	log, err := os.OpenFile(g.path("railgated.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := b.command("railgated", "--config", g.path("railgated.toml"))
	cmd.Stderr = log
	if err := b.launch(cmd); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cmd = cmd
	return nil
}

const (
	lookEvery = 50 * time.Millisecond
	readyIn   = 20 * time.Second
)

// answers waits until a gate's daemon answers.
func (g *gate) answers(ctx context.Context) error {
	return g.wait(ctx, "does not answer", func(*control.Status) bool { return true })
}

// ready waits until nothing is wrong with a gate.
func (g *gate) ready(ctx context.Context) error {
	return g.wait(ctx, "does not get ready", func(s *control.Status) bool { return s.Health == control.Healthy })
}

func (g *gate) wait(ctx context.Context, never string, is func(*control.Status) bool) error {
	client, end := g.client(), time.Now().Add(readyIn)
	var last *control.Status
	for time.Now().Before(end) && ctx.Err() == nil {
		s, err := client.Status(ctx)
		if err == nil && is(s) {
			return nil
		}
		if err == nil {
			last = s
		}
		time.Sleep(lookEvery)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text, err := os.ReadFile(g.path("railgated.log"))
	if last != nil {
		return errors.Join(err, fmt.Errorf("gate %s %s: %s %v\n%s", g.name, never, last.Health, last.Problems, text))
	}
	return errors.Join(err, fmt.Errorf("gate %s %s:\n%s", g.name, never, text))
}
