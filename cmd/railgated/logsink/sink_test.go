package logsink

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver/drivertest"
)

// A tap is a writer that can be shut, as a pipe that nobody reads.
type tap struct {
	drivertest.Log
	open chan struct{} // closed: writes go through
	fail atomic.Bool
}

func (t *tap) Write(p []byte) (int, error) {
	<-t.open
	if t.fail.Load() {
		return 0, errors.New("broken pipe")
	}
	return t.Log.Write(p)
}

// A pipe that nobody reads stopped a lane after twelve codes, which it called healthy.
func TestALogThatNobodyTakesStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		s := New(out)
		log := NewLog(s, nil)
		line := strings.Repeat("x", 1000)
		for range 1000 {
			log.Info(line)
		}
		dropped, stuck := s.Count()
		if !stuck || dropped < 1000-sinkRoom/1000 || dropped > 1000-sinkRoom/1200 {
			t.Errorf("%d of 1000 lines are dropped, stuck: %v; want all but %d bytes of them", dropped, stuck, sinkRoom)
		}
		if s.Flush(time.Second) {
			t.Error("what nobody takes is flushed")
		}
		close(out.open)
		if !s.Flush(time.Second) {
			t.Error("it does not drain")
		}
		written := out.String()
		if n := strings.Count(written, line); uint64(n)+dropped != 1000 {
			t.Errorf("%d lines are written and %d dropped of 1000", n, dropped)
		}
		last := strings.TrimSpace(written[strings.LastIndex(strings.TrimSpace(written), "\n")+1:])
		if last != `level=WARN msg="nothing read the log; lines were dropped" dropped=`+attr(dropped) {
			t.Errorf("the last line is %q; want the count, %d", last, dropped)
		}
		log.With("a", 1).WithGroup("g").Info("after", "b", 2)
		s.Close(time.Second)
		if !strings.HasSuffix(out.String(), "msg=after a=1 g.b=2\n") {
			t.Error("a line that comes after is not written")
		}
		if again, stuck := s.Count(); again != dropped || stuck {
			t.Errorf("%d dropped, stuck: %v; want %d and no more", again, stuck, dropped)
		}
		log.Info("too late")
	})
}

func attr(n uint64) string { return slog.Uint64("", n).Value.String() }

// A log whose reader is gone is no fault of the lane's, nor one to end for.
func TestALogThatIsBrokenIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		close(out.open)
		out.fail.Store(true)
		s := New(out)
		s.Write([]byte("lost\n"))
		s.Flush(time.Second)
		if dropped, _ := s.Count(); dropped != 1 {
			t.Errorf("%d lines are dropped; want 1", dropped)
		}
		out.fail.Store(false)
		s.Write([]byte("kept\n"))
		s.Close(time.Second)
		if out.String() != "kept\n" {
			t.Errorf("%q is written; want what came once it worked", out)
		}
	})
}

// A dying process lets its last line out, for a while, and bounds its death after that.
func TestDyingWaitsForTheLog(t *testing.T) {
	for _, slow := range []time.Duration{LastWords / 2, 2 * LastWords} {
		synctest.Test(t, func(t *testing.T) {
			out := &tap{open: make(chan struct{})}
			s := New(out)
			began := time.Now()
			time.AfterFunc(slow, func() { close(out.open) })
			killed := false
			h := Handler{slog.NewTextHandler(s, nil), s, func(after time.Duration) error {
				killed = after > 0
				if waited := time.Since(began); waited != min(slow, LastWords) {
					t.Errorf("it waited for %v; want %v", waited, min(slow, LastWords))
				}
				if written := strings.Contains(out.String(), "msg=why"); written != (slow < LastWords) {
					t.Errorf("the last line is written: %v", written)
				}
				return nil
			}}
			slog.New(h).With("a", 1).Error("why")
			h.WithGroup("g").(Handler).Dying()
			if !killed {
				t.Error("nothing bounds its death")
			}
			time.Sleep(slow)
			s.Close(LastWords)
		})
	}
}

// What bounds a death that nothing in the process could bound: a panic's, when Go's
// runtime hangs as it prints the stack.
func TestKillAfter(t *testing.T) {
	if os.Getenv("RAILGATED_TEST") == "killed" {
		t.Log(killAfter(10 * time.Millisecond))
		time.Sleep(time.Minute)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillAfter$")
	cmd.Env = append(os.Environ(), "RAILGATED_TEST=killed")
	if err := cmd.Run(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("%v; want it killed", cmd.ProcessState)
	}
}
