// Package link is a gate's side of its station's bus: the journal out, spent codes across,
// claims, and the time. A gate works on without it: nothing here is waited for by the lane but
// a claim, which has a budget.
//
// # What is promised
//
//  1. Out: the records of the log are published in order, each acknowledged by the stream,
//     and published again from the last receipt where the station has fewer. Nothing is
//     removed from the gate for an acknowledgement; a receipt is what counts.
//  2. Across: each grant that is on the gate's disk is published until the stream has it. A cut
//     loses none, for the records themselves are the queue. What others publish is a set of
//     maxima: a message that is repeated, late or out of order changes nothing.
//  3. In touch means connected, caught up with the stream, and a heartbeat of the station within
//     two seconds that was published after this connection began.
//  4. The time: only the station's cosignature of a head that holds fresh random bytes, within
//     two seconds by the monotonic clock, says anything.
package link

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
)

// Store is what a link needs of the gate's store. *[store.Store] is one.
type Store interface {
	Log() (store.Log, error)
	Leaves(after uint64, n int) ([]store.Leaf, error)
	Records(after uint64, n int) ([]journal.Record, error)
	Seq() uint64
	Rides(ticket journal.ID) int
	Commit(journal.Record) (store.Durable, error)
	Receipt() (seq uint64, note []byte)
	PutReceipt(journal.Receipt) error
	RolledBack(proof journal.Receipt, why string) error
	GiveUp(epoch string, after uint64) error
}

// Clock is what it needs of the gate's clock.
type Clock interface {
	Now() (now time.Time, trusted bool)
	Proven() time.Time // what cannot be taken back goes by it
	// Confirm takes a station's signed answer to a question of now: it is between at and at + width.
	Confirm(station string, at time.Time, width time.Duration) error
}

// Options are what a link is made of.
type Options struct {
	Station, Gate string
	Dir           string // where it keeps what others passed; "": in memory only
	Identity      *identity.Identity
	Store         Store
	Clock         Clock
	PassbackFor   time.Duration
	Note          func(journal.Record) // has a record appended to the journal; it must not block
	Tickets       func([]byte)         // hears what is sold during the day; nil: nobody does
	Revocations   func([]byte)         // hears what is revoked: a document, or nothing where it is to be fetched; nil: nobody does
	Log           *slog.Logger

	// Spawn starts a goroutine, in the way of the program; nil: a plain one.
	Spawn func(wait *sync.WaitGroup, name string, f func())
}

// A Link is a gate's client on the bus. Its methods may be called concurrently.
type Link struct {
	opt    Options
	others *others
	kicks  map[string]chan struct{} // each has room for one

	gatherFor, receiptEvery, receiptSoon time.Duration

	mu      sync.Mutex // guards the fields below
	station *bus.Station
	servers []string
	changed chan struct{} // closed when there is another station
	session *session      // the connection that works; nil: none
	state   state
	touched bool // as it was told last

	unread   int       // messages that were not understood since that was said last,
	unreadAt time.Time // and when
}

// New makes a link that has no station yet. What it kept of others and cannot be read is
// begun again: the stream has it.
func New(opt Options) *Link {
	if opt.Spawn == nil {
		opt.Spawn = func(wait *sync.WaitGroup, _ string, f func()) { wait.Go(f) }
	}
	return &Link{
		opt: opt, others: newOthers(opt), changed: make(chan struct{}),
		kicks:     map[string]chan struct{}{partJournal: newKick(), partAcross: newKick(), partTime: newKick()},
		gatherFor: gatherFor, receiptEvery: receiptEvery, receiptSoon: receiptSoon,
		state: state{errs: map[string]string{}},
	}
}

func newKick() chan struct{} { return make(chan struct{}, 1) }

// Use has the link work for a station, and no longer for the one before. servers are in the
// place of the station's own, if there are any.
func (l *Link) Use(s *bus.Station, servers []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.station, l.servers = s, servers
	if len(servers) == 0 {
		l.servers = s.Servers
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// Wrote has the link look for records that are new on the disk.
func (l *Link) Wrote() {
	l.kick(partAcross)
	l.kick(partJournal)
}

// AskTime has it ask the station for the time at once: the clock stepped.
func (l *Link) AskTime() { l.kick(partTime) }

func (l *Link) kick(part string) {
	select {
	case l.kicks[part] <- struct{}{}:
	default:
	}
}

// String is the task's name.
func (l *Link) String() string { return "bus" }

// Run works until ctx ends.
func (l *Link) Run(ctx context.Context) error {
	wait := new(sync.WaitGroup)
	defer wait.Wait()
	l.opt.Spawn(wait, "bus memory", func() { l.others.run(ctx) })
	l.opt.Spawn(wait, "bus watch", func() { l.watch(ctx) })
	for ctx.Err() == nil {
		l.mu.Lock()
		s, servers, changed := l.station, l.servers, l.changed
		l.mu.Unlock()
		with, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(ctx, cancel)
		done := make(chan struct{})
		l.opt.Spawn(wait, "bus connection", func() {
			defer close(done)
			if s != nil && len(servers) > 0 {
				l.serve(with, s, servers)
			}
		})
		select {
		case <-changed:
		case <-ctx.Done():
		}
		cancel()
		<-done
		stop()
	}
	return nil
}

// The parts of a link. Each goes on by itself: a stream that is missing stops no other.
const (
	partBus     = "bus"
	partJournal = "journal"
	partReceipt = "receipt"
	partAcross  = "across"
	partFollow  = "follow"
	partTime    = "time"
	partRevoked = "revocations"
	partClaims  = "claims"
)

// attached does all parts for as long as a connection works.
func (l *Link) attached(c *session) {
	wait := new(sync.WaitGroup)
	for _, p := range []struct {
		name string
		run  func(*session) error
	}{{partTime, l.keepTime}, {partRevoked, l.revoked}, {partFollow, l.follow}, {partAcross, l.publish}, {partJournal, l.upload}, {partClaims, l.openClaims}} {
		l.opt.Spawn(wait, "bus "+p.name, func() { l.keepDoing(c, p.name, p.run) })
	}
	wait.Wait()
}

const (
	partRetry    = 500 * time.Millisecond
	partRetryMax = 30 * time.Second
)

// keepDoing does one part again and again, later each time that it fails at once.
func (l *Link) keepDoing(c *session, name string, run func(*session) error) {
	delay := partRetry
	for c.ctx.Err() == nil {
		began := time.Now()
		err := run(c)
		if c.ctx.Err() != nil {
			return
		}
		l.say(name, err)
		if time.Since(began) > partRetryMax {
			delay = partRetry
		}
		select {
		case <-c.ctx.Done():
		case <-time.After(jitter(delay)):
		}
		delay = min(2*delay, partRetryMax)
	}
}

// note appends a record of the link's own.
func (l *Link) note(kind journal.Kind, format string, args ...any) {
	l.opt.Note(journal.Record{Kind: kind, Detail: fmt.Sprintf(format, args...)})
}

// verifier checks the gate's own signatures under the heads of a log.
func (l *Link) verifier(origin string) (note.Verifier, error) {
	return l.opt.Identity.Public(l.opt.Station, l.opt.Gate).Verifier(origin)
}
