package control

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"railgate/verify"
)

// KeptKeysetName is the name in the data folder of a copy of the keyset that was taken
// last. A gate starts with it where its own file cannot be used, and holds a new file
// against it; without it the next start takes any keyset.
const KeptKeysetName = "keyset.kept.json"

// Keys is the keyset that a gate uses, beside the one that its file holds now.
type Keys struct {
	Path    string        `json:"path"`    // the file's; "": none is configured
	InUse   *KeysetDetail `json:"in_use"`  // null: there is none
	File    *KeysetDetail `json:"file"`    // null: it cannot be read
	Problem string        `json:"problem"` // why the file is not in use; "": it is
	Foreign bool          `json:"foreign"` // the file shares no kid with the keyset in use: it takes force
}

// KeysetDetail is a keyset without the keys themselves.
type KeysetDetail struct {
	Version uint64      `json:"version"`
	Issuers []string    `json:"issuers"`
	Keys    []KeyDetail `json:"keys"`    // in the file's order
	Revoked int         `json:"revoked"` // certificates
	Since   *time.Time  `json:"since,omitempty"`
}

// KeyDetail is one key's name and limits.
type KeyDetail struct {
	KeyID     string     `json:"kid"` // hex
	Issuer    string     `json:"issuer"`
	Algorithm string     `json:"alg"`
	Classes   []uint     `json:"classes"`
	NotBefore time.Time  `json:"not_before"`
	NotAfter  time.Time  `json:"not_after"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// DescribeKeyset makes a keyset fit for showing; nil makes nil.
func DescribeKeyset(keys *verify.Keyset) *KeysetDetail {
	if keys == nil {
		return nil
	}
	d := &KeysetDetail{Version: keys.Version, Revoked: keys.RevokedCount()}
	for _, i := range keys.Issuers {
		d.Issuers = append(d.Issuers, i.ID)
	}
	for _, k := range keys.Keys {
		key := KeyDetail{KeyID: hex.EncodeToString([]byte(k.ID)), Issuer: k.Issuer.ID, Algorithm: k.Algorithm().String(), NotBefore: k.NotBefore, NotAfter: k.NotAfter}
		if !k.RevokedAt.IsZero() {
			key.RevokedAt = &k.RevokedAt
		}
		for _, class := range k.Classes {
			key.Classes = append(key.Classes, uint(class))
		}
		d.Keys = append(d.Keys, key)
	}
	return d
}

// Keys asks which keyset is in use, and what its file holds.
func (c *Client) Keys(ctx context.Context) (*Keys, error) {
	return c.askKeys(ctx, http.MethodGet, nil)
}

// TakeKeys has the daemon read its keyset's file now. With force it takes a keyset that
// shares no kid with the one in use. Its error says why the file was refused.
func (c *Client) TakeKeys(ctx context.Context, force bool) (*Keys, error) {
	query := url.Values{}
	if force {
		query.Set("force", "1")
	}
	return c.askKeys(ctx, http.MethodPost, query)
}

func (c *Client) askKeys(ctx context.Context, method string, query url.Values) (*Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.do(ctx, method, "/keys", query)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	k := new(Keys)
	if err := json.NewDecoder(resp.Body).Decode(k); err != nil {
		return nil, fmt.Errorf("railgated's keys: %w", err)
	}
	return k, nil
}
