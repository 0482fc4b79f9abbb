package page

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"railgate/cmd/metricstest"
)

func scrape(t *testing.T, f *fakeSource) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	Metrics(f).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Code, rec.Body.String()
}

func counted() *fakeSource {
	f := busy(24)
	f.o.Gates[0].Receipt = noon
	f.o.Problems = []string{"the bus does not answer"}
	f.o.Counts = Counts{
		Records: map[string]uint64{"A01": 1200}, Receipts: 40, Refusals: map[string]uint64{"gap": 2}, Errors: map[string]uint64{"database": 1},
		Beats: 77, LastBeat: noon, Answered: 12, News: 9, Sold: 4,
	}
	return f
}

func TestMetrics(t *testing.T) {
	code, text := scrape(t, counted())
	if code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	for _, want := range []string{
		`railgate_station_gates{state="silent"} 1`, `railgate_station_gates{state="degraded"} 0`, `railgate_station_gates{state="fresh"} 20`,
		`railgate_station_gate_state{gate="A04",state="closed"} 1`, `railgate_station_gate_state{gate="A04",state="fresh"} 0`,
		`railgate_station_gate_trouble{gate="A12",trouble="store_rolled_back"} 1`, `railgate_station_gate_trouble{gate="A12",trouble="clock_disputed"} 0`,
		`railgate_station_gate_behind_records{gate="A16"} 412`, `railgate_station_records_total{gate="A01"} 1200`, `railgate_station_receipts_total 40`,
		`railgate_station_refusals_total{reason="gap"} 2`, `railgate_station_collect_errors_total{part="database"} 1`, `railgate_station_beats_total 77`, `railgate_station_news_total 9`, `railgate_station_ticket_additions_total 4`,
		`railgate_station_people_inside 3193`, `railgate_station_people_passed{direction="exit"} 58011`, `railgate_station_problems 1`,
		`railgate_station_gate_release_info{gate="A09",release="railgated 1.3.2"} 1`, `railgate_station_build_info{station="GZQ",version="test"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	metricstest.Check(t, text, "../../../configs/prometheus/station_test.yml", "../../../configs/prometheus/station.yml", "../../../configs/grafana/station.json")
}

// A gate that was never heard has no instant at which it was.
func TestNeverIsNoInstant(t *testing.T) {
	f := newSource()
	f.o.Gates[0].Heard = time.Time{}
	if _, text := scrape(t, f); strings.Contains(text, `heard_timestamp_seconds{gate="A07"}`) || !strings.Contains(text, `heard_timestamp_seconds{gate="A08"}`) {
		t.Error("want A08 heard, and A07 not")
	}
}

func TestAStationThatCannotAnswerHasNoMetrics(t *testing.T) {
	f := newSource()
	f.err = errors.New("the database is locked")
	if code, text := scrape(t, f); code != 500 || !strings.Contains(text, "locked") {
		t.Errorf("%d %s; want 500, and why", code, text)
	}
}
