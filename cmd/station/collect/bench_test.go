package collect

import (
	"fmt"
	"testing"
	"time"

	"railgate/cmd/station/ledger/ledgertest"
)

// go test -run '^$' -bench Collect -benchtime 1x ./cmd/station/collect
//
// Two hundred gates that were offline send at once: how fast their records come into the
// ledger, from a stream that has them.
func BenchmarkCollect(b *testing.B) {
	for _, kind := range []struct {
		name     string
		database func(testing.TB) string
	}{{"sqlite", ledgertest.SQLite}, {"postgres", ledgertest.Postgres}} {
		b.Run(kind.name, func(b *testing.B) {
			s := newBench(b, kind.database(b))
			const gates, each = 200, 100
			var all []*gate
			for n := range gates {
				g := s.unknown(fmt.Sprintf("A%03d", n), byte(n))
				if err := s.ledger.Enroll(b.Context(), g.id.Public("GZQ", g.name), s.now(), false); err != nil {
					b.Fatal(err)
				}
				g.write(each)
				all = append(all, g)
			}
			for b.Loop() {
				s.stop()
				js := all[0].js
				for i := range each {
					for _, g := range all {
						if _, err := js.PublishMsgAsync(g.message(i)); err != nil {
							b.Fatal(err)
						}
					}
					<-js.PublishAsyncComplete()
				}
				began := time.Now()
				s.start()
				s.until("all are there", func() bool { return s.c.State().Position.Seq >= gates*each })
				b.ReportMetric(gates*each/time.Since(began).Seconds(), "records/s")
			}
		})
	}
}
