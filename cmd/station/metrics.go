package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"railgate/cmd/station/page"
)

// metrics serves Prometheus, where the whole network is not meant to look: on an address of
// its own.
func (s *station) metrics(ctx context.Context) error {
	listener, err := try(ctx, s.log, "the metrics", func() (net.Listener, error) { return net.Listen("tcp", s.o.metrics) })
	if err != nil {
		return clean(ctx, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", page.Metrics(&board{s}))
	mux.HandleFunc("GET /healthz", s.health)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.log.Info("metrics listen", "address", listener.Addr().String())
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	return clean(ctx, server.Serve(listener))
}
