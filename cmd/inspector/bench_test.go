package inspector

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"
)

// benchPart is how many frames of the benchmark's film each code has: a fifth of a second.
const benchPart = 6

// BenchmarkFrameToVerdict shows a film of many codes, each for a fifth of a second, to the page's
// camera, and measures from the frame that the browser hands over to the verdict on the page. It has
// the browser for itself: go test -run '^$' -bench FrameToVerdict -benchtime 300x ./cmd/inspector.
func BenchmarkFrameToVerdict(b *testing.B) {
	if film != "" && filmPart != benchPart {
		b.Skip("the browser has another film already: run the benchmark by itself, with -run '^$'")
	}
	const shown = 40 // a round of them takes eight seconds: each time a code comes back it is a new check
	filmPart, filmed = benchPart, func(t testing.TB) []string { return someCodes(t).many }
	if film == "" {
		minted = sync.OnceValues(func() (*codes, error) { return mintCodes(shown) })
	}
	s := newServer(b)
	l := s.open(b, 390, 844)
	l.at(someCodes(b).now)
	l.Tap("#start")
	l.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
	l.Str("(performance.clearMeasures(), undefined)")
	for end := time.Now().Add(10 * time.Minute); len(l.verdicts()) < b.N; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("%d verdicts in ten minutes; want %d", len(l.verdicts()), b.N)
		}
	}
	all := l.verdicts()
	slices.Sort(all)
	at := func(q float64) float64 { return all[min(len(all)-1, int(q*float64(len(all))))] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(all)), "verdicts")
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(all[len(all)-1], "max-ms")
}

// verdicts are how long each took, in milliseconds.
func (l *look) verdicts() (ms []float64) {
	l.Helper()
	if err := json.Unmarshal([]byte(l.Str("JSON.stringify(performance.getEntriesByName('verdict').map((m) => m.duration))")), &ms); err != nil {
		l.Fatal(err)
	}
	return ms
}
