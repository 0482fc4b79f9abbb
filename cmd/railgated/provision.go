package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"time"

	"railgate/configs"
	"railgate/driver"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/durable"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// This file is about a gate that becomes one of its station's. The store is the truth of it: what
// was set, the record of that and the code that was spent on it are one commit. The file that the
// configuration is read from follows, and is written again from the store should a cut have come
// between. So a gate is provisioned or it is not, whatever happens.

// A provisioner makes a gate one of its station's, or takes that back. All of its methods work on
// nil: a gate whose file says all.
type provisioner struct {
	cfg   *configs.Config
	store *store.Store
	clock *clock.Clock
	in    *inbox
	log   *slog.Logger

	emergency func() bool // the lane is in one; set once, before Run

	texts chan string   // codes that a scanner has read
	ended chan struct{} // closed once the gate is to begin again

	mu       gosync.Mutex // guards the fields below
	identity *identity.Public
	err      error             // why the gate has no identity yet
	again    bool              // ended is closed
	waits    *verify.Provision // a code whose signer a technician must confirm; nil: none
	waitsTo  time.Time         // until then, by the monotonic clock
	text     string            // of that code
	last     string            // what became of the last code
	seen     []sight           // the texts that the scanners read last, oldest first
}

// errAgain ends a gate that begins again with another configuration.
var errAgain = errors.New("the gate begins again with what it was told")

const (
	confirmFor = 10 * time.Minute       // a code waits for its signer to be confirmed
	settleWait = 500 * time.Millisecond // a store that does not work is asked again
	againAfter = 1500 * time.Millisecond
	waitingWhy = "the gate is no station's yet: hold its code to the scanner"
)

// kept is what the store has of it.
type kept struct {
	Text   []byte   `cbor:"1,keyasint,omitempty"` // of the file; none: the gate waits
	Spent  []string `cbor:"2,keyasint,omitempty"` // the codes that were taken
	Newest int64    `cbor:"3,keyasint,omitempty"` // when the newest of these was issued, seconds since 1970
}

const (
	keptNote  = "provisioned"
	mostSpent = 256 // names that are kept; an older code is superseded as well
)

func newProvisioner(cfg *configs.Config, s *store.Store, c *clock.Clock, in *inbox, log *slog.Logger) *provisioner {
	if !cfg.Provision.Wait {
		return nil
	}
	p := &provisioner{cfg: cfg, store: s, clock: c, in: in, log: log, texts: make(chan string, 4), ended: make(chan struct{})}
	if p.waiting() {
		in.post(lane.Missing{Cause: lane.CauseProvision, Why: waitingWhy})
		if err := cfg.Provision.Damaged; err != nil {
			log.Error("what this gate was provisioned with is damaged; it is taken from the store again", "err", err)
		}
		p.identify()
	}
	return p
}

// waiting tells whether the gate waits to be provisioned.
func (p *provisioner) waiting() bool { return p != nil && p.cfg.Provision.Waiting }

func (p *provisioner) String() string { return "provisioning" }

// identify reads the gate's keys, which are made at the first start.
func (p *provisioner) identify() error {
	id, err := identity.Load(p.cfg.Data)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err == nil {
		public := id.Public("", "")
		p.identity = &public
	}
	return err
}

// public are the gate's keys; nil: it has none yet, or does not wait.
func (p *provisioner) public() *identity.Public {
	if !p.waiting() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.identity
}

// code is the text of the code that a station is shown; "": there is none.
func (p *provisioner) code() string {
	id := p.public()
	if id == nil {
		return ""
	}
	text, err := id.Text()
	if err != nil {
		return ""
	}
	return text
}

// A sight is a text that a scanner has read, and when it did so last.
type sight struct {
	text string
	at   time.Time
}

// held tells whether a text is still before the glass since it was read before, and notes that it
// is. Several that take turns there are each one reading. The caller holds mu.
func (p *provisioner) held(text string, at time.Time) bool {
	i := slices.IndexFunc(p.seen, func(s sight) bool { return s.text == text })
	held := i >= 0 && at.Sub(p.seen[i].at) < lane.HeldFor
	if i >= 0 {
		p.seen = slices.Delete(p.seen, i, i+1)
	}
	p.seen = append(p.seen, sight{text, at})
	p.seen = p.seen[max(0, len(p.seen)-mostSights):]
	return held
}

const mostSights = 8

// reads takes a reading that is a provisioning code, where the gate waits for one. A code that is
// held to the glass is read again and again, and is one reading.
func (p *provisioner) reads(r driver.Reading) bool {
	if !p.waiting() || !strings.HasPrefix(r.Text, verify.ProvisionPrefix) {
		return false
	}
	p.mu.Lock()
	held := p.held(r.Text, r.At)
	p.mu.Unlock()
	if !held && time.Since(r.At) < staleReading {
		select {
		case p.texts <- r.Text:
		default: // a scanner gone mad
		}
	}
	return true
}

const staleReading = time.Second

// Run finishes what a cut left half done, then takes the codes that the scanners read. It ends
// with errAgain when the gate is to begin again.
func (p *provisioner) Run(ctx context.Context) error {
	for {
		settled := p.settle()
		if settled == nil {
			break
		}
		if errors.Is(settled, errAgain) {
			return settled
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settleWait):
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case text := <-p.texts:
			p.tell(p.take(text, "by the scanner"))
		case <-p.ended:
			return p.leave(ctx)
		}
	}
}

// leave ends the gate so that it begins again: once the words are read and whoever asked has the
// answer, and not during an emergency, whose words and lines stay as they are.
func (p *provisioner) leave(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(againAfter):
			if !p.emergency() {
				return errAgain
			}
		}
	}
}

// settle makes the file what the store says. Its error is errAgain where that is another
// configuration than the gate has begun with, or why it is not known.
func (p *provisioner) settle() error {
	if p.waiting() && p.public() == nil {
		if err := p.identify(); err != nil {
			return err
		}
	}
	k, known, err := p.load()
	switch {
	case err != nil:
		return err
	case k.Text != nil && p.waiting():
		p.log.Info("a power cut came while the gate was provisioned; it is finished")
		return errors.Join(durable.WriteFile(p.cfg.Provisioned(), k.Text, 0o640), errAgain)
	case known && k.Text == nil && !p.waiting():
		p.log.Info("a power cut came while the gate's provisioning was taken back; it is finished")
		return errors.Join(removeFile(p.cfg.Provisioned()), errAgain)
	}
	return nil
}

// load reads what the store has; known is false where it has nothing.
func (p *provisioner) load() (k kept, known bool, err error) {
	known, err = p.store.Note(keptNote, &k)
	return k, known, err
}

// begin has the gate begin again, soon. The caller holds mu.
func (p *provisioner) begin() {
	if !p.again {
		p.again = true
		close(p.ended)
	}
}

// tell shows what became of a code.
func (p *provisioner) tell(o outcome) { p.in.post(lane.Tell{Reason: o.shown()}) }

// rules are what the gate knows when it is shown a code. The caller holds mu.
func (p *provisioner) rules(k *kept) (verify.ProvisionRules, error) {
	r := verify.ProvisionRules{InService: !p.waiting(), Spent: k.Spent, Newest: time.Unix(k.Newest, 0), Now: p.clock.Proven().Proven()}
	if now := p.clock.Now(); now.OK {
		r.Now = now.Time
	}
	if p.identity != nil {
		r.Key = ed25519.PublicKey(p.identity.Provisioning)
	}
	keys, err := p.cfg.ReadSigners()
	for _, key := range keys {
		r.Signers = append(r.Signers, ed25519.PublicKey(key))
	}
	return r, err
}

// stamped gives a record its time.
func (p *provisioner) stamped(r journal.Record) journal.Record {
	now := p.clock.Now()
	r.Time, r.Unsure = now.Time, !now.OK
	if r.Direction == "" {
		r.Direction = p.cfg.Lane.Direction
	}
	return r
}

// removeFile removes a file, and returns once that is on the disk.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// describeSettings says in a line what settings make of a gate.
func describeSettings(s *verify.Settings) string {
	text := fmt.Sprintf("gate %s of station %s, %s, nation %s", s.Gate, s.Station, s.Direction, s.Nation)
	if s.Repository != "" {
		text += ", station " + s.Repository
	}
	if s.Network.Address != "" {
		text += ", network " + s.Network.Address
	}
	return text
}
