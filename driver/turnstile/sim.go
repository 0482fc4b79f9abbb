package turnstile

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// SimConfig is a turnstile without hardware.
type SimConfig struct {
	Config
	Trace        string        // every change of a line is appended here as a [TraceLine]; "": nowhere
	PassageAfter time.Duration // someone walks through this long after each opening; 0: never
}

// A TraceLine is one change of a line of a simulated turnstile, a line of NDJSON.
type TraceLine struct {
	Time  time.Time `json:"t"`     // RFC 3339 in UTC, with nanoseconds
	Line  string    `json:"line"`  // open, passage, emergency
	Level int       `json:"level"` // 1 active, 0 inactive
}

// passageTime is how long a simulated person is in the sensor.
const passageTime = 100 * time.Millisecond

// A Sim is a turnstile without hardware. Its lines keep their level when its
// process dies, as a Raspberry Pi's do: the last level in the trace is the one that
// the next Sim on that trace finds.
type Sim struct {
	*Controller
	lines *simLines
}

// NewSim prepares a simulated turnstile; Run opens its trace.
func NewSim(cfg SimConfig, log *slog.Logger) *Sim {
	l := newSimLines(cfg)
	return &Sim{Controller: newController(cfg.Config, l, log), lines: l}
}

// Walk makes a person cross now, granted or not.
func (s *Sim) Walk() { s.lines.walk(0) }

// SetPassage makes the passage sensor active or inactive.
func (s *Sim) SetPassage(active bool) { s.lines.set(passage, active) }

// SetEmergency makes the emergency input active or inactive.
func (s *Sim) SetEmergency(active bool) { s.lines.set(emergency, active) }

type simLines struct {
	cfg     SimConfig
	changed chan edge
	telling sync.Mutex

	mu     sync.Mutex // guards the fields below
	trace  *os.File
	level  map[string]bool
	opened bool
	closed bool
}

func newSimLines(cfg SimConfig) *simLines {
	return &simLines{cfg: cfg, changed: make(chan edge, 64), level: map[string]bool{}}
}

func (l *simLines) setRelay(active bool) error {
	changed, err := l.change("open", active)
	if err == nil && changed && active && l.cfg.PassageAfter > 0 {
		l.walk(l.cfg.PassageAfter)
	}
	return err
}

// walk makes one person cross after a while.
func (l *simLines) walk(after time.Duration) {
	time.AfterFunc(after, func() {
		l.set(passage, false) // the one before leaves as this one comes
		l.set(passage, true)
		// begun only now: on a loaded machine two timers may come in any order, and
		// the sensor would stay active
		time.AfterFunc(passageTime, func() { l.set(passage, false) })
	})
}

// set changes an input and tells the watcher.
func (l *simLines) set(in input, active bool) {
	l.telling.Lock() // the watcher hears of changes in their order
	defer l.telling.Unlock()
	changed, err := l.change(in.String(), active)
	if err != nil || !changed {
		return
	}
	select {
	case l.changed <- edge{in, active, time.Now()}:
	case <-time.After(answer): // nobody watches
	}
}

// change drives a line's level into the trace. It reports whether the level is new.
func (l *simLines) change(name string, active bool) (changed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, os.ErrClosed
	}
	if err := l.openTrace(); err != nil {
		return false, err
	}
	if l.level[name] == active {
		return false, nil
	}
	if err := l.write(name, active); err != nil {
		return false, err
	}
	l.level[name] = active
	return true, nil
}

// openTrace finds each line as the last process left it.
func (l *simLines) openTrace() error {
	if l.opened || l.cfg.Trace == "" {
		return nil
	}
	f, err := os.OpenFile(l.cfg.Trace, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	level, err := lastLevels(f)
	if err != nil {
		f.Close()
		return fmt.Errorf("trace %s: %w", l.cfg.Trace, err)
	}
	l.trace, l.level, l.opened = f, level, true
	for _, in := range []string{"passage", "emergency"} { // nobody stands there yet
		if l.level[in] {
			l.level[in] = false
			if err := l.write(in, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastLevels reads the levels at a trace's end. Its last line may be cut off.
func lastLevels(f *os.File) (map[string]bool, error) {
	const enough = 64 << 10
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	tail := io.NewSectionReader(f, max(0, end-enough), enough)
	level := map[string]bool{}
	lines := bufio.NewScanner(tail)
	for lines.Scan() {
		var t TraceLine
		if json.Unmarshal(lines.Bytes(), &t) == nil {
			level[t.Line] = t.Level == 1
		}
	}
	return level, lines.Err()
}

func (l *simLines) write(name string, active bool) error {
	if l.trace == nil {
		return nil
	}
	t := TraceLine{Time: time.Now().UTC(), Line: name}
	if active {
		t.Level = 1
	}
	line, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = l.trace.Write(append(line, '\n'))
	return err
}

func (l *simLines) open(changed func(edge)) ([]watcher, error) {
	l.mu.Lock()
	now := map[input]bool{emergency: l.level["emergency"], passage: l.level["passage"]}
	l.mu.Unlock()
	changed(edge{emergency, now[emergency], time.Now()})
	changed(edge{passage, now[passage], time.Now()})
	return []watcher{{"simulated inputs", l.watch}}, nil
}

func (l *simLines) watch(ctx context.Context, changed func(edge)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-l.changed:
			changed(e)
		}
	}
}

func (l *simLines) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.trace == nil {
		return nil
	}
	return l.trace.Close()
}
