package counter

import (
	"context"
	"time"

	"railgate/verify"
)

// An Act is one look-up, as the record has it. It names no holder.
type Act struct {
	Time        time.Time
	Kind        string // client, person
	Who         string
	Purpose     Purpose
	Certificate verify.CertificateID // "" where the issuer's signature does not hold
	Holder      verify.HolderID      // the same; a recorder keeps a hash of it
	Reason      string               // of the decision
	Shown       []Scope              // what was told beyond the decision
}

// A Recorder keeps acts. Record returns once the act is durable, or an error; nothing of a
// look-up is told before.
type Recorder interface {
	Record(ctx context.Context, a Act) error
}
