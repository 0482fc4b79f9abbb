package office

import (
	"cmp"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
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

// listRoom is how many bytes of a list are for its entries; what is signed around them has the rest.
const listRoom = verify.MaxRevocations - 1000

// fit is what goes onto a list with room for so many bytes of entries, and how many of each kind
// stay out. What somebody revoked comes before phones that were changed, and the newest first: it
// is what is valid longest, and what whoever revokes now counts on.
func (l *listing) fit(room int) (entries []verify.Revocation, said, moved int) {
	take := func(part []verify.Revocation) (out int) {
		slices.SortFunc(part, func(a, b verify.Revocation) int {
			return cmp.Or(cmp.Compare(b.Before, a.Before), cmp.Compare(a.Certificate, b.Certificate))
		})
		for i, e := range part {
			// A list of an id and two times: 2 bytes of headers, 5 for each time until 2106.
			if room -= len(e.Certificate) + 12; room < 0 {
				return len(part) - i
			}
			entries = append(entries, e)
		}
		return 0
	}
	said = take(l.said)
	return entries, said, take(l.moved)
}

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
	next, err := n.register.nextList(mint.Seconds(now))
	if err != nil {
		return nil, err
	}
	entries, said, moved := next.fit(listRoom)
	if said+moved > 0 {
		n.log.Error("the list of what is revoked is full: the rest is not on it, and gates let it through until it ends", "revoked", said, "verified_on_another_phone", moved)
	}
	iat := next.iat
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
