package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"railgate/cmd/station/hub"
	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/identity"
)

func TestMain(m *testing.M) {
	if os.Getenv(asStation) != "" {
		main()
	}
	os.Exit(ledgertest.Main(m))
}

// The message server and the database stand elsewhere; collect is between them, and is killed
// and started again.
func TestCollectAlone(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		r := &running{t: t, dir: t.TempDir()}
		r.write("passphrase", "correct horse battery\n")
		r.must("init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222")
		p, err := (&desk{dir: r.dir, now: time.Now}).place("")
		if err != nil {
			t.Fatal(err)
		}
		h, err := hub.Start(hub.Options{
			Station: "GZQ", Listen: "127.0.0.1:0", Dir: t.TempDir(), Own: p.keys.bus, TLS: &tls.Config{Certificates: []tls.Certificate{p.keys.tls}}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if name, err := p.keys.bus.PublicKey(); err != nil || strings.TrimSpace(r.must("show", "--bus")) != name {
			t.Errorf("show --bus does not say %s (%v)", name, err)
		}
		if err := h.SetGates([]identity.Public{seedOf("A07").Public("GZQ", "A07")}); err != nil {
			t.Fatal(err)
		}
		r.bus = h.Addr().String()
		start := func() (stop func()) {
			log := &lines{more: make(chan struct{})}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- command(ctx, r.dir, log, nil, "collect", "--nats", "tls://"+r.bus, "--database", database)
			}()
			log.find(t, `msg=(collects)`)
			return func() {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("collect ends with %v", err)
				}
			}
		}
		stop := start()
		text, err := seedOf("A07").Public("GZQ", "A07").Text()
		if err != nil {
			t.Fatal(err)
		}
		r.must("enroll", "--database", database, text)
		dir := t.TempDir()
		g := r.gate("A07", dir)
		g.pass(5)
		g.receipted()
		stop()
		g.pass(20)
		g.stop()
		stop = start()
		g = r.gate("A07", dir)
		g.receipted()
		if out := r.must("audit", "--database", database, "--progress"); !strings.Contains(out, "0 with something wrong") || !strings.Contains(out, "records, ") {
			t.Errorf("audit: %s", out)
		}
		stop()
	})
}

// A server that is not the station's is not spoken to, whatever it says of itself.
func TestCollectKnowsItsServer(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	other := newStation(t)
	if err := r.stop(); err != nil { // one program has its folder
		t.Fatal(err)
	}
	log := &lines{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- command(ctx, r.dir, log, strings.NewReader(""), "collect", "--nats", "tls://"+other.bus, "--database", ledgertest.SQLite(t))
	}()
	log.find(t, `key is (not among the pins)`)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
