package main

import (
	"encoding/json"
	"net/http"

	"railgate/cmd/control"
	"railgate/verify"
)

// postProvision makes the gate one of its station's: by a code, or by settings that a technician
// has given.
func (s *server) postProvision(w http.ResponseWriter, r *http.Request) {
	p := s.lane.provision
	if p == nil {
		http.Error(w, errByItsFile.Error(), http.StatusConflict)
		return
	}
	code, text, by := r.FormValue("code"), r.FormValue("settings"), "by "+r.RemoteAddr
	switch {
	case (code == "") == (text == ""):
		http.Error(w, "want either a code or settings", http.StatusBadRequest)
	case code != "":
		s.answerProvision(w, p.take(code, by))
	default:
		settings, err := settingsFrom(text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.answerProvision(w, p.byHand(settings, by+", by hand"))
	}
}

// postConfirm takes the code that waits for its signer to be confirmed.
func (s *server) postConfirm(w http.ResponseWriter, r *http.Request) {
	p := s.lane.provision
	if p == nil {
		http.Error(w, errByItsFile.Error(), http.StatusConflict)
		return
	}
	s.answerProvision(w, p.confirm(r.FormValue("signer"), "by "+r.RemoteAddr+", who confirmed the signer"))
}

// answerProvision tells whoever asked, and the screen, what became of it.
func (s *server) answerProvision(w http.ResponseWriter, o outcome) {
	s.lane.provision.tell(o)
	answer := control.Provisioned{Done: o.reason == verify.OK, Reason: string(o.reason), Why: o.why(), Signer: o.signer}
	if o.settings != nil {
		answer.Settings = describeSettings(o.settings)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// postReset makes the gate wait to be provisioned again.
func (s *server) postReset(w http.ResponseWriter, r *http.Request) {
	p := s.lane.provision
	why, err := reasonOf(r, maxWhy)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case why == "":
		http.Error(w, "why is missing: say it for the journal", http.StatusBadRequest)
	case p == nil:
		http.Error(w, errByItsFile.Error(), http.StatusConflict)
	default:
		if err := p.reset("by "+r.RemoteAddr, why); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	}
}

// status tells of it, for people and scripts.
func (p *provisioner) status(s *control.Status) {
	if p == nil {
		return
	}
	v := &control.Provision{Waiting: p.waiting(), Signers: []string{}}
	s.Provision = v
	keys, err := p.cfg.ReadSigners()
	for _, key := range keys {
		v.Signers = append(v.Signers, verify.Fingerprint(key))
	}
	if err != nil {
		v.Error = err.Error()
	}
	if !v.Waiting {
		return
	}
	v.Identity = p.code()
	if id := p.public(); id != nil {
		v.Lines, _ = id.Lines() // its keys are whole
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v.Last = p.last
	if p.err != nil {
		v.Error = p.err.Error()
	}
	if p.waits != nil && !p.again {
		v.Signer, v.Settings = verify.Fingerprint(p.waits.Signer), describeSettings(&p.waits.Settings)
	}
}
