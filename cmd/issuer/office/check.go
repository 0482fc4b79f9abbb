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

// A checker is the real-person check (R4): is the one who holds the phone the person?
type checker interface {
	// check returns nil for yes and errNotThePerson for no; any other error, and one
	// of ctx, is no answer. How is the bench's, empty elsewhere.
	check(ctx context.Context, p Person, how string) error
}

var errNotThePerson = errors.New("not the person")

// CheckTime is how long a check may take.
const (
	CheckTime      = 30 * time.Second
	benchCheckTime = 1500 * time.Millisecond // a bench shows what happens, and does not bore
)

// A benchCheck does as it is told: passes, fails, times_out.
type benchCheck struct{}

func (benchCheck) check(ctx context.Context, _ Person, how string) error {
	switch how {
	case "passes":
		return nil
	case "fails":
		return errNotThePerson
	}
	<-ctx.Done()
	return ctx.Err()
}

// A closedCheck is what an issuer has that was given no check: nobody passes it, and
// everybody is sent to the police window.
type closedCheck struct{}

var errNoCheck = errors.New("no real-person check is connected")

func (closedCheck) check(context.Context, Person, string) error { return errNoCheck }
