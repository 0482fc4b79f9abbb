package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
)

// serveFlags are what issuer serve is told.
type serveFlags struct {
	listen, data, alg string
	bench, proxied    bool
}

func newServe(dir *string) *cobra.Command {
	var o serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the passenger's page, and keys.json to gates",
		Long: `Serve is the issuer as a web service: the passenger's page, the rules, and the keyset
that gates read. Its folder holds issuer.db (people and certificates, names sealed),
identity.key (the key of the names), private.json (signing keys) and keys.json, and
revoker.json (the key that signs revocations, and nothing else) and revokers.json.

Browsers give location, cryptography and service workers to pages from https or from
this very machine: put a proxy that speaks TLS in front, and give --proxied.

With --bench the real-person check does as the page tells it, the time can be moved,
and an example account (example, password "passenger") is there. Without it no
real-person check is connected, and everybody is sent to the police window.`,
		Example: "  issuer serve --listen 127.0.0.1:8020 --data issuer-data --bench",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.data == "" {
				o.data = *dir
			}
			ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			return serve(ctx, &o, slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)), func(url string) { fmt.Fprintln(c.OutOrStdout(), url) })
		},
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8020", "the `address` to listen on")
	c.Flags().StringVar(&o.data, "data", "", "the issuer's `folder` (default: --dir)")
	c.Flags().StringVar(&o.alg, "alg", "EdDSA", "the signatures' algorithm: EdDSA, ES256, SM2")
	c.Flags().BoolVar(&o.bench, "bench", false, "a bench: the check does as it is told, the time can be moved")
	c.Flags().BoolVar(&o.proxied, "proxied", false, "a proxy is in front: count callers by the last X-Forwarded-For")
	return c
}

// serve answers until ctx ends; ready is told the page's address.
func serve(ctx context.Context, o *serveFlags, log *slog.Logger, ready func(url string)) error {
	alg, err := parseAlgorithm(o.alg)
	if err != nil {
		return err
	}
	s, err := office.Open(office.Config{Dir: o.data, Algorithm: alg, Bench: o.bench, Log: log})
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	orderly, err := listenForOrders(o.data)
	if err != nil {
		log.Warn("issuer revoke does not work while this runs", "err", err)
	} else {
		told := newServer(orders(s, log), log)
		defer told.Close()
		go told.Serve(orderly)
	}
	w := &web{Office: s, log: log, limits: newLimits(), people: signin.New(nil, log), proxied: o.proxied}
	w.openCounter(o.data, log)
	srv := newServer(w.handler(), log)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- srv.Serve(l) }()
	go func() { ended <- s.Run(ctx) }()
	ready("http://" + l.Addr().String() + "/")
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
		ended <- nil
	}
	cancel()
	srv.Close()
	for range cap(ended) {
		<-ended
	}
	return err
}

// newServer holds no connection for long. An answer may take as long as a real-person
// check.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: office.CheckTime + 15*time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
