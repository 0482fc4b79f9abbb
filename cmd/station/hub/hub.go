// Package hub is the station's own message server: nats-server with JetStream inside the
// program, as a station needs it. One replica whose every acknowledged write is on the disk
// (sync_interval always), TLS, and an nkey for each gate with its own subjects only.
package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"railgate/store/bus"
	"railgate/store/identity"
)

// Options are how a hub is set.
type Options struct {
	Station string
	Listen  string        // host:port; port 0 is a free one
	Dir     string        // of the streams
	Own     nkeys.KeyPair // the station's own user
	TLS     *tls.Config
	Log     *slog.Logger
}

// A Hub is a server that runs. It is safe for concurrent use.
type Hub struct {
	log  *slog.Logger
	dir  string
	own  nkeys.KeyPair
	name string // the own user's public key
	stop func() // of mending

	mu      sync.Mutex // guards the fields below, and reloading
	server  *server.Server
	options *server.Options
}

const startWithin = 2 * time.Minute // a large stream is read at the start

// Start starts a server that knows no gate yet.
func Start(o Options) (*Hub, error) {
	h := &Hub{own: o.Own, log: o.Log, dir: o.Dir, stop: func() {}}
	var err error
	if h.name, err = o.Own.PublicKey(); err != nil {
		return nil, fmt.Errorf("message server: %w", err)
	}
	host, port, err := split(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("message server: %w", err)
	}
	h.options = &server.Options{
		ServerName: "railgate-" + o.Station, Host: host, Port: port,
		JetStream: true, StoreDir: o.Dir, SyncAlways: true, JetStreamMaxStore: maxStore,
		TLS: true, TLSConfig: o.TLS, TLSTimeout: 5, AuthTimeout: 5,
		MaxPayload: maxPayload, MaxControlLine: 4096, PingInterval: 2 * time.Second, MaxPingsOut: 3, WriteDeadline: 10 * time.Second,
		NoSigs: true, DisableShortFirstPing: true,
		Nkeys: []*server.NkeyUser{{Nkey: h.name}},
	}
	if h.server, err = h.run(h.options); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { h.mend(ctx) })
	h.stop = func() { cancel(); wait.Wait() }
	return h, nil
}

// run starts a server.
func (h *Hub) run(o *server.Options) (*server.Server, error) {
	s, err := server.NewServer(o.Clone())
	if err != nil {
		return nil, fmt.Errorf("message server: %w", err)
	}
	s.SetLoggerV2(logger{h.log}, false, false, false)
	s.Start()
	switch {
	case !s.ReadyForConnections(startWithin):
		err = fmt.Errorf("message server: not ready to listen on %s:%d: is the address in use?", o.Host, o.Port)
	case !s.JetStreamEnabled():
		err = fmt.Errorf("message server: its streams in %s cannot be opened: see the lines above", h.dir)
	default:
		return s, nil
	}
	end(s)
	return nil, err
}

func end(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// running is the server that runs now.
func (h *Hub) running() *server.Server {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server
}

// maxStore is more than any disk has. By itself a server takes three quarters of what is free
// when it starts: one that was started beside a full disk would refuse all that comes later.
const maxStore = 1 << 50

const maxPayload = 256 << 10 // a record has bus.MaxRecord at most

func split(listen string) (string, int, error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("address %q; want host:port", listen)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// Addr is where it listens.
func (h *Hub) Addr() net.Addr { return h.running().Addr() }

// SetGates has the server know exactly these gates. A gate that stays, with the same key,
// stays connected; one that is no more is disconnected.
func (h *Hub) SetGates(gates []identity.Public) error {
	users := []*server.NkeyUser{{Nkey: h.name}}
	for _, g := range gates {
		users = append(users, user(g))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.options.Clone()
	o.Nkeys = users
	if err := h.server.ReloadOptions(o.Clone()); err != nil {
		return fmt.Errorf("message server: %w", err)
	}
	h.options = o
	return nil
}

func user(g identity.Public) *server.NkeyUser {
	may := bus.Permissions(g.Station, g.Gate)
	return &server.NkeyUser{Nkey: g.Bus, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: may.Publish},
		Subscribe: &server.SubjectPermission{Allow: may.Subscribe},
	}}
}

// Connect connects this process as the station's own user, which may do everything.
func (h *Hub) Connect(options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("", slices.Concat([]nats.Option{
		nats.InProcessServer(h), nats.Nkey(h.name, h.own.Sign), nats.Name("station"),
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectBufSize(-1),
	}, options)...)
}

// InProcessConn is a connection to the server that runs now.
func (h *Hub) InProcessConn() (net.Conn, error) { return h.running().InProcessConn() }

// Connected are the keys of the users that are connected now.
func (h *Hub) Connected() (map[string]bool, error) {
	z, err := h.running().Connz(&server.ConnzOptions{Username: true, Limit: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("message server: %w", err)
	}
	keys := map[string]bool{}
	for _, c := range z.Conns {
		keys[c.AuthorizedUser] = true
	}
	return keys, nil
}

// Close stops the server, and returns once its files are closed.
func (h *Hub) Close() {
	h.stop()
	end(h.running())
}

// logger hands what the server says to slog. Its fatal errors end no process: Start finds
// a server that is not ready.
type logger struct{ log *slog.Logger }

func (l logger) line(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, "message server", "says", strings.TrimSpace(fmt.Sprintf(format, v...)))
}

func (l logger) Noticef(format string, v ...any) { l.line(slog.LevelDebug, format, v) }
func (l logger) Warnf(format string, v ...any)   { l.line(slog.LevelWarn, format, v) }
func (l logger) Errorf(format string, v ...any)  { l.line(slog.LevelError, format, v) }
func (l logger) Fatalf(format string, v ...any)  { l.line(slog.LevelError, format, v) }
func (l logger) Debugf(string, ...any)           {}
func (l logger) Tracef(string, ...any)           {}

// ErrNoKey is a file that holds no nkey of a user.
var ErrNoKey = errors.New("no nkey of a user")

// ParseKey reads the seed of an nkey.
func ParseKey(data []byte) (nkeys.KeyPair, error) {
	key, err := nkeys.FromSeed([]byte(strings.TrimSpace(string(data))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	if name, err := key.PublicKey(); err != nil || !nkeys.IsValidPublicUserKey(name) {
		return nil, ErrNoKey
	}
	return key, nil
}
