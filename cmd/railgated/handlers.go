package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/store"
)

// postClock lowers what is proven of the time.
func (s *server) postClock(w http.ResponseWriter, r *http.Request) {
	at, err := time.Parse(time.RFC3339, r.FormValue("time"))
	why, unread := reasonOf(r, mostWhy)
	switch {
	case err != nil:
		http.Error(w, fmt.Sprintf("time %q; want one such as 2026-11-23T04:00:00Z", r.FormValue("time")), http.StatusBadRequest)
		return
	case unread != nil:
		http.Error(w, unread.Error(), http.StatusBadRequest)
		return
	case why == "":
		http.Error(w, "why is missing: say it for the journal", http.StatusBadRequest)
		return
	}
	err = s.lane.acceptTime(at, why)
	switch {
	case errors.Is(err, store.ErrUnavailable):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

// postUpdate has the station's release brought now, and installed if that is asked for.
func (s *server) postUpdate(w http.ResponseWriter, r *http.Request) {
	install := r.FormValue("install")
	rel := s.lane.releases
	switch {
	case install != "" && install != "0" && install != "1":
		http.Error(w, "want install as 0 or 1", http.StatusBadRequest)
		return
	case s.lane.sync == nil || s.lane.sync.station == nil:
		http.Error(w, "this gate has no station (sync.station is empty)", http.StatusConflict)
		return
	case !rel.slots:
		http.Error(w, "this machine has no two systems to update: it was not made from an image of ours", http.StatusConflict)
		return
	}
	select {
	case <-s.lane.sync.askNow():
	case <-r.Context().Done():
		return
	}
	rel.ask(install == "1")
	var status control.Status
	rel.status(&status)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(status.Update)
}

func (s *server) getStatus(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.status())
}

func (s *server) getKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.lane.keys.Detail())
}

func (s *server) postKeys(w http.ResponseWriter, r *http.Request) {
	keys, why := s.lane.keys, keyring.Asked
	switch force := r.FormValue("force"); force {
	case "", "0":
	case "1":
		why = keyring.Forced
	default:
		http.Error(w, "want force as 0 or 1", http.StatusBadRequest)
		return
	}
	if !keys.HasFile() {
		http.Error(w, keys.WhyNone(), http.StatusConflict)
		return
	}
	if err := keys.Read(why); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.getKeys(w, r)
}

// maxRecords bounds one answer of the journal: the caller asks again for more.
const maxRecords = 1000

func (s *server) getJournal(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	limit, err2 := strconv.Atoi(r.FormValue("limit"))
	if err != nil || err2 != nil || limit < 1 {
		http.Error(w, "want after and limit as numbers", http.StatusBadRequest)
		return
	}
	records, err := s.lane.store.Records(after, min(limit, maxRecords))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for i := range records {
		enc.Encode(&records[i])
	}
}

func (s *server) getEvents(w http.ResponseWriter, r *http.Request) {
	events := s.lane.hub.listen()
	defer s.lane.hub.leave(events)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w).Flush
	enc := json.NewEncoder(w)
	for flush() == nil {
		select {
		case <-r.Context().Done():
			return
		case e := <-events:
			if enc.Encode(&e) != nil {
				return
			}
		}
	}
}

func (s *server) postSim(w http.ResponseWriter, r *http.Request) {
	if s.sim == nil {
		http.Error(w, "the turnstile is not simulated", http.StatusConflict)
		return
	}
	active := r.FormValue("level") == "1"
	switch line := r.FormValue("line"); line {
	case "clock":
		s.pretend(w, r.FormValue("seconds"))
	case "walk":
		s.sim.Walk()
	case "passage":
		s.sim.SetPassage(active)
	case "emergency":
		s.sim.SetEmergency(active)
	default:
		http.Error(w, fmt.Sprintf("unknown line %q; want walk, passage, emergency or clock", line), http.StatusBadRequest)
	}
}

// mostPretended bounds a step of a bench's time.
const mostPretended = 366 * 24 * time.Hour

// pretend moves the wall clock of a bench. A gate whose clock must be right refuses, unless it
// has a station, by whose time it is judged then.
func (s *server) pretend(w http.ResponseWriter, seconds string) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	d := time.Duration(n) * time.Second
	switch {
	case s.cfg.Clock.RequireSync && s.cfg.Sync.Station == "":
		http.Error(w, "this gate's clock must be synchronised; it cannot be moved", http.StatusConflict)
	case err != nil || d < 0 || n > int64(mostPretended/time.Second):
		http.Error(w, "want seconds, forward, up to a year", http.StatusBadRequest)
	default:
		s.lane.clock.Pretend(d)
	}
}
