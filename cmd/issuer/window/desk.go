// Package window is the page of the police window: an officer who is signed in issues paper
// certificates, prints them, finds them, and ends them. What may be done is package
// office's to decide (R17 to R20).
package window

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/limit"
	"railgate/cmd/pages"
	"railgate/verify"
)

// A Person is who is signed in with the role for the window.
type Person struct {
	office.Officer
	Name string
}

// Options are what a desk needs to know.
type Options struct {
	Who func(*http.Request) (Person, bool) // of a request that a guard has let in
	Log *slog.Logger                       // nil: nothing is logged
}

// A Desk answers to the officer's page. It is mounted below a path that ends with a slash,
// with that path stripped, behind a guard that lets in only officers.
//
//	GET  /              the page; package pages has the set of its files
//	GET  /api/state     who is signed in, and what can be chosen
//	GET  /api/slips     today's and those that are still valid
//	POST /api/issue     a slip
//	POST /api/print     what is to be printed of one, with its code
//	POST /api/find      by the slip's number, or by a document's: then what the person's phone has, too
//	POST /api/cancel    a mistake
//	POST /api/revoke    a slip, or what a phone holds
//	GET  /api/record    the last head of the record of acts (a C2SP checkpoint)
//
// Bodies are JSON. A denial is {"denied": {reason, zh, en, …}} with status 403 (429: too
// often). Times are milliseconds since 1970, by the issuer.
type Desk struct {
	office  *office.Office
	o       Options
	reads   *limit.Limiter // by officer
	acts    *limit.Limiter
	handler http.Handler
}

// New makes the desk of an office.
func New(o *office.Office, options Options) *Desk {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{office: o, o: options, reads: limit.New(250*time.Millisecond, 60), acts: limit.New(2*time.Second, 40)}
	mux := http.NewServeMux()
	mux.Handle("GET /", page())
	read := func(pattern string, h handler) { mux.HandleFunc(pattern, d.answer(h, d.reads)) }
	act := func(pattern string, h handler) { mux.HandleFunc(pattern, d.answer(h, d.acts)) }
	read("GET /api/state", d.getState)
	read("GET /api/slips", d.getSlips)
	read("GET /api/record", d.getRecord)
	act("POST /api/issue", d.postIssue)
	act("POST /api/print", d.postPrint)
	act("POST /api/find", d.postFind)
	act("POST /api/cancel", d.postCancel)
	act("POST /api/revoke", d.postRevoke)
	d.handler = mux
	return d
}

func (d *Desk) ServeHTTP(rw http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(rw, r) }

// A handler answers one request of an officer with what becomes JSON.
type handler func(r *http.Request, by Person) (any, error)

// errNobody is a request that no guard has let in: the desk is mounted wrongly.
var errNobody = errors.New("the desk is asked by somebody whom no guard has let in")

func (d *Desk) answer(h handler, often *limit.Limiter) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		by, ok := d.o.Who(r)
		var v any
		var err error
		switch {
		case !ok || by.Subject == "":
			err = errNobody
		case !often.Allow(by.Subject, time.Now()):
			err = office.Deny(office.TooMany)
		case r.Method == http.MethodPost && !pages.IsJSON(r):
			err = pages.ErrRequest
		default:
			v, err = h(r, by)
		}
		if err != nil {
			d.refuse(rw, err)
			return
		}
		reply(rw, http.StatusOK, v)
	}
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(v) // a page that is gone asks again
}

type refusal struct {
	Denied office.Denial `json:"denied"`
}

func (d *Desk) refuse(rw http.ResponseWriter, err error) {
	var no office.Denied
	switch {
	case errors.As(err, &no) && no.Reason == office.TooMany:
		rw.Header().Set("Retry-After", "5")
		reply(rw, http.StatusTooManyRequests, refusal{no.Words()})
	case errors.As(err, &no):
		reply(rw, http.StatusForbidden, refusal{no.Words()})
	case errors.Is(err, pages.ErrRequest):
		http.Error(rw, err.Error(), http.StatusBadRequest)
	default:
		d.o.Log.Error("an officer's request failed", "err", err)
		reply(rw, http.StatusInternalServerError, refusal{office.Broken.Words()})
	}
}

// maxBody bounds a request's body, in bytes.
const maxBody = 4 << 10

// body reads a request's JSON.
func body(r *http.Request, v any) error {
	if pages.ReadJSON(io.LimitReader(r.Body, maxBody), v) != nil {
		return pages.ErrRequest
	}
	return nil
}

// state is what the page begins with.
type state struct {
	Now       int64    `json:"now"`
	Officer   string   `json:"officer"`
	Lead      bool     `json:"lead"`
	Documents []string `json:"documents"`
	Reasons   []string `json:"reasons"`
	Revoke    []string `json:"revoke"`
}

func (d *Desk) getState(_ *http.Request, by Person) (any, error) {
	return state{d.office.Now().UnixMilli(), by.Name, by.Lead, office.SlipDocuments(), office.SlipReasons(), office.RevokeReasons()}, nil
}

// shownSlip is a slip as the list has it.
type shownSlip struct {
	ID       string `json:"id"` // hex
	Name     string `json:"name"`
	Number   string `json:"number"`
	Document string `json:"document"`
	office.Journey
	Reason  string           `json:"reason"`
	Issued  int64            `json:"issued"`
	Ends    int64            `json:"ends"`
	State   office.SlipState `json:"state"`
	EndedAs string           `json:"ended_as,omitempty"`
	Printed int              `json:"printed"`
	Own     bool             `json:"own"` // issued by who asks
	Cancel  bool             `json:"may_cancel"`
	Revoke  bool             `json:"may_revoke"`
}

func (d *Desk) show(s office.ShownSlip, by Person) shownSlip {
	now := d.office.Now()
	return shownSlip{
		ID: s.ID.String(), Name: s.Person.Name, Number: s.Person.Number, Document: s.Person.Document, Journey: s.Journey, Reason: s.Why,
		Issued: s.Issued.UnixMilli(), Ends: s.Ends().UnixMilli(), State: s.State, EndedAs: s.EndedAs, Printed: s.Printed, Own: s.By == by.Subject,
		Cancel: s.MayCancel(by.Officer, now), Revoke: s.MayRevoke(by.Officer, now),
	}
}

type slips struct {
	Slips      []shownSlip       `json:"slips"`
	Electronic []shownElectronic `json:"electronic,omitempty"` // of whoever was looked up
}

// shownElectronic is a certificate on a phone.
type shownElectronic struct {
	ID   string `json:"id"` // hex
	Ends int64  `json:"ends"`
}

func (d *Desk) showAll(all []office.ShownSlip, by Person) slips {
	out := slips{Slips: []shownSlip{}}
	for _, s := range all {
		out.Slips = append(out.Slips, d.show(s, by))
	}
	return out
}

func (d *Desk) getSlips(_ *http.Request, by Person) (any, error) {
	all, err := d.office.Slips()
	return d.showAll(all, by), err
}

func (d *Desk) postIssue(r *http.Request, by Person) (any, error) {
	var in office.SlipForm
	if err := body(r, &in); err != nil {
		return nil, err
	}
	s, err := d.office.IssueSlip(in, by.Officer)
	return d.show(s, by), err
}

// printed is what stands on the page that is printed.
type printed struct {
	shownSlip
	Code picture `json:"code"`
}

func (d *Desk) postPrint(r *http.Request, by Person) (any, error) {
	id, err := slipOf(r)
	if err != nil {
		return nil, err
	}
	p, err := d.office.PrintSlip(id, by.Officer)
	if err != nil {
		return nil, err
	}
	code, err := draw(p.Text)
	return printed{d.show(office.ShownSlip{Slip: p.Slip, Person: p.Person, Journey: p.Journey, State: office.SlipIsValid}, by), code}, err
}

func slipOf(r *http.Request) (verify.CertificateID, error) {
	var in struct {
		ID string `json:"id"`
	}
	if err := body(r, &in); err != nil {
		return "", err
	}
	return parseID(in.ID)
}

func parseID(text string) (verify.CertificateID, error) {
	id, err := hex.DecodeString(text)
	if err != nil || len(id) != 8 {
		return "", pages.ErrRequest
	}
	return verify.CertificateID(id), nil
}

func (d *Desk) postFind(r *http.Request, by Person) (any, error) {
	var in struct {
		Slip   string `json:"slip"`   // its number
		Number string `json:"number"` // a document's
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	var all []office.ShownSlip
	var phones []office.Electronic
	var err error
	switch {
	case in.Number == "":
		all, err = d.office.FindSlip(in.Slip)
	case in.Slip == "":
		if all, err = d.office.FindPerson(in.Number, by.Officer); err == nil {
			phones, err = d.office.Electronic(in.Number)
		}
	default:
		err = pages.ErrRequest
	}
	out := d.showAll(all, by)
	for _, e := range phones {
		out.Electronic = append(out.Electronic, shownElectronic{e.ID.String(), e.Ends.UnixMilli()})
	}
	return out, err
}

func (d *Desk) postCancel(r *http.Request, by Person) (any, error) {
	id, err := slipOf(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, d.office.CancelSlip(id, by.Officer)
}

func (d *Desk) postRevoke(r *http.Request, by Person) (any, error) {
	var in struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	id, err := parseID(in.ID)
	if err != nil {
		return nil, err
	}
	err = d.office.RevokeSlip(id, in.Reason, by.Officer)
	if errors.Is(err, office.Deny(office.NoSuchSlip)) {
		err = d.office.RevokeElectronic(id, in.Reason, by.Officer)
	}
	return struct{}{}, err
}

func (d *Desk) getRecord(*http.Request, Person) (any, error) {
	head, err := d.office.RecordHead()
	return map[string]string{"head": string(head)}, err
}
