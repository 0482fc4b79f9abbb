package gpioline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// The first level comes with the request: the pin has no other in between.
func TestOutputIsRequestedAtItsLevel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		low   bool
		first gpio.Level
		want  string
	}{
		{"active high, inactive", false, gpio.Low, "request low, set high, set low"},
		{"active high, active", false, gpio.High, "request high, set high, set low"},
		{"active low, inactive", true, gpio.Low, "request high, set low, set high"},
		{"active low, active", true, gpio.High, "request low, set low, set high"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, pin, l := newFake(t)
			l.ActiveLow = tt.low
			for _, level := range []gpio.Level{tt.first, gpio.High, gpio.Low} {
				if err := l.Out(level); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(pin.trace, ", "); got != tt.want {
				t.Errorf("the pin: %s; want %s", got, tt.want)
			}
			if got := text(pin.request.consumer[:]); got != "railgated" {
				t.Errorf("held by %q; want railgated", got)
			}
		})
	}
}

func TestReadingAnOutputLeavesItOne(t *testing.T) {
	_, pin, l := newFake(t)
	l.ActiveLow = true
	if err := l.Out(gpio.High); err != nil {
		t.Fatal(err)
	}
	level, err := l.Level()
	if err != nil || level != gpio.High || l.Function() != "Out" || len(pin.trace) != 1 {
		t.Errorf("level %v, %v, %s, pin %v; want High, nothing done", level, err, l.Function(), pin.trace)
	}
}

func TestInputIsRequestedWithBiasDebounceAndEdges(t *testing.T) {
	for _, tt := range []struct {
		low   bool
		pull  gpio.Pull
		edges gpio.Edge
		want  uint64
	}{
		{false, gpio.PullUp, gpio.BothEdges, flagInput | flagPullUp | flagRising | flagFalling},
		{false, gpio.PullDown, gpio.RisingEdge, flagInput | flagPullDown | flagRising},
		{true, gpio.PullUp, gpio.FallingEdge, flagInput | flagActiveLow | flagPullDown | flagFalling},
		{true, gpio.PullDown, gpio.NoEdge, flagInput | flagActiveLow | flagPullUp},
		{false, gpio.Float, gpio.NoEdge, flagInput | flagBiasDisabled},
		{false, gpio.PullNoChange, gpio.NoEdge, flagInput},
	} {
		_, pin, l := newFake(t)
		l.ActiveLow, l.Debounce = tt.low, 5*time.Millisecond
		if err := l.In(tt.pull, tt.edges); err != nil {
			t.Fatal(err)
		}
		c := pin.request.config
		if c.flags != tt.want || c.count != 1 || c.attributes[0].id != attributeDebounce || c.attributes[0].value != 5000 || c.attributes[0].mask != 1 {
			t.Errorf("%+v: flags %#x, %+v; want %#x and 5000 µs", tt, c.flags, c.attributes[:1], tt.want)
		}
		if l.Pull() != tt.pull {
			t.Errorf("pull %v; want %v", l.Pull(), tt.pull)
		}
	}
}

func TestEdgesComeInOrderWithTheirTimes(t *testing.T) {
	k, pin, l := newFake(t)
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	pin.edge(eventRising, k.clock-3*time.Second)
	pin.edge(eventFalling, k.clock-2*time.Second)
	for _, want := range []struct {
		level gpio.Level
		age   time.Duration
	}{{gpio.High, 3 * time.Second}, {gpio.Low, 2 * time.Second}} {
		if !l.WaitForEdge(time.Minute) {
			t.Fatal("no edge")
		}
		level, at := l.Edge()
		if off := time.Since(at) - want.age; level != want.level || off < 0 || off > 20*time.Second {
			t.Errorf("edge to %v, %v ago; want %v, %v", level, time.Since(at), want.level, want.age)
		}
	}
	if l.WaitForEdge(10 * time.Millisecond) {
		t.Error("an edge that nobody made")
	}
}

// A line that the kernel cannot debounce is debounced here: bounces are one edge, with the time of the first, and
// what comes back to where it was is none.
func TestLineThatTheKernelCannotDebounce(t *testing.T) {
	k, pin, l := newFake(t)
	pin.bounces, l.Debounce = true, 5*time.Millisecond
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	if c := pin.request.config; c.count != 0 || c.flags != flagInput|flagPullDown|flagRising|flagFalling {
		t.Errorf("asked for %#x with %d attributes; want the same without debouncing", c.flags, c.count)
	}
	for _, tt := range []struct {
		name   string
		bounce []uint32
		edge   bool
		level  gpio.Level
	}{
		{"a contact that closes", []uint32{eventRising, eventFalling, eventRising}, true, gpio.High},
		{"a spike", []uint32{eventFalling, eventRising}, false, gpio.Low},
		{"a contact that opens", []uint32{eventFalling}, true, gpio.Low},
	} {
		for i, id := range tt.bounce {
			pin.edge(id, k.clock-time.Minute+time.Duration(i)*time.Millisecond)
		}
		if got := l.WaitForEdge(patienceFor(tt.edge)); got != tt.edge {
			t.Fatalf("%s: edge %v; want %v", tt.name, got, tt.edge)
		}
		if level, at := l.Edge(); tt.edge && (level != tt.level || time.Since(at) < 59*time.Second) {
			t.Errorf("%s: edge to %v, %v ago; want %v, a minute", tt.name, level, time.Since(at), tt.level)
		}
	}
	if err := l.In(gpio.PullDown, gpio.RisingEdge); err != nil {
		t.Fatal(err)
	}
	for i, id := range []uint32{eventRising, eventFalling, eventRising} {
		pin.edge(id, k.clock-time.Minute)
		want := id == eventRising
		if got := l.WaitForEdge(patienceFor(want)); got != want {
			t.Errorf("edge %d of those that rise: %v; want %v", i, got, want)
		}
	}
	pin.bounces = false
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil || l.bounces {
		t.Errorf("debounced here once the kernel does: %v, %v", l.bounces, err)
	}
}

// A late reader finds a whole passage waiting: its edges are not bounces of each other.
func TestEdgesThatWaitedAreNoBounces(t *testing.T) {
	k, pin, l := newFake(t)
	pin.bounces, l.Debounce = true, 5*time.Millisecond
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		id uint32
		at time.Duration // in ms
	}{{eventRising, 0}, {eventFalling, 1}, {eventRising, 2}, {eventFalling, 300}, {eventRising, 301}, {eventFalling, 305}, {eventRising, 310}} {
		pin.edge(e.id, k.clock-time.Minute+e.at*time.Millisecond)
	}
	var first time.Time
	for i, want := range []struct {
		level gpio.Level
		after time.Duration
	}{{gpio.High, 0}, {gpio.Low, 300 * time.Millisecond}, {gpio.High, 310 * time.Millisecond}} {
		if !l.WaitForEdge(time.Minute) {
			t.Fatalf("edge %d was lost", i)
		}
		level, at := l.Edge()
		if i == 0 {
			first = at
		}
		if off := at.Sub(first) - want.after; level != want.level || off < -50*time.Millisecond || off > 50*time.Second {
			t.Errorf("edge %d to %v, %v after the first; want %v, %v", i, level, at.Sub(first), want.level, want.after)
		}
	}
	pin.edge(eventFalling, k.clock-time.Minute)
	pin.edge(eventRising, k.clock-time.Second)
	if !l.WaitForEdge(time.Minute) {
		t.Fatal("no edge")
	}
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	if l.WaitForEdge(patienceFor(false)) {
		t.Error("an edge from before the line was requested again")
	}
}

// A bad contact may bounce without end: an edge of it comes all the same, or the wait ends.
func TestLineThatDoesNotRest(t *testing.T) {
	k, pin, l := newFake(t)
	pin.bounces, l.Debounce = true, 100*time.Millisecond
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	waited := make(chan bool)
	go func() { waited <- l.WaitForEdge(10 * time.Millisecond) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range 1000 {
		pin.edge([]uint32{eventRising, eventFalling}[i%2], k.clock-time.Minute+time.Duration(i)*time.Millisecond)
		select {
		case <-waited:
			return
		case <-tick.C:
		}
	}
	t.Fatal("it waits for as long as the line bounces")
}

func TestHaltWhileALineBounces(t *testing.T) {
	k, pin, l := newFake(t)
	pin.bounces, l.Debounce = true, 5*time.Millisecond
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	k.onRead = func() { l.Halt() }
	pin.edge(eventFalling, k.clock-time.Minute) // it was so before: not an edge
	waited := make(chan bool)
	go func() { waited <- l.WaitForEdge(-1) }()
	select {
	case edge := <-waited:
		if edge {
			t.Error("Halt is an edge")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Halt was lost")
	}
}

// patienceFor is long for an edge that must come, and short for one that must not.
func patienceFor(edge bool) time.Duration {
	if edge {
		return time.Minute
	}
	return 50 * time.Millisecond
}

// A line of a chip without interrupts is looked at.
func TestLineThatHasNoEdges(t *testing.T) {
	k, pin, l := newFake(t)
	pin.mute, l.ActiveLow, l.Debounce = true, true, 5*time.Millisecond
	if err := l.In(gpio.PullUp, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	if c := pin.request.config; c.count != 0 || c.flags != flagInput|flagActiveLow|flagPullDown {
		t.Errorf("asked for %#x with %d attributes; want no edges", c.flags, c.count)
	}
	for _, high := range []bool{true, false, true} {
		k.put(pin, high)
		began := time.Now()
		if !l.WaitForEdge(time.Minute) {
			t.Fatal("no edge")
		}
		if level, at := l.Edge(); bool(level) == high || at.Before(began) {
			t.Errorf("edge to %v, %v ago; want %v (the line is active low)", level, time.Since(at), !high)
		}
		if l.WaitForEdge(30 * time.Millisecond) {
			t.Error("an edge that nobody made")
		}
	}
	if err := l.In(gpio.PullUp, gpio.FallingEdge); err != nil { // logical: the pin rises
		t.Fatal(err)
	}
	for _, high := range []bool{false, true} {
		k.put(pin, high)
		if got := l.WaitForEdge(patienceFor(high)); got != high {
			t.Errorf("an edge that falls when the pin is %v: %v", high, got)
		}
	}
	done := make(chan bool)
	go func() { done <- l.WaitForEdge(-1) }()
	for ended := false; !ended; {
		select {
		case got := <-done:
			if got {
				t.Error("Halt is an edge")
			}
			ended = true
		case <-time.After(10 * time.Millisecond):
			if err := l.Halt(); err != nil {
				t.Fatal(err)
			}
		}
	}
	pin.fail[getValues] = unix.ENODEV
	if l.WaitForEdge(time.Minute) {
		t.Error("an edge of a line that is gone")
	}
}

func TestHaltEndsAWaitWithoutLimit(t *testing.T) {
	_, _, l := newFake(t)
	if l.WaitForEdge(-1) {
		t.Error("an edge of a line that nobody asked for")
	}
	if err := l.In(gpio.PullDown, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() { done <- l.WaitForEdge(-1) }()
	for {
		select {
		case got := <-done:
			if got {
				t.Error("Halt is an edge")
			}
			return
		case <-time.After(10 * time.Millisecond):
			if err := l.Halt(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestBusyLineSaysWhoHasIt(t *testing.T) {
	_, pin, l := newFake(t)
	pin.holder = "sysfs"
	err := l.Out(gpio.Low)
	if want := `GPIO line RELAY (pl061:1): held by "sysfs": device or resource busy`; err == nil || err.Error() != want || !errors.Is(err, unix.EBUSY) {
		t.Errorf("%v; want %s", err, want)
	}
	pin.holder = ""
	if err := l.Out(gpio.Low); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}

func TestHolderIsToldWithoutARequest(t *testing.T) {
	_, pin, l := newFake(t)
	for _, want := range []string{"", "sysfs"} {
		pin.holder = want
		if who, err := l.Holder(); who != want || err != nil {
			t.Errorf("Holder = %q, %v; want %q", who, err, want)
		}
	}
	if l.Function() != "" {
		t.Errorf("the line is an %s; want it not requested", l.Function())
	}
}

func TestRefusedRequestKeepsItsErrno(t *testing.T) {
	_, pin, l := newFake(t)
	pin.fail[getLine] = unix.EINVAL
	if err := l.In(gpio.PullUp, gpio.BothEdges); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v; want %v", err, unix.EINVAL)
	}
	if _, err := l.Level(); err == nil {
		t.Error("a line that was refused is read")
	}
}

// A board that is unplugged, and comes back as another chip's number, is found again.
func TestLineOfAChipThatIsReplugged(t *testing.T) {
	k, pin, l := newFake(t)
	if err := l.Out(gpio.Low); err != nil {
		t.Fatal(err)
	}
	c := k.nodes[fakePath]
	delete(k.nodes, fakePath)
	pin.fail[setValues] = unix.ENODEV
	for range 2 {
		if err := l.Out(gpio.High); !errors.Is(err, unix.ENODEV) {
			t.Errorf("unplugged: %v; want %v", err, unix.ENODEV)
		}
	}
	k.nodes[fakePath] = &fakeChip{label: "another", lines: []*fakeLine{{}, {name: "RELAY"}}}
	k.nodes["/dev/gpiochip7"] = c
	delete(pin.fail, setValues)
	if err := l.Out(gpio.Low); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(pin.trace, ", "); got != "request low, request low" {
		t.Errorf("the pin: %s; want it requested again, and never high", got)
	}
}

func TestChipThatMayNotBeOpened(t *testing.T) {
	k, _, l := newFake(t)
	l.kernel = lockedKernel{k}
	if err := l.Out(gpio.Low); !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "group gpio") {
		t.Errorf("%v; want a word about the group", err)
	}
}

type lockedKernel struct{ *fakeKernel }

func (lockedKernel) open(string) (int, error) { return -1, unix.EACCES }

// FuzzEvent lets the kernel say anything: no time is in the future, or long ago, and nothing but a
// whole event is an edge.
func FuzzEvent(f *testing.F) {
	f.Add(eventBytes(eventRising, time.Minute), int64(time.Hour))
	f.Add(eventBytes(eventFalling, -1), int64(0))
	f.Add(eventBytes(7, time.Minute), int64(time.Hour))
	f.Add([]byte{1}, int64(time.Hour))
	f.Fuzz(func(t *testing.T, b []byte, mono int64) {
		now := time.Now()
		e, ok := parseEvent(b, time.Duration(mono), now)
		if !ok {
			return
		}
		if len(b) != eventSize || e.at.After(now) || now.Sub(e.at) > time.Hour {
			t.Errorf("%x: %+v", b, e)
		}
	})
}
