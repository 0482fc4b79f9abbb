package collect

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"railgate/cmd/station/hub"
	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/store/link"
)

// gateClock is a gate's clock that writes down what the station confirms.
type gateClock struct {
	mu        sync.Mutex
	confirmed []time.Time
}

func (*gateClock) Now() (time.Time, bool) { return time.Now(), true }
func (*gateClock) Proven() time.Time      { return time.Now().Add(-time.Minute) }

func (c *gateClock) Confirm(_ string, at time.Time, _ time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = append(c.confirmed, at)
	return nil
}

func (c *gateClock) heard() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.confirmed)
}

// selfSigned is the station's certificate, and its key's pin.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	leaf := must[*x509.Certificate](t)(x509.ParseCertificate(der))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, bus.Pin(leaf.RawSubjectPublicKeyInfo)
}

// A gate's own link and the station's own collector, message server and permissions understand each
// other: the journal arrives and is receipted, the gate is in touch, claims, and is told the time.
func TestAGatesLinkAndItsStation(t *testing.T) {
	t.Parallel()
	cert, pin := selfSigned(t)
	b := &bench{t: t, database: ledgertest.SQLite(t), receipts: newKey(t), times: newKey(t), at: time.Now().Truncate(time.Second)}
	own := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	b.hub = must[*hub.Hub](t)(hub.Start(hub.Options{Station: "GZQ", Listen: "127.0.0.1:0", Dir: t.TempDir(), Own: own, TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(b.hub.Close)
	b.start()
	t.Cleanup(func() { b.stop() })

	id := identity.FromSeed([32]byte{7})
	if err := b.ledger.Enroll(t.Context(), id.Public("GZQ", "A07"), b.now(), false); err != nil {
		t.Fatal(err)
	}
	b.until("the gate is known", func() bool { _, ok := b.c.gate("A07"); return ok })
	if err := b.hub.SetGates([]identity.Public{id.Public("GZQ", "A07")}); err != nil {
		t.Fatal(err)
	}
	dir, log := t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil))
	s := must[*store.Store](t)(store.Open(store.Options{Dir: dir, Days: 90, MaxBytes: 1 << 30, Now: func() (time.Time, bool) { return time.Now(), true }}, log))
	clock := new(gateClock)
	l := link.New(link.Options{
		Station: "GZQ", Gate: "A07", Dir: dir, Identity: id, Store: s, Clock: clock, PassbackFor: time.Hour, Log: log,
		Note: func(r journal.Record) { r.Time = time.Now(); s.Append(r) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { s.Run(ctx, func(error) {}) })
	wait.Go(func() { l.Run(ctx) })
	t.Cleanup(func() { cancel(); wait.Wait(); s.Close() })
	for range 300 {
		s.Append(journal.Record{Time: time.Now(), Kind: journal.Forced})
	}
	must[store.Durable](t)(s.Commit(journal.Record{Time: time.Now(), Kind: journal.Forced}))

	vkey := func(name string, key ed25519.PrivateKey) string {
		return must[*torchwood.CosignatureSigner](t)(torchwood.NewCosignatureSigner(name, key)).Verifier().String()
	}
	l.Use(&bus.Station{
		Station: "GZQ", Zone: "Asia/Shanghai", Servers: []string{"tls://" + b.hub.Addr().String()}, Pins: []string{pin},
		ReceiptKey: vkey(bus.ReceiptKeyName("GZQ"), b.receipts), TimeKey: vkey(bus.TimeKeyName("GZQ"), b.times),
	}, nil)
	b.until("the gate is in touch", l.InTouch)
	b.until("the time is told", func() bool { return clock.heard() > 0 })
	b.until("a receipt for 301 records", func() bool { seq, note := s.Receipt(); return note != nil && seq >= 301 })
	if st := l.Status(); len(st.Errors) > 0 || st.Refused != "" {
		t.Errorf("the link's status: %+v; want no errors", st)
	}
	b.until("a claim holds", func() bool { return l.Claim(t.Context(), []string{"paper.1.00"}, time.Minute) == link.Held })
	if got := l.Claim(t.Context(), []string{"paper.1.00"}, time.Minute); got != link.Held {
		t.Errorf("the gate's own claim: %v; want that it holds", got)
	}
	conn := must[*nats.Conn](t)(b.hub.Connect())
	t.Cleanup(conn.Close)
	claims := must[jetstream.KeyValue](t)(must[jetstream.JetStream](t)(jetstream.New(conn)).KeyValue(t.Context(), bus.ClaimsBucket("GZQ")))
	must[uint64](t)(claims.Create(t.Context(), "paper.1.01", []byte("B02"), jetstream.KeyTTL(time.Second))) // another gate's
	if got := l.Claim(t.Context(), []string{"paper.1.01"}, time.Second); got != link.Taken {
		t.Errorf("another gate's claim: %v; want that it is taken", got)
	}
	b.until("it ends by itself", func() bool { return l.Claim(t.Context(), []string{"paper.1.01"}, time.Second) == link.Held })
	spent := must[jetstream.Stream](t)(must[jetstream.JetStream](t)(jetstream.New(conn)).Stream(t.Context(), bus.SpentStream("GZQ")))
	b.until("the gate hears the station's news, and reads the stream no more", func() bool {
		info := must[*jetstream.StreamInfo](t)(spent.Info(t.Context()))
		return info.State.Consumers == 2 && l.InTouch() // the ledger's and the news'
	})
	if st := b.c.State(); len(st.Refused) > 0 || st.News == 0 {
		t.Errorf("the station refused %v, and told news %d times", st.Refused, st.News)
	}
}

// No gate can remove from the stream what others said: not by a roll-up either, and not where the
// stream was made by a version that allowed them.
func TestNobodyRollsUpWhatOthersSpent(t *testing.T) {
	t.Parallel()
	own := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	h := must[*hub.Hub](t)(hub.Start(hub.Options{Station: "GZQ", Listen: "127.0.0.1:0", Dir: t.TempDir(), Own: own, TLS: &tls.Config{}, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(h.Close)
	conn := must[*nats.Conn](t)(h.Connect())
	t.Cleanup(conn.Close)
	js := must[jetstream.JetStream](t)(jetstream.New(conn))
	before := streams("GZQ")[1]
	before.AllowRollup, before.AllowMsgTTL = true, false
	must[jetstream.Stream](t)(js.CreateStream(t.Context(), before))
	if err := Prepare(t.Context(), js, "GZQ"); err != nil {
		t.Fatal(err)
	}
	must[*jetstream.PubAck](t)(js.Publish(t.Context(), bus.SpentSubject("GZQ", "A07"), []byte("x")))
	m := nats.NewMsg(bus.SpentSubject("GZQ", "B02"))
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupAll)
	if _, err := js.PublishMsg(t.Context(), m); err == nil {
		t.Error("a gate removes what all others said")
	}
	if err := Beat(t.Context(), js, "GZQ"); err != nil {
		t.Errorf("a heartbeat: %v", err)
	}
	if info := must[*jetstream.StreamInfo](t)(must[jetstream.Stream](t)(js.Stream(t.Context(), before.Name)).Info(t.Context())); info.State.Msgs != 2 {
		t.Errorf("%d messages; want the spent code and the heartbeat", info.State.Msgs)
	}
}
