package main

import (
	"errors"
	"net/http"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// state is what the page shows.
type state struct {
	Now         int64             `json:"now"`
	Bench       bool              `json:"bench"`
	SignedIn    bool              `json:"signed_in"`
	Me          *shownPerson      `json:"me,omitempty"` // a signed-in user
	Certificate *shownCertificate `json:"certificate,omitempty"`
	Documents   []string          `json:"documents"`
	Tickets     []ticket          `json:"tickets"`
	Uses        []use             `json:"uses"`
}

// shownPerson is a person whom only the person recognises.
type shownPerson struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

func showPerson(p person) *shownPerson {
	p = p.masked()
	return &shownPerson{p.Name, p.Number}
}

type shownCertificate struct {
	ID        string       `json:"id"` // hex
	Way       string       `json:"way"`
	Person    *shownPerson `json:"person"`
	Approved  int64        `json:"approved"`
	Ends      int64        `json:"ends"`
	LiveUntil int64        `json:"live_until"`
	Renewable int64        `json:"renewable"` // from then on a new one can be had
	Why       *denial      `json:"why,omitempty"`
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// toldFor is how long the page says that a certificate has ended; then it is history.
const toldFor = 12 * time.Hour

func (w *web) getState(_ http.ResponseWriter, _ *http.Request, who session) (any, error) {
	now := w.now()
	s := state{Now: millis(now), Bench: w.bench, Documents: documents(), Tickets: tickets(), Uses: uses()}
	me, err := w.self(who)
	if err != nil {
		return nil, err
	}
	if me != nil {
		s.SignedIn, s.Me = true, showPerson(*me)
	}
	c, p, err := w.shown(who)
	switch {
	case errors.Is(err, deny(verifyAgain)):
		return s, nil
	case err != nil:
		return nil, err
	case now.Sub(c.ends()) > toldFor:
		return s, nil
	}
	s.Certificate = showCertificate(c, p, now)
	s.Now = millis(w.now())
	return s, nil
}

func showCertificate(c *certificate, p person, now time.Time) *shownCertificate {
	shown := &shownCertificate{
		ID: c.ID.String(), Way: c.Way.String(), Person: showPerson(p), Approved: millis(c.Approved), Ends: millis(c.ends()),
		LiveUntil: millis(c.liveUntil()), Renewable: millis(c.renewable()),
	}
	if r := c.mayShow(now); r != "" {
		why := r.words()
		shown.Why = &why
	}
	return shown
}

type shownApplication struct {
	Time        int64   `json:"time"`
	Certificate string  `json:"certificate,omitempty"`
	Ends        int64   `json:"ends,omitempty"`
	Denied      *denial `json:"denied,omitempty"`
}

func (w *web) getHistory(_ http.ResponseWriter, _ *http.Request, who session) (any, error) {
	all, err := w.history(who)
	if err != nil {
		return nil, err
	}
	out := []shownApplication{}
	for _, a := range all {
		shown := shownApplication{Time: millis(a.Time)}
		if a.Denied != "" {
			why := a.Denied.words()
			shown.Denied = &why
		} else {
			shown.Certificate, shown.Ends = a.Certificate.String(), millis(a.ends())
		}
		out = append(out, shown)
	}
	return map[string]any{"applications": out}, nil
}

func (w *web) postVisit(http.ResponseWriter, *http.Request, session) (any, error) {
	token, err := w.newVisitor()
	return map[string]string{"page": token}, err
}

// postLeave is what a visitor's page sends as it closes. The token is in the body:
// what is sent at that moment carries no header.
func (w *web) postLeave(_ http.ResponseWriter, r *http.Request, _ session) (any, error) {
	var in struct {
		Page string `json:"page"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	return nil, w.leave(w.visitor(in.Page))
}

// credentials are what one signs up and in with.
type credentials struct {
	Account  string `json:"account"`
	Password string `json:"password"`
	form
}

func (w *web) postSignUp(_ http.ResponseWriter, r *http.Request, _ session) (any, error) {
	var in credentials
	if err := body(r, &in); err != nil {
		return nil, err
	}
	return nil, w.signUp(in.Account, in.Password, in.form)
}

func (w *web) postSignIn(rw http.ResponseWriter, r *http.Request, _ session) (any, error) {
	var in struct {
		Account  string `json:"account"`
		Password string `json:"password"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	token, err := w.signIn(in.Account, in.Password)
	if err != nil {
		return nil, err
	}
	http.SetCookie(rw, w.cookie(token, cookieLasts))
	return nil, nil
}

func (w *web) postSignOut(rw http.ResponseWriter, _ *http.Request, who session) (any, error) {
	gone := w.cookie("", 0)
	gone.MaxAge = -1
	http.SetCookie(rw, gone)
	return nil, w.signOut(who)
}

// errandReply is what the page brings to the check.
type errandReply struct {
	Ticket []byte `json:"ticket"`
}

func (w *web) postBegin(kind string) handler {
	return func(_ http.ResponseWriter, r *http.Request, who session) (any, error) {
		var in struct {
			form
			Way string `json:"way"`
		}
		if err := body(r, &in); err != nil {
			return nil, err
		}
		way, err := parseRotation(in.Way)
		if err != nil || who.id == "" {
			return nil, errRequest
		}
		ticket, err := w.begin(kind, in.form, way, who)
		return errandReply{ticket}, err
	}
}

// parseRotation is parseWay for a certificate that rotates; chain where it is not said.
func parseRotation(name string) (verify.Way, error) {
	if name == "" {
		return verify.ByChain, nil
	}
	way, err := verify.ParseWay(name)
	if err == nil && way == verify.Static {
		err = errRequest
	}
	return way, err
}

func (w *web) postRecheck(_ http.ResponseWriter, _ *http.Request, who session) (any, error) {
	ticket, err := w.again(who)
	return errandReply{ticket}, err
}

func (w *web) postCheck(_ http.ResponseWriter, r *http.Request, who session) (any, error) {
	var in struct {
		Ticket []byte `json:"ticket"`
		Bench  string `json:"bench"` // passes, fails, times_out
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	if (in.Bench != "") != w.bench {
		return nil, errRequest // nobody tells a real check what to say
	}
	_, err := w.check(r.Context(), in.Ticket, in.Bench, who)
	return nil, err
}

// shownCode is what the phone makes codes of.
type shownCode struct {
	Way        string `json:"way"`
	Text       string `json:"text,omitempty"`       // issuer: the code itself
	Credential []byte `json:"credential,omitempty"` // chain, device
	Begins     int64  `json:"begins"`               // of slot 0
	Period     int64  `json:"period"`
	Slots      int    `json:"slots"`
	LiveUntil  int64  `json:"live_until"`
	Ends       int64  `json:"ends"`
	Now        int64  `json:"now"`
}

func (w *web) postCode(_ http.ResponseWriter, r *http.Request, who session) (any, error) {
	var in proof
	if err := body(r, &in); err != nil {
		return nil, err
	}
	c, claims, signed, err := w.credential(in, who)
	if err != nil {
		return nil, err
	}
	out := shownCode{
		Way: c.Way.String(), Begins: int64(claims.IssuedAt) * 1000, Period: mint.Period.Milliseconds(), Slots: 1,
		LiveUntil: millis(c.liveUntil()), Ends: millis(c.ends()),
	}
	if c.Way == verify.ByIssuer {
		out.Text = signed.Text()
	} else {
		out.Credential, out.Slots = signed, int(mint.Liveness/mint.Period)
	}
	out.Now = millis(w.now())
	return out, nil
}

func (w *web) postWay(_ http.ResponseWriter, r *http.Request, who session) (any, error) {
	var in struct {
		Way string `json:"way"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	way, err := parseRotation(in.Way)
	if err != nil {
		return nil, errRequest
	}
	return nil, w.choose(way, who)
}

// mostAdvanced bounds one step of a bench's time, in seconds.
const mostAdvanced = 366 * 24 * 60 * 60

func (w *web) postAdvance(_ http.ResponseWriter, r *http.Request, _ session) (any, error) {
	var in struct {
		Seconds int64 `json:"seconds"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	if in.Seconds < 0 || in.Seconds > mostAdvanced {
		return nil, errRequest
	}
	return nil, w.advance(time.Duration(in.Seconds) * time.Second)
}

func (w *web) postPaper(_ http.ResponseWriter, r *http.Request, _ session) (any, error) {
	var in form
	if err := body(r, &in); err != nil {
		return nil, err
	}
	claims, signed, p, err := w.paper(in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"text": signed.Text(), "person": showPerson(p), "from": claims.IssuedAt * 1000, "ends": claims.Expires * 1000}, nil
}
