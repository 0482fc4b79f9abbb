package main

import (
	"errors"
	"net/http"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/pages"
	"railgate/verify"
	"railgate/verify/mint"
)

// state is what the page shows.
type state struct {
	Now         int64             `json:"now"`
	Bench       bool              `json:"bench"`
	SignedIn    bool              `json:"signed_in"`
	Over        *office.Denial    `json:"over,omitempty"` // the sign-in is over: what to do
	Me          *shownPerson      `json:"me,omitempty"`   // a signed-in user
	Certificate *shownCertificate `json:"certificate,omitempty"`
	Companions  []shownCompanion  `json:"companions,omitempty"` // of a signed-in user
	Documents   []string          `json:"documents"`
	Tickets     []string          `json:"tickets"`
	Uses        []string          `json:"uses"`
}

// shownPerson is a person whom only the person recognises.
type shownPerson struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

func showPerson(p office.Person) *shownPerson {
	p = p.Masked()
	return &shownPerson{p.Name, p.Number}
}

type shownCertificate struct {
	ID        string         `json:"id"` // hex
	Way       string         `json:"way"`
	Person    *shownPerson   `json:"person"`
	Approved  int64          `json:"approved"`
	Ends      int64          `json:"ends"`
	LiveUntil int64          `json:"live_until"`
	Renewable int64          `json:"renewable"` // a new application is taken from then on
	Why       *office.Denial `json:"why,omitempty"`
	Besides   []shownBeside  `json:"besides,omitempty"`
}

// shownBeside is a certificate that is valid beside the one that is shown.
type shownBeside struct {
	Kind string `json:"kind"` // earlier, newer, paper
	Ends int64  `json:"ends"`
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// toldFor is how long the page says that a certificate has ended; then it is history.
const toldFor = 12 * time.Hour

func (w *web) getState(_ http.ResponseWriter, _ *http.Request, who office.Session) (any, error) {
	now := w.Now()
	s := state{Now: millis(now), Bench: w.Bench(), Documents: office.Documents(), Tickets: office.Tickets(), Uses: office.Uses()}
	if who.Over() {
		why := office.SignInOver.Words()
		s.Over = &why
	}
	me, err := w.Self(who)
	if err != nil {
		return nil, err
	}
	if me != nil {
		s.SignedIn, s.Me = true, showPerson(*me)
	}
	if s.Companions, err = w.companions(who, now); err != nil {
		return nil, err
	}
	s.Certificate, err = w.certificate(who, now)
	s.Now = millis(w.Now())
	return s, err
}

// certificate is what a session may see; nil: nothing.
func (w *web) certificate(who office.Session, now time.Time) (*shownCertificate, error) {
	c, p, err := w.Shown(who)
	switch {
	case errors.Is(err, office.Deny(office.VerifyAgain)), errors.Is(err, office.Deny(office.SessionEnded)), errors.Is(err, office.Deny(office.SignInOver)):
		return nil, nil
	case err != nil:
		return nil, err
	case now.Sub(c.Ends()) > toldFor:
		return nil, nil
	}
	besides, err := w.Besides(who)
	if err != nil {
		return nil, err
	}
	shown := showCertificate(c, p, now)
	for _, b := range besides {
		shown.Besides = append(shown.Besides, shownBeside{b.Kind, millis(b.Ends)})
	}
	return shown, nil
}

func showCertificate(c *office.Certificate, p office.Person, now time.Time) *shownCertificate {
	shown := &shownCertificate{
		ID: c.ID.String(), Way: c.Rotation.String(), Person: showPerson(p), Approved: millis(c.Approved), Ends: millis(c.Ends()),
		LiveUntil: millis(c.LiveUntil()), Renewable: millis(c.Renewable()),
	}
	if r := c.MayShow(now); r != "" {
		why := r.Words()
		shown.Why = &why
	}
	return shown
}

type shownApplication struct {
	Time        int64          `json:"time"`
	Certificate string         `json:"certificate,omitempty"`
	Ends        int64          `json:"ends,omitempty"`
	Denied      *office.Denial `json:"denied,omitempty"`
}

func (w *web) getHistory(_ http.ResponseWriter, _ *http.Request, who office.Session) (any, error) {
	all, err := w.History(who)
	if err != nil {
		return nil, err
	}
	out := []shownApplication{}
	for _, a := range all {
		shown := shownApplication{Time: millis(a.Time)}
		if a.Denied != "" {
			why := a.Denied.Words()
			shown.Denied = &why
		} else {
			shown.Certificate, shown.Ends = a.Certificate.String(), millis(a.Ends())
		}
		out = append(out, shown)
	}
	return map[string]any{"applications": out}, nil
}

func (w *web) postVisit(http.ResponseWriter, *http.Request, office.Session) (any, error) {
	token, err := w.NewVisitor()
	return map[string]string{"page": token}, err
}

// postLeave is what a visitor's page sends as it closes. The token is in the body:
// what is sent at that moment carries no header.
func (w *web) postLeave(_ http.ResponseWriter, r *http.Request, _ office.Session) (any, error) {
	var in struct {
		Page string `json:"page"`
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	return nil, w.Leave(w.Visitor(in.Page))
}

// credentials are what one signs up and in with.
type credentials struct {
	Account  string `json:"account"`
	Password string `json:"password"`
	office.Form
}

func (w *web) postSignUp(_ http.ResponseWriter, r *http.Request, _ office.Session) (any, error) {
	var in credentials
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	return nil, w.SignUp(in.Account, in.Password, in.Form)
}

func (w *web) postSignIn(rw http.ResponseWriter, r *http.Request, _ office.Session) (any, error) {
	var in struct {
		Account  string `json:"account"`
		Password string `json:"password"`
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	token, err := w.SignIn(r.Context(), in.Account, in.Password, pages.Address(r, w.proxied))
	if err != nil {
		return nil, err
	}
	http.SetCookie(rw, w.cookie(token, cookieLasts))
	return nil, nil
}

func (w *web) postSignOut(rw http.ResponseWriter, _ *http.Request, who office.Session) (any, error) {
	gone := w.cookie("", 0)
	gone.MaxAge = -1
	http.SetCookie(rw, gone)
	return nil, w.SignOut(who)
}

// errandReply is what the page brings to the check.
type errandReply struct {
	Ticket []byte `json:"ticket"`
}

func (w *web) postBegin(kind string) handler {
	return func(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
		var in struct {
			office.Form
			Way string `json:"way"`
		}
		if err := pages.ReadJSON(r.Body, &in); err != nil {
			return nil, err
		}
		way, err := parseRotation(in.Way)
		if err != nil {
			return nil, pages.ErrRequest
		}
		ticket, err := w.Begin(kind, in.Form, way, who)
		return errandReply{ticket}, err
	}
}

// parseRotation is parseWay for a certificate that rotates; chain where it is not said.
func parseRotation(name string) (verify.Rotation, error) {
	if name == "" {
		return verify.ByChain, nil
	}
	way, err := verify.ParseRotation(name)
	if err == nil && way == verify.Static {
		err = pages.ErrRequest
	}
	return way, err
}

func (w *web) postRecheck(_ http.ResponseWriter, _ *http.Request, who office.Session) (any, error) {
	ticket, err := w.Recheck(who)
	return errandReply{ticket}, err
}

// postDepart is a tap on the check: it leads to the provider's page.
func (w *web) postDepart(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
	var in struct {
		errandReply
		At string `json:"at"` // the page's own URL
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	ticket, page, err := w.Depart(r.Context(), in.Ticket, in.At, who)
	return struct {
		errandReply
		Page string `json:"page"`
	}{errandReply{ticket}, page}, err
}

func (w *web) postCheck(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
	var in struct {
		errandReply
		office.Answer
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	_, err := w.Check(r.Context(), in.Ticket, in.Answer, who)
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

func (w *web) postCode(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
	var in office.Proof
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	c, claims, signed, err := w.Credential(in, who)
	if err != nil {
		return nil, err
	}
	out := shownCode{
		Way: c.Rotation.String(), Begins: int64(claims.IssuedAt) * 1000, Period: mint.Period.Milliseconds(), Slots: 1,
		LiveUntil: millis(c.LiveUntil()), Ends: millis(c.Ends()),
	}
	if c.Rotation == verify.ByIssuer {
		out.Text = signed.Text()
	} else {
		out.Credential, out.Slots = signed, int(mint.Liveness/mint.Period)
	}
	out.Now = millis(w.Now())
	return out, nil
}

func (w *web) postWay(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
	var in struct {
		Way string `json:"way"`
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	way, err := parseRotation(in.Way)
	if err != nil {
		return nil, pages.ErrRequest
	}
	return nil, w.Choose(way, who)
}

// mostAdvanced bounds one step of a bench's time, in seconds.
const mostAdvanced = 366 * 24 * 60 * 60

func (w *web) postAdvance(_ http.ResponseWriter, r *http.Request, _ office.Session) (any, error) {
	var in struct {
		Seconds int64 `json:"seconds"`
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	if in.Seconds < 0 || in.Seconds > mostAdvanced {
		return nil, pages.ErrRequest
	}
	return nil, w.Advance(time.Duration(in.Seconds) * time.Second)
}

func (w *web) postPaper(_ http.ResponseWriter, r *http.Request, _ office.Session) (any, error) {
	var in office.Form
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	p, err := w.BenchSlip(office.Person{Name: in.Name, Document: in.Document, Number: in.Number})
	if err != nil {
		return nil, err
	}
	return map[string]any{"text": p.Text, "person": showPerson(p.Person), "from": millis(p.Issued), "ends": millis(p.Ends())}, nil
}
