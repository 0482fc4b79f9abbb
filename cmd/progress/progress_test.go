package progress

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
)

// Where nobody looks at a terminal, work that takes long says so in lines, and short work nothing.
func TestLinesElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		b := Bytes(&out, "writing", 1000)
		for range 100 {
			b.Write(make([]byte, 10))
			time.Sleep(every / 25)
		}
		b.Clear()
		if got, want := out.String(), "writing: 26 %\nwriting: 51 %\nwriting: 76 %\n"; got != want {
			t.Errorf("%q; want %q", got, want)
		}
	})
}

func TestNothingToDo(t *testing.T) {
	var out strings.Builder
	b := Bytes(&out, "writing", 0)
	b.Add(10)
	if out.Len() > 0 {
		t.Errorf("%q", &out)
	}
}

// A bar names the work, and how much of it is done.
func TestABarOnATerminal(t *testing.T) {
	host, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 100})
	b := Bytes(tty, "writing", 1000)
	b.Add(500)
	tty.Close()
	var seen strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := host.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if s := seen.String(); !strings.Contains(s, "writing") || !strings.Contains(s, "50%") || strings.Contains(s, "\n") {
		t.Errorf("%q", s)
	}
}
