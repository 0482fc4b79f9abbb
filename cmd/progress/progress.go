// Package progress shows how far long work is: on a terminal a bar with speed and time
// left, elsewhere a line now and then, where it takes long.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A Bar is how far one piece of work is. Its methods are for one goroutine.
type Bar struct {
	out   io.Writer
	what  string
	total int64
	done  int64
	told  time.Time                // when the last line was written
	bar   *progressbar.ProgressBar // nil: no terminal
}

// Bytes makes a bar for total bytes of the work that what names, as "writing". 0 bytes:
// nothing is shown.
func Bytes(out io.Writer, what string, total int64) *Bar {
	return show(out, what, total, progressbar.OptionShowBytes(true))
}

// Count makes a bar for total things, as records.
func Count(out io.Writer, what string, total int64) *Bar {
	return show(out, what, total, progressbar.OptionShowCount())
}

func show(out io.Writer, what string, total int64, unit progressbar.Option) *Bar {
	b := &Bar{out: out, what: what, total: total, told: time.Now()}
	if total > 0 && isTerminal(out) {
		b.bar = progressbar.NewOptions64(total, unit,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionShowIts(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond))
	}
	return b
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// every is how long a line is the newest, where there is no terminal.
const every = 5 * time.Second

// Add says that n more bytes or things are done.
func (b *Bar) Add(n int64) { b.Set(b.done + n) }

// Set says how much is done.
func (b *Bar) Set(done int64) {
	b.done = done
	switch {
	case b.bar != nil:
		b.bar.Set64(min(done, b.total)) // its error is the terminal's
	case b.total > 0 && time.Since(b.told) >= every:
		b.told = time.Now()
		fmt.Fprintf(b.out, "%s: %d %%\n", b.what, 100*done/b.total)
	}
}

// Write counts the bytes of p, for io.TeeReader and io.MultiWriter.
func (b *Bar) Write(p []byte) (int, error) {
	b.Add(int64(len(p)))
	return len(p), nil
}

// Clear takes the bar off the terminal, at the end or before other words.
func (b *Bar) Clear() {
	if b.bar != nil {
		b.bar.Clear() // its error is the terminal's
	}
}
