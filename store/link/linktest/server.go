// Package linktest is a station for tests: a real nats-server with JetStream on loopback, in the
// test's own process, and what a station answers. It is plain and keeps all in memory; it is not the
// station that is deployed.
package linktest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"

	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/news"
)

// Name is the station's name.
const Name = "GZQ"

// A Station is a bus and what answers on it.
type Station struct {
	t         testing.TB
	dir       string
	cert      tls.Certificate
	key       nkeys.KeyPair
	receipts  Cosigner
	times     Cosigner
	tickets   note.Signer
	ticketKey string // its vkey
	gates     map[string]identity.Public
	port      int
	BeatEvery time.Duration // set before Start
	Dumb      bool          // it tells no news, as stations of old did not; set before Start
	Single    bool          // it takes messages of one record, as stations of old did; set before Start

	mu     sync.Mutex // guards the fields below
	server *server.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	logs   map[string]*log // by origin
	at     uint64          // of the journal's stream, what was read
	stop   chan struct{}   // ends the heart
	beats  bool
	ahead  time.Duration // of the station's clock
	mute   bool          // it answers nothing
	refuse string
	later  string
	doubts bool
}

// New makes a station whose gates are known. It does not run yet.
func New(t testing.TB, gates ...identity.Public) *Station {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	s := &Station{
		t: t, dir: t.TempDir(), cert: certificate(t), key: key, gates: map[string]identity.Public{}, logs: map[string]*log{},
		receipts: newCosigner(t, bus.ReceiptKeyName(Name)), times: newCosigner(t, bus.TimeKeyName(Name)),
		BeatEvery: 100 * time.Millisecond, beats: true,
	}
	secret, public, err := note.GenerateKey(rand.Reader, bus.TicketKeyName(Name))
	if err == nil {
		s.ticketKey = public
		s.tickets, err = note.NewSigner(secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gates {
		s.gates[g.Gate] = g
	}
	t.Cleanup(s.Stop)
	return s
}

// certificate is one that ended half a century ago, for another name: what counts is its key.
func certificate(t testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// File is station.json, with the server's address, or with a proxy's.
func (s *Station) File(addresses ...string) *bus.Station {
	leaf, err := x509.ParseCertificate(s.cert.Certificate[0])
	if err != nil {
		s.t.Fatal(err)
	}
	if len(addresses) == 0 {
		addresses = []string{s.Address()}
	}
	f := &bus.Station{Station: Name, Zone: "Asia/Shanghai", Pins: []string{bus.Pin(leaf.RawSubjectPublicKeyInfo)}, ReceiptKey: s.receipts.vkey(), TimeKey: s.times.vkey(), TicketKey: s.ticketKey}
	for _, a := range addresses {
		f.Servers = append(f.Servers, "tls://"+a)
	}
	return f
}

// Tickets signs the station's additions to the day's tickets.
func (s *Station) Tickets() note.Signer { return s.tickets }

// Address is the server's, the same for as long as the station is.
func (s *Station) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Start starts the server and what answers.
func (s *Station) Start() {
	s.t.Helper()
	public, err := s.key.PublicKey()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.port == 0 {
		s.port = freePort(s.t)
	}
	opts := &server.Options{
		ServerName: Name, Host: "127.0.0.1", Port: s.port, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: s.dir, SyncAlways: true,
		TLS: true, TLSConfig: &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS13}, TLSTimeout: 5,
		Nkeys: []*server.NkeyUser{{Nkey: public}},
	}
	for _, g := range s.gates {
		may := bus.Permissions(Name, g.Gate)
		opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{Nkey: g.Bus, Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: may.Publish}, Subscribe: &server.SubjectPermission{Allow: may.Subscribe},
		}})
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		s.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		s.t.Fatal("the test's nats-server does not start")
	}
	s.attach(srv, public)
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// attach connects the station's own part.
func (s *Station) attach(srv *server.Server, public string) {
	nc, err := nats.Connect("tls://"+s.Address(), nats.Nkey(public, s.key.Sign), nats.Secure(&tls.Config{InsecureSkipVerify: true}), nats.MaxReconnects(-1))
	if err != nil {
		s.t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.server, s.nc, s.js, s.stop = srv, nc, js, make(chan struct{})
	stop := s.stop
	s.mu.Unlock()
	s.Streams()
	for subject, answer := range map[string]nats.MsgHandler{bus.ReceiptSubjects(Name): s.onReceipt, bus.TimeSubjects(Name): s.onTime} {
		if _, err := nc.Subscribe(subject, answer); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		s.t.Fatal(err)
	}
	go s.heart(nc, stop)
	if !s.Dumb {
		go s.tellNews(nc, js, stop)
	}
}

// heart beats until stop is closed.
func (s *Station) heart(nc *nats.Conn, stop chan struct{}) {
	tick := time.NewTicker(s.BeatEvery)
	defer tick.Stop()
	for {
		s.mu.Lock()
		beats := s.beats
		s.mu.Unlock()
		if beats {
			nc.PublishMsg(&nats.Msg{Subject: bus.BeatSubject(Name), Header: nats.Header{"Nats-TTL": {"10s"}}})
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// tellNews tells the gates what the stream of spent codes has, until stop is closed.
func (s *Station) tellNews(nc *nats.Conn, js jetstream.JetStream, stop chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-stop; cancel() }()
	for teller := news.New(js, nc, Name); ctx.Err() == nil; {
		teller.Tell(ctx, func() {})
		time.Sleep(20 * time.Millisecond)
	}
}

// Stop ends the server as a station that goes away: what is on its disk stays.
func (s *Station) Stop() {
	s.mu.Lock()
	srv, nc, stop := s.server, s.nc, s.stop
	s.server, s.nc = nil, nil
	s.mu.Unlock()
	if srv == nil {
		return
	}
	close(stop)
	nc.Close()
	srv.Shutdown()
	srv.WaitForShutdown()
}

// Beats starts and stops the heart: a station that is dead beside a server that works.
func (s *Station) Beats(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats = on
}
