package main

import (
	"errors"
	"fmt"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify/lane"
)

// This file says how far the gate is behind its repositories.

// grade is how far the gate is behind a repository. The caller holds mu.
func (y *syncer) grade(r *feed) sync.Grade {
	return sync.GradeOf(r.last.At, y.clock.Now().Time, y.cfg.Sync.OfflineFor, y.cfg.Sync.OfflineStop)
}

// tell journals a change of the grade.
func (y *syncer) tell(r *feed) {
	y.mu.Lock()
	now := y.grade(r)
	changed := now != r.told
	r.told = now
	y.mu.Unlock()
	if changed {
		y.note(journal.Record{Kind: journal.Synced, Detail: "the " + r.word + "'s repository is " + string(now)})
	}
}

// stopped says why no code may open any more; "" where one may. That is the nation's
// alone to say: a station that is silent withdraws no keys.
func (y *syncer) stopped() string {
	if y == nil || !y.clock.Now().OK {
		return "" // by a clock that may be wrong nothing is too old
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.nation.last.At.IsZero() || y.grade(y.nation) != sync.Stopped {
		return ""
	}
	return fmt.Sprintf("the repository has not been reached since %s", y.nation.last.At.UTC().Format(time.RFC3339))
}

// status says how far the gate is behind, for people and scripts.
func (y *syncer) status(s *control.Status) {
	if y == nil {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	n := y.nation
	s.Sync = &control.Sync{State: string(y.grade(n)), Nation: n.where, Last: n.last.At, Version: n.version, Expires: n.expires, Error: words(n.err)}
	if r := y.station; r != nil {
		s.Sync.Station = &control.StationSync{
			State: string(y.grade(r)), URL: r.where, Last: r.last.At, Version: r.version, Expires: r.expires, Error: words(r.err), Release: y.release, Policy: y.policy, PolicyError: words(y.policyErr),
		}
	}
	for _, r := range y.feeds() {
		y.addCauses(s, r)
	}
	if y.policyErr != nil {
		found(s, control.PolicyRefused, "the station's policy for this lane is refused: "+y.policyErr.Error())
	}
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// addCauses says what a technician should know of a repository. The caller holds mu.
func (y *syncer) addCauses(s *control.Status, r *feed) {
	why := ""
	if r.err != nil {
		why = ": " + r.err.Error()
	}
	grade := y.grade(r)
	silent := grade == sync.Degraded || grade == sync.Stopped && r != y.nation && !r.last.At.IsZero()
	switch {
	case errors.Is(r.err, ErrNotAStations), errors.Is(r.err, sync.ErrNotReleased):
		found(s, control.StationRefused, "what the station publishes is refused"+why)
	case errors.Is(r.err, sync.ErrRefused):
		found(s, control.RepositoryRefused, r.err.Error())
	case silent && s.Mode != string(lane.ModeOutOfService):
		found(s, control.SyncDegraded, fmt.Sprintf("the %s's repository has not been reached since %s%s", r.word, r.last.At.UTC().Format(time.RFC3339), why))
	}
}

var errNoSync = errors.New("no repository is configured: sync.nation is empty")
