package counter

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"
)

// A token lets a client ask, for a while. It carries its own proof, and the issuer
// remembers none: its key is made when the process starts, so tokens end with it.
//
//	expires (8, big-endian, seconds since 1970) ‖ id ‖ 0 ‖ scopes, a space between ‖ HMAC-SHA-256 (32)
//
// in base64url. The HMAC is over "railgate token v1", what is before it, and the digest of
// the client's secret: with another secret, or without the client, the token is worth nothing.
const tokenLasts = 5 * time.Minute

const tokenMAC = sha256.Size

// maxToken bounds what is read of a token, in characters.
const maxToken = 512

func newTokenKey() []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return key
}

func tokenProof(key, body, secret []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("railgate token v1"))
	h.Write(body)
	h.Write(secret)
	return h.Sum(nil)
}

func makeToken(key []byte, c *Client, scopes []Scope, now time.Time) string {
	body := binary.BigEndian.AppendUint64(nil, uint64(now.Add(tokenLasts).Unix()))
	body = append(append(body, c.ID...), 0)
	body = append(body, joinScopes(scopes)...)
	return base64.RawURLEncoding.EncodeToString(append(body, tokenProof(key, body, c.Secret)...))
}

var errToken = errors.New("the token is not valid: ask for a new one")

// readToken finds the client of a token, and the scopes that both still have.
func readToken(key []byte, text string, clients []Client, now time.Time) (*Client, []Scope, error) {
	if len(text) > maxToken {
		return nil, nil, errToken
	}
	all, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(all) < 8+tokenMAC || base64.RawURLEncoding.EncodeToString(all) != text {
		return nil, nil, errToken // it has one spelling
	}
	body, proof := all[:len(all)-tokenMAC], all[len(all)-tokenMAC:]
	id, scopes, _ := bytes.Cut(body[8:], []byte{0})
	c := find(clients, string(id))
	if c == nil || !hmac.Equal(proof, tokenProof(key, body, c.Secret)) {
		return nil, nil, errToken
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(body)) {
		return nil, nil, errToken
	}
	return c, slices.DeleteFunc(splitScopes(string(scopes)), func(s Scope) bool { return !slices.Contains(c.Scopes, s) }), nil
}

// Told is a list of scopes as a text, with a space between.
func Told(scopes []Scope) string { return joinScopes(scopes) }

func joinScopes(scopes []Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, " ")
}

func splitScopes(text string) (scopes []Scope) {
	for _, word := range strings.Split(text, " ") {
		scopes = append(scopes, Scope(word))
	}
	return scopes
}
