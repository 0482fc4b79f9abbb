package bus

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"railgate/store/journal"
)

// Station is station.json: what a gate must know of its station to reach it and to believe it. It
// comes in the station's signed repository.
type Station struct {
	Station    string   `json:"station"`
	Zone       string   `json:"zone"`        // IANA's name, such as Asia/Shanghai
	Servers    []string `json:"servers"`     // tls://host:port
	Pins       []string `json:"pins"`        // sha256//base64 of a SubjectPublicKeyInfo (as in RFC 7469)
	ReceiptKey string   `json:"receipt_key"` // a vkey of cosignature/v1 (C2SP), named railgate.<S>.receipts
	TimeKey    string   `json:"time_key"`    // and railgate.<S>.time
	// TicketKey is a vkey (C2SP signed-note, Ed25519) named railgate.<S>.tickets, of the station's
	// additions to the day's tickets; "": it makes none.
	TicketKey string `json:"ticket_key,omitempty"`
}

// zones are what a time zone may be called. Whether the machine knows it is for whoever loads it.
var zones = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}$`)

const (
	maxStation = 64 << 10
	maxServers = 16
	maxPins    = 16
)

// ReceiptKeyName and TimeKeyName are what a station's keys are called.
func ReceiptKeyName(station string) string { return "railgate." + station + ".receipts" }
func TimeKeyName(station string) string    { return "railgate." + station + ".time" }

// TicketKeyName is what the key of additions to the day's tickets is called.
func TicketKeyName(station string) string { return "railgate." + station + ".tickets" }

// ParseStation reads station.json and holds it to what a gate needs.
func ParseStation(data []byte) (*Station, error) {
	if len(data) > maxStation {
		return nil, fmt.Errorf("station.json: %d bytes; want %d at most", len(data), maxStation)
	}
	var s Station
	err := strict(data, &s)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, fmt.Errorf("station.json: %w", err)
	}
	return &s, nil
}

// Encode is station.json.
func (s *Station) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("station.json: %w", err)
	}
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

func (s *Station) check() error {
	if !journal.GoodName(s.Station) {
		return fmt.Errorf("station %q; want 1 to 32 letters, digits, - and _", s.Station)
	}
	if !zones.MatchString(s.Zone) || s.Zone == "Local" {
		return fmt.Errorf("zone %q; want a name such as Asia/Shanghai", s.Zone)
	}
	if len(s.Servers) > maxServers || len(s.Pins) > maxPins {
		return fmt.Errorf("%d servers and %d pins; want %d and %d at most", len(s.Servers), len(s.Pins), maxServers, maxPins)
	}
	for _, server := range s.Servers {
		if err := CheckServer(server); err != nil {
			return err
		}
	}
	for _, pin := range s.Pins {
		if _, err := parsePin(pin); err != nil {
			return err
		}
	}
	if len(s.Servers) > 0 && len(s.Pins) == 0 {
		return errors.New("servers, and no pins to know them by")
	}
	_, errReceipts := s.Receipts()
	_, errTime := s.Time()
	_, errTickets := s.Tickets()
	if errors.Is(errTickets, ErrNoTicketKey) {
		errTickets = nil
	}
	return errors.Join(errReceipts, errTime, errTickets)
}

// CheckServer tells what is wrong with a server's address.
func CheckServer(server string) error {
	u, err := url.Parse(server)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	n, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || n < 1 || n > 65535 || host == "" || u.Scheme != "tls" || u.User != nil || u.String() != "tls://"+u.Host {
		return fmt.Errorf("server %q; want tls://host:port", server)
	}
	return nil
}

// pinPrefix begins a pin.
const pinPrefix = "sha256//"

// Pin is the pin of a key, from its SubjectPublicKeyInfo in DER.
func Pin(spki []byte) string {
	sum := sha256.Sum256(spki)
	return pinPrefix + base64.StdEncoding.EncodeToString(sum[:])
}

func parsePin(pin string) ([]byte, error) {
	text, found := strings.CutPrefix(pin, pinPrefix)
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	if !found || err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("pin %q; want sha256// and 44 characters of base64", pin)
	}
	return sum, nil
}

// Pinned tells whether the key of a SubjectPublicKeyInfo is one of the station's.
func (s *Station) Pinned(spki []byte) bool { return slices.Contains(s.Pins, Pin(spki)) }

// Receipts checks the station's cosignatures under receipts.
func (s *Station) Receipts() (note.Verifier, error) {
	return cosigner(s.ReceiptKey, ReceiptKeyName(s.Station))
}

// Time checks its cosignatures that tell the time.
func (s *Station) Time() (note.Verifier, error) { return cosigner(s.TimeKey, TimeKeyName(s.Station)) }

// ErrNoTicketKey is a station that makes no additions to the day's tickets.
var ErrNoTicketKey = errors.New("station.json names no ticket_key")

// Tickets checks its additions to the day's tickets.
func (s *Station) Tickets() (note.Verifier, error) {
	if s.TicketKey == "" {
		return nil, ErrNoTicketKey
	}
	v, err := note.NewVerifier(s.TicketKey)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", s.TicketKey, err)
	}
	if v.Name() != TicketKeyName(s.Station) {
		return nil, fmt.Errorf("key %q; want a vkey named %s", s.TicketKey, TicketKeyName(s.Station))
	}
	return v, nil
}

// algCosignature is cosignature/v1's byte in a vkey (C2SP signed-note).
const algCosignature = 4

// cosigner reads a vkey of cosignature/v1 that must have a name.
func cosigner(vkey, name string) (note.Verifier, error) {
	parts := strings.Split(vkey, "+")
	key, err := base64.StdEncoding.Strict().DecodeString(strings.Join(parts[min(2, len(parts)):], "+"))
	if err != nil || len(parts) < 3 || parts[0] != name || len(key) != 1+ed25519.PublicKeySize || key[0] != algCosignature {
		return nil, fmt.Errorf("key %q; want a vkey of cosignature/v1 named %s", vkey, name)
	}
	s, err := torchwood.NewCosignatureSigner(name, publicOnly(key[1:]))
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", vkey, err)
	}
	if v := s.Verifier(); v.String() == vkey {
		return v, nil
	}
	return nil, fmt.Errorf("key %q: its hash is another key's", vkey)
}

// publicOnly is a signer that cannot sign: torchwood makes a verifier only of a signer.
type publicOnly ed25519.PublicKey

func (k publicOnly) Public() crypto.PublicKey { return ed25519.PublicKey(k) }

func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("a public key signs nothing")
}
