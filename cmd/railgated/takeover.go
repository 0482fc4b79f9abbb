package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"railgate/cmd/control"
	"railgate/verify/lane"
)

// maxWhy bounds the reason that a technician gives, in bytes; mostWhy that of a time, which has
// more to explain.
const (
	maxWhy  = 200
	mostWhy = 500
)

// reasonOf is a technician's reason, for the journal: one line of text that every reader of it
// reads alike.
func reasonOf(r *http.Request, most int) (why string, err error) {
	why = strings.TrimSpace(r.FormValue("why"))
	if len(why) > most || !utf8.ValidString(why) || strings.ContainsFunc(why, unicode.IsControl) {
		return "", fmt.Errorf("why: at most %d bytes of text on one line", most)
	}
	return why, nil
}

// postService lets a technician take the lane over. The answer says what the lane has
// become, until when, and what it lacks.
func (s *server) postService(w http.ResponseWriter, r *http.Request) {
	m, err := lane.ParseService(r.FormValue("mode"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	why, err := reasonOf(r, maxWhy)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if m == lane.ServiceFree && why == "" {
		http.Error(w, "free passage needs a reason, for the record: why", http.StatusBadRequest)
		return
	}
	asked := s.lane.instant()
	s.lane.in.post(lane.Service{Mode: m, By: r.RemoteAddr, Why: why})
	answer, err := s.takenOver(r.Context(), m, asked)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

const (
	takeoverWait = 3 * time.Second // less than a caller waits
	takeoverLook = 5 * time.Millisecond
)

// takenOver waits until the lane is what was asked for. Free passage begins once its
// record is on the disk, and not without.
func (s *server) takenOver(ctx context.Context, m lane.ServiceMode, asked lane.Instant) (*control.Service, error) {
	look := time.NewTicker(takeoverLook)
	defer look.Stop()
	for ended := time.After(takeoverWait); ; {
		seen := s.lane.seen()
		if seen.Service == m && (m == lane.ServiceNone || seen.ServiceEnd >= asked.Mono+lane.ServiceFor) {
			return s.describeTakeover(&seen), nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ended:
			why := seen.Why[lane.CauseStore]
			if why == "" {
				why = "the lane is slow"
			}
			return nil, fmt.Errorf("service %v has not begun, its record is not on the disk (%s); railgate status says whether it begins", m, why)
		case <-look.C:
		}
	}
}

func (s *server) describeTakeover(seen *lane.Snapshot) *control.Service {
	answer := &control.Service{Service: seen.Service.String(), OutOfService: seen.Reasons}
	if seen.Service != lane.ServiceNone {
		now := s.lane.instant()
		until := now.Wall.Add(seen.ServiceEnd - now.Mono).Round(time.Second)
		answer.Until = &until
	}
	return answer
}
