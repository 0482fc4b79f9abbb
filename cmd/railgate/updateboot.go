package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"railgate/configs"
	"railgate/driver/slots"
	"railgate/store/update"
)

const (
	lookEvery  = 5 * time.Second // at a release on trial
	raucStarts = 2 * time.Minute // it may take to answer
)

func newUpdateBoot(g *gate) *cobra.Command {
	return &cobra.Command{
		Use:    "update-boot",
		Short:  "What a start means for an update (railgate-trial.service)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			u, err := newUpdater(g, teller(c, false))
			if err != nil { // the bootloader must be told all the same
				fmt.Fprintln(c.ErrOrStderr(), "railgate:", err)
				u = updaterOf(&configs.Config{Data: "/var/lib/railgate"}, teller(c, false))
			}
			return u.boot(c.Context())
		},
	}
}

// boot notes which slot runs, and looks at a release that is on trial until it has proved good or its time is over.
func (u *updater) boot(ctx context.Context) error {
	s, err := u.patientState(ctx)
	if errors.Is(err, slots.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	booted := s.Booted()
	if booted == nil {
		return nil // started from elsewhere: from a network, by a technician
	}
	if err := u.prepare(); err != nil {
		return err
	}
	release := u.image
	if release == "" {
		release = booted.Version
	}
	began := u.uptime()
	state, err := u.do(ctx, update.Started{Slot: booted.Bootname, Release: release})
	if err != nil && (state.Trial == nil || state.Trial.Slot != booted.Bootname) {
		return err
	}
	switch t := state.Trial; {
	case t == nil:
		return nil
	case t.Slot != booted.Bootname: // written, and not started yet
		_, err := u.do(ctx, update.MayRestart{})
		return err
	}
	return u.watch(ctx, state, began)
}

// patientState asks for the slots' state until RAUC's service answers; it may be starting.
func (u *updater) patientState(ctx context.Context) (s *slots.State, err error) {
	for began := u.uptime(); ; {
		s, err = u.slots.State(ctx)
		if err == nil || errors.Is(err, slots.ErrNone) || u.uptime()-began >= raucStarts {
			return s, err
		}
		if err := u.sleep(ctx, lookEvery); err != nil {
			return nil, err
		}
	}
}

// watch looks at the release that runs on trial.
func (u *updater) watch(ctx context.Context, state update.State, began time.Duration) error {
	proof := update.Proof{Before: state.Trial.Before}
	for {
		now, why := u.uptime(), ""
		switch state.Trial.Phase {
		case update.Running:
			if proof.Look(now, u.sight(ctx)) {
				next, err := u.do(ctx, update.Proved{})
				return u.keep(ctx, next, began, err)
			}
			why = proof.Why()
		case update.Keeping:
			return u.keep(ctx, state, began, u.slots.MarkGood(ctx))
		default: // it failed, and the bootloader started it again
			return nil
		}
		if now-began >= update.ProofEnds {
			_, err := u.do(ctx, update.Overdue{Why: why})
			return err
		}
		u.tell(notice{Step: "prove", Release: state.Trial.Release, Says: why})
		if err := u.sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// keep marks what has proved good until that has landed; marked is how the first try ended.
func (u *updater) keep(ctx context.Context, state update.State, began time.Duration, marked error) error {
	for marked != nil {
		if u.uptime()-began >= update.ProofEnds {
			_, err := u.do(ctx, update.Overdue{Why: "it proved good, and could not be marked so: " + marked.Error()})
			return err
		}
		u.tell(notice{Step: "prove", Release: state.Trial.Release, Says: "marking it good: " + marked.Error()})
		if err := u.sleep(ctx, lookEvery); err != nil {
			return err
		}
		marked = u.slots.MarkGood(ctx)
	}
	_, err := u.do(ctx, update.Kept{})
	if err == nil {
		u.tell(notice{Step: "done", Release: state.Trial.Release, Says: "it proved good, and is kept"})
	}
	return err
}

// sight is how the gate looks now.
func (u *updater) sight(ctx context.Context) update.Sighting {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	s, err := u.status(ctx)
	if err != nil {
		return update.Sighting{}
	}
	return sighting(s)
}
