package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/issuer/benchprovider"
	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/provider"
	"railgate/cmd/issuer/signin"
)

// serveFlags are what issuer serve is told.
type serveFlags struct {
	listen, data, alg string
	checkConfig, page string
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

--check-config names a TOML file that connects an OpenID Connect provider, which does
the real-person check and signs people with a role in: docs/issuer.md has the steps.
Without it everybody is sent to the police window, and nobody signs in for a role.

With --bench a provider of its own does both, whose page asks how the check ends and who
one is, without a password; the time can be moved, and an example account (example,
password "passenger") is there.`,
		Example: "  issuer serve --listen 127.0.0.1:8020 --data issuer-data --bench\n  issuer serve --proxied --check-config /etc/railgate-issuer/check.toml",
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
	c.Flags().BoolVar(&o.bench, "bench", false, "a bench: a provider without passwords, and the time can be moved")
	c.Flags().StringVar(&o.checkConfig, "check-config", "", "the `file` that connects the provider of the real-person check and of roles")
	c.Flags().StringVar(&o.page, "page", "", "with --bench: the `URL` at which browsers see the page (default: the address to listen on)")
	c.Flags().BoolVar(&o.proxied, "proxied", false, "a proxy is in front: count callers by the last X-Forwarded-For")
	return c
}

// serve answers until ctx ends; ready is told the page's address.
func serve(ctx context.Context, o *serveFlags, log *slog.Logger, ready func(url string)) error {
	alg, err := parseAlgorithm(o.alg)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	defer l.Close()
	client, bench, err := o.connect(ctx, "http://"+l.Addr().String()+"/", log)
	if err != nil {
		return err
	}
	config := office.Config{Dir: o.data, Algorithm: alg, Bench: o.bench, Log: log}
	if client != nil {
		config.Checker = providerCheck{client, bench != nil}
	}
	s, err := office.Open(config)
	if err != nil {
		return err
	}
	defer s.Close()
	orderly, err := listenForOrders(o.data)
	if err != nil {
		log.Warn("issuer revoke does not work while this runs", "err", err)
	} else {
		told := newServer(orders(s, log), log)
		defer told.Close()
		go told.Serve(orderly)
	}
	w := &web{Office: s, log: log, limits: newLimits(), people: signin.New(client, log), proxied: o.proxied, provider: bench}
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

// lookTime is how long the start waits for the provider.
const lookTime = 3 * time.Second

// connect gives the client of the provider that is configured, or of a bench's own, which is
// returned as well; nil: there is none.
func (o *serveFlags) connect(ctx context.Context, address string, log *slog.Logger) (*provider.Client, http.Handler, error) {
	switch {
	case o.page != "" && (!o.bench || o.checkConfig != ""):
		return nil, nil, usageError{errors.New("--page is for --bench without --check-config, whose file has it")}
	case o.checkConfig != "":
		config, err := provider.ReadConfig(o.checkConfig)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--check-config: %w", err)}
		}
		client := provider.New(config)
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		if err := client.Look(ctx); err != nil {
			log.Warn("the provider does not answer yet: it is asked again when somebody is to be checked", "err", err)
		}
		return client, nil, nil
	case o.bench:
		if o.page != "" {
			address = o.page
		}
		bench, err := benchprovider.New(address, log)
		if err != nil {
			return nil, nil, err
		}
		return provider.New(bench.Config()), bench, nil
	}
	return nil, nil, nil
}

// newServer holds no connection for long. An answer may take as long as a real-person
// check.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: office.CheckTime + 15*time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
