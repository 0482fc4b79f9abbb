package main

import "time"

// limits are how often one may ask: reading, and what writes or costs a check. An
// address may be a whole station's.
type limits struct {
	readSession, readAddress   *limiter
	writeSession, writeAddress *limiter
}

func newLimits() *limits {
	return &limits{
		readSession: newLimiter(500*time.Millisecond, 30), readAddress: newLimiter(5*time.Millisecond, 600),
		writeSession: newLimiter(4*time.Second, 20), writeAddress: newLimiter(500*time.Millisecond, 120),
	}
}
