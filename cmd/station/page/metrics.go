package page

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics answers Prometheus with how a station is. Every label comes from a closed set or
// names an enrolled gate: no passenger makes a new series. It is signed in by nobody:
// serve it where only Prometheus reaches.
func Metrics(source Source) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&collector{source},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

type collector struct{ source Source }

// metricsTime is how long a station may take to say how it is.
const metricsTime = 8 * time.Second

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("railgate_station_"+name, help, labels, nil)
}

var (
	descBuild    = desc("build_info", "The running version; always 1.", "station", "version")
	descClock    = desc("time_timestamp_seconds", "The station's clock.")
	descGates    = desc("gates", "Gates, by state.", "state")
	descState    = desc("gate_state", "1 for what a gate is.", "gate", "state")
	descTrouble  = desc("gate_trouble", "1 for each thing that is wrong with a gate.", "gate", "trouble")
	descHeard    = desc("gate_heard_timestamp_seconds", "When anything of a gate came last.", "gate")
	descReceipt  = desc("gate_receipt_timestamp_seconds", "When a gate got its newest receipt.", "gate")
	descBehind   = desc("gate_behind_records", "Records that a gate has announced and that have not come.", "gate")
	descKept     = desc("gate_records", "Records of a gate that the station has.", "gate")
	descRelease  = desc("gate_release_info", "The release that a gate runs; always 1.", "gate", "release")
	descTaken    = desc("records_total", "Records taken since the start, by gate.", "gate")
	descReceipts = desc("receipts_total", "Receipts given since the start.")
	descRefusals = desc("refusals_total", "Records and checkpoints that were refused since the start, by reason.", "reason")
	descErrors   = desc("collect_errors_total", "Failures of collecting since the start, by what failed.", "part")
	descBeats    = desc("beats_total", "Heartbeats sent since the start.")
	descLastBeat = desc("beat_timestamp_seconds", "When the last heartbeat was sent.")
	descAnswered = desc("time_answers_total", "Requests for the time that were answered since the start.")
	descNews     = desc("news_total", "How often all gates were told what the stream of spent codes has, since the start.")
	descSold     = desc("ticket_additions_total", "Additions to the day's tickets that went to the gates since the start.")
	descInside   = desc("people_inside", "People inside, by passages since the service day began.")
	descPassed   = desc("people_passed", "People who passed since the service day began.", "direction")
	descEnds     = desc("ends_timestamp_seconds", "When a key, a certificate or a publication ends.", "what", "name")
	descProblems = desc("problems", "How many things are wrong with the station itself.")
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements [prometheus.Collector]. It is called in a goroutine of the library,
// which does not recover a panic: it becomes an error of this one answer.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	defer func() {
		if p := recover(); p != nil {
			out <- prometheus.NewInvalidMetric(descBuild, fmt.Errorf("internal error: %v", p))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), metricsTime)
	defer cancel()
	o, err := c.source.Overview(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(descBuild, err)
		return
	}
	m := meter(out)
	m.station(o)
	m.gates(o)
	m.counts(&o.Counts)
}

type meter chan<- prometheus.Metric

func (m meter) gauge(d *prometheus.Desc, v float64, labels ...string) {
	m <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (m meter) counter(d *prometheus.Desc, n uint64, labels ...string) {
	m <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (m meter) instant(d *prometheus.Desc, t time.Time, labels ...string) {
	if !t.IsZero() {
		m.gauge(d, float64(t.Unix()), labels...)
	}
}

func (m meter) station(o *Overview) {
	m.gauge(descBuild, 1, o.Station, o.Version)
	m.instant(descClock, o.Time)
	m.gauge(descInside, float64(o.People.Inside()))
	m.gauge(descPassed, float64(o.People.Entered), "entry")
	m.gauge(descPassed, float64(o.People.Left), "exit")
	m.gauge(descProblems, float64(len(o.Problems)))
	for _, e := range o.Ends {
		m.instant(descEnds, e.Ends, e.What, e.Name)
	}
}

func (m meter) gates(o *Overview) {
	count := map[State]int{}
	for i := range o.Gates {
		g := &o.Gates[i]
		state, _ := g.State(o.Time)
		count[state]++
		for _, s := range States() {
			m.gauge(descState, one(s == state), g.Name, string(s))
		}
		for _, kind := range Troubles() {
			m.gauge(descTrouble, one(g.has(kind)), g.Name, kind)
		}
		m.instant(descHeard, g.Heard, g.Name)
		m.instant(descReceipt, g.Receipt, g.Name)
		m.gauge(descBehind, float64(g.Behind), g.Name)
		m.gauge(descKept, float64(g.Records), g.Name)
		if g.Release != "" {
			m.gauge(descRelease, 1, g.Name, g.Release)
		}
	}
	for _, s := range States() {
		m.gauge(descGates, float64(count[s]), string(s))
	}
}

func (m meter) counts(c *Counts) {
	for gate, n := range c.Records {
		m.counter(descTaken, n, gate)
	}
	for reason, n := range c.Refusals {
		m.counter(descRefusals, n, reason)
	}
	for part, n := range c.Errors {
		m.counter(descErrors, n, part)
	}
	m.counter(descReceipts, c.Receipts)
	m.counter(descBeats, c.Beats)
	m.counter(descNews, c.News)
	m.counter(descSold, c.Sold)
	m.counter(descAnswered, c.Answered)
	m.instant(descLastBeat, c.LastBeat)
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
