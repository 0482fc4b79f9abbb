package link

import (
	"math"
	"sync"
	"time"

	"railgate/store/bus"
	"railgate/store/journal"
)

// others are what other gates of the station say: codes that they granted, people who passed.
// Rotating codes are in memory alone, until they end. Passages and slips are in a file too,
// which is written now and then, with the place in the stream up to which it goes.
//
// All of it is maxima of what was heard: a message that comes again, or late, changes nothing.
type others struct {
	opt  Options
	file *kept // nil: none

	flushing sync.Mutex // held while the file is written

	mu     sync.Mutex // guards the fields below; nobody holds it while the disk writes
	latest map[rotating]spentUntil
	slots  map[credential]spentUntil
	fresh  unsaved // all of them where there is no file
	flying unsaved // on their way to the file
	at     position
	sent   sentCursor // of this gate's own uses
	whole  bool       // what matters was heard since the start
	full   bool       // something was not taken for want of room
}

// unsaved are passages and slips that the file does not have yet.
type unsaved struct {
	passages map[journal.ID]passage
	slips    map[bearer][]slipUse
	rides    map[journal.ID][]rideCount // by ticket
}

func newUnsaved() unsaved {
	return unsaved{map[journal.ID]passage{}, map[bearer][]slipUse{}, map[journal.ID][]rideCount{}}
}

func (u unsaved) len() int { return len(u.passages) + len(u.slips) + len(u.rides) }

// A bearer is a certificate in a role. Where its codes rotate, it is a rotating one, and a
// credential is one of its credentials: as in package store, a grant spends every code of its
// certificate that begins no later, and of its credential every slot up to its own.
type (
	bearer struct {
		role        journal.Role
		certificate journal.ID
	}
	// A rotating bearer has no pointers: there are thousands, and nothing in them for the garbage
	// collector to follow.
	rotating struct {
		role        journal.Role
		length      uint8
		certificate [bus.MaxCertificate]byte
	}
	credential struct {
		rotating
		issued int64
	}
	// spentUntil is a maximum, and the second until which it is remembered.
	spentUntil struct{ most, until int64 }
	// A passage is a holder's last.
	passage struct {
		Role journal.Role `cbor:"1,keyasint"`
		Time int64        `cbor:"2,keyasint"`
	}
	// A slipUse is the newest that one gate said of a slip.
	slipUse struct {
		Gate  string `cbor:"1,keyasint"`
		Epoch string `cbor:"2,keyasint"`
		Seq   uint64 `cbor:"3,keyasint"`
		Free  bool   `cbor:"4,keyasint,omitempty"` // nobody crossed
		Until int64  `cbor:"5,keyasint"`

		Walk   uint32 `cbor:"6,keyasint,omitempty"` // which of the slip's it was
		Passed uint32 `cbor:"7,keyasint,omitempty"` // the latest there that was walked
	}
	// A rideCount is the newest that one gate said of how many of a ticket's rides it took.
	rideCount struct {
		Gate  string `cbor:"1,keyasint"`
		Epoch string `cbor:"2,keyasint"`
		Seq   uint64 `cbor:"3,keyasint"`
		Uses  int    `cbor:"4,keyasint"`
		Until int64  `cbor:"5,keyasint"`
	}
	// A position is a place in the stream.
	position struct {
		Created time.Time `cbor:"1,keyasint"` // the stream
		Seq     uint64    `cbor:"2,keyasint"` // the newest message that was heard
		Time    time.Time `cbor:"3,keyasint"` // by the server's clock
	}
)

// mostRemembered bounds each kind of memory. A station with 12,000 passages a minute has a
// quarter of it alive at a time.
const mostRemembered = 60_000

// Bounds of what a gate may ask others to remember.
const (
	longestCode = time.Hour
	longestSlip = 48 * time.Hour
	rideFor     = 100 * 24 * time.Hour // a ticket's rides are remembered since the last
	flushEvery  = 5 * time.Second
	flushMany   = 4096
)

func newOthers(opt Options) *others {
	o := &others{opt: opt, latest: map[rotating]spentUntil{}, slots: map[credential]spentUntil{}, fresh: newUnsaved()}
	if opt.Dir == "" {
		return o
	}
	file, at, err := openKept(opt.Dir)
	if err != nil {
		opt.Log.Warn("what other gates said is remembered in memory only", "err", err)
		return o
	}
	o.file, o.at = file, at
	return o
}

// len is how many codes are in memory.
func (o *others) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.latest) + o.fresh.len()
}

// hear takes what another gate said.
func (o *others) hear(s bus.Spent, heard time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.Ticket != "" {
		o.hearRide(s, heard)
	}
	switch {
	case s.Kind == bus.Passed && s.Holder != "":
		o.hearPassage(s, heard)
		fallthrough
	case s.Static:
		if s.Static {
			o.hearSlip(s, heard)
		}
	case s.Kind == bus.Granted:
		o.hearCode(s, heard)
	}
}

// remember puts a maximum into a map that has a bound.
func remember[K comparable](o *others, m map[K]spentUntil, key K, most, until int64) {
	old, had := m[key]
	if !had && len(m) >= mostRemembered {
		o.full = true
		return
	}
	m[key] = spentUntil{max(old.most, most), max(old.until, until)}
}

// atMost bounds an end by the time at which it was heard, where that is known.
func atMost(until int64, heard time.Time, longest time.Duration) int64 {
	if heard.IsZero() {
		return until
	}
	return min(until, heard.Add(longest).Unix())
}

// rotatingOf is whose code it is. A certificate's name that is too long, which no code and no
// message has, is cut: it is taken for another one and denied, never opened.
func rotatingOf(role journal.Role, certificate journal.ID) rotating {
	b := rotating{role: role, length: uint8(min(len(certificate), math.MaxUint8))}
	copy(b.certificate[:], certificate)
	return b
}

func (o *others) hearCode(s bus.Spent, heard time.Time) {
	until := atMost(s.Until, heard, longestCode)
	b := rotatingOf(s.Role, s.Certificate)
	remember(o, o.latest, b, s.Begins, until)
	remember(o, o.slots, credential{b, s.IssuedAt}, int64(s.Slot), until)
}

func (o *others) hearPassage(s bus.Spent, heard time.Time) {
	at := s.Time
	if now := heard.Unix(); !heard.IsZero() && (at == 0 || at > now) {
		at = now
	}
	if at == 0 {
		return // nobody knows when it was
	}
	// Whether the file has a later one is seen when it is written, or asked: a gate of a large
	// station hears of 200 a second.
	old, had := o.fresh.passages[s.Holder]
	switch {
	case had && old.Time >= at:
	case len(o.fresh.passages) >= mostRemembered:
		o.full = true
	default:
		o.fresh.passages[s.Holder] = passage{s.Role, at}
	}
}

// passageOf is a holder's last passage. The caller holds mu.
func (o *others) passageOf(holder journal.ID) (last passage, ok bool) {
	later := func(p passage, had bool) {
		if had && (!ok || p.Time > last.Time) {
			last, ok = p, true
		}
	}
	for _, u := range []unsaved{o.fresh, o.flying} {
		p, had := u.passages[holder]
		later(p, had)
	}
	if o.file != nil {
		later(o.file.passage(holder))
	}
	return last, ok
}

func (o *others) hearSlip(s bus.Spent, heard time.Time) {
	b := bearer{s.Role, s.Certificate}
	uses := o.slipOf(b)
	if len(uses) == 0 && len(o.fresh.slips) >= mostRemembered {
		o.full = true
		return
	}
	use := slipUse{Gate: s.Gate, Epoch: s.Epoch, Seq: s.Seq, Free: s.Kind == bus.NoPassage, Until: atMost(s.Until, heard, longestSlip), Walk: max(1, s.Walk)}
	if s.Kind == bus.Passed {
		use.Passed = use.Walk
	}
	o.fresh.slips[b] = newestUse(uses, use)
}

// slipOf is what gates said of a slip. The caller holds mu.
func (o *others) slipOf(b bearer) []slipUse {
	for _, u := range []unsaved{o.fresh, o.flying} {
		if uses, ok := u.slips[b]; ok {
			return uses
		}
	}
	if o.file == nil {
		return nil
	}
	return o.file.slip(b)
}

// mostUses bounds the gates that are remembered of one slip: those of the latest walks.
const mostUses = 8

// newestUse takes a gate's newest word on a slip, in a list of its own.
func newestUse(uses []slipUse, use slipUse) []slipUse {
	uses = append([]slipUse(nil), uses...)
	for i, old := range uses {
		if old.Gate != use.Gate {
			continue
		}
		if old.Epoch != use.Epoch || use.Seq > old.Seq {
			use.Until, use.Passed = max(use.Until, old.Until), max(use.Passed, old.Passed)
			uses[i] = use
		}
		return uses
	}
	if len(uses) < mostUses {
		return append(uses, use)
	}
	oldest := 0
	for i := range uses {
		if uses[i].used() < uses[oldest].used() {
			oldest = i
		}
	}
	if uses[oldest].used() < use.used() {
		uses[oldest] = use
	}
	return uses
}

// used is the latest walk at that gate that may have been walked; 0: none.
func (u slipUse) used() uint32 {
	if u.Free {
		return u.Passed
	}
	return max(1, u.Walk) // an older version's file does not say
}

// walks are what other gates said of a slip.
func (o *others) walks(certificate journal.ID) (w journal.Walks) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, role := range []journal.Role{journal.Entry, journal.Exit} {
		for _, u := range o.slipOf(bearer{role, certificate}) {
			w.Granted[role] = max(w.Granted[role], u.used())
			w.Passed[role] = max(w.Passed[role], u.Passed)
		}
	}
	return w
}

// spent tells whether a code that rotates is known to be spent elsewhere.
func (o *others) spent(u journal.Use) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := rotatingOf(u.Role, u.Certificate)
	if l, ok := o.latest[b]; ok && u.Begins <= l.most {
		return true
	}
	l, ok := o.slots[credential{b, u.IssuedAt}]
	return ok && int64(u.Slot) <= l.most
}

// lastPassage is a holder's last passage at another gate.
func (o *others) lastPassage(holder journal.ID) (journal.LastPassage, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p, ok := o.passageOf(holder)
	return journal.LastPassage{Role: p.Role, Time: time.Unix(p.Time, 0)}, ok
}

// started tells whether all that matters was heard since the start, and start notes that it was.
func (o *others) started() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.whole
}

func (o *others) start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.whole = true
}

// restart begins with a stream from its first message.
func (o *others) restart(created time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at = position{Created: created}
}

// reached notes the place in the stream up to which all was heard. What is read again is no
// step back.
func (o *others) reached(at position) {
	o.mu.Lock()
	if at.Seq > o.at.Seq || !at.Created.Equal(o.at.Created) {
		o.at = at
	}
	many := o.file != nil && o.fresh.len() >= flushMany
	o.mu.Unlock()
	if many {
		o.flush()
	}
}

func (o *others) position() position {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at
}

// Spent tells whether another gate of the station has spent a code that rotates.
func (l *Link) Spent(use journal.Use) bool { return l.others.spent(use) }

// Walks are what other gates of the station have said of a slip.
func (l *Link) Walks(certificate journal.ID) journal.Walks { return l.others.walks(certificate) }

// LastPassage is a holder's last passage at another gate of the station.
func (l *Link) LastPassage(holder journal.ID) (journal.LastPassage, bool) {
	return l.others.lastPassage(holder)
}
