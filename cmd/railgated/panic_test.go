package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"railgate/cmd/railgated/logsink"
	"railgate/configs"
	"railgate/driver/drivertest"
)

// foreign are the goroutines that Go's runtime and libraries start: none runs code of the gate's but net/http's,
// which recovers it. The log's writer, which is not the gate's either, recovers too.
// endWithTheTests is these tests' own.
var foreign = []string{"\ncreated by runtime.", "\nruntime.main(", "os/signal.loop(", "net/http.(*conn).serve(", "net/http.(*connReader).backgroundRead(", ".(*Sink).run(", ".endWithTheTests("}

// strangers are the goroutines of a daemon that was sent SIGQUIT that are neither its main one, nor a library's, nor
// guarded; n is how many are guarded.
func strangers(dump string) (found []string, n int) {
	for _, block := range strings.Split(dump, "\n\n") {
		_, stack, ok := strings.Cut(block, "]:\n")
		if !ok || !strings.HasPrefix(block, "goroutine ") || strings.HasPrefix(block, "goroutine 0 ") {
			continue
		}
		known := false
		for _, name := range foreign {
			known = known || strings.Contains(stack, name)
		}
		switch {
		case strings.Contains(stack, ".(*gate).spawn.func"), strings.Contains(stack, "turnstile.(*Controller).start.func"):
			n++
		case !known:
			found = append(found, block)
		}
	}
	return found, n
}

// The list of goroutines is whole: what the daemon runs is guarded against panics, or a library's.
func TestEveryGoroutineIsGuarded(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	dump := goroutines(t, s, url, 1)
	// A goroutine that runs at that moment, on another thread, has no stack in it.
	for try := 2; strings.Contains(dump, "stack unavailable") && try <= 5; try++ {
		dump = goroutines(t, s, url, try)
	}
	found, n := strangers(dump)
	if len(found) > 0 {
		t.Errorf("started by neither spawn nor the turnstile's start:\n%s", strings.Join(found, "\n\n"))
	}
	// lane, ready, store, clock, keyset, revocations, panel, control, scanner, turnstile and its inputs, http, watchdog
	if want := 13; n != want {
		t.Errorf("%d goroutines are guarded; want %d; make hil panics each by its name (cmd/hil, goroutines)\n%s", n, want, dump)
	}
}

// goroutines is what a daemon that has worked, the nth, says of them as SIGQUIT ends it.
func goroutines(t *testing.T, s *site, url string, nth int) string {
	t.Helper()
	d := s.start("WATCHDOG_USEC=3000000")
	get(t, url+"/metrics")
	d.status()
	s.scan(s.code())
	d.wantPulses(nth)
	d.cmd.Process.Signal(unix.SIGQUIT)
	d.cmd.Wait()
	return d.log.String()
}

func TestStrangersAreSeen(t *testing.T) {
	const dump = "SIGQUIT: quit\n\ngoroutine 1 [select]:\nmain.(*gate).wait(0x1)\n\t/main.go:1\nmain.main()\n\t/main.go:2\nruntime.main()\n\t/proc.go:1\n\n" +
		"goroutine 7 [select]:\nmain.(*runner).Run(0x1)\n\t/lane.go:1\nmain.(*gate).spawn.func1()\n\t/main.go:3\n\n" +
		"goroutine 8 [IO wait]:\nos/signal.loop()\n\t/signal.go:1\n\ngoroutine 9 [sleep]:\nmain.forgotten()\n\t/main.go:4\ncreated by main.main in goroutine 1\n"
	found, n := strangers(dump)
	if len(found) != 1 || !strings.Contains(found[0], "main.forgotten") || n != 1 {
		t.Errorf("%d guarded, strangers %q; want 1, and the forgotten one", n, found)
	}
}

// extra runs a gate with one task more, which does something in the first pulse. It is a process of its own: see TestMain.
func extra(path string, do func(*gate)) int {
	cfg, err := configs.Load(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	out := logsink.New(os.Stderr)
	g, err := newGate(cfg, nil, logsink.NewLog(out, nil), new(slog.LevelVar))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	g.start(context.Background(), func(error) {}, []task{{"extra", func(context.Context) error {
		for {
			if trace, err := os.ReadFile(cfg.Turnstile.Trace); err == nil && strings.Contains(string(trace), `"line":"open","level":1`) {
				do(g)
			}
			time.Sleep(time.Millisecond)
		}
	}}})
	if g.run() != nil {
		return exitFailed
	}
	return exitOK
}

func TestPanicReleasesTheRelay(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", func(c string) string { return strings.Replace(c, `pulse = "50ms"`, `pulse = "5s"`, 1) })
	d := s.start("RAILGATED_TEST=panics")
	s.scan(s.code())
	d.cmd.Wait()
	if n, active := s.pulses(); n != 1 || active {
		t.Errorf("%d pulses, the relay active: %v; want one, cut short", n, active)
	}
	for _, want := range []string{`msg="internal error" goroutine=extra panic=words`, "panic: words", "railgated.extra.func"} {
		if !strings.Contains(d.log.String(), want) {
			t.Errorf("the log:\n%s\nwant %q", d.log, want)
		}
	}
	if status := d.cmd.ProcessState.ExitCode(); status == exitOK {
		t.Error("it ended as if it had been asked to")
	}
}

// A caller's request may panic: that is logged, with its stack, and the next one is answered.
func TestPanicForACallerIsNotTheGates(t *testing.T) {
	log := new(drivertest.Log)
	s := &server{log: newTestLog(log)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("words") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "good") })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, l, mux) }()
	if _, err := http.Get("http://" + l.Addr().String() + "/panic"); err == nil {
		t.Error("a request that panicked was answered")
	}
	if _, body, _ := get(t, "http://"+l.Addr().String()+"/"); body != "good" {
		t.Errorf("the next answer is %q", body)
	}
	for _, want := range []string{"level=ERROR", "http: panic serving", "words", "TestPanicForACallerIsNotTheGates"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log: %s\nwant %q", log, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve = %v; want nil once it was asked to stop", err)
	}
}

// Metrics are collected in a goroutine of Prometheus' library.
func TestPanicInMetricsIsOneBadAnswer(t *testing.T) {
	log := new(drivertest.Log)
	registry := prometheus.NewPedanticRegistry()
	// Its lane is nil, which is a panic; Describe would be one outside of a request.
	registry.MustRegister(undescribed{&collector{&server{log: newTestLog(log)}}})
	rec := httptest.NewRecorder()
	answerMetrics(registry).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "collector).Collect") {
		t.Errorf("status %d, log %s; want 500, and the stack", rec.Code, log)
	}
}

// undescribed is a collector that is not asked before a request.
type undescribed struct{ *collector }

func (undescribed) Describe(chan<- *prometheus.Desc) {}
