package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"railgate/cmd/station/collect"
	"railgate/cmd/station/hub"
	"railgate/cmd/station/ledger"
)

// serveOptions are what serve and collect are told.
type serveOptions struct {
	station  string
	listen   string // of HTTPS; "": none
	bus      string // of the message server; "": it stands elsewhere
	nats     string // where it stands then
	database string
	metrics  string // where Prometheus asks; "": nowhere
	proxied  bool   // a proxy is before HTTPS

	revocations string // where the issuer's list of what is revoked is; "": none is brought
	revokers    string // the file of the keys that sign it; "": the one that was published
}

func newServe(d *desk) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve gates: files, the bus, receipts, the time, and a page for staff",
		Long: `Serve is a station on one machine: it serves the two repositories' public folders over HTTPS
(/nation/ and /station/) and the staff's page at /, runs the message server, takes the gates'
journals into the ledger, gives receipts and tells the time. What is not there yet, a port, a
database, a message server, is tried again until it is.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.nats != "" {
				o.bus = ""
			}
			return d.serve(c, o)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.listen, "listen", ":8443", "the `address` of HTTPS")
	cmd.Flags().StringVar(&o.bus, "bus", ":4222", "the `address` of the message server")
	cmd.Flags().StringVar(&o.nats, "nats", "", "the `URL` of a message server elsewhere, in the place of the own one")
	cmd.Flags().StringVar(&o.metrics, "metrics", "", "the `address` of the metrics, over plain HTTP: 127.0.0.1:9464; none by itself")
	cmd.Flags().BoolVar(&o.proxied, "proxied", false, "a proxy is before HTTPS: count the page's callers by the last X-Forwarded-For")
	return cmd
}

func newCollect(d *desk) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Take journals from a message server that stands elsewhere",
		Long: `Collect takes the gates' journals from a message server that stands elsewhere into the ledger,
gives receipts and tells the time. It serves nothing else. The message server must know the
public key of the station's own user, which station show --bus prints.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.nats == "" {
				return usageError{errors.New("collect needs --nats URL; station serve has a message server of its own")}
			}
			return d.serve(c, o)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.nats, "nats", "", "the message server's `URL`, tls://host:port")
	return cmd
}

func (o *serveOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.station, "station", "", "the station's `name`: another one than the folder's is refused")
	cmd.Flags().StringVar(&o.revocations, "revocations", "", "bring gates what is revoked from this `URL` of the issuer, or a file")
	cmd.Flags().StringVar(&o.revokers, "revokers", "", "the `file` of the keys that sign it; by itself the one that station publish revokers published")
	cmd.Flags().StringVar(&o.database, "database", "", "the ledger: a file's path, or postgres://…; `DATABASE` is ledger.db in the station's folder")
}

// database is where the ledger is.
func (p *place) database(asked string) string {
	if asked != "" {
		return asked
	}
	return p.file("ledger.db")
}

// anchorsFile is the file of the newest receipts, outside the ledger.
const anchorsFile = "receipts.json"

// A station is one that runs.
type station struct {
	d     *desk
	o     serveOptions
	place *place
	log   *slog.Logger

	courier *courier // nil: nothing is revoked here

	mu        sync.Mutex // guards the fields below, which are there once they work
	ledger    *ledger.Ledger
	collector *collect.Collector
	hub       *hub.Hub
}

func (d *desk) serve(c *cobra.Command, o serveOptions) error {
	p, err := d.place(o.station)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s := &station{d: d, o: o, place: p, log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))}
	if s.courier, err = s.revocations(); err != nil {
		return err
	}
	return s.run(ctx)
}

// run runs the parts until ctx ends or one of them cannot go on.
func (s *station) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := []func(context.Context) error{s.collect}
	if s.courier != nil {
		parts = append(parts, s.courier.Run)
	}
	if s.o.listen != "" {
		parts = append(parts, s.web)
	}
	if s.o.metrics != "" {
		parts = append(parts, s.metrics)
	}
	failed := make(chan error, len(parts))
	for _, part := range parts {
		go func() { err := part(ctx); cancel(); failed <- err }()
	}
	var errs []error
	for range parts {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

const (
	tryFirst = 250 * time.Millisecond
	tryMost  = 5 * time.Second
)

// try does what may fail for now until it works or ctx ends, and says so once for each cause.
func try[T any](ctx context.Context, log *slog.Logger, what string, f func() (T, error)) (T, error) {
	said := ""
	for delay := tryFirst; ; delay = min(2*delay, tryMost) {
		v, err := f()
		if err == nil || ctx.Err() != nil || errors.Is(err, ledger.ErrNewer) {
			return v, err
		}
		if err.Error() != said {
			said = err.Error()
			log.Error("does not work; it is tried again", "what", what, "err", err)
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(delay):
		}
	}
}

// clean is a part's end: nothing is wrong where ctx has ended.
func clean(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ledger.ErrNewer) {
		return nil
	}
	return err
}

// collect is the ledger, the message server, and what goes from the one to the other.
func (s *station) collect(ctx context.Context) error {
	taken, err := try(ctx, s.log, "the station's folder", s.place.take)
	if err != nil {
		return clean(ctx, err)
	}
	defer taken.Close() // after the message server has closed its files
	database := s.place.database(s.o.database)
	l, err := try(ctx, s.log, "the ledger", func() (*ledger.Ledger, error) { return ledger.Open(ctx, database) })
	if err != nil {
		return clean(ctx, err)
	}
	defer l.Close()
	conn, err := s.connect(ctx)
	if err != nil {
		return clean(ctx, err)
	}
	defer conn.Close()
	o := collect.Options{
		Station: s.place.info.Station, Receipts: s.place.keys.receipts, Time: s.place.keys.time,
		Ledger: l, Conn: conn, Anchors: s.place.file(anchorsFile), Log: s.log, Now: s.d.now,
	}
	if s.courier != nil {
		o.Revocations = s.courier.newest
	}
	if s.hub != nil {
		defer s.hub.Close()
		o.Gates, o.Connected = s.hub.SetGates, s.hub.Connected
	}
	c, err := collect.New(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.ledger, s.collector = l, c
	s.mu.Unlock()
	s.log.Info("collects", "station", s.place.info.Station, "database", ledger.Redacted(database))
	return c.Run(ctx)
}

// connect connects to the message server, which it starts where it is this program's.
func (s *station) connect(ctx context.Context) (*nats.Conn, error) {
	if s.o.bus == "" {
		return s.dial()
	}
	h, err := try(ctx, s.log, "the message server", func() (*hub.Hub, error) {
		return hub.Start(hub.Options{
			Station: s.place.info.Station, Listen: s.o.bus, Dir: s.place.file("bus"), Own: s.place.keys.bus, TLS: s.tls(), Log: s.log,
		})
	})
	if err != nil {
		return nil, err
	}
	s.hub = h
	s.log.Info("the bus listens", "address", h.Addr().String())
	return h.Connect()
}

// dial connects to a message server that stands elsewhere, or goes on trying. It is known by
// its key, as gates know it.
func (s *station) dial() (*nats.Conn, error) {
	options, err := s.place.signIn(strings.HasPrefix(s.o.nats, "tls://"))
	if err != nil {
		return nil, err
	}
	return nats.Connect(s.o.nats, append(options,
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(250*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond), nats.ReconnectBufSize(-1),
		nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(5*time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			s.log.Error("the message server is not reached; it is tried again", "err", err)
		}),
		nats.ReconnectErrHandler(s.sayOnce()),
		nats.ReconnectHandler(func(*nats.Conn) { s.log.Info("the message server is reached again") }),
	)...)
}

// signIn is how the station's own user signs in to a message server.
func (p *place) signIn(byTLS bool) ([]nats.Option, error) {
	name, err := p.keys.bus.PublicKey()
	if err != nil {
		return nil, err
	}
	options := []nats.Option{nats.Nkey(name, p.keys.bus.Sign), nats.Name("station")}
	if byTLS {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: p.pinned}))
	}
	return options, nil
}

// sayOnce says why a server is not reached, again only where that is something else. Its
// calls come one after the other.
func (s *station) sayOnce() nats.ConnErrHandler {
	said := ""
	return func(_ *nats.Conn, err error) {
		if err != nil && err.Error() != said {
			said = err.Error()
			s.log.Error("the message server is not reached; it is tried again", "err", err)
		}
	}
}

// pinned refuses a server whose key station.json does not pin.
func (p *place) pinned(c tls.ConnectionState) error {
	if len(c.PeerCertificates) == 0 || !p.info.Pinned(spki(c.PeerCertificates[0])) {
		return errors.New("the message server's key is not among the pins of station.json")
	}
	return nil
}

func spki(c *x509.Certificate) []byte { return c.RawSubjectPublicKeyInfo }

func (s *station) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.place.keys.tls}}
}

const stopWithin = 5 * time.Second

// web serves HTTPS.
func (s *station) web(ctx context.Context) error {
	listener, err := try(ctx, s.log, "HTTPS", func() (net.Listener, error) { return net.Listen("tcp", s.o.listen) })
	if err != nil {
		return clean(ctx, err)
	}
	handler, err := s.routes()
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, TLSConfig: s.tls(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	s.log.Info("HTTPS listens", "address", listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		server.Close()
	}
	<-failed
	return nil
}

// health answers whether the station works, and what does not.
func (s *station) health(rw http.ResponseWriter, _ *http.Request) {
	troubles := s.troubles()
	if len(troubles) == 0 {
		io.WriteString(rw, "ok\n")
		return
	}
	rw.WriteHeader(http.StatusServiceUnavailable)
	for _, t := range troubles {
		fmt.Fprintln(rw, t)
	}
}
