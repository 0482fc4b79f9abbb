package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/audit"
	"railgate/store"
	"railgate/store/bus"
)

// askWithin is for one question to the bus: an audit goes on without an answer.
const askWithin = 20 * time.Second

// busCopy is the copy of journals that the bus has, of the days that it keeps. It is at a URL,
// or where station.json says.
func (p *place) busCopy(url string) audit.Copy {
	servers := p.info.Servers
	if url != "" {
		servers = []string{url}
	}
	return audit.Copy{Name: "the bus", Leaves: func(ctx context.Context, gate, epoch string, from, upto uint64) (map[uint64]tlog.Hash, error) {
		ctx, cancel := context.WithTimeout(ctx, askWithin)
		defer cancel()
		options, err := p.signIn(strings.HasPrefix(servers[0], "tls://"))
		if err != nil {
			return nil, err
		}
		conn, err := letIn(func() (*nats.Conn, error) { return nats.Connect(strings.Join(servers, ","), options...) })
		if err != nil {
			return nil, fmt.Errorf("%v: %w", servers, err)
		}
		defer conn.Close()
		return journalLeaves(ctx, conn, p.info.Station, gate, func(at bus.Place) bool { return at.Epoch == epoch && from <= at.Seq && at.Seq <= upto })
	}}
}

// letIn connects, up to three times where the server does not know the user: a server that learns of a new gate
// turns away whoever is on the way in just then.
func letIn(connect func() (*nats.Conn, error)) (conn *nats.Conn, err error) {
	for range 3 {
		if conn, err = connect(); !errors.Is(err, nats.ErrAuthorization) {
			return conn, err
		}
	}
	return nil, err
}

// fileCopy is the copy that a gate's file has.
func fileCopy(path string) audit.Copy {
	return audit.Copy{Name: path, Leaves: func(_ context.Context, _, _ string, from, upto uint64) (map[uint64]tlog.Hash, error) {
		return store.FileLeaves(path, from, upto)
	}}
}

// journalLeaves reads what the bus has of a gate's journal.
func journalLeaves(ctx context.Context, conn *nats.Conn, station, gate string, wanted func(bus.Place) bool) (map[uint64]tlog.Hash, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	consumer, err := js.CreateConsumer(ctx, bus.JournalStream(station), jetstream.ConsumerConfig{
		FilterSubject: bus.JournalSubject(station, gate), AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	leaves := map[uint64]tlog.Hash{}
	for left := consumer.CachedInfo().NumPending; left > 0; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, err
		}
		left = meta.NumPending
		at, errAt := bus.ParsePlace(m.Subject(), m.Headers())
		list, errLeaves := bus.ParseLeaves(at, m.Headers(), m.Data())
		if errAt != nil || errLeaves != nil {
			continue
		}
		for i, leaf := range list {
			if at := at.At(i); wanted(at) {
				leaves[at.Seq] = leaf.Hash
			}
		}
	}
	return leaves, nil
}
