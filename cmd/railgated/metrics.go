package main

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"railgate/cmd/control"
	"railgate/store/sync"
	"railgate/verify/lane"
)

// metricsHandler answers Prometheus. Every label comes from a closed set or from the
// configuration: no passenger makes a new series.
func (w web) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&collector{w.server},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	return answerMetrics(registry)
}

func answerMetrics(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// A collector makes metrics of the gate's status.
type collector struct{ *server }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("railgate_"+name, help, labels, nil)
}

var (
	descBuild     = desc("build_info", "The running version; always 1.", "version")
	descHealth    = desc("health", "1 for what the gate is: healthy, degraded, out_of_service.", "health")
	descMode      = desc("lane_mode", "1 for what the lane is doing.", "mode")
	descCause     = desc("out_of_service", "1 for each reason why the lane is out of service.", "cause")
	descWrong     = desc("cause", "1 for each cause, by its name in the table of causes, for which the gate is not healthy.", "cause")
	descDevice    = desc("device_up", "1 while a device works.", "kind", "name")
	descReadings  = desc("readings_total", "Readings, by scanner.", "scanner")
	descForeign   = desc("foreign_texts_total", "Texts before a camera that are not codes for gates, once for each frame that has them.", "scanner")
	descDropped   = desc("readings_dropped_total", "Readings that were ignored, by reason.", "reason")
	descLog       = desc("log_lines_dropped_total", "Lines of the log that were dropped, because nothing read it.")
	descDecisions = desc("decisions_total", "Decisions, by reason; ok is granted.", "reason")
	descOpenings  = desc("openings_total", "Openings of the turnstile, by whom they were for.", "for")
	descRecords   = desc("journal_records_total", "Records written since the start, by kind.", "kind")
	descSeq       = desc("journal_seq", "The newest record's sequence number.")
	descQueued    = desc("journal_queued_records", "Records that wait for the disk.")
	descJournal   = desc("journal_bytes", "The journal's size.")
	descFile      = desc("store_file_bytes", "The store's size.")
	descSpent     = desc("spent_codes", "Codes that are remembered as used.")
	descUnsent    = desc("journal_unsent_records", "Records whose bodies made room before the station had them.")
	descRolled    = desc("store_rolled_back", "1 while the store was rolled back, and codes from before may be valid.")
	descTrusted   = desc("clock_trusted", "1 while the clock is trusted.")
	descError     = desc("clock_error_seconds", "How wrong the clock may be, in holdover.")
	descStepped   = desc("clock_stepped", "1 while the system's clock has jumped and is not believed.")
	descDisputed  = desc("clock_disputed", "1 while passengers' codes, or the station, contradict the system's clock.")
	descProven    = desc("clock_proven_timestamp_seconds", "The time that has certainly been reached.")
	descHoldover  = desc("clock_holdover_seconds", "How long holdover is good; 0 where the time does not go by it.")
	descSuspect   = desc("clock_suspect", "1 while most passengers' codes are outside their minute.")
	descKeyset    = desc("keyset_version", "The version of the keyset in use; 0: there is none.")
	descKeysRead  = desc("keyset_read_timestamp_seconds", "When the keyset was read.")
	descKeysEnd   = desc("keyset_expires_timestamp_seconds", "When the last key ends.")
	descSync      = desc("sync_state", "1 for how far the gate is behind its repository: fresh, stale, degraded, stopped.", "state")
	descSynced    = desc("sync_timestamp_seconds", "When the repository was reached last.")
	descRevoked   = desc("revocations", "Certificates of which something is revoked; absent: nobody revokes.")
	descRevokedAt = desc("revocations_timestamp_seconds", "When the list of what is revoked was signed; absent: none has come.")
	descTickets   = desc("tickets", "Tickets of the days around now: in manifests, sold since (added), taken back since (refunded).", "from")
	descRelease   = desc("release_info", "1 for each release that the gate has or gets; state: running, assigned, staged, trial, failed.", "state", "release")
	descBusUp     = desc("bus_connected", "1 while the gate is connected to its station's bus.")
	descInTouch   = desc("bus_in_touch", "1 while what the station's other gates spend is known here within a moment.")
	descBusUnsent = desc("bus_unsent_records", "Records that the station's stream has not acknowledged.")
	descReceipt   = desc("bus_receipt_seq", "The newest record that the station has given a receipt for; 0: none.")
	descSentAgain = desc("bus_sent_again_total", "How often the station had lost records, which were sent again.")
	descNoAnswer  = desc("bus_claims_unanswered_total", "Claims that had no answer in time.")
	descTold      = desc("bus_time_age_seconds", "How long ago the station told the time; absent: it has not since the start.")
	descScan      = desc("scan_to_open_seconds", "From a code's last byte to the relay.")
	descCommit    = desc("commit_seconds", "Writing a grant's record durably.")
	descVerify    = desc("verify_seconds", "Deciding about a code.")
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements [prometheus.Collector]. It is called in a goroutine of the
// library, which does not recover a panic: it becomes an error of this one answer.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("metrics", "panic", p, "stack", string(debug.Stack()))
			out <- prometheus.NewInvalidMetric(descBuild, fmt.Errorf("internal error: %v", p))
		}
	}()
	s := c.status()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counters := func(d *prometheus.Desc, values map[string]uint64) {
		for label, n := range values {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), label)
		}
	}
	gauge(descBuild, 1, version)
	for _, health := range []string{"healthy", "degraded", "out_of_service"} {
		gauge(descHealth, one(string(s.Health) == health), health)
	}
	for _, m := range []lane.Mode{lane.ModeClosed, lane.ModeGranted, lane.ModePassage, lane.ModeEmergency, lane.ModeService, lane.ModeOutOfService} {
		gauge(descMode, one(s.Mode == string(m)), string(m))
	}
	for i, why := range c.lane.seen().Why {
		gauge(descCause, one(why != ""), lane.Cause(i).String())
		if lane.Cause(i) == lane.CauseSpentCodes {
			gauge(descCause, one(why != ""), "memory") // its name until this release
		}
	}
	for _, meaning := range control.Meanings() {
		there := slices.ContainsFunc(s.Causes, func(c control.Cause) bool { return c.Cause == meaning.Cause })
		gauge(descWrong, one(there), meaning.Cause)
	}
	for _, d := range s.Devices {
		gauge(descDevice, one(d.Up), d.Kind, d.Name)
		if d.Kind == "scanner" {
			counters(descForeign, map[string]uint64{d.Name: d.Foreign})
		}
	}
	counters(descReadings, s.Counts.Readings)
	counters(descDropped, s.Counts.Dropped)
	out <- prometheus.MustNewConstMetric(descLog, prometheus.CounterValue, float64(s.Counts.LogDropped))
	counters(descDecisions, s.Counts.Decided)
	counters(descRecords, s.Counts.Records)
	counters(descOpenings, s.Counts.Opened)
	gauge(descSeq, float64(s.Store.Seq))
	gauge(descQueued, float64(s.Store.Queued))
	gauge(descJournal, float64(s.Store.Bytes))
	gauge(descFile, float64(s.Store.FileBytes))
	gauge(descSpent, float64(s.Store.Spent))
	gauge(descUnsent, float64(s.Store.Unsent))
	gauge(descRolled, one(s.Store.RolledBack))
	gauge(descTrusted, one(s.Clock.Trusted))
	gauge(descError, s.Clock.Error)
	gauge(descStepped, one(s.Clock.Stepped))
	gauge(descDisputed, one(s.Clock.Disputed))
	gauge(descProven, float64(s.Clock.Proven.Unix()))
	gauge(descHoldover, s.Clock.Holdover)
	gauge(descSuspect, one(s.Clock.Suspect))
	gauge(descKeyset, float64(s.Keyset.Version))
	if s.Keyset.Loaded {
		gauge(descKeysRead, float64(s.Keyset.Since.Unix()))
		gauge(descKeysEnd, float64(s.Keyset.Expires.Unix()))
	}
	if s.Sync != nil {
		for _, g := range []sync.Grade{sync.Fresh, sync.Stale, sync.Degraded, sync.Stopped} {
			gauge(descSync, one(s.Sync.State == string(g)), string(g))
		}
		if !s.Sync.Last.IsZero() {
			gauge(descSynced, float64(s.Sync.Last.Unix()))
		}
	}
	if r := s.Revocations; r != nil {
		gauge(descRevoked, float64(r.Count))
		if !r.Issued.IsZero() {
			gauge(descRevokedAt, float64(r.Issued.Unix()))
		}
	}
	c.collectTickets(out, s.Tickets)
	if u := s.Update; u != nil {
		for state, release := range map[string]string{"running": u.Running, "assigned": u.Assigned, "staged": u.Staged, "trial": u.Trial, "failed": u.Failed} {
			if release != "" {
				gauge(descRelease, 1, state, release)
			}
		}
	}
	c.collectBus(out, s.Bus)
	c.collectDurations(out)
}

// collectTickets counts tickets; a gate without a station has none.
func (c *collector) collectTickets(out chan<- prometheus.Metric, k *control.Tickets) {
	if k == nil {
		return
	}
	var all, added, back int
	for _, d := range k.Days {
		all, added, back = all+d.Tickets, added+d.Added, back+d.Back
	}
	for from, n := range map[string]int{"manifest": all, "added": added, "refunded": back} {
		out <- prometheus.MustNewConstMetric(descTickets, prometheus.GaugeValue, float64(n), from)
	}
}

// collectBus makes metrics of the station's bus; a gate without a station has none.
func (c *collector) collectBus(out chan<- prometheus.Metric, b *control.Bus) {
	if b == nil {
		return
	}
	for _, m := range []struct {
		desc  *prometheus.Desc
		kind  prometheus.ValueType
		value float64
	}{
		{descBusUp, prometheus.GaugeValue, one(b.Connected)}, {descInTouch, prometheus.GaugeValue, one(b.InTouch)},
		{descBusUnsent, prometheus.GaugeValue, float64(b.Unsent)}, {descReceipt, prometheus.GaugeValue, float64(b.Receipt)},
		{descSentAgain, prometheus.CounterValue, float64(b.SentAgain)}, {descNoAnswer, prometheus.CounterValue, float64(b.NoAnswer)},
	} {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value)
	}
	if !b.Time.IsZero() {
		out <- prometheus.MustNewConstMetric(descTold, prometheus.GaugeValue, b.TimeAge)
	}
}

func (c *collector) collectDurations(out chan<- prometheus.Metric) {
	scanned, commits, checks := c.lane.told.durations()
	for _, d := range []struct {
		desc *prometheus.Desc
		of   durations
	}{{descScan, scanned}, {descCommit, commits}, {descVerify, checks}} {
		out <- prometheus.MustNewConstHistogram(d.desc, d.of.count, d.of.sum, d.of.buckets())
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
