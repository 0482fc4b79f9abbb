// Package driver says what a scanner, a turnstile and a panel are. It is the
// contract between the lane, which decides, and the devices, which know nothing
// of codes, keys or policy.
//
// A device is a task: Run owns it until its context ends, then leaves it inert
// and returns nil. A device that breaks does not end its task: it says so in its
// [Health] and tries again, because nobody is there to restart it.
//
// Levels are active or inactive. What an active level is in volts is undone
// where the wire is driven, and nowhere else.
package driver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Reading is one text from one scanner.
type Reading struct {
	Scanner string
	Text    string    // without the scanner's line ending and symbology identifier
	At      time.Time // when its last byte or its picture arrived; carries the monotonic clock
}

// A Scanner turns what is held to its glass into readings.
type Scanner interface {
	fmt.Stringer // the name that it was configured with

	// Run reads until ctx ends. It hands each reading to deliver, which never
	// blocks and may be called from one goroutine at a time. What the device had
	// buffered before Run opened it, or while it was broken, is never delivered.
	Run(ctx context.Context, deliver func(Reading)) error

	Health() Health
}

// ErrEmergency is the answer to opening a turnstile while its emergency input is active.
var ErrEmergency = errors.New("emergency input is active")

// A Turnstile is one barrier in one direction: a relay, a sensor that sees a
// person cross, and the fire loop's input.
//
// The relay is inactive before Run, after Run and whenever the emergency input
// is active. It is never active for longer than a pulse, or a window given to
// Open, whatever happens to the caller.
type Turnstile interface {
	fmt.Stringer

	// Run owns the lines until ctx ends. It hands each change to deliver, which
	// never blocks; the first event is the emergency input's level.
	Run(ctx context.Context, deliver func(Event)) error

	// Open energises the relay: for one pulse, or where the relay is held for
	// window at most. It returns once the relay is active, or once the pulse is
	// due behind one that is still running. After ErrEmergency nothing has moved;
	// after any other error the relay's state is unknown and the lane must stop.
	Open(window time.Duration) error

	// Close ends a held opening and forgets pulses that are due. A running pulse
	// runs to its end by itself.
	Close() error

	// Release makes the relay inactive at once and forgets pulses that are due.
	Release() error

	// ReleaseForGood is Release for a process that dies of a panic: from any goroutine, and
	// even if Run hangs or has ended. It takes a second at most, and nothing opens after it.
	ReleaseForGood() error

	Health() Health
}

// An Event is a change that a turnstile saw.
type Event struct {
	Kind   EventKind
	Active bool
	Err    error // FaultEvent: what failed; nil once it works again
	At     time.Time
}

// EventKind says which line or condition changed.
type EventKind uint8

const (
	PassageEvent   EventKind = iota + 1 // the passage sensor: active while someone is in the lane
	EmergencyEvent                      // the emergency input
	FaultEvent                          // the relay or an input cannot be driven or read
)

func (k EventKind) String() string {
	switch k {
	case PassageEvent:
		return "passage"
	case EmergencyEvent:
		return "emergency"
	case FaultEvent:
		return "fault"
	}
	return fmt.Sprintf("event %d", uint8(k))
}

// A Panel shows the passenger what was decided: light and sound.
type Panel interface {
	fmt.Stringer

	// Run owns the panel's lines until ctx ends, and leaves them inactive.
	Run(ctx context.Context) error

	// Show replaces what is shown. It never blocks.
	Show(Display)

	// Blink has the service light blink so often, and pause, again and again; 0: it is on. Until
	// it is called the light is dark. It never blocks.
	Blink(times int)

	Health() Health
}

// A Display is what a panel shows.
type Display struct {
	Light Light
	Sound Sound
	For   time.Duration // then the panel goes idle; 0: until the next Display
}

// Light is the panel's light.
type Light uint8

const (
	Dark Light = iota
	Green
	Red
)

func (l Light) String() string { return [...]string{"dark", "green", "red"}[l] }

// Sound is the panel's sound: one for each kind of answer, so that it can be
// recognised with closed eyes.
type Sound uint8

const (
	Silent Sound = iota
	Pass         // one short: walk
	Again        // two short: the phone can help
	Staff        // one long: the staffed lane
	Alarm        // three long: someone passed without a grant
)

func (s Sound) String() string { return [...]string{"silent", "pass", "again", "staff", "alarm"}[s] }

// Health is what a device says about itself.
type Health struct {
	Up    bool
	Since time.Time // of the last change of Up
	Err   string    // why it is not up
	Beats uint64    // turns of its loop; a loop whose beats do not grow hangs

	Lines   []Line // of a turnstile, in the order of LineNames; a slice that nobody changes
	Note    string // what a technician should know though it works; "": nothing
	Suffix  string // of a serial scanner or a keyboard: what it puts behind its codes, "CR LF" or "none"; "": it has read none yet
	Foreign uint64 // of a camera: texts that it saw and that were not worth a reading
}

// A Line is one line of a turnstile as it was last driven or sensed.
type Line struct {
	Name    string // open, passage, emergency
	Active  bool
	Changes uint64    // how often it became active, since the start
	Since   time.Time // of the last change; zero: there was none
}

// LineNames are the lines of a turnstile: its relay, its passage sensor, the fire loop's input.
var LineNames = [...]string{"open", "passage", "emergency"}

// A Monitor keeps a device's health. Its zero value is a device that is not up.
type Monitor struct {
	mu     sync.Mutex
	health Health
}

// Beat counts one turn of the device's loop.
func (m *Monitor) Beat() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health.Beats++
}

// Up says that the device works. It reports whether that is news.
func (m *Monitor) Up() bool { return m.set(true, "") }

// Down says that the device does not work and why. It reports whether that is news.
func (m *Monitor) Down(err error) bool { return m.set(false, err.Error()) }

func (m *Monitor) set(up bool, reason string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.health.Up != up || m.health.Since.IsZero() {
		m.health.Since = time.Now()
	}
	news := m.health.Up != up || m.health.Err != reason
	m.health.Up, m.health.Err = up, reason
	return news
}

// Line says that a line of a turnstile is active, or is not.
func (m *Monitor) Line(name string, active bool, at time.Time) {
	m.Update(func(h *Health) {
		lines := make([]Line, len(LineNames)) // for the old one may be read yet
		for i, name := range LineNames {
			lines[i].Name = name
		}
		copy(lines, h.Lines)
		for i := range lines {
			if l := &lines[i]; l.Name == name && l.Active != active {
				l.Active, l.Since = active, at
				if active {
					l.Changes++
				}
			}
		}
		h.Lines = lines
	})
}

// Update changes what the device says beside whether it works.
func (m *Monitor) Update(change func(*Health)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.health)
}

// Health is what the device says now.
func (m *Monitor) Health() Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.health
}
