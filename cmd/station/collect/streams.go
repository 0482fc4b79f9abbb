package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

// How long the streams keep what gates publish.
const (
	// JournalFor is how long a record stays on the bus: a ledger that is restored from a
	// copy of these days reads again what it lost.
	JournalFor = 7 * 24 * time.Hour
	// SpentFor is how long a spent code or a passage stays there: as long as a slip is
	// valid, which is longer than passback_for, and an hour.
	SpentFor  = 25 * time.Hour
	claimsFor = time.Hour // a claim has its own end, of seconds
)

// streams are the streams of a station, as they must be set. A replica would not cure what
// an acknowledgement before a flush loses: the server syncs each write instead. The bucket
// of claims is a stream without markers of what was deleted, for a marker races with the
// next claim: nothing is deleted, claims end.
func streams(station string) []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
		{
			Name: bus.JournalStream(station), Description: "records of the gates' journals", Subjects: []string{bus.JournalSubjects(station)},
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Replicas: 1, AllowDirect: true, DenyDelete: true,
			Metadata:           bus.Several(),
			AllowAtomicPublish: true, // gates of before sent what days offline have left by it
			MaxAge:             JournalFor, MaxMsgSize: bus.MaxRecord + 4096, Discard: jetstream.DiscardOld,
		},
		{
			Name: bus.SpentStream(station), Description: "spent codes, passages, the station's heartbeat, the day's tickets",
			Subjects:  []string{bus.SpentSubjects(station), bus.BeatSubject(station), bus.TicketsSubject(station)},
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Replicas: 1, AllowDirect: true, DenyDelete: true,
			AllowMsgTTL: true, // for heartbeats. A roll-up would let one gate remove what others said
			MaxAge:      SpentFor, MaxMsgSize: 64 << 10, Discard: jetstream.DiscardOld,
		},
		{
			Name: bus.RevokedStream(station), Description: "what is revoked, the last list", Subjects: []string{bus.RevocationsSubject(station)},
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Replicas: 1, AllowDirect: true, DenyDelete: true,
			MaxMsgsPerSubject: revokedStreams, MaxMsgSize: bus.MaxRevoked + 4096, Discard: jetstream.DiscardOld,
		},
		{
			Name: bus.ClaimsStream(station), Description: "which gate lets a code in", Subjects: []string{bus.ClaimSubject(station, ">")},
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Replicas: 1, AllowDirect: true, DenyDelete: true, AllowMsgTTL: true,
			MaxMsgsPerSubject: 1, MaxAge: claimsFor, MaxMsgSize: 4096, Discard: jetstream.DiscardNew,
		},
	}
}

// Prepare makes the station's streams, or sets those that are there as they must be.
func Prepare(ctx context.Context, js jetstream.JetStream, station string) error {
	for _, config := range streams(station) {
		if _, err := js.CreateOrUpdateStream(ctx, config); err != nil {
			return fmt.Errorf("stream %s: %w", config.Name, err)
		}
	}
	return nil
}

// beatEvery is how often the station says that its stream is written.
const beatEvery = time.Second

// beatFor is how long a heartbeat stays in the stream. It counts for two seconds.
const beatFor = 10 * time.Second

// Beat publishes the station's heartbeat once. A gate that has read one of at most two
// seconds has read all that came before it.
func Beat(ctx context.Context, js jetstream.JetStream, station string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*beatEvery)
	defer cancel()
	m := nats.NewMsg(bus.BeatSubject(station))
	m.Header.Set(jetstream.MsgTTLHeader, beatFor.String())
	_, err := js.PublishMsg(ctx, m)
	return err
}

// keepStreams prepares the streams until they are as they must be, and then beats each
// second. Where the stream is gone it makes it again.
func (c *Collector) keepStreams(ctx context.Context) {
	var k keeper
	for tick := time.NewTicker(beatEvery); ; {
		err := k.turn(ctx, c)
		if ctx.Err() == nil {
			c.trouble("bus", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// mostLate is how many heartbeats in turn may be answered too late until the streams are set again. A message
// server that is late is busy, and setting four streams each second is work for it.
const mostLate = 10

// A keeper keeps a station's streams.
type keeper struct {
	ready bool // the streams are as they must be
	late  int  // heartbeats in turn that were not answered in time
}

// turn prepares the streams if need be, and beats.
func (k *keeper) turn(ctx context.Context, c *Collector) error {
	if c.missing.Swap(false) || !k.ready {
		if err := Prepare(ctx, c.js, c.o.Station); err != nil {
			k.ready = false
			return err
		}
		k.ready, k.late = true, 0
		c.prepared()
	}
	err := Beat(ctx, c.js, c.o.Station)
	switch {
	case err == nil:
		k.late = 0
		c.state.beat(c.o.Now())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		k.late++
		k.ready = k.late < mostLate
	default:
		k.ready = false
	}
	return err
}

// seen tells keepStreams of a stream that is missing.
func (c *Collector) seen(err error) {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		c.missing.Store(true)
	}
}

// errGone is a stream that is not there, or not the one that was read.
var errGone = errors.New("the stream is another one now")
