package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who showed a code while the process was stopped may have gone: the code opens nothing when
// it goes on, however long it was stopped.
func TestCodesFromWhileItWasStoppedOpenNothing(t *testing.T) {
	d := newSite(t, "").start()
	for i, stopped := range []time.Duration{1500 * time.Millisecond, 3 * time.Second} {
		if err := d.cmd.Process.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		d.scan(d.code())
		d.scan(d.code())
		time.Sleep(stopped)
		if err := d.cmd.Process.Signal(unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		d.until("flushed", func() bool {
			return strings.Count(d.log.String(), "is dropped") == i+1 || d.count(decided("granted", "ok")) > i
		})
		d.scan(d.code()) // it comes behind the others
		d.waitFor(i+1, decided("granted", "ok"))
		d.wantPulses(i + 1)
	}
}

// A scanner of another setting is read, and its status says what it sends.
func TestStatusNamesTheSuffixThatIsSeen(t *testing.T) {
	d := newSite(t, "").start()
	if _, err := d.port.WriteString(`]Q2\000026` + d.code() + "\t"); err != nil {
		t.Fatal(err)
	}
	d.waitFor(1, decided("granted", "ok"))
	if front := d.status().Devices[0]; front.Suffix != "TAB" || !strings.Contains(front.Note, `suffix = "\t"`) {
		t.Errorf("status has %+v; want the suffix TAB and what to set", front)
	}
}
