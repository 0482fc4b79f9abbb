package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/torchwood"
	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"

	"railgate/cmd/station/hub"
	"railgate/cmd/station/repository"
	"railgate/store/bus"
	"railgate/store/durable"
)

// A station's own keys, beside those of its repository. They are online: the station's
// program uses them all day.
const (
	receiptsKey = "receipts" // cosigns what is in the ledger
	timeKey     = "time"     // cosigns heads, which tells the time
	ticketsKey  = "tickets"  // signs additions to the day's tickets
	busKey      = "bus.nk"   // the station's own user on the bus
	tlsKey      = "tls.key"  // pinned by station.json
	tlsCert     = "tls.crt"
)

// keyring is those keys, read.
type keyring struct {
	receipts, time ed25519.PrivateKey
	tickets        ed25519.PrivateKey // nil: the station is of before there was one
	bus            nkeys.KeyPair
	tls            tls.Certificate
}

// makeKeys makes a station's own keys in a folder; hosts are the names that its certificate
// has, for browsers: gates look at the key alone.
func makeKeys(dir string, hosts []string, now time.Time) error {
	for _, name := range []string{receiptsKey, timeKey, ticketsKey, provisionKey} {
		if _, err := repository.MakeKey(dir, name); err != nil {
			return err
		}
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	seed, err := user.Seed()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, busKey), append(seed, '\n'), 0o600); err != nil {
		return err
	}
	return makeCertificate(dir, hosts, now)
}

// certificateFor is how long the certificate is good for. Nothing but a browser asks.
const certificateFor = 10 * 365 * 24 * time.Hour

func makeCertificate(dir string, hosts []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "railgate station"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		durable.WriteFile(filepath.Join(dir, tlsKey), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		durable.WriteFile(filepath.Join(dir, tlsCert), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
}

func loadKeys(dir string) (k keyring, err error) {
	if k.receipts, err = repository.LoadKey(dir, receiptsKey); err != nil {
		return k, err
	}
	if k.time, err = repository.LoadKey(dir, timeKey); err != nil {
		return k, err
	}
	if k.tickets, err = repository.LoadKey(dir, ticketsKey); err != nil && !errors.Is(err, repository.ErrNoKey) {
		return k, err
	}
	seed, err := os.ReadFile(filepath.Join(dir, busKey))
	if err != nil {
		return k, err
	}
	if k.bus, err = hub.ParseKey(seed); err != nil {
		return k, fmt.Errorf("%s: %w", filepath.Join(dir, busKey), err)
	}
	k.tls, err = tls.LoadX509KeyPair(filepath.Join(dir, tlsCert), filepath.Join(dir, tlsKey))
	return k, err
}

// pin is the pin of a certificate's key.
func pin(c tls.Certificate) (string, error) {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return "", err
	}
	return bus.Pin(leaf.RawSubjectPublicKeyInfo), nil
}

// vkey is the public form of a cosigning key (C2SP signed-note).
func vkey(name string, key crypto.Signer) (string, error) {
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return "", err
	}
	return s.Verifier().String(), nil
}

// describe is station.json of a station with these keys.
func (k keyring) describe(station, zone string, servers []string) (*bus.Station, error) {
	s := &bus.Station{Station: station, Zone: zone, Servers: servers}
	p, err := pin(k.tls)
	if err != nil {
		return nil, err
	}
	s.Pins = []string{p}
	if s.ReceiptKey, err = vkey(bus.ReceiptKeyName(station), k.receipts); err != nil {
		return nil, err
	}
	if s.TimeKey, err = vkey(bus.TimeKeyName(station), k.time); err != nil || k.tickets == nil {
		return s, err
	}
	s.TicketKey, err = note.NewEd25519VerifierKey(bus.TicketKeyName(station), k.tickets.Public().(ed25519.PublicKey))
	return s, err
}

// ticketSigner signs additions to the day's tickets.
func (k keyring) ticketSigner(s *bus.Station) (note.Signer, error) {
	v, err := s.Tickets()
	if err != nil {
		return nil, err
	}
	// The form of a private key is golang.org/x/mod/sumdb/note's: 1 is Ed25519.
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, k.tickets.Seed()...))
	return note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", v.Name(), v.KeyHash(), secret))
}

// hostsOf are the hosts of addresses of servers.
func hostsOf(servers []string) ([]string, error) {
	var hosts []string
	for _, server := range servers {
		if err := bus.CheckServer(server); err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(strings.TrimPrefix(server, "tls://"))
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}
