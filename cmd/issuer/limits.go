package main

import (
	"time"

	"railgate/cmd/limit"
)

// limits are how often one may ask: reading, and what writes or costs a check. An
// address may be a whole station's.
type limits struct {
	readSession, readAddress   *limit.Limiter
	writeSession, writeAddress *limit.Limiter
}

func newLimits() *limits {
	return &limits{
		readSession: limit.New(500*time.Millisecond, 30), readAddress: limit.New(5*time.Millisecond, 600),
		writeSession: limit.New(4*time.Second, 20), writeAddress: limit.New(500*time.Millisecond, 120),
	}
}
