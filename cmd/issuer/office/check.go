package office

import (
	"context"
	"errors"
	"time"
)

// A Person is who a certificate is for.
type Person struct {
	Name     string
	Document string
	Number   string
}

// A Checker is the real-person check (R4): the provider's page looks at the face of the one
// who holds the phone, and says whose it is. What a Checker takes is signed by the provider,
// for this trip, and fresh; whether that is the errand's person is for the office to decide.
type Checker interface {
	// Begin gives a trip, which the errand keeps, and the URL of the provider's page. The
	// nonce binds the trip to its errand; p is who is expected, at the address of the page as
	// the phone sees it. Errors: ErrCheckAway, ErrNoCheck.
	Begin(ctx context.Context, nonce string, p Person, at string) (trip []byte, page string, err error)
	// Finish takes what the phone brought back from a trip, and gives who was seen. Each of
	// the errors below is possible; any other is [ErrNotTaken].
	Finish(ctx context.Context, trip []byte, nonce string, a Answer) (Seen, error)
}

// An Answer is what the provider's page sends the phone back with.
type Answer struct {
	Code   string `json:"code"`
	State  string `json:"state"`
	Error  string `json:"error"`
	Issuer string `json:"iss"`
}

// Seen is who was before the provider's page, in the provider's spelling.
type Seen struct{ Name, Number string }

// Why a check does not pass.
var (
	ErrNoCheck    = errors.New("no real-person check is connected")
	ErrCheckAway  = errors.New("the real-person check is unavailable")
	ErrNotPassed  = errors.New("the real-person check did not pass")
	ErrNotAlive   = errors.New("no living face was seen")
	ErrGivenUp    = errors.New("nobody finished the real-person check")
	ErrCancelled  = errors.New("the passenger turned back from the real-person check")
	ErrCheckStale = errors.New("the answer is of another trip, or was taken already")
	ErrNotTaken   = errors.New("the answer cannot be trusted")
)

// CheckTime is how long the provider may take to answer for a check that was made.
const CheckTime = 30 * time.Second

// A check that did not pass counts for its person, whoever was before the phone: after so
// many in an hour nobody is checked as that person until the first is an hour old.
const (
	failuresAtMost = 5
	failuresFor    = time.Hour
)

// reasonOfCheck is what a passenger is told of an error of a check.
func reasonOfCheck(err error) Reason {
	for kind, reason := range map[error]Reason{
		ErrNoCheck: NoCheck, ErrCheckAway: CheckUnavailable, ErrNotPassed: CheckFailed, ErrNotAlive: CheckNotAlive,
		ErrGivenUp: CheckTimedOut, ErrCancelled: CheckCancelled, ErrCheckStale: CheckStale, context.DeadlineExceeded: CheckUnavailable,
	} {
		if errors.Is(err, kind) {
			return reason
		}
	}
	return CheckNotTaken
}

// counts tells whether a check that ended with a reason counts among its person's failures.
func counts(r Reason) bool {
	return r == CheckFailed || r == CheckNotAlive || r == CheckMismatch || r == GuardianMismatch
}

// is tells whether who was seen is a person.
func (s Seen) is(p Person) bool {
	f := Form{Name: s.Name, Number: s.Number}
	f.tidy()
	return f.Number == p.Number && p.Number != "" && sameName(f.Name, p.Name)
}

// recent are the failures of the last hour, of those that are on record.
func recent(failures []time.Time, now time.Time) []time.Time {
	var out []time.Time
	for _, t := range failures {
		if now.Sub(t) < failuresFor {
			out = append(out, t)
		}
	}
	return out
}

// A closedCheck is what an issuer has that was given no check: nobody passes it, and
// everybody is sent to the police window.
type closedCheck struct{}

func (closedCheck) Begin(context.Context, string, Person, string) ([]byte, string, error) {
	return nil, "", ErrNoCheck
}

func (closedCheck) Finish(context.Context, []byte, string, Answer) (Seen, error) {
	return Seen{}, ErrNoCheck
}
