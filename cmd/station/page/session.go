package page

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"railgate/store/durable"
)

const (
	cookieName   = "railgate_station"
	sessionLasts = 7 * 24 * time.Hour
	maxSessions  = 200     // the oldest ends where there would be more
	maxSessFile  = 1 << 20 // bytes
)

// A session is one browser that knew the passphrase. Only its token's hash is kept.
type session struct {
	Ends time.Time `json:"ends"`
	Lock string    `json:"lock"` // the passphrase's name; another one ends the session
}

// sessions are kept in a file: a station that restarts leaves its staff signed in.
type sessions struct {
	path string

	mu  sync.Mutex // guards all
	all map[string]session
}

// openSessions reads the file. One that cannot be read is an empty one: everybody signs
// in again.
func openSessions(path string) (*sessions, error) {
	s := &sessions{path: path, all: map[string]session{}}
	data, err := durable.ReadFile(path, maxSessFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if json.Unmarshal(data, &s.all) != nil || s.all == nil {
		s.all = map[string]session{}
	}
	return s, nil
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// begin makes a session and returns its token.
func (s *sessions) begin(lock string, now time.Time) (string, error) {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.all, func(_ string, x session) bool { return !x.Ends.After(now) || x.Lock != lock })
	for len(s.all) >= maxSessions {
		first := slices.MinFunc(slices.Collect(maps.Keys(s.all)), func(a, b string) int { return s.all[a].Ends.Compare(s.all[b].Ends) })
		delete(s.all, first)
	}
	s.all[hashToken(token)] = session{Ends: now.Add(sessionLasts), Lock: lock}
	return token, s.keep()
}

// good tells whether a token is a session's, under the passphrase that counts now.
func (s *sessions) good(token, lock string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.all[hashToken(token)]
	return ok && x.Ends.After(now) && x.Lock == lock
}

func (s *sessions) end(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.all[hashToken(token)]; !ok {
		return nil
	}
	delete(s.all, hashToken(token))
	return s.keep()
}

// keep writes the file. mu is held.
func (s *sessions) keep() error {
	data, err := json.Marshal(s.all)
	if err != nil {
		return err
	}
	return durable.WriteFile(s.path, data, 0o600)
}

// cookie is what a browser keeps of a session. Over plain HTTP, which only a bench has,
// it cannot be Secure.
func (p *Page) cookie(token string, lasts time.Duration) *http.Cookie {
	c := &http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: int(lasts / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: !p.o.Bench}
	if lasts <= 0 {
		c.MaxAge = -1
	}
	return c
}

// token is the caller's, "" without one.
func token(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}
