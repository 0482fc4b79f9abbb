package inspect

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 29, 4, 0, 0, 0, time.UTC)

// after is an instant at which both clocks went on, and the phone's date was set ahead as well.
func after(d, ahead time.Duration) Instant {
	return Instant{Mono: time.Hour + d, Wall: noon.Add(-7*time.Minute + d + ahead)} // the phone is 7 minutes slow
}

func heard(t *testing.T) *Clock {
	t.Helper()
	var c Clock
	if !c.Hear(noon, after(-time.Second, 0), after(time.Second, 0)) {
		t.Fatal("an answer after two seconds was not taken")
	}
	return &c
}

// The server's time is that of the middle of the round trip: it has gone on by half of it.
func TestTheServersTimeGoesOn(t *testing.T) {
	c := heard(t)
	for _, passed := range []time.Duration{0, time.Minute, ShiftLasts - 1} {
		if now, doubt := c.Now(after(time.Second+passed, 0)); doubt != "" || !now.Equal(noon.Add(time.Second+passed)) {
			t.Errorf("after %v: %v, doubt %q; want %v", passed, now, doubt, noon.Add(time.Second+passed))
		}
	}
}

func TestWhenTheTimeIsNotBelieved(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   Instant
		want Doubt
		now  time.Time // the best guess
	}{
		{"the clocks differ by two seconds", after(time.Minute, 2*time.Second), "", noon.Add(time.Minute)},
		{"the phone slept, and its monotonic clock with it", after(time.Minute, 2*time.Second+1), Slept, noon.Add(time.Minute + 2*time.Second + 1)},
		{"its date was set back", after(time.Minute, -2*time.Second-1), Slept, noon.Add(time.Minute - 2*time.Second - 1)},
		{"it went on for a shift", after(ShiftLasts+time.Second, 0), TooLong, noon.Add(ShiftLasts + time.Second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if now, doubt := heard(t).Now(tt.at); doubt != tt.want || !now.Equal(tt.now) {
				t.Errorf("%v, doubt %q; want %v, %q", now, doubt, tt.now, tt.want)
			}
		})
	}
	var none Clock
	if now, doubt := none.Now(after(0, 0)); doubt != NoServer || !now.Equal(noon.Add(-7*time.Minute)) {
		t.Errorf("before any server: %v, %q; want the phone's date, %q", now, doubt, NoServer)
	}
}

// Once the phone has slept the doubt stays, also when its date is set back to where the monotonic
// clock is, and until a server tells the time.
func TestADoubtStaysUntilAServer(t *testing.T) {
	c := heard(t)
	c.Now(after(time.Minute, time.Hour))
	if _, doubt := c.Now(after(2*time.Minute, 0)); doubt != Slept {
		t.Errorf("the date was set back: doubt %q; want %q", doubt, Slept)
	}
	if !c.Hear(noon.Add(time.Hour), after(2*time.Minute, 0), after(2*time.Minute, 0)) {
		t.Fatal("the server's time was not taken")
	}
	if now, doubt := c.Now(after(3*time.Minute, 0)); doubt != "" || !now.Equal(noon.Add(61*time.Minute)) {
		t.Errorf("after a server: %v, %q; want %v", now, doubt, noon.Add(61*time.Minute))
	}
}

func TestAnswersThatSayNothing(t *testing.T) {
	for _, tt := range []struct {
		name      string
		sent, got Instant
		want      bool
	}{
		{"four seconds", after(0, 0), after(4*time.Second, 0), true},
		{"more", after(0, 0), after(4*time.Second+1, 0), false},
		{"before it was asked", after(0, 0), after(-1, 0), false},
		{"the phone slept meanwhile", after(0, 0), after(time.Second, time.Minute), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := heard(t)
			was := *c
			if got := c.Hear(noon.Add(time.Hour), tt.sent, tt.got); got != tt.want || (!got && *c != was) {
				t.Errorf("taken: %v, %+v; want %v", got, *c, tt.want)
			}
		})
	}
}
