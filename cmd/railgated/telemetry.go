package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// A telemetry counts and remembers what the lane did, for whoever asks. Its methods may
// be called concurrently.
type telemetry struct {
	mu      sync.Mutex // guards the fields below
	counts  control.Counts
	timings control.Timings // of the last opening
	history history
	ages    lane.CodeAges
	decided lane.Outcomes
	began   time.Time // outcomes count from here
	suspect bool      // the ages said so when suspicion was asked last
}

func newTelemetry() *telemetry {
	return &telemetry{began: time.Now(), counts: control.Counts{
		Readings: map[string]uint64{}, Decided: map[string]uint64{}, Dropped: map[string]uint64{}, Records: map[string]uint64{}, Opened: map[string]uint64{},
	}}
}

// reading counts a reading of a scanner.
func (t *telemetry) reading(scanner string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Readings[scanner]++
}

// decisions counts the readings that were decided about.
func (t *telemetry) decisions() (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.counts.Decided {
		n += k
	}
	return n
}

// dropped counts a reading that was ignored.
func (t *telemetry) dropped(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Dropped[reason]++
}

// shown notes the age of a code whose signature holds.
func (t *telemetry) shown(v *verify.Verdict, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ages.Add(string(v.Holder), now.Sub(v.Begins), -v.Early, v.Ends.Sub(v.Begins))
}

// suspicion tells whether the codes' ages have begun or ceased to speak against the
// clock since it was asked last.
func (t *telemetry) suspicion() (began, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.suspect
	t.suspect = t.ages.Suspect()
	return t.suspect && !was, was && !t.suspect
}

// openedFor counts an opening for a passenger or for staff, and how long it took where
// somebody waited for it.
func (t *telemetry) openedFor(who string, times *control.Timings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Opened[who]++
	if times != nil {
		t.timings = *times
		t.history.opened(*times)
	}
}

// record counts what was journaled, and remembers it as nobody's.
func (t *telemetry) record(r journal.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Records[string(r.Kind)]++
	if r.Decision != "" {
		t.counts.Decided[r.Reason] += uint64(max(1, r.Count))
		t.history.count(r.Time, r.Decision == journal.Granted, max(1, r.Count))
	}
	t.decided.Add(r, time.Since(t.began))
	t.history.note(ofNobody(r))
}

// ofNobody is a record without the ids of holder, certificate and ticket: whoever looks over
// a shoulder needs none.
func ofNobody(r journal.Record) journal.Record {
	r.Holder, r.Certificate, r.Ticket = "", "", ""
	return r
}

// report fills in a status.
func (t *telemetry) report(s *control.Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Counts = control.Counts{
		Readings: maps.Clone(t.counts.Readings), Decided: maps.Clone(t.counts.Decided),
		Dropped: maps.Clone(t.counts.Dropped), Records: maps.Clone(t.counts.Records),
		Opened: maps.Clone(t.counts.Opened),
	}
	s.Timings = t.timings
	s.History = control.History{
		Minutes: slices.Clone(t.history.minutes), Totals: slices.Clone(t.history.totals), Recent: slices.Clone(t.history.recent),
	}
	s.Clock.Suspect, s.Clock.Histogram = t.ages.Suspect(), t.ages.Histogram()
}

// fault is the reason of ours for which nobody gets in; "" where there is none.
func (t *telemetry) fault() (reason verify.Reason, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.decided.Fault(time.Since(t.began))
}

// durations are the histograms of how long things took.
func (t *telemetry) durations() (scanned, commits, checks durations) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.history.scanned, t.history.commits, t.history.checks
}

// A history is what the technician's page draws: the last hour by minutes, the last
// openings' times, the last records. It is bounded.
type history struct {
	minutes []control.Minute // oldest first
	totals  []int64          // microseconds from a code's last byte to the relay, oldest first
	recent  []journal.Record // oldest first
	scanned durations        // from the code's last byte to the relay
	commits durations        // of the record, to the disk
	checks  durations        // of the code
}

const (
	historyMinutes = 60
	historyTotals  = 100
	historyRecords = 30
)

// count counts a decision in its minute.
func (h *history) count(at time.Time, granted bool, n int) {
	minute := at.Truncate(time.Minute)
	last := len(h.minutes) - 1
	if last < 0 || !h.minutes[last].Begins.Equal(minute) {
		h.minutes = append(keepLast(h.minutes, historyMinutes-1), control.Minute{Begins: minute})
		last = len(h.minutes) - 1
	}
	if granted {
		h.minutes[last].Granted += n
	} else {
		h.minutes[last].Denied += n
	}
}

func (h *history) opened(t control.Timings) {
	h.totals = append(keepLast(h.totals, historyTotals-1), t.Total)
	h.scanned.add(t.Total)
	h.commits.add(t.Commit)
	h.checks.add(t.Verify)
}

func (h *history) note(r journal.Record) {
	h.recent = append(keepLast(h.recent, historyRecords-1), r)
}

// keepLast is the last n of a list, or all.
func keepLast[T any](list []T, n int) []T {
	if len(list) > n {
		return append(list[:0], list[len(list)-n:]...)
	}
	return list
}

// durationBounds are a histogram's upper bounds in seconds.
var durationBounds = [...]float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1}

// durations is a histogram. Its zero value is an empty one.
type durations struct {
	count  uint64
	sum    float64                     // seconds
	within [len(durationBounds)]uint64 // how many were at most each bound
}

func (d *durations) add(us int64) {
	seconds := float64(us) / 1e6
	d.count++
	d.sum += seconds
	for i, bound := range durationBounds {
		if seconds <= bound {
			d.within[i]++
		}
	}
}

func (d *durations) buckets() map[float64]uint64 {
	out := make(map[float64]uint64, len(durationBounds))
	for i, bound := range durationBounds {
		out[bound] = d.within[i]
	}
	return out
}
