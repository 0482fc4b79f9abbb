package counter

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/durable"
)

// A Scope is what a caller may be told.
type Scope string

const (
	Resolve       Scope = "resolve"        // the decision, and the certificate it is about
	ResolveName   Scope = "resolve:name"   // the masked name, and the kind of document
	ResolveNumber Scope = "resolve:number" // the masked number
	ResolveTicket Scope = "resolve:ticket" // the holder's tickets of the day
)

// Scopes are all of them.
func Scopes() []Scope { return []Scope{Resolve, ResolveName, ResolveNumber, ResolveTicket} }

// A Purpose is what a look-up is for.
type Purpose string

const (
	Sale       Purpose = "sale"
	Refund     Purpose = "refund"
	Change     Purpose = "change"
	Inspection Purpose = "inspection"
)

// Purposes are all of them.
func Purposes() []Purpose { return []Purpose{Sale, Refund, Change, Inspection} }

// A Client is a ticketing system that may ask.
type Client struct {
	ID        string    `json:"id"`            // 3 to 32 of a-z, 0-9, -
	Secret    []byte    `json:"secret_sha256"` // of its secret, 32 bytes
	Scopes    []Scope   `json:"scopes"`
	Purposes  []Purpose `json:"purposes"`
	PerMinute int       `json:"per_minute"` // look-ups
	PerDay    int       `json:"per_day"`
	Added     time.Time `json:"added"`
}

// Limits of a client's limits.
const (
	MostPerMinute = 6000
	MostPerDay    = 5_000_000
)

var clientID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$`)

// Check tells what is wrong with a client.
func (c *Client) Check() error {
	switch {
	case !clientID.MatchString(c.ID):
		return fmt.Errorf("client %.40q: an id has 3 to 32 of a-z, 0-9 and -, and begins and ends with a letter or digit", c.ID)
	case len(c.Secret) != sha256.Size:
		return fmt.Errorf("client %s: secret_sha256 has %d bytes; want %d", c.ID, len(c.Secret), sha256.Size)
	case c.PerMinute < 1 || c.PerMinute > MostPerMinute:
		return fmt.Errorf("client %s: %d look-ups a minute; want 1 to %d", c.ID, c.PerMinute, MostPerMinute)
	case c.PerDay < 1 || c.PerDay > MostPerDay:
		return fmt.Errorf("client %s: %d look-ups a day; want 1 to %d", c.ID, c.PerDay, MostPerDay)
	}
	return errors.Join(someOf("scope", c.ID, c.Scopes, Scopes()), someOf("purpose", c.ID, c.Purposes, Purposes()))
}

// someOf tells why a list is not one or more of others, each once.
func someOf[T ~string](what, id string, list, all []T) error {
	if len(list) == 0 {
		return fmt.Errorf("client %s has no %s; want some of %q", id, what, all)
	}
	for i, s := range list {
		if !slices.Contains(all, s) || slices.Contains(list[:i], s) {
			return fmt.Errorf("client %s: %s %.40q is unknown or twice there; want some of %q", id, what, s, all)
		}
	}
	return nil
}

// newSecret makes a client's secret, of 256 random bits, and its digest. So much is not
// guessed, and one round of SHA-256 is enough to keep it.
func newSecret() (text string, digest []byte) {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	text = "rgs_" + base64.RawURLEncoding.EncodeToString(random)
	return text, digestOf(text)
}

func digestOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// opens tells whether a secret is the client's; never where there is no client.
func (c *Client) opens(secret string) bool {
	want := make([]byte, sha256.Size)
	if c != nil {
		want = c.Secret
	}
	return subtle.ConstantTimeCompare(digestOf(secret), want) == 1 && c != nil
}

// ClientsName is the file of the clients, in the issuer's folder. It holds no secret, but
// who can write it lets clients in: mode 0600.
const ClientsName = "clients.json"

type clientsFile struct {
	Clients []Client `json:"clients"`
}

const maxClientsFile = 1 << 20

// ParseClients reads clients.json. It refuses, naming what is wrong, unknown members, more
// than one document, two clients of one id, and a client that [Client.Check] refuses.
func ParseClients(data []byte) ([]Client, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f clientsFile
	if err := dec.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("there is more after the clients")
	}
	for i := range f.Clients {
		if err := f.Clients[i].Check(); err != nil {
			return nil, err
		}
		if find(f.Clients[:i], f.Clients[i].ID) != nil {
			return nil, fmt.Errorf("client %s is twice there", f.Clients[i].ID)
		}
	}
	return f.Clients, nil
}

// find is the client of an id; nil: there is none.
func find(all []Client, id string) *Client {
	for i := range all {
		if all[i].ID == id {
			return &all[i]
		}
	}
	return nil
}

// Clients reads an issuer's clients; a folder without the file has none.
func Clients(dir string) ([]Client, error) {
	path := filepath.Join(dir, ClientsName)
	data, err := durable.ReadFile(path, maxClientsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := ParseClients(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// AddClient adds a client to an issuer's folder and gives its secret, which is nowhere
// else. Where the id is there already it is refused.
func AddClient(dir string, c Client) (secret string, err error) {
	secret, c.Secret = newSecret()
	if err := c.Check(); err != nil {
		return "", err
	}
	return secret, changeClients(dir, func(all []Client) ([]Client, error) {
		if find(all, c.ID) != nil {
			return nil, fmt.Errorf("client %s is there already; remove it first, if it is to have another secret", c.ID)
		}
		return append(all, c), nil
	})
}

// RemoveClient takes a client away; its tokens end with it.
func RemoveClient(dir, id string) error {
	return changeClients(dir, func(all []Client) ([]Client, error) {
		if find(all, id) == nil {
			return nil, fmt.Errorf("there is no client %.40q; issuer client list shows them", id)
		}
		return slices.DeleteFunc(all, func(c Client) bool { return c.ID == id }), nil
	})
}

// changeClients is one change at a time, whoever else makes one.
func changeClients(dir string, by func([]Client) ([]Client, error)) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close() // which lets go
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", dir, err)
	}
	all, err := Clients(dir)
	if err == nil {
		all, err = by(all)
	}
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(clientsFile{append([]Client{}, all...)}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, ClientsName), append(data, '\n'), 0o600)
}
