package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/provider"
)

// A providerCheck is the real-person check by an OpenID Connect provider.
type providerCheck struct {
	*provider.Client
	anywhere bool // a bench's: it leads back to wherever its page is open
}

// A checkTrip is a trip with the address that it leads back to.
type checkTrip struct {
	provider.Trip
	Back string
}

func (c providerCheck) Begin(ctx context.Context, nonce string, p office.Person, at string) ([]byte, string, error) {
	ask := c.CheckAsk()
	if c.anywhere && at != "" {
		ask.Back = at
	}
	if c.Config().Check.LoginHint {
		ask.Parameters = maps.Clone(ask.Parameters)
		if ask.Parameters == nil {
			ask.Parameters = map[string]string{}
		}
		ask.Parameters["login_hint"] = p.Name + "|" + p.Number
	}
	trip, page, err := c.Client.Begin(ctx, ask, nonce)
	if err != nil {
		return nil, "", officeError(err)
	}
	data, err := json.Marshal(checkTrip{trip, ask.Back})
	return data, page, err
}

func (c providerCheck) Finish(ctx context.Context, data []byte, nonce string, a office.Answer) (office.Seen, error) {
	var trip checkTrip
	if err := json.Unmarshal(data, &trip); err != nil {
		return office.Seen{}, fmt.Errorf("%w: %w", office.ErrNotTaken, err)
	}
	ask := c.CheckAsk()
	ask.Back = trip.Back
	id, err := c.Client.Finish(ctx, ask, trip.Trip, nonce, provider.Answer(a))
	if err != nil {
		return office.Seen{}, officeError(err)
	}
	config := c.Config().Check
	for path, want := range config.Require {
		if got, err := id.Text(path); err != nil || got != want {
			return office.Seen{}, fmt.Errorf("%w: the provider's %s is not %q", office.ErrNotTaken, path, want)
		}
	}
	name, err := id.Text(config.Name)
	if err != nil {
		return office.Seen{}, officeError(err)
	}
	number, err := id.Text(config.Number)
	if err != nil {
		return office.Seen{}, officeError(err)
	}
	return office.Seen{Name: name, Number: number}, nil
}

// officeError is a provider's error as the office knows it.
func officeError(err error) error {
	kind := office.ErrNotTaken
	switch {
	case errors.Is(err, provider.ErrUnavailable):
		kind = office.ErrCheckAway
	case errors.Is(err, provider.ErrRefused):
		kind = office.ErrNotPassed
	case errors.Is(err, provider.ErrNotMet), errors.Is(err, provider.ErrNotSo):
		kind = office.ErrNotAlive
	case errors.Is(err, provider.ErrCancelled):
		kind = office.ErrCancelled
	case errors.Is(err, provider.ErrGivenUp):
		kind = office.ErrGivenUp
	case errors.Is(err, provider.ErrState), errors.Is(err, provider.ErrCode):
		kind = office.ErrCheckStale
	}
	return fmt.Errorf("%w: %w", kind, err)
}
