package guide

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver"
)

// A mouth is a scanner that says what a test wants, a reading a second.
type mouth struct {
	driver.Monitor
	c      Candidate
	texts  []string
	suffix string
	err    error // it cannot be opened
}

func (m *mouth) String() string { return m.c.Device }

func (m *mouth) Run(ctx context.Context, deliver func(driver.Reading)) error {
	if m.err != nil {
		m.Down(m.err)
		<-ctx.Done()
		return nil
	}
	m.Up()
	m.Update(func(h *driver.Health) { h.Suffix = m.suffix })
	for _, text := range m.texts {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
			deliver(driver.Reading{Text: text})
		}
	}
	<-ctx.Done()
	return nil
}

// heardFrom searches among scanners of which each says its own; said is what the person is told.
func heardFrom(t *testing.T, wait time.Duration, candidates []Candidate, open func(c Candidate) *mouth) (found *Found, s *search, said string) {
	t.Helper()
	var b strings.Builder
	s = &search{candidates: candidates, ready: func() { fmt.Fprintln(&b, "ready") },
		say:  func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) },
		open: func(c Candidate) driver.Scanner { return open(c) }}
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	return s.run(ctx), s, b.String()
}

var (
	serial   = Candidate{Driver: "serial", Device: "/dev/ttyACM0", Baud: 115200}
	hidPOS   = Candidate{Driver: "hid", Device: "/dev/railgate/hid"}
	keyboard = Candidate{Driver: "keyboard", Device: "/dev/railgate/keyboard"}
	webcam   = Candidate{Driver: "camera", Device: "/dev/video0"}
)

// Of all that are listened to the one is taken on which the card came, whatever the others say.
func TestTheScannerIsTheOneThatReadTheCard(t *testing.T) {
	for _, which := range []Candidate{serial, hidPOS, keyboard, webcam} {
		synctest.Test(t, func(t *testing.T) {
			found, _, said := heardFrom(t, time.Minute, []Candidate{serial, hidPOS, keyboard, webcam}, func(c Candidate) *mouth {
				m := &mouth{c: c, texts: []string{"6901234567892", "6901234567892", "6901234567892", "6901234567892", "RG1:SECRET"}, suffix: "CR LF"}
				if c == which {
					m.texts = []string{"RG1:SECRET", "other", Card}
				}
				return m
			})
			if found == nil || found.Candidate != which || found.Suffix != "\r\n" {
				t.Errorf("%+v; want %v with CR LF", found, which)
			}
			if !strings.HasPrefix(said, "ready\n") || strings.Contains(said, "SECRET") || strings.Count(said, "6901234567892") != 3 {
				t.Errorf("%s; want each other text told once, and no code", said)
			}
		})
	}
}

// A serial scanner whose baud is not known is listened to with each.
func TestTheBaudIsFound(t *testing.T) {
	for _, baud := range bauds {
		synctest.Test(t, func(t *testing.T) {
			found, _, said := heardFrom(t, time.Minute, []Candidate{serial, hidPOS}, func(c Candidate) *mouth {
				m := &mouth{c: c, texts: []string{"\x80\xfe"}}
				if c.Baud == baud {
					m.texts = []string{Card}
				}
				return m
			})
			if found == nil || found.Baud != baud || found.Driver != "serial" {
				t.Errorf("%+v, %s; want %d baud", found, said, baud)
			}
		})
	}
}

// Where nobody scans, each device is told, with why it could not be heard.
func TestNobodyScans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		found, s, _ := heardFrom(t, time.Minute, []Candidate{serial, webcam}, func(c Candidate) *mouth {
			m := &mouth{c: c}
			if c.Driver == "serial" {
				m.err = fmt.Errorf("another program has it")
			}
			return m
		})
		text := s.describe()
		if found != nil || time.Since(began) != time.Minute || !strings.Contains(text, "/dev/ttyACM0 (serial): another program has it") || !strings.Contains(text, "/dev/video0 (camera): nothing came") {
			t.Errorf("%+v after %v: %s", found, time.Since(began), text)
		}
	})
	if text := (&search{}).describe(); !strings.Contains(text, "no device") {
		t.Errorf("%s; want that there is none", text)
	}
}

func TestSuffixOf(t *testing.T) {
	for names, want := range map[string]string{"CR": "\r", "CR LF": "\r\n", "none": "", "": "\r", "TAB": "\t", "ETX": "\x03", "NAK": "\r"} {
		if got := suffixOf(names); got != want {
			t.Errorf("%q: %q; want %q", names, got, want)
		}
	}
}
