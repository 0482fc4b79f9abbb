package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"railgate/cmd/control"
	"railgate/verify/lane"
)

func (w web) String() string { return "http" }

// guard says what a browser may do with these pages: show them, and nothing else.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Railgate-Pages", pageVersion())
		next.ServeHTTP(rw, r)
	})
}

func (w web) getReady(rw http.ResponseWriter, _ *http.Request) {
	s := w.server.status()
	if s.Health == control.OutOfService {
		http.Error(rw, strings.Join(s.Problems, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(rw, s.Health)
}

// screen is what the passenger's screen is told.
type screen struct {
	Version   string        `json:"version"` // of the pages; one that is another's loads itself again
	Station   string        `json:"station"`
	Gate      string        `json:"gate"`
	Direction string        `json:"direction"`
	Languages []string      `json:"languages"`
	Buzzer    bool          `json:"buzzer"` // the gate has one; without it the screen sounds
	Mode      string        `json:"mode"`
	Service   string        `json:"service,omitempty"`      // what staff made of the lane: free, closed, diagnosis,
	Left      int           `json:"service_left,omitempty"` // and for how many seconds yet
	Enroll    bool          `json:"enroll,omitempty"`       // there is a code by which a station enrolls the gate
	Show      *control.Show `json:"show,omitempty"`
	Diagnosis *diagnosis    `json:"diagnosis,omitempty"` // for staff who asked for it

	Provision *screenProvision `json:"provision,omitempty"` // the gate is no station's yet
}

// screenProvision is what a technician must see of a gate that is to be provisioned.
type screenProvision struct {
	Lines    []string `json:"lines"`              // its keys, to be read out
	Signer   string   `json:"signer,omitempty"`   // of a code that waits for being confirmed,
	Settings string   `json:"settings,omitempty"` // and what it would set
}

const (
	// screenBeat is how often a silent screen is told that the gate lives.
	screenBeat = 2 * time.Second
	// modeEvery is how often the lane's mode is asked for: it may end without an event.
	modeEvery = 200 * time.Millisecond
)

// getScreen sends what is shown as server-sent events, beginning with what is shown
// now. A beat every now and then says that the gate lives.
func (w web) getScreen(rw http.ResponseWriter, r *http.Request) {
	events := w.lane.hub.listen()
	defer w.lane.hub.leave(events)
	rw.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(rw)
	beat, mode := time.NewTicker(screenBeat), time.NewTicker(modeEvery)
	defer beat.Stop()
	defer mode.Stop()
	told := string(w.lane.seen().Mode)
	for err := w.tellScreen(rw, told, nil); err == nil; err = out.Flush() {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			_, err = fmt.Fprint(rw, "event: beat\ndata: {}\n\n")
			if service, _ := w.lane.takeover(); err == nil && service == lane.ServiceDiagnosis.String() {
				err = w.tellScreen(rw, told, nil) // what was mended since is seen
			}
		case <-mode.C:
			if now := string(w.lane.seen().Mode); now != told {
				told = now
				err = w.tellScreen(rw, told, nil)
			}
		case e := <-events:
			if e.Show != nil || e.Mode != told {
				told = e.Mode
				err = w.tellScreen(rw, told, e.Show)
			}
		}
		if err != nil {
			return
		}
	}
}

func (w web) tellScreen(rw http.ResponseWriter, mode string, show *control.Show) error {
	service, left := w.lane.takeover()
	var set *screenProvision
	if w.lane.provision.waiting() {
		var s control.Status
		w.lane.provision.status(&s)
		set = &screenProvision{s.Provision.Lines, s.Provision.Signer, s.Provision.Settings}
	}
	var seen *diagnosis
	if service == lane.ServiceDiagnosis.String() {
		seen = diagnose(w.status(), addresses())
	}
	data, err := json.Marshal(screen{
		Diagnosis: seen,
		Service:   service, Left: int(left / time.Second), Enroll: w.lane.wire.code() != "", Provision: set,
		Version: pageVersion(),
		Station: w.cfg.Station, Gate: w.cfg.Gate, Direction: w.cfg.Lane.Direction, Languages: w.cfg.Panel.Languages,
		Buzzer: w.cfg.Panel.Driver == "gpio" && w.cfg.Panel.Buzzer != "", Mode: mode, Show: show,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(rw, "data: %s\n\n", data)
	return err
}

// getHealth answers whether the process lives: whether its lane turns. Whether it lets
// people pass is /readyz.
func (w web) getHealth(rw http.ResponseWriter, _ *http.Request) {
	if why := w.hung(); why != "" {
		http.Error(rw, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(rw, "ok")
}
