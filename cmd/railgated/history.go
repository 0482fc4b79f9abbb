package main

import (
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// A history is what the technician's page draws: the last hour by minutes, the last
// passages' times, the last records. It is bounded, and the lane's lock guards it.
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

func (h *history) passed(t control.Timings) {
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
