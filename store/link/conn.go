package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
)

// A session is one connection while it works.
type session struct {
	ctx     context.Context // ends with it
	cancel  context.CancelFunc
	nc      *nats.Conn
	js      jetstream.JetStream
	station *bus.Station
}

const (
	reconnectWait = 250 * time.Millisecond
	pingEvery     = 2 * time.Second
	pingsMissed   = 2
	dialTimeout   = 2 * time.Second
	askTimeout    = 5 * time.Second // of one request to the stream
)

// serve keeps a connection to a station's servers until ctx ends.
func (l *Link) serve(ctx context.Context, s *bus.Station, servers []string) {
	line := &line{ctx: ctx, up: make(chan *session, 1)}
	nc, err := l.dial(s, servers, line)
	if err != nil {
		l.say(partBus, err) // the options are wrong: nothing else is an error here
		<-ctx.Done()
		return
	}
	defer nc.Close()
	defer line.lost()
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-line.up:
			c.station = s
			l.began(c)
			l.attached(c)
			l.ended(c)
		}
	}
}

// A line turns the library's calls, which come one after another, into sessions.
type line struct {
	ctx context.Context
	up  chan *session // has room for one: the newest

	mu  sync.Mutex // guards the field below
	now *session
}

// connected begins a session.
func (l *line) connected(nc *nats.Conn) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(inFlight), jetstream.WithPublishAsyncTimeout(askTimeout))
	if err != nil {
		return // only for options that contradict each other
	}
	c := &session{nc: nc, js: js}
	c.ctx, c.cancel = context.WithCancel(l.ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		l.now.cancel()
	}
	l.now = c
	select {
	case <-l.up:
	default:
	}
	l.up <- c
}

// lost ends the session.
func (l *line) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		l.now.cancel()
	}
}

// dial begins to connect, and goes on for ever.
func (l *Link) dial(s *bus.Station, servers []string, line *line) (*nats.Conn, error) {
	key, err := l.opt.Identity.NKey()
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	return nats.Options{
		Servers: servers, Name: "railgate " + l.opt.Gate,
		Nkey: public, SignatureCB: key.Sign,
		Secure: true, TLSConfig: pinned(s),
		InboxPrefix:    bus.Inbox(l.opt.Station, l.opt.Gate),
		AllowReconnect: true, MaxReconnect: -1, RetryOnFailedConnect: true,
		ReconnectWait: reconnectWait, ReconnectJitter: reconnectWait, ReconnectJitterTLS: reconnectWait,
		PingInterval: pingEvery, MaxPingsOut: pingsMissed, Timeout: dialTimeout,
		ReconnectBufSize:     -1,   // what was to be sent is in the journal: nothing waits in memory
		IgnoreAuthErrorAbort: true, // a gate that is enrolled later is let in then
		SubChanLen:           nats.DefaultMaxChanLen,
		ConnectedCB:          line.connected,
		ReconnectedCB:        line.connected,
		DisconnectedErrCB:    func(_ *nats.Conn, err error) { line.lost(); l.sayIf(partBus, refusal(err)) },
		ReconnectErrCB:       func(_ *nats.Conn, err error) { l.sayIf(partBus, refusal(err)) },
		AsyncErrorCB:         func(_ *nats.Conn, _ *nats.Subscription, err error) { l.opt.Log.Debug("bus", "err", err) },
	}.Connect()
}

// ErrNotEnrolled is the answer to a gate whose key the station's server does not know.
var ErrNotEnrolled = errors.New("the station does not know this gate's key")

// refusal is why there is no connection, in words of ours where the library's say too little.
func refusal(err error) error {
	if errors.Is(err, nats.ErrAuthorization) {
		return ErrNotEnrolled
	}
	return err
}

// ErrPin is the answer to a server that has none of the station's keys.
var ErrPin = errors.New("the server's key is not one of the station's")

// pinned holds a connection to the station's keys. Names and dates are not looked at: a gate
// whose clock is at 1970 must get in, to learn the time.
func pinned(s *bus.Station) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection is in its place
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 0 {
				return ErrPin
			}
			if spki := c.PeerCertificates[0].RawSubjectPublicKeyInfo; !s.Pinned(spki) {
				return fmt.Errorf("%w: it is %s", ErrPin, bus.Pin(spki))
			}
			return nil
		},
	}
}

// jitter spreads a wait, so that the gates of a station do not come at once.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }
