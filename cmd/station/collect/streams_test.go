package collect

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A busyServer counts how often streams are set, and answers heartbeats with an error.
type busyServer struct {
	jetstream.JetStream
	set  int
	beat error
}

func (s *busyServer) CreateOrUpdateStream(context.Context, jetstream.StreamConfig) (jetstream.Stream, error) {
	s.set++
	return nil, nil
}

func (s *busyServer) PublishMsg(context.Context, *nats.Msg, ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return nil, s.beat
}

// Streams are set at the start, and again where a heartbeat finds none; a late answer alone tells only of a busy server.
func TestStreamsAreSetAgainWhereTheyAreGone(t *testing.T) {
	all := len(streams("GZQ"))
	for _, tt := range []struct {
		name  string
		beat  error
		turns int
		want  int // times that all streams were set
	}{
		{"in time", nil, 5, 1},
		{"late", context.DeadlineExceeded, mostLate, 1},
		{"later than that", nats.ErrTimeout, mostLate + 1, 2},
		{"no stream", jetstream.ErrNoStreamResponse, 3, 3},
	} {
		s := &busyServer{beat: tt.beat}
		c := &Collector{js: s, o: Options{Station: "GZQ", Now: time.Now}, prepared: func() {}}
		c.state.init()
		var k keeper
		for range tt.turns {
			if err := k.turn(t.Context(), c); err != tt.beat {
				t.Errorf("%s: %v; want %v", tt.name, err, tt.beat)
			}
		}
		if s.set != tt.want*all {
			t.Errorf("%s: %d streams were set in %d turns; want %d", tt.name, s.set, tt.turns, tt.want*all)
		}
	}
	s := new(busyServer)
	c := &Collector{js: s, o: Options{Station: "GZQ", Now: time.Now}, prepared: func() {}}
	c.state.init()
	var k keeper
	k.turn(t.Context(), c)
	c.missing.Store(true) // a reader found none
	k.turn(t.Context(), c)
	if s.set != 2*all {
		t.Errorf("%d streams were set; want %d", s.set, 2*all)
	}
}
