package scanner

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"

	"railgate/driver"
	"railgate/driver/drivertest"
)

// line is a real serial line: a pty whose far end is the scanner's hardware,
// behind a link, as udev makes one by id.
type line struct {
	t        *testing.T
	link     string
	hardware *os.File // the far end; nil while unplugged
	device   *os.File // keeps the near end open, as a kernel does
}

func newLine(t *testing.T) *line {
	l := &line{t: t, link: filepath.Join(t.TempDir(), "usb-scanner")}
	t.Cleanup(func() { l.unplug() })
	l.plug()
	return l
}

func (l *line) plug() {
	hardware, device, err := pty.Open()
	if err != nil {
		l.t.Fatal(err)
	}
	l.hardware, l.device = hardware, device
	if err := os.Symlink(device.Name(), l.link); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) unplug() {
	if l.hardware == nil {
		return
	}
	os.Remove(l.link)
	l.hardware.Close()
	l.device.Close()
	l.hardware = nil
}

func (l *line) send(text string) {
	l.t.Helper()
	if _, err := l.hardware.WriteString(text); err != nil {
		l.t.Fatal(err)
	}
}

// scan runs a scanner on the line.
type scan struct {
	*Serial
	t        *testing.T
	readings chan driver.Reading
	log      *drivertest.Log
	stop     func() error
}

func (l *line) scan(suffix string) *scan {
	s := &scan{t: l.t, readings: make(chan driver.Reading, 1000), log: new(drivertest.Log)}
	s.Serial = NewSerial(SerialConfig{Name: "front", Port: l.link, Baud: 115200, Suffix: suffix}, slog.New(slog.NewTextHandler(s.log, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, func(r driver.Reading) { s.readings <- r }) }()
	var once sync.Once
	s.stop = func() (err error) {
		once.Do(func() { cancel(); err = <-done })
		return err
	}
	l.t.Cleanup(func() { s.stop() })
	s.wait("ready", func() bool { return s.Health().Up })
	return s
}

func (s *scan) wait(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			s.t.Fatalf("scanner is not %s; log:\n%s", what, s.log)
		}
		<-time.After(time.Millisecond)
	}
}

func (s *scan) want(text string) {
	s.t.Helper()
	select {
	case r := <-s.readings:
		if r.Text != text || r.Scanner != "front" || time.Since(r.At) > time.Minute {
			s.t.Fatalf("reading = %.60q from %q at %v; want %.60q from front, now", r.Text, r.Scanner, r.At, text)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatalf("no reading; want %q; log:\n%s", text, s.log)
	}
}

func TestSerialReadsCodes(t *testing.T) {
	l := newLine(t)
	s := l.scan("\r")
	l.send("RG1:A B%\r")
	s.want("RG1:A B%")
	l.send("]Q1RG1:B\r\nRG1:")
	s.want("RG1:B")
	l.send("C\r")
	s.want("RG1:C")
	l.send("RG1:NO SUFFIX")
	s.want("RG1:NO SUFFIX")
	if err := s.stop(); err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}

// A scanner that reads on says the same again and again, and the lane must hear it each time.
func TestSerialDeliversRepeats(t *testing.T) {
	l := newLine(t)
	s := l.scan("\r")
	for range 20 {
		l.send("RG1:A\r")
		s.want("RG1:A")
	}
}

func TestSerialSaysWhichSuffixItSees(t *testing.T) {
	l := newLine(t)
	s := l.scan("\r")
	if got := s.Health().Suffix; got != "" {
		t.Errorf("before any code the suffix is %q; want none said", got)
	}
	for _, tt := range []struct{ send, want, note string }{
		{"RG1:A\r", "CR", ""},
		{"]Q2\\000026RG1:A\t", "TAB", `suffix = "\t" each is read 150ms sooner`},
		{"RG1:A;\x03", "; ETX", `suffix = ";\u0003"`},
		{"RG1:A", "none", "set it to CR"},
		{"RG1:A\r", "CR", ""},
	} {
		l.send(tt.send)
		s.want("RG1:A")
		h := s.Health()
		if h.Suffix != tt.want || !strings.Contains(h.Note, tt.note) || tt.note == "" && h.Note != "" {
			t.Errorf("after %q the suffix is %q, note %q; want %q, %q", tt.send, h.Suffix, h.Note, tt.want, tt.note)
		}
	}
	if n := strings.Count(s.log.String(), "configured one"); n != 1 {
		t.Errorf("the log advises %d times; want once:\n%s", n, s.log)
	}
}

func TestSuffixNote(t *testing.T) {
	for _, tt := range []struct{ configured, seen, want string }{
		{"\r", "\r", ""}, {"\r", "\r\n", ""}, {"\r", "\t\r", ""}, {"", "", ""},
		{"", "\r\n", `it ends its codes with CR LF: with suffix = "\r\n" each is read 50ms sooner`},
		{"\r\n", "\n", `it ends its codes with LF, not CR LF: with suffix = "\n" each is read 150ms sooner`},
	} {
		if got := suffixNote(tt.configured, tt.seen); got != tt.want {
			t.Errorf("configured %q, seen %q: %q; want %q", tt.configured, tt.seen, got, tt.want)
		}
	}
	if got := quoteTOML("\r\n\t\x03\a\v\x7f;\\"); got != `"\r\n\t\u0003\u0007\u000b\u007f;\\"` {
		t.Errorf("quoteTOML = %s", got)
	}
}

// A played port gives each of its reads after a while, then nothing.
type playedPort struct {
	panickingPort
	reads   []played
	timeout time.Duration
	flushed int
}

type played struct {
	after time.Duration
	text  string
}

func (p *playedPort) SetReadTimeout(d time.Duration) error { p.timeout = d; return nil }

// ResetInputBuffer begins a flush, which takes what comes during it.
func (p *playedPort) ResetInputBuffer() error {
	for p.flushed++; len(p.reads) > 0 && p.reads[0].after < settle; {
		p.reads = p.reads[1:]
	}
	return nil
}

func (p *playedPort) Read(buf []byte) (int, error) {
	if len(p.reads) == 0 || p.timeout == settle { // it is silent while it is flushed
		time.Sleep(p.timeout)
		return 0, nil
	}
	r := p.reads[0]
	p.reads = p.reads[1:]
	time.Sleep(r.after)
	return copy(buf, r.text), nil
}

// A process that was stopped finds what was scanned meanwhile. Who held it to the glass may
// have gone: it opens nothing.
func TestSerialDropsWhatCameWhileItWasStopped(t *testing.T) {
	all, late := []string{"RG1:A", "RG1:B", "RG1:HALF", "RG1:NEW"}, []string{"RG1:NEW"}
	for _, tt := range []struct {
		stopped time.Duration
		want    []string
		age     time.Duration // of the first
	}{
		{200 * time.Millisecond, all, 0},
		{time.Second, all, time.Second},
		{1001 * time.Millisecond, late, 0},
		{1500 * time.Millisecond, late, 0},
		{3 * time.Second, late, 0},
		{8 * time.Second, late, 0},
	} {
		t.Run(tt.stopped.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				port := &playedPort{reads: []played{{tt.stopped, "RG1:A\rRG1:B\rRG1:HA"}, {10 * time.Millisecond, "LF\r"}, {100 * time.Millisecond, "RG1:NEW\r"}}}
				var got []string
				ctx, cancel := context.WithCancel(t.Context())
				s := NewSerial(SerialConfig{Name: "front", Suffix: "\r"}, slog.New(slog.DiscardHandler))
				err := s.read(ctx, port, func(r driver.Reading) {
					if age := time.Since(r.At); len(got) == 0 && age != tt.age {
						t.Errorf("%s is %v old; want %v", r.Text, age, tt.age)
					}
					if got = append(got, r.Text); r.Text == "RG1:NEW" {
						cancel()
					}
				})
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("read %q, %v; want %q", got, err, tt.want)
				}
			})
		})
	}
}

// A port that never runs dry leaves time to the other scanner.
func TestSerialFloodIsReadAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := strings.Repeat("x\r", bufSize/2)
		port := new(playedPort)
		for range 1000 {
			port.reads = append(port.reads, played{0, full})
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := NewSerial(SerialConfig{Name: "front", Suffix: "\r"}, slog.New(slog.DiscardHandler))
		began, n := time.Now(), 0
		if err := s.read(ctx, port, func(driver.Reading) {
			if n++; n == 1000*bufSize/2 {
				cancel()
			}
		}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 999*breath {
			t.Errorf("1000 full reads in %v; want a pause of %v between them", took, breath)
		}
	})
}

func TestSerialReadsCodesWithoutSuffix(t *testing.T) {
	l := newLine(t)
	s := l.scan("")
	l.send("RG1:A")
	s.want("RG1:A")
	l.send("RG1:B")
	s.want("RG1:B")
}

func TestSerialBacklogAtStartIsNeverDelivered(t *testing.T) {
	l := newLine(t)
	if _, err := l.device.Stat(); err != nil { // the near end is open, so bytes pile up
		t.Fatal(err)
	}
	l.send("RG1:OLD\rRG1:OLDER\rRG1:HAL")
	s := l.scan("\r")
	l.send("RG1:NEW\r")
	s.want("RG1:NEW")
}

func TestSerialSurvivesUnplugging(t *testing.T) {
	l := newLine(t)
	s := l.scan("\r")
	l.send("RG1:A\r")
	s.want("RG1:A")
	l.send("RG1:HAL") // in the middle of a frame
	l.unplug()
	s.wait("down", func() bool { return !s.Health().Up })
	l.plug()
	s.wait("up again", func() bool { return s.Health().Up })
	l.send("RG1:B\r")
	s.want("RG1:B")
	if strings.Contains(s.log.String(), "RG1:") {
		t.Errorf("a code is in the log:\n%s", s.log)
	}
	if n := strings.Count(s.log.String(), "not there"); n > 3 {
		t.Errorf("%d lines about one unplugging:\n%s", n, s.log)
	}
}

func TestSerialFloodLosesNoCode(t *testing.T) {
	l := newLine(t)
	s := l.scan("\r")
	const codes = 200
	go func() {
		garbage := bytes.Repeat([]byte("garbage \x00\xff"), 100)
		for range codes {
			l.hardware.Write(append(garbage, "\rRG1:CODE\r"...))
		}
	}()
	for range codes {
		select {
		case r := <-s.readings:
			if !strings.HasPrefix(r.Text, "garbage") {
				t.Fatalf("reading = %.40q; want garbage", r.Text)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no reading")
		}
		s.want("RG1:CODE")
	}
}

// A port that panics stands for the library, which does so above 1024 open files.
type panickingPort struct{ serial.Port }

func (panickingPort) Read([]byte) (int, error)           { panic("index out of range [17]") }
func (panickingPort) ResetInputBuffer() error            { return nil }
func (panickingPort) SetReadTimeout(time.Duration) error { return nil }
func (panickingPort) Close() error                       { return nil }

func TestSerialLibraryPanicIsAnError(t *testing.T) {
	port := filepath.Join(t.TempDir(), "port")
	if err := os.WriteFile(port, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := NewSerial(SerialConfig{Name: "front", Port: port}, slog.New(slog.NewTextHandler(&log, nil)))
	s.openPort = func(string, *serial.Mode) (serial.Port, error) { return panickingPort{}, nil }
	err := s.session(context.Background(), func(driver.Reading) {})
	if err == nil || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("session = %v; want the panic's words", err)
	}
	if !strings.Contains(log.String(), "panickingPort.Read") {
		t.Errorf("the log: %s; want the panic's stack", &log)
	}
}

func TestSerialPortThatIsNotThere(t *testing.T) {
	s := NewSerial(SerialConfig{Name: "front", Port: "/dev/serial/by-id/nothing", Baud: 9600}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx, func(driver.Reading) {}) }()
	for s.Health().Err == "" {
		<-time.After(time.Millisecond)
	}
	if err := s.Health().Err; !strings.Contains(err, "/dev/serial/by-id/nothing") {
		t.Errorf("health says %q; want the port's name", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}

// Two who read one line would get half a code each, and nobody would know why. The
// second waits for the first to go.
func TestSerialPortIsReadByOne(t *testing.T) {
	l := newLine(t)
	first := l.scan("\r")
	second := &scan{t: t, readings: make(chan driver.Reading, 1000), log: new(drivertest.Log)}
	second.Serial = NewSerial(SerialConfig{Name: "front", Port: l.link, Baud: 115200, Suffix: "\r"}, slog.New(slog.NewTextHandler(second.log, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- second.Run(ctx, func(r driver.Reading) { second.readings <- r }) }()
	second.wait("refused", func() bool { return strings.Contains(second.Health().Err, "another program reads it") })
	for range 50 {
		l.send("RG1:CODE\r")
		first.want("RG1:CODE")
	}
	first.stop()
	second.wait("ready", func() bool { return second.Health().Up })
	l.send("RG1:NEXT\r")
	second.want("RG1:NEXT")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}

func TestPortErrorNamesAnUnpluggedDevice(t *testing.T) {
	if err := portError(errors.New("input/output error")); err.Error() != "input/output error" {
		t.Errorf("portError = %v; want it unchanged", err)
	}
}
