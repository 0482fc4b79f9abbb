package clock

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A Clock keeps a [Trust] by the system's clocks. Its methods may be called
// concurrently.
type Clock struct {
	log  *slog.Logger
	read func() Sample // the clocks
	sync func(*Sample) // whether they are synchronised, which takes longer to learn

	mu      sync.Mutex // guards the fields below
	trust   *Trust
	beats   uint64
	pretend time.Duration // how far a bench has moved the wall clock
}

// New makes a clock that has read the system once. It knows the time at which this
// program was built.
func New(cfg Config, built time.Time, log *slog.Logger) *Clock {
	c := &Clock{log: log, read: readClocks, sync: readSynced, trust: NewTrust(cfg, BootID(), built)}
	c.trust.Observe(c.synced())
	return c
}

// Resume takes what was kept on the disk: a floor, which was proven when it was
// written, and an anchor, which is worth something in the same boot.
func (c *Clock) Resume(floor time.Time, kept *Anchor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Resume(floor, kept, c.synced())
}

// Tolerate sets the error at which holdover ends: the issuers' early may come, or
// change, with a new keyset.
func (c *Clock) Tolerate(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.cfg.Tolerance = d
}

// Run reads the system every second and hands each state to changed.
func (c *Clock) Run(ctx context.Context, changed func(State)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		c.mu.Lock()
		before := c.trust.State()
		now := c.trust.Observe(c.synced())
		c.beats++
		c.mu.Unlock()
		c.report(before, now)
		changed(now)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *Clock) report(before, now State) {
	if now.Event != "" {
		c.log.Warn(now.Event, "source", now.Source)
	}
	if now.Source == before.Source {
		return
	}
	if now.Trusted() {
		c.log.Info("the clock is trusted", "source", now.Source)
	} else {
		c.log.Warn("the clock is not trusted", "why", now.Why)
	}
}

// sample reads the clocks, as a bench has them. The caller holds mu.
func (c *Clock) sample() Sample {
	s := c.read()
	s.Wall = s.Wall.Add(c.pretend)
	return s
}

// synced is a sample that says whether it is synchronised.
func (c *Clock) synced() Sample {
	s := c.sample()
	c.sync(&s)
	return s
}

// Now is the best estimate of the time.
func (c *Clock) Now() Trusted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.Now(c.sample())
}

// Proven is the time that has certainly been reached.
func (c *Clock) Proven() Proven {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.Proven(c.sample())
}

// Wall is what the system's clock says, right or wrong.
func (c *Clock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sample().Wall
}

// State is what is believed about the time.
func (c *Clock) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.State()
}

// Learn takes the signed time of a code that was shown.
func (c *Clock) Learn(t SignedTime) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Learn(t, c.sample())
}

// Prove takes a time that a station, or another keeper of a repository, signed. One
// signer has one name, whatever it signs.
func (c *Clock) Prove(signer string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Prove(signer, at, c.sample())
}

// Confirm takes a station's signed answer to a question of now: it is between at and
// at + width.
func (c *Clock) Confirm(station string, at time.Time, width time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.Confirm(station, at, width, c.synced())
}

// Accept lowers proven time to at, as an operator says. Then keep writes the lower
// floor to the disk, and has the lane be blind from now on; where it fails, nothing
// has changed.
func (c *Clock) Accept(at time.Time, why string, keep func(Proven) error) error {
	c.mu.Lock()
	before := slices.Clone(c.trust.proofs)
	was := c.trust.Proven(c.sample())
	err := c.trust.Accept(at, c.sample())
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := keep(Proven{at}); err != nil { // not under mu: whoever keeps asks for the time
		c.mu.Lock()
		defer c.mu.Unlock()
		c.trust.proofs = before
		return err
	}
	c.log.Warn("proven time was lowered", "from", was.at, "to", at, "why", why)
	return nil
}

// Pretend moves the wall clock, on a bench where a day must pass in a second.
func (c *Clock) Pretend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pretend += d
}

// Anchor is what to keep for a restart in the same boot; nil: nothing.
func (c *Clock) Anchor() *Anchor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.Anchor()
}

// Beats counts the turns of Run.
func (c *Clock) Beats() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beats
}
