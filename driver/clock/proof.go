package clock

import (
	"slices"
	"time"
)

// A proof is a time that somebody signed, and when this gate learned of it.
type proof struct {
	signer string
	time   time.Time
	raw    time.Duration
}

// at is the proven time at a later instant.
func (p proof) at(raw time.Duration) time.Time {
	elapsed := max(0, raw-p.raw)
	return p.time.Add(elapsed - time.Duration(float64(elapsed)*slowest/1e6))
}

// slowest is by how many parts per million proven time falls behind the crystal. It
// is more than any crystal is wrong by, and does not depend on the configuration: a
// day without a signed time costs a minute and a half.
const slowest = 1000

// The signers that are not stations. What the store kept may come from any of them,
// so it proves the time and supports nobody else's.
const (
	signedBuild    = "build"
	signedStore    = "store"
	signedCodes    = "codes"
	signedOperator = "operator"
)

// proofs holds the newest proof of each signer.
type proofs []proof

// add takes a proof where it is the newest of its signer.
func (ps *proofs) add(p proof) {
	i := slices.IndexFunc(*ps, func(q proof) bool { return q.signer == p.signer })
	switch {
	case i < 0:
		*ps = append(*ps, p)
	case p.time.After((*ps)[i].at(p.raw)):
		(*ps)[i] = p
	}
}

// newest is the proven time, of the signers that count.
func (ps proofs) newest(raw time.Duration, counts func(signer string) bool) time.Time {
	var newest time.Time
	for _, p := range ps {
		if at := p.at(raw); counts(p.signer) && at.After(newest) {
			newest = at
		}
	}
	return newest
}

func everybody(string) bool { return true }

// mostAhead is how far one station's time may go past everybody else's proof: the
// wrong clock of one station must not close its gates for longer.
const mostAhead = time.Hour

// bounded is a station's time, as far as others support it.
func (ps proofs) bounded(signer string, t time.Time, raw time.Duration) time.Time {
	others := ps.newest(raw, func(s string) bool { return s != signer && s != signedStore })
	if most := others.Add(mostAhead); t.After(most) {
		return most
	}
	return t
}
