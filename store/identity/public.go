package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/edwards25519"
	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"

	"railgate/store/journal"
)

// Public is a gate's public keys and its name, as a station enrolls it: as JSON, as the
// text of a QR code on the gate's screen, or as lines to be read out. It holds no secret. A gate
// that is not provisioned has no name yet.
type Public struct {
	Station      string `json:"station"`
	Gate         string `json:"gate"`
	Journal      []byte `json:"journal"`      // the Ed25519 key of its checkpoints
	Bus          string `json:"bus"`          // its nkey on the bus, U…
	Provisioning []byte `json:"provisioning"` // the Ed25519 key of its requests
}

// textPrefix begins the text of a QR code; base32 (RFC 4648, without padding) of CBOR follows.
// All of it is in the alphabet of QR's alphanumeric mode.
const textPrefix = "RGID1:"

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// compact is Public as CBOR: a map with integer keys, the nkey as its 32 raw bytes.
type compact struct {
	Station      string `cbor:"1,keyasint"`
	Gate         string `cbor:"2,keyasint"`
	Journal      []byte `cbor:"3,keyasint"`
	Bus          []byte `cbor:"4,keyasint"`
	Provisioning []byte `cbor:"5,keyasint"`
}

// maxPublic bounds what ParsePublic looks at: both forms are far shorter.
const maxPublic = 4096

// Text is the text of the QR code on the gate's screen.
func (p Public) Text() (string, error) {
	bus, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(p.Bus))
	if err != nil {
		return "", fmt.Errorf("the gate's key on the bus: %w", err)
	}
	data, err := journal.Encode(compact{p.Station, p.Gate, p.Journal, bus, p.Provisioning})
	if err != nil {
		return "", err
	}
	return textPrefix + base32Text.EncodeToString(data), nil
}

// Named tells whether the gate has its names: it is provisioned.
func (p Public) Named() bool { return p.Station != "" }

// ParsePublic reads a gate's public keys: JSON, the text of the QR code on its screen, or the
// lines below that. It takes what is whole and well-formed only: every member, no other, names
// that fit into subjects, or none, keys that somebody can own.
func ParsePublic(data []byte) (Public, error) {
	if len(data) > maxPublic {
		return Public{}, fmt.Errorf("a gate's identity: %d bytes; want %d at most", len(data), maxPublic)
	}
	data = bytes.TrimSpace(data)
	read := fromLines
	switch {
	case bytes.HasPrefix(data, []byte("{")):
		read = fromJSON
	case bytes.HasPrefix(data, []byte(textPrefix)):
		read = fromText
	}
	p, err := read(data)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return Public{}, fmt.Errorf("a gate's identity: %w", err)
	}
	return p, nil
}

func fromLines(data []byte) (Public, error) { return ParseLines(string(data)) }

func fromJSON(data []byte) (Public, error) {
	var p Public
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Public{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return Public{}, errors.New("more than one JSON value")
	}
	return p, nil
}

func fromText(text []byte) (Public, error) {
	data, err := base32Text.DecodeString(strings.TrimPrefix(string(text), textPrefix))
	if err != nil {
		return Public{}, err
	}
	var c compact
	if err := journal.Decode(data, &c); err != nil {
		return Public{}, err
	}
	bus, err := nkeys.Encode(nkeys.PrefixByteUser, c.Bus)
	if err != nil {
		return Public{}, err
	}
	p := Public{c.Station, c.Gate, c.Journal, string(bus), c.Provisioning}
	if again, err := p.Text(); err != nil || again != string(text) {
		return Public{}, errors.New("not in the one form that a gate writes")
	}
	return p, nil
}

func (p Public) check() error {
	for _, name := range []string{p.Station, p.Gate} {
		if p.Station == "" && p.Gate == "" {
			break
		}
		if !journal.GoodName(name) {
			return fmt.Errorf("name %q; want 1 to 32 letters, digits, - and _", name)
		}
	}
	if !nkeys.IsValidPublicUserKey(p.Bus) {
		return fmt.Errorf("key on the bus %q; want an nkey of a user (U…)", p.Bus)
	}
	if err := goodKey(p.Journal); err != nil {
		return fmt.Errorf("key of the checkpoints: %w", err)
	}
	if err := goodKey(p.Provisioning); err != nil {
		return fmt.Errorf("key for provisioning: %w", err)
	}
	return nil
}

// goodKey refuses what crypto/ed25519 takes and nobody can own: a second spelling of a point
// (RFC 8032, section 5.1.3), and points of low order.
func goodKey(key []byte) error {
	p, err := new(edwards25519.Point).SetBytes(key)
	switch {
	case err != nil:
		return fmt.Errorf("not an Ed25519 key: %w", err)
	case !bytes.Equal(p.Bytes(), key):
		return errors.New("an Ed25519 key in a second spelling")
	case new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1:
		return errors.New("an Ed25519 key of low order")
	}
	return nil
}

// Verifier checks the gate's checkpoints of one origin.
func (p Public) Verifier(origin string) (note.Verifier, error) {
	if err := goodKey(p.Journal); err != nil {
		return nil, err
	}
	return verifier(origin, p.Journal)
}

func verifier(origin string, key ed25519.PublicKey) (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}
