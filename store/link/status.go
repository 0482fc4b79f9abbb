package link

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/journal"
)

// freshFor is for how long a heartbeat counts.
const freshFor = 2 * time.Second

// state is what a link knows of itself. Its Link's mutex guards it.
type state struct {
	errs     map[string]string // of each part, its last error; "" while it works
	server   string
	beat     time.Time          // when the newest live heartbeat came, by the monotonic clock
	epoch    string             // of the log that is sent,
	sent     uint64             // and its newest record that the stream has acknowledged
	bucket   jetstream.KeyValue // of claims; nil: it cannot be asked
	receipt  time.Time          // the newest receipt's, by the station's clock
	refused  string             // why the station refuses a receipt; "": it does not
	time     time.Time          // what the station said last,
	timeAt   time.Time          // and when, by the monotonic clock
	trip     time.Duration
	rewound  int // how often records were sent again
	claims   int // that were asked for,
	noAnswer int // and had no answer in time
}

// Status is what a link says of itself.
type Status struct {
	Station   string // "": none is known
	Servers   int    // that it has
	Server    string // "": not connected
	Connected bool
	InTouch   bool
	Errors    map[string]string // of the parts that do not work: bus, journal, receipt, across, follow, time, claims
	Unsent    uint64            // records that the stream has not acknowledged
	Receipt   uint64            // the newest record that the station has given a receipt for; 0: none
	ReceiptAt time.Time         // by the station's clock; zero: none since the start
	Refused   string            // why the station refuses the journal; "": it does not
	Time      time.Time         // what the station said last of the time; zero: nothing
	TimeAge   time.Duration     // how long ago
	RoundTrip time.Duration     // of that question
	Others    int               // codes of others that are remembered in memory
	Rewound   int               // how often records had to be sent again
	NoAnswer  int               // claims that had no answer in time
}

// Status is the link's now.
func (l *Link) Status() Status {
	l.mu.Lock()
	st := &l.state
	s := Status{
		Connected: l.session != nil, InTouch: l.inTouch(), Errors: map[string]string{}, Server: st.server,
		ReceiptAt: st.receipt, Refused: st.refused, Time: st.time, RoundTrip: st.trip, Rewound: st.rewound, NoAnswer: st.noAnswer,
	}
	if l.station != nil {
		s.Station, s.Servers = l.station.Station, len(l.servers)
	}
	for part, err := range st.errs {
		if err != "" {
			s.Errors[part] = err
		}
	}
	if !st.timeAt.IsZero() {
		s.TimeAge = time.Since(st.timeAt)
	}
	sent := st.sent
	l.mu.Unlock()

	s.Others = l.others.len()
	if log, err := l.opt.Store.Log(); err == nil {
		receipt, note := l.opt.Store.Receipt()
		if note != nil {
			s.Receipt = receipt
		}
		if newest := log.First + uint64(log.Tree.N) - 1; newest > max(sent, receipt) {
			s.Unsent = newest - max(sent, receipt)
		}
	}
	return s
}

// InTouch tells whether what the other gates of the station spend is known here within a
// moment: see the package's comment.
func (l *Link) InTouch() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inTouch()
}

func (l *Link) inTouch() bool {
	return l.session != nil && !l.state.beat.IsZero() && time.Since(l.state.beat) <= freshFor
}

// beat notes a live heartbeat of a session.
func (l *Link) beat(c *session) {
	l.mu.Lock()
	if l.session == c {
		l.state.beat = time.Now()
	}
	l.mu.Unlock()
	l.tell()
}

// began and ended follow the connection.
func (l *Link) began(c *session) {
	l.mu.Lock()
	l.session, l.state.beat, l.state.server = c, time.Time{}, c.nc.ConnectedUrlRedacted()
	l.mu.Unlock()
	l.say(partBus, nil)
	l.opt.Log.Info("connected to the station's bus", "server", c.nc.ConnectedUrlRedacted())
}

func (l *Link) ended(c *session) {
	l.mu.Lock()
	if l.session == c {
		l.session, l.state.server = nil, ""
	}
	l.mu.Unlock()
	l.tell()
}

// touchEvery is how often a silent station is looked for.
const touchEvery = 250 * time.Millisecond

// watch tells when the gate is no longer in touch, which no message says.
func (l *Link) watch(ctx context.Context) {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.tell()
		}
	}
}

// tell journals whether the gate is in touch, when that changes.
func (l *Link) tell() {
	l.mu.Lock()
	now := l.inTouch()
	news := now != l.touched
	l.touched = now
	l.mu.Unlock()
	switch {
	case !news:
	case now:
		l.note(journal.InTouch, "with the station's other gates")
		l.opt.Log.Info("in touch with the station's other gates")
	default:
		l.note(journal.OutOfTouch, "with the station's other gates")
		l.opt.Log.Warn("out of touch with the station's other gates")
	}
}

// say notes how a part is; the log hears what is new.
func (l *Link) say(part string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	l.mu.Lock()
	news := l.state.errs[part] != text
	l.state.errs[part] = text
	l.mu.Unlock()
	switch {
	case !news:
	case err != nil:
		l.opt.Log.Warn("the station's bus cannot be used; the gate goes on", "part", part, "err", err)
	default:
		l.opt.Log.Info("the station's bus works again", "part", part)
	}
}

// sayIf is say for what may be nothing.
func (l *Link) sayIf(part string, err error) {
	if err != nil {
		l.say(part, err)
	}
}

// works notes that a part does.
func (l *Link) works(part string) { l.say(part, nil) }
