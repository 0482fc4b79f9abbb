package main

import (
	"context"
	"time"
)

// blinkEvery is how often the service light is told what is wrong: much oftener than a person
// counts.
const blinkEvery = 2 * time.Second

// blink tells the service light how often to blink, until ctx ends.
func (s *server) blink(ctx context.Context, tell func(times int)) error {
	for {
		tell(s.status().Blinks)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(blinkEvery):
		}
	}
}
