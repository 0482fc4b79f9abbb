package scanner

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"

	"railgate/driver"
)

// line is a real serial line: a pty whose far end is the scanner's hardware,
// behind a link, as udev makes one by id.
type line struct {
	t        *testing.T
	link     string
	hardware *os.File // the far end; nil while unplugged
	device   *os.File // keeps the near end in being, as a kernel does
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
	log      *lockedBuffer
	stop     func() error
}

func (l *line) scan(suffix string) *scan {
	s := &scan{t: l.t, readings: make(chan driver.Reading, 1000), log: new(lockedBuffer)}
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
	second := &scan{t: t, readings: make(chan driver.Reading, 1000), log: new(lockedBuffer)}
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

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
