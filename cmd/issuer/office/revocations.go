package office

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// This file signs the list of what is revoked. It is signed again at once when something is
// revoked, and now and then where nothing is: gates tell by it how far behind they are.

const (
	listRenewed = time.Minute // a list that says the same is signed again after this
	listLasts   = time.Hour   // its exp
	revokerFor  = 365 * 24 * time.Hour
	revokerEnds = 30 * 24 * time.Hour // before the last one ends the log says so
	aheadAtMost = 5 * time.Minute     // gates refuse a list that is further ahead of their clocks
)

// A notary signs the list with the revoker's key, which signs nothing else. Its methods may
// be called concurrently.
type notary struct {
	dir      string
	issuer   string
	alg      verify.Algorithm
	register *register
	log      *slog.Logger

	mu      sync.Mutex // guards the fields below
	list    []byte     // nil: none was signed yet
	signed  time.Time
	changes uint64 // of the register, when it was signed
}

// openNotary reads the revoker's keys, and makes the first on the first start.
func openNotary(dir, issuer string, alg verify.Algorithm, r *register, now time.Time, log *slog.Logger) (*notary, error) {
	n := &notary{dir: dir, issuer: issuer, alg: alg, register: r, log: log}
	_, err := EnsureRevoker(dir, issuer, alg, now)
	return n, err
}

// EnsureRevoker reads the revoker's keys in an issuer's folder; where there is none it makes
// one, that signs at once.
func EnsureRevoker(dir, issuer string, alg verify.Algorithm, now time.Time) (*mint.RevokerFile, error) {
	f, err := mint.LoadRevokers(dir)
	if !errors.Is(err, mint.ErrNoRevoker) {
		return f, err
	}
	f = new(mint.RevokerFile)
	from := now.Truncate(time.Second).Add(-time.Hour) // for a gate whose clock is a little slow
	if err := f.Add(issuer, alg, from, from.Add(revokerFor)); err != nil {
		return nil, err
	}
	return f, f.Save(dir)
}

// watch says when a revoker's key is about to end: gates know the next one only once the
// nation has published it.
func (n *notary) watch(now time.Time) {
	f, err := mint.LoadRevokers(n.dir)
	if err == nil {
		_, err = f.Revoker(n.issuer, now.Add(revokerEnds))
	}
	if err != nil {
		n.log.Warn("the key that signs revocations ends soon: make the next one with issuer keys --revoker, and publish revokers.json", "err", err)
	}
}

// Revokers is what gates know the revoker by.
func (s *Office) Revokers() (verify.RevokersDocument, error) {
	f, err := mint.LoadRevokers(s.notary.dir)
	if err != nil {
		return verify.RevokersDocument{}, err
	}
	return f.Document(), nil
}

// Revocations is the list that gates read, signed. Lists are signed a second apart at
// least, so that each has a later iat than the one before.
func (s *Office) Revocations() ([]byte, error) { return s.notary.current(s.Now()) }

func (n *notary) current(now time.Time) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	changes, age := n.register.revocations.Load(), now.Sub(n.signed)
	if n.list != nil && age >= 0 && age < listRenewed && (changes == n.changes || age < time.Second) {
		return n.list, nil
	}
	f, err := mint.LoadRevokers(n.dir)
	if err != nil {
		return nil, err
	}
	key, err := f.Revoker(n.issuer, now)
	if err != nil {
		return nil, err
	}
	entries, iat, err := n.register.nextList(mint.Seconds(now))
	if err != nil {
		return nil, err
	}
	if ahead := time.Unix(int64(iat), 0); ahead.After(now.Add(aheadAtMost)) {
		n.log.Error("the clock was set back since a list of what is revoked was signed: the next ones are of later than that, and gates refuse them until then", "until", ahead.UTC().Format(time.RFC3339))
	}
	list, err := key.Sign(verify.RevocationList{IssuedAt: iat, Expires: iat + uint64(listLasts/time.Second), Entries: entries}, rand.Reader)
	if err != nil {
		return nil, err
	}
	n.list, n.signed, n.changes = list, now, changes
	return list, nil
}
