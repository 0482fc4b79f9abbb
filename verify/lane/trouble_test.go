package lane

import (
	"errors"
	"strings"
	"testing"
	"time"

	"railgate/verify"
)

func TestEmergency(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.log = nil
	p.feed(Emergency{true})
	p.want("release", "emergency_begin", "no_passage", "show emergency")
	p.wantMode(ModeEmergency)
	p.read(p.code("b", 0)) // denies nobody
	p.walk()
	p.walk()
	p.wait(time.Hour)
	p.feed(Emergency{true})
	p.want("drop emergency")
	p.feed(Emergency{false})
	p.want("emergency_end", "show idle")
	p.wantMode(ModeClosed)
	if r := p.records[len(p.records)-1]; r.Count != 2 {
		t.Errorf("%d people left; want 2", r.Count)
	}
	p.walk()
	p.want("forced", "show one_by_one")
}

// The fire loop works with no keyset, no clock, a full disk.
func TestEmergencyWorksOutOfService(t *testing.T) {
	p := newPlay(t, entry())
	for c := range CauseProvision {
		p.feed(Missing{c, "gone"})
	}
	p.log = nil
	p.feed(Emergency{true})
	p.want("release", "emergency_begin", "show emergency")
	p.feed(Emergency{false})
	p.want("emergency_end", "show out_of_service")
}

// A gate that is no station's yet says so, lets nobody pass, tells a technician what became of a
// code for some seconds, and in a fire gets out of the way as any other.
func TestAGateThatIsNotProvisioned(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseProvision, "it waits for a code"})
	p.want("release", "out_of_service", "show not_provisioned")
	p.wantMode(ModeOutOfService)
	p.feed(Missing{CauseKeyset, "none"})
	p.log = nil
	p.read(p.code("a", 0))
	p.want("drop out_of_service")
	p.feed(Tell{string(verify.OtherGate)})
	p.want("show other_gate")
	p.wait(8 * time.Second)
	p.want("show not_provisioned")
	p.feed(Emergency{true})
	p.want("release", "emergency_begin", "show emergency")
	p.feed(Emergency{false})
	p.want("emergency_end", "show not_provisioned")
}

func TestOutOfService(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseClock, "not synchronised"})
	p.want("release", "out_of_service", "show out_of_service")
	p.wantMode(ModeOutOfService)
	p.feed(Missing{CauseKeyset, "none"})
	p.feed(Missing{CauseKeyset, "none"})
	p.want("release", "out_of_service")
	p.read(p.code("a", 0))
	p.want("drop out_of_service")
	p.feed(Missing{CauseClock, ""})
	p.want()
	p.feed(Missing{CauseKeyset, ""})
	p.want("in_service", "show idle")
	p.read(p.code("a", 0)) // the same text: what was dropped was not held
	p.want("granted ok", "open", "show ok")
}

// A device that has not yet said how it is closes the lane and is no news.
func TestStartingIsNoNews(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseTurnstile, Starting})
	p.want("show out_of_service")
	p.feed(Missing{CauseTurnstile, ""})
	p.want("in_service", "show idle")
}

func TestStoreThatFailsDeniesAndCloses(t *testing.T) {
	p := newPlay(t, entry())
	p.spendErr = errors.New("no space left on device")
	p.read(p.code("a", 0))
	p.want("release", "out_of_service", "show out_of_service", "denied out_of_service")
	p.wantMode(ModeOutOfService)
}

func TestRelayThatFailsIsAFault(t *testing.T) {
	p := newPlay(t, entry())
	p.openErr = errors.New("relay: no such device")
	p.read(p.code("a", 0))
	p.want("granted ok", "no_passage", "release", "out_of_service", "show out_of_service")
	p.wantMode(ModeOutOfService)
}

func TestOpeningThatMeetsAnEmergency(t *testing.T) {
	p := newPlay(t, entry())
	p.openErr = errEmergency
	p.read(p.code("a", 0))
	p.wantMode(ModeClosed)
	p.feed(Emergency{true})
	p.wantMode(ModeEmergency)
}

func TestServiceEndsByItself(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceClosed, By: "technician"})
	p.want("service_begin", "show out_of_service")
	p.wait(10*time.Minute - 1)
	p.want()
	p.wait(1)
	p.want("service_end", "show idle")
}

func TestFreePassageStopsForAnEmergencyAndForAFault(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "technician", Why: "a broken sensor"})
	p.feed(Emergency{true})
	p.log = nil
	p.wait(time.Minute)
	p.want()
	p.feed(Emergency{false})
	p.want("emergency_end", "show free_passage")
	p.wait(1)
	p.log = nil
	p.feed(Missing{CauseStore, "gone"})
	p.log = nil
	p.wait(time.Minute)
	p.want()
	p.feed(Missing{CauseStore, ""})
	p.feed(Tick{})
	if !strings.Contains(strings.Join(p.log, ","), "open") {
		t.Errorf("%v; want it to open again", p.log)
	}
}

// errEmergency is what the play's turnstile says while its emergency input is active.
var errEmergency = errors.New("emergency input is active")
