package hub

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"railgate/store/bus"
	"railgate/store/identity"
)

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func certificate(t testing.TB) *tls.Config {
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, c, c, key.Public(), key))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func start(t testing.TB) *Hub {
	own := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	h := must[*Hub](t)(Start(Options{Station: "GZQ", Listen: "127.0.0.1:0", Dir: t.TempDir(), Own: own, TLS: certificate(t), Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(h.Close)
	return h
}

func gate(n byte, name string) (*identity.Identity, identity.Public) {
	i := identity.FromSeed([32]byte{n})
	return i, i.Public("GZQ", name)
}

// dial connects as a gate does; lost gets a value when the connection is lost.
func dial(t testing.TB, h *Hub, i *identity.Identity, p identity.Public, lost chan<- error) (*nats.Conn, error) {
	key := must[nkeys.KeyPair](t)(i.NKey())
	c, err := nats.Connect("tls://"+h.Addr().String(), nats.Nkey(p.Bus, key.Sign), nats.CustomInboxPrefix(bus.Inbox(p.Station, p.Gate)),
		nats.Secure(&tls.Config{InsecureSkipVerify: true}), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { lost <- err }),
		nats.ClosedHandler(func(*nats.Conn) { lost <- nil }))
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func TestAnEnrolledGateGetsInAndOthersStay(t *testing.T) {
	h := start(t)
	i1, p1 := gate(1, "A01")
	lost := make(chan error, 10)
	if _, err := dial(t, h, i1, p1, lost); err == nil {
		t.Fatal("a gate that is not enrolled is let in")
	}
	if err := h.SetGates([]identity.Public{p1}); err != nil {
		t.Fatal(err)
	}
	c1 := must[*nats.Conn](t)(dial(t, h, i1, p1, lost))
	own := must[*nats.Conn](t)(h.Connect())
	defer own.Close()
	heard := make(chan *nats.Msg, 10)
	must[*nats.Subscription](t)(own.ChanSubscribe("rg.GZQ.*.receipt", heard))
	if err := own.Flush(); err != nil {
		t.Fatal(err)
	}

	i2, p2 := gate(2, "A02")
	if err := h.SetGates([]identity.Public{p1, p2}); err != nil {
		t.Fatal(err)
	}
	must[*nats.Conn](t)(dial(t, h, i2, p2, make(chan error, 10)))
	if err := c1.Publish("rg.GZQ.A01.receipt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-heard:
		if m.Subject != "rg.GZQ.A01.receipt" {
			t.Errorf("a message on %s", m.Subject)
		}
	case err := <-lost:
		t.Fatalf("enrolling another gate disconnects the first: %v", err)
	}
	connected := must[map[string]bool](t)(h.Connected())
	if !connected[p1.Bus] || !connected[p2.Bus] {
		t.Errorf("connected: %v; want both gates", connected)
	}

	if err := h.SetGates([]identity.Public{p2}); err != nil { // it is no gate any more
		t.Fatal(err)
	}
	<-lost
	if _, err := dial(t, h, i1, p1, lost); err == nil {
		t.Error("a gate that was removed is let in")
	}
}

func TestAGateSpeaksForItselfOnly(t *testing.T) {
	h := start(t)
	i, p := gate(1, "A01")
	if err := h.SetGates([]identity.Public{p}); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 10)
	c := must[*nats.Conn](t)(dial(t, h, i, p, lost))
	for _, subject := range []string{"rg.GZQ.A02.journal", "rg.GZQ.beat", "$JS.API.STREAM.DELETE.rg_GZQ_journal", "$JS.API.STREAM.PURGE.rg_GZQ_journal"} {
		if err := c.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-lost; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("publishing on %s: %v; want a violation", subject, err)
		}
	}
	must[*nats.Subscription](t)(c.SubscribeSync("rg.>"))
	if err := <-lost; !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("subscribing to all: %v; want a violation", err)
	}
}

// What a server has acknowledged is on its disk.
func TestEveryWriteIsSynced(t *testing.T) {
	h := start(t)
	if v := must[*nats.Conn](t)(h.Connect()); v.ConnectedServerVersion() == "" {
		t.Error("not connected")
	}
	if c := h.running().JetStreamConfig(); c == nil || !c.SyncAlways {
		t.Errorf("the streams' settings: %+v; want SyncAlways", c)
	}
}

// A stream that met a full disk is written again once there is room, by the connections that are
// there; and what a disk had when the server started does not count.
func TestAFullDiskIsGotOver(t *testing.T) {
	h := start(t)
	own := must[*nats.Conn](t)(h.Connect())
	defer own.Close()
	js := must[jetstream.JetStream](t)(jetstream.New(own))
	must[jetstream.Stream](t)(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, MaxBytes: 64 << 10}))
	before := h.running()
	block := filepath.Join(h.dir, "jetstream", "$G", "streams", "s", "msgs", "2.blk") // the next file
	if err := os.Symlink("/dev/full", block); err != nil {
		t.Fatal(err)
	}
	publish := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "s", make([]byte, 4<<10))
		return err
	}
	for n := 0; publish() == nil; n++ {
		if n > 1000 {
			t.Fatal("a full disk takes all messages")
		}
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); h.running() == before || publish() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the disk has room; another server: %v, and no message is taken", h.running() != before)
		}
	}
	if c := h.running().JetStreamConfig(); c.MaxStore != maxStore {
		t.Errorf("streams may have %d bytes; want what the disk has at any time", c.MaxStore)
	}
}

func TestWhatCannotListenSaysSo(t *testing.T) {
	h := start(t)
	own := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	for _, listen := range []string{"127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x"} {
		if other, err := Start(Options{Station: "GZQ", Listen: listen, Dir: t.TempDir(), Own: own, TLS: certificate(t), Log: slog.New(slog.DiscardHandler)}); err == nil {
			other.Close()
			t.Errorf("listens on %s", listen)
		}
	}
	_ = h
}

func TestAKeyIsRead(t *testing.T) {
	own := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	seed := must[[]byte](t)(own.Seed())
	if k, err := ParseKey(append(seed, '\n')); err != nil || must[string](t)(k.PublicKey()) != must[string](t)(own.PublicKey()) {
		t.Errorf("ParseKey: %v", err)
	}
	account := must[nkeys.KeyPair](t)(nkeys.CreateAccount())
	for _, bad := range [][]byte{nil, []byte("x"), must[[]byte](t)(account.Seed()), []byte(must[string](t)(own.PublicKey()))} {
		if _, err := ParseKey(bad); !errors.Is(err, ErrNoKey) {
			t.Errorf("%q: %v; want ErrNoKey", bad, err)
		}
	}
}

// Whatever a key's file holds, it is the seed of a user's key, which is read the same again, or it
// is refused.
func FuzzParseKey(f *testing.F) {
	for _, create := range []func() (nkeys.KeyPair, error){nkeys.CreateUser, nkeys.CreateAccount, nkeys.CreateCurveKeys} {
		key, err := create()
		if err != nil {
			f.Fatal(err)
		}
		seed, err := key.Seed()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		f.Add(append([]byte(" \r\n"), append(seed, '\n')...))
		f.Add(seed[:len(seed)-1])
	}
	f.Add([]byte(nil))
	f.Add([]byte("SU"))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParseKey(data)
		if err != nil {
			if !errors.Is(err, ErrNoKey) || key != nil {
				t.Errorf("%q: %v, %v; want ErrNoKey and no key", data, key, err)
			}
			return
		}
		seed, err := key.Seed()
		if err != nil || string(seed) != strings.TrimSpace(string(data)) {
			t.Errorf("%q: its seed is %q, %v", data, seed, err)
		}
		signature, err := key.Sign([]byte("nonce"))
		if err != nil || key.Verify([]byte("nonce"), signature) != nil {
			t.Errorf("%q: it does not sign: %v", data, err)
		}
	})
}
