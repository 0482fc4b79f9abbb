package linktest

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
	"railgate/store/identity"
)

const wait = 10 * time.Second

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), wait)
}

// Streams makes the streams that are not there.
func (s *Station) Streams() {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	for _, cfg := range []jetstream.StreamConfig{
		{Name: bus.JournalStream(Name), Subjects: []string{bus.JournalSubjects(Name)}, AllowDirect: true, Metadata: s.records()},
		{Name: bus.RevokedStream(Name), Subjects: []string{bus.RevocationsSubject(Name)}, AllowDirect: true, MaxMsgsPerSubject: 1},
		{Name: bus.SpentStream(Name), Subjects: []string{bus.SpentSubjects(Name), bus.BeatSubject(Name), bus.TicketsSubject(Name)}, AllowDirect: true, AllowMsgTTL: true, MaxAge: 26 * time.Hour},
	} {
		if _, err := s.JetStream().CreateOrUpdateStream(ctx, cfg); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := s.JetStream().CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bus.ClaimsBucket(Name), LimitMarkerTTL: time.Second}); err != nil {
		s.t.Fatal(err)
	}
}

// records says whether a journal's message may have several.
func (s *Station) records() map[string]string {
	if s.Single {
		return nil
	}
	return bus.Several()
}

// JetStream is the station's own.
func (s *Station) JetStream() jetstream.JetStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.js
}

// Stream is one of the streams.
func (s *Station) Stream(name string) jetstream.Stream {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	stream, err := s.JetStream().Stream(ctx, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return stream
}

// Purge empties a stream.
func (s *Station) Purge(name string) {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	if err := s.Stream(name).Purge(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// Replace removes a stream and makes it again, empty: what a lost disk leaves.
func (s *Station) Replace(name string) {
	s.t.Helper()
	s.Delete(name)
	if name == bus.JournalStream(Name) {
		s.mu.Lock()
		s.at = 0
		s.mu.Unlock()
	}
	s.Streams()
}

// Publish puts a message into the stream as a gate would.
func (s *Station) Publish(subject string, body []byte) {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	if _, err := s.JetStream().Publish(ctx, subject, body); err != nil {
		s.t.Fatal(err)
	}
}

// Delete removes a stream.
func (s *Station) Delete(name string) {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	if err := s.JetStream().DeleteStream(ctx, name); err != nil {
		s.t.Fatal(err)
	}
}

// PublishRecords puts a message of records into the stream as their gate would.
func (s *Station) PublishRecords(p bus.Place, leaves ...bus.Leaf) {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	p.More = len(leaves) - 1
	m := &nats.Msg{Subject: bus.JournalSubject(Name, p.Gate), Header: p.Header()}
	var err error
	if m.Data, err = bus.EncodeLeaves(m.Header, leaves); err == nil {
		_, err = s.JetStream().PublishMsg(ctx, m)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// Journal is how many records each message has of a gate's journal in the stream, oldest first.
func (s *Station) Journal(gate string) (sizes []int) {
	s.t.Helper()
	ctx, cancel := within()
	defer cancel()
	stream := s.Stream(bus.JournalStream(Name))
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			s.t.Fatal(err)
		}
		if bus.GateOf(m.Subject) != gate {
			continue
		}
		p, err := bus.ParsePlace(m.Subject, m.Header)
		if err != nil {
			s.t.Fatal(err)
		}
		sizes = append(sizes, p.More+1)
	}
	return sizes
}

// Enroll lets a gate in, from the next Start on.
func (s *Station) Enroll(g identity.Public) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gates[g.Gate] = g
}

// Send sends a message that no stream keeps, as the station.
func (s *Station) Send(subject string, body []byte) {
	s.t.Helper()
	s.mu.Lock()
	nc := s.nc
	s.mu.Unlock()
	if err := nc.Publish(subject, body); err != nil {
		s.t.Error(err)
	}
}

// Hear hears, as the station, what is sent on a subject.
func (s *Station) Hear(subject string) (*nats.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.nc.SubscribeSync(subject)
	if err != nil {
		return nil, err
	}
	return sub, s.nc.Flush()
}
