package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/driver/turnstile"
)

// BenchmarkPassage measures the way of a code from its last byte on the serial line
// to the relay's edge, in the daemon itself: with the store on the disk of the
// temporary folder, and on a file system in memory.
func BenchmarkPassage(b *testing.B) {
	for _, where := range []struct{ name, dir string }{{"disk", ""}, {"tmpfs", "/dev/shm"}} {
		b.Run(where.name, func(b *testing.B) {
			dir := b.TempDir()
			if where.dir != "" {
				var err error
				if dir, err = os.MkdirTemp(where.dir, "railgate-"); err != nil {
					b.Skip(err)
				}
				b.Cleanup(func() { os.RemoveAll(dir) })
			}
			benchmarkPassage(b, dir)
		})
	}
}

// shares are one passage's, in microseconds.
type shares struct{ total, read, wait, verify, commit, write float64 }

func benchmarkPassage(b *testing.B, dir string) {
	s := newSite(b, dir)
	d := s.start()
	events := make(chan control.Event, 1000)
	go d.client().Events(b.Context(), func(e control.Event) bool { events <- e; return true })
	<-events // what is shown now
	trace := followTrace(b, s.path("trace.ndjson"))
	var all []shares
	for b.Loop() {
		code := s.code()
		sent := time.Now()
		s.scan(code)
		p := shares{total: micros(trace.next("open", 1).Sub(sent))}
		for e := range events {
			if t := e.Timings; t != nil {
				p.wait, p.verify, p.commit, p.write = float64(t.Wait), float64(t.Verify), float64(t.Commit), float64(t.Open)
				p.read = p.total - float64(t.Total)
				break
			}
		}
		all = append(all, p)
		trace.next("open", 0)
		trace.next("passage", 0)
	}
	report(b, all)
}

func report(b *testing.B, all []shares) {
	at := func(q float64, of func(shares) float64) float64 {
		values := make([]float64, len(all))
		for i, p := range all {
			values[i] = of(p)
		}
		slices.Sort(values)
		return values[int(q*float64(len(values)-1))]
	}
	if testing.Verbose() {
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			b.Logf("%4.0f %%: total %6.0f read %6.0f wait %6.0f verify %6.0f commit %6.0f write %6.0f", 100*q,
				at(q, func(p shares) float64 { return p.total }), at(q, func(p shares) float64 { return p.read }), at(q, func(p shares) float64 { return p.wait }),
				at(q, func(p shares) float64 { return p.verify }), at(q, func(p shares) float64 { return p.commit }), at(q, func(p shares) float64 { return p.write }))
		}
	}
	b.ReportMetric(0, "ns/op") // the pace of passengers, which says nothing
	b.ReportMetric(at(0.5, func(p shares) float64 { return p.total }), "p50-µs")
	b.ReportMetric(at(0.99, func(p shares) float64 { return p.total }), "p99-µs")
	b.ReportMetric(at(0.5, func(p shares) float64 { return p.read }), "read-µs")
	b.ReportMetric(at(0.5, func(p shares) float64 { return p.wait }), "decode-µs")
	b.ReportMetric(at(0.5, func(p shares) float64 { return p.verify }), "verify-µs")
	b.ReportMetric(at(0.5, func(p shares) float64 { return p.commit }), "commit-µs")
	b.ReportMetric(at(0.5, func(p shares) float64 { return p.write }), "write-µs")
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// A tracer follows a trace as it grows.
type tracer struct {
	b     *testing.B
	lines *bufio.Reader
	rest  string
}

func followTrace(b *testing.B, path string) *tracer {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return &tracer{b: b, lines: bufio.NewReader(f)}
}

// next waits for a change of a line and gives its time.
func (t *tracer) next(line string, level int) time.Time {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		text, err := t.lines.ReadString('\n')
		t.rest += text
		if err == io.EOF {
			time.Sleep(200 * time.Microsecond)
			continue
		}
		var l turnstile.TraceLine
		if err := json.Unmarshal([]byte(t.rest), &l); err != nil {
			t.b.Fatal(err)
		}
		t.rest = ""
		if l.Line == line && l.Level == level {
			return l.Time
		}
	}
	t.b.Fatalf("the trace never says %s %d", line, level)
	return time.Time{}
}

// BenchmarkFootprint measures what the daemon needs: idle, and after a hundred
// thousand readings.
func BenchmarkFootprint(b *testing.B) {
	s := newSite(b, "")
	d := s.start()
	before := d.cpu()
	const idle = 10 * time.Second
	time.Sleep(idle)
	idleCPU := d.cpu() - before
	idleRSS := d.rss()
	const readings = 100_000
	garbage := strings.Repeat("RG1:0123456789 ABCDEF", 10)
	for n := 0; d.status().Counts.Readings["front"] < readings; n++ {
		for range 100 {
			fmt.Fprintf(s.port, "%s%d\r", garbage, n)
		}
		s.scan(s.code())
	}
	for b.Loop() {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*idleCPU.Seconds()/idle.Seconds(), "idle-%CPU")
	b.ReportMetric(idleRSS, "idle-MB")
	b.ReportMetric(d.rss(), "after-100000-readings-MB")
}

// cpu is the processor time that the daemon has used (proc_pid_stat(5)).
func (d *process) cpu() time.Duration {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "stat"))
	if err != nil {
		d.t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			d.t.Fatal(err)
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ
	return time.Duration(ticks) * time.Second / perSecond
}

// rss is the daemon's resident memory in MB.
func (d *process) rss() float64 {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "statm"))
	if err != nil {
		d.t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		d.t.Fatal(err)
	}
	return float64(resident*int64(unix.Getpagesize())) / 1e6
}
