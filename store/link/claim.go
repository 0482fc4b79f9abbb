package link

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
	"railgate/store/journal"
)

// A Claim is the answer to one.
type Claim uint8

const (
	NoAnswer Claim = iota // in time; the gate decides alone
	Held                  // this gate's, until it ends by itself
	Taken                 // another gate's
)

// ClaimBudget is how long a claim may take.
const ClaimBudget = 100 * time.Millisecond

// ClaimKey is a claim's key: what it is for, in which role, and of whom.
func ClaimKey(what string, role journal.Role, id journal.ID) string {
	return fmt.Sprintf("%s.%d.%s", what, role, hex.EncodeToString([]byte(id)))
}

// openClaims finds the bucket of claims, for as long as the session lasts.
func (l *Link) openClaims(c *session) error {
	bucket, err := c.js.KeyValue(c.ctx, bus.ClaimsBucket(l.opt.Station))
	if err != nil {
		return fmt.Errorf("the bucket of claims: %w", err)
	}
	l.works(partClaims)
	l.mu.Lock()
	l.state.bucket = bucket
	l.mu.Unlock()
	<-c.ctx.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.bucket == bucket {
		l.state.bucket = nil
	}
	return nil
}

// Claim asks for all of some keys, for a while, and answers within [ClaimBudget]. Of two gates
// that ask in the same instant one gets a key. A key is never deleted, it ends: what was
// deleted could be created twice.
func (l *Link) Claim(ctx context.Context, keys []string, lasts time.Duration) Claim {
	l.mu.Lock()
	bucket := l.state.bucket
	l.state.claims++
	l.mu.Unlock()
	answer := NoAnswer
	if bucket != nil {
		ctx, cancel := context.WithTimeout(ctx, ClaimBudget)
		defer cancel()
		answer = Held
		for _, key := range keys {
			if got := l.claim(ctx, bucket, key, wholeSeconds(lasts)); got != Held {
				answer = got
				break
			}
		}
	}
	if answer == NoAnswer {
		l.mu.Lock()
		l.state.noAnswer++
		l.mu.Unlock()
	}
	return answer
}

// claim asks for one key.
func (l *Link) claim(ctx context.Context, bucket jetstream.KeyValue, key string, lasts time.Duration) Claim {
	_, err := bucket.Create(ctx, key, []byte(l.opt.Gate), jetstream.KeyTTL(lasts))
	if err == nil {
		return Held
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		l.opt.Log.Debug("a claim", "key", key, "err", err)
		return NoAnswer
	}
	entry, err := bucket.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound): // it has just ended; whoever holds it next is not known
		return Taken
	case err != nil:
		return NoAnswer
	case string(entry.Value()) == l.opt.Gate:
		return Held
	}
	return Taken
}

// wholeSeconds rounds up: a key's life is at least a second, in whole ones.
func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d+time.Second-1)/time.Second*time.Second)
}
