package main

import (
	"time"

	"railgate/cmd/issuer/office"
)

// limits are how often one may ask: reading, and what writes or costs a check. An
// address may be a whole station's.
type limits struct {
	readSession, readAddress   *office.Limiter
	writeSession, writeAddress *office.Limiter
}

func newLimits() *limits {
	return &limits{
		readSession: office.NewLimiter(500*time.Millisecond, 30), readAddress: office.NewLimiter(5*time.Millisecond, 600),
		writeSession: office.NewLimiter(4*time.Second, 20), writeAddress: office.NewLimiter(500*time.Millisecond, 120),
	}
}
