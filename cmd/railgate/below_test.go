package main

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store"
)

type provenAt time.Time

func (p provenAt) Proven() time.Time { return time.Time(p) }

// A signer's clock was a year ahead. The doctor's command, pasted and answered with y, has the time
// accepted; answered with n it changes nothing.
func TestTheRemedyOfATimeThatWasProvenWrongly(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.mkdir("tools", 0o755)
	ahead := provenAt(time.Now().AddDate(1, 0, 0))
	kept, err := store.Open(store.Options{
		Dir: w.path("data"), Days: 90, MaxBytes: 1 << 20, PassbackFor: time.Hour,
		Now: func() (time.Time, bool) { return time.Now(), true }, Proven: func() store.Proven { return ahead },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	kept.Keep()
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	w.launch()
	var f finding
	w.until("clock_below_floor is found", func() (ok bool) { f, ok = find(w.examine(), control.ClockBelowFloor); return ok })
	if !strings.Contains(f.Fix, "clock accept") || !strings.Contains(f.Hands, "your watch") {
		t.Fatalf("%+v; want the command that has a time accepted, and what to look at before", f)
	}
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	answer := func(yes string) error {
		c := exec.Command("sh", "-c", f.Fix)
		c.Env, c.Stdin = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")), strings.NewReader(yes+"\n")
		out, err := c.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	if err := answer("n"); err == nil {
		t.Error("n is taken for y")
	}
	if _, there := find(w.examine(), control.ClockBelowFloor); !there {
		t.Error("something was changed, though the answer was n")
	}
	if err := answer("y"); err != nil {
		t.Fatal(err)
	}
	w.until("clock_below_floor is gone", func() bool { _, there := find(w.examine(), control.ClockBelowFloor); return !there })
}
