// Package inspect is the inspector without its page: what a conductor's or a clerk's phone makes
// of a code. It reads camera frames with the gate's eye, decides with the gate's decision, and
// keeps the time, the keyset and what was checked in this shift. It opens no file and reads no
// clock; the page, through WebAssembly, gives it frames, files and instants.
//
// An inspection spends nothing: a code that was checked can be shown again, here and elsewhere.
package inspect

import (
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"strings"
	"time"

	"railgate/driver/eye"
	"railgate/verify"
)

// Reasons of the inspector's own, beside verify's.
const (
	TimeUnknown = "time_unknown" // what the answer is depends on the time, which is not believed
	NoKeys      = "no_keys"      // this phone has no keyset yet
)

// sameFor is how long a code may be out of sight and still be the same check.
const sameFor = 3 * time.Second

// maxRecent bounds the codes that are before the camera at a time.
const maxRecent = 8

// An Answer is what is shown for a code. Times are milliseconds since 1970.
type Answer struct {
	Reason  string `json:"reason"`             // verify's, or one of the inspector's own
	ByPhone string `json:"by_phone,omitempty"` // with time_unknown: what it is by the phone's own date
	Doubt   Doubt  `json:"doubt,omitempty"`
	At      int64  `json:"at"`

	// Only where the issuer's signature holds.
	Certificate string `json:"certificate,omitempty"` // hex
	Class       uint8  `json:"class,omitempty"`
	Expires     int64  `json:"expires,omitempty"`
	Before      *Seen  `json:"before,omitempty"` // in this shift; nil: not yet

	Text string `json:"text,omitempty"` // of a code that is granted: what a look-up asks with; it is kept nowhere
	New  bool   `json:"new"`            // else it is the code that was before the camera a moment ago
}

// An Inspector is one page's. It must not be used concurrently.
type Inspector struct {
	clock Clock
	watch *eye.Watch
	shift Shift

	base    *verify.Keyset // as it was fetched
	fetched time.Time
	lists   map[string]*verify.Revocations // by issuer
	keys    *verify.Keyset                 // the base under the lists; nil: there is none
	turn    int                            // counts what changes answers: the keyset, the lists, the time that is believed

	recent []reading
}

// A reading is a code that is, or was a moment ago, before the camera.
type reading struct {
	text   string
	seen   time.Duration
	turn   int
	doubt  Doubt
	answer Answer
}

// New makes an inspector that has neither keys nor the time.
func New() *Inspector {
	i := &Inspector{watch: eye.NewWatch()}
	i.watch.Reader.Worth = func(text string) bool { return strings.HasPrefix(text, verify.Prefix) }
	return i
}

// Hear takes the time that a server told; see [Clock.Hear].
func (i *Inspector) Hear(server time.Time, sent, got Instant) bool {
	ok := i.clock.Hear(server, sent, got)
	if ok {
		i.turn++
	}
	return ok
}

// ErrOlder is the answer to a keyset, or a list of revocations, that is older than the one held.
var ErrOlder = errors.New("an older copy")

// TakeKeys takes a keyset, keys.json, that was fetched at a time. A copy that is older than the one
// held is refused, for a cache on the way may have it; the keyset of an issuer with other keys is
// not a copy.
func (i *Inspector) TakeKeys(data []byte, fetched time.Time) error {
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return err
	}
	if held := i.base; held != nil && keys.Version < held.Version && keys.SharesKey(held) {
		return fmt.Errorf("%w: version %d, where %d is held", ErrOlder, keys.Version, held.Version)
	}
	i.base, i.fetched = keys, fetched
	i.combine()
	return nil
}

// TakeRevocations takes a list of revocations, which one of the keys of revokers.json signed. One
// that was signed before the one that is held is refused, and, where the time is believed, one of the
// future: it would outlast all that follow.
func (i *Inspector) TakeRevocations(revokers, list []byte, at Instant) error {
	by, err := verify.ParseRevokers(revokers)
	if err != nil {
		return err
	}
	now, doubt := i.clock.Now(at)
	l, err := verify.OpenRevocations(list, by, now)
	if err != nil {
		return err
	}
	if doubt == "" && l.IssuedAt.After(now.Add(futureAtMost)) {
		return ErrFuture
	}
	if held := i.lists[l.Issuer]; held != nil && l.IssuedAt.Before(held.IssuedAt) {
		return fmt.Errorf("%w: revocations of %v, where those of %v are held", ErrOlder, l.IssuedAt, held.IssuedAt)
	}
	if i.lists == nil {
		i.lists = map[string]*verify.Revocations{}
	}
	i.lists[l.Issuer] = l
	i.combine()
	return nil
}

// ErrFuture is the answer to a list of revocations that was signed after now.
var ErrFuture = errors.New("it was signed in the future")

// futureAtMost is how far a revoker's clock may be before the server's, as at a gate.
const futureAtMost = 5 * time.Minute

// combine makes the keyset under the lists.
func (i *Inspector) combine() {
	i.turn++
	if i.base != nil {
		i.keys = i.base.With(slices.Collect(maps.Values(i.lists))...)
	}
}

// Look looks for a code in a camera's frame, and answers where there is one.
func (i *Inspector) Look(frame *image.Gray, at Instant) (Answer, bool) {
	code, ok, _ := i.watch.Look(frame)
	if ok {
		return i.Read(code.Text, at), true
	}
	if others := i.watch.Reader.Others(); len(others) > 0 {
		return i.Read(others[0], at), true
	}
	return Answer{}, false
}

// Read answers for a code's text, from the camera or a scanner.
func (i *Inspector) Read(text string, at Instant) Answer {
	now, doubt := i.clock.Now(at)
	i.endOver(now)
	i.forget(at.Mono)
	r := i.find(text)
	if r != nil && r.turn == i.turn && r.doubt == doubt {
		r.seen, r.answer.New = at.Mono, false
		return r.answer
	}
	a := i.decide(text, now, doubt)
	a.New = !i.continues(r, a)
	if a.New {
		i.note(&a)
	} else if a.Certificate != "" {
		a.Before = i.beforeThis(a)
	}
	i.keep(r, reading{text, at.Mono, i.turn, doubt, a})
	return a
}

// decide is the gate's decision, where it can be made.
func (i *Inspector) decide(text string, now time.Time, doubt Doubt) Answer {
	a := Answer{At: now.UnixMilli(), Doubt: doubt}
	if i.keys == nil {
		a.Reason = NoKeys
		if _, err := verify.Parse(text); err != nil {
			a.Reason = string(verify.Malformed)
		}
		return a
	}
	v := verify.Decide(text, i.keys, verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper, verify.Staff}}, now)
	a.Reason = string(v.Reason)
	if v.Signed {
		a.Certificate, a.Class, a.Expires = v.Certificate.String(), uint8(v.Class), v.Expires.UnixMilli()
	}
	if v.Granted() && doubt == "" {
		a.Text = text
	}
	if doubt != "" && !timeless(v.Reason) {
		a.Reason, a.ByPhone = TimeUnknown, a.Reason
	}
	return a
}

// timeless tells whether a reason is one at every time.
func timeless(r verify.Reason) bool {
	switch r {
	case verify.Malformed, verify.UnknownKey, verify.BadSignature, verify.KeyNotValid, verify.ClassNotAccepted, verify.BadClaims, verify.Revoked, verify.BadProof:
		return true
	}
	return false
}

// continues tells whether an answer is about what is before the camera already: the same code, or
// the next one of the same certificate, with the same outcome.
func (i *Inspector) continues(same *reading, a Answer) bool {
	if same != nil && same.answer.Reason == a.Reason {
		return true
	}
	for _, r := range i.recent {
		if a.Certificate != "" && r.answer.Certificate == a.Certificate && r.answer.Reason == a.Reason {
			return true
		}
	}
	return false
}

// note takes a new answer into the shift.
func (i *Inspector) note(a *Answer) {
	if n := i.shift.seen(a.Certificate); a.Certificate != "" && n.Times > 0 {
		a.Before = &n
	}
	i.shift.add(Check{At: a.At, Reason: a.Reason, Certificate: a.Certificate, Class: a.Class})
}

// beforeThis is what was told of a certificate that is before the camera still.
func (i *Inspector) beforeThis(a Answer) *Seen {
	for _, r := range i.recent {
		if r.answer.Certificate == a.Certificate {
			return r.answer.Before
		}
	}
	return nil
}

// find finds a code that is before the camera.
func (i *Inspector) find(text string) *reading {
	for n := range i.recent {
		if i.recent[n].text == text {
			return &i.recent[n]
		}
	}
	return nil
}

func (i *Inspector) keep(old *reading, r reading) {
	if old != nil {
		*old = r
		return
	}
	if len(i.recent) == maxRecent {
		i.recent = append(i.recent[:0], i.recent[1:]...)
	}
	i.recent = append(i.recent, r)
}

// forget forgets the codes that are out of sight.
func (i *Inspector) forget(now time.Duration) {
	kept := i.recent[:0]
	for _, r := range i.recent {
		if now-r.seen < sameFor {
			kept = append(kept, r)
		}
	}
	i.recent = kept
}
