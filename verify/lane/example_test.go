package lane_test

import (
	"fmt"
	"time"

	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// seq stands for a record on a disk.
type seq uint64

func (s seq) Seq() uint64 { return uint64(s) }
func (s seq) OnDisk()     {}

// A whole program around the law: a passage, an emergency, and the same code again.
func Example() {
	state := lane.New(&lane.Rules{Direction: "entry", Role: journal.Entry, OpenFor: 5 * time.Second, Opens: true})
	now := lane.Instant{Wall: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), Trusted: true}
	code := verify.Verdict{Reason: verify.OK, Signed: true, Rotation: verify.ByIssuer, Certificate: "c", Holder: "h", Begins: now.Wall, Ends: now.Wall.Add(70 * time.Second)}
	used := map[journal.Use]bool{}
	var feed func(events ...lane.Event)
	feed = func(events ...lane.Event) {
		for _, ev := range events {
			var effects, answers = []lane.Effect(nil), []lane.Event(nil)
			state, effects = state.Step(ev, now)
			for _, e := range effects {
				switch e := e.(type) {
				case lane.Decide:
					answers = append(answers, lane.Judged{Read: e.Read, Verdict: code})
				case lane.Write:
					var err error
					if used[*e.Use] {
						err = journal.ErrSpent
					}
					used[*e.Use] = true
					answers = append(answers, lane.Written{Proof: seq(1), Err: err})
				case lane.Open:
					fmt.Println("open")
					answers = append(answers, lane.Opened{Seq: e.Proof.Seq()})
				case lane.Show:
					fmt.Println(lane.Say(e.Occasion, []string{"en"}).Words[0].Text)
				}
			}
			feed(answers...)
		}
	}
	feed(lane.Missing{Cause: lane.CauseScanner}, lane.Missing{Cause: lane.CauseTurnstile})
	feed(lane.Read{Text: "RG1:…"}, lane.Sensor{Active: true}, lane.Sensor{})
	feed(lane.Emergency{Active: true}, lane.Emergency{})
	now.Mono += time.Minute
	feed(lane.Read{Text: "RG1:…", At: now.Mono})
	// Output:
	// Hold your code to the reader
	// open
	// Please pass
	// Hold your code to the reader
	// Emergency: leave this way
	// Hold your code to the reader
	// Code already used: tap Refresh
}
