package main

import (
	"embed"
	"io/fs"
	"net/http"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/pages"
	"railgate/verify/mint"
)

// staffPage is the page of a member of staff's phone; it draws and makes codes with what the
// passenger's page has.
//
//go:embed staffpage
var staffPage embed.FS

// staffFiles is the set of that page.
func staffFiles() *pages.Set {
	own, err := fs.Sub(staffPage, "staffpage")
	if err != nil {
		panic("issuer: internal error: " + err.Error()) // it is embedded
	}
	files, err := pages.ReadFiles(own)
	for _, name := range []string{"code.js", "qr.js", "words.js", "phone.css", "icon.svg"} {
		if err == nil {
			files[name], err = page.ReadFile("page/" + name)
		}
	}
	if err != nil {
		panic("issuer: internal error: " + err.Error())
	}
	files["look.css"] = pages.Look()
	s, err := pages.NewSet(files)
	if err != nil {
		panic("issuer: internal error: " + err.Error())
	}
	return s
}

// staff answers to the page of a member of staff, below /staff/ and behind the guard.
//
//	GET  /            the page; package pages has the set of its files
//	GET  /api/state   who is signed in, and until when there are codes
//	POST /api/code    what the phone makes codes of
func (w *web) staff() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", staffFiles())
	mux.HandleFunc("GET /api/state", w.getStaff)
	mux.HandleFunc("POST /api/code", w.postStaffCode)
	return http.StripPrefix("/staff", mux)
}

// member is who asks, and the name of that person.
func member(r *http.Request) (office.Member, string) {
	p, _ := signin.From(r) // the guard let nobody else through
	left := time.Until(p.Until)
	return office.Member{Subject: p.Subject, Session: p.Session, Age: signin.Lasts - left, Left: left}, p.Name
}

// endStaff ends the codes of a sign-in that has ended.
func (w *web) endStaff(p signin.Person) error {
	return w.EndStaffCodes(office.Member{Subject: p.Subject, Session: p.Session})
}

// shownMember is what the page shows of whoever is signed in. Times are the issuer's.
type shownMember struct {
	Name      string `json:"name"`
	Now       int64  `json:"now"`
	Since     int64  `json:"since"`      // one is signed in
	LiveUntil int64  `json:"live_until"` // one signs in again by then
	Ends      int64  `json:"ends"`       // the sign-in does
}

func (w *web) getStaff(rw http.ResponseWriter, r *http.Request) {
	m, name := member(r)
	p, _ := signin.From(r)
	now := w.Now()
	reply(rw, http.StatusOK, shownMember{Name: name, Now: millis(now), Since: millis(p.Until.Add(-signin.Lasts)), LiveUntil: millis(now.Add(office.StaffLiveFor - m.Age)), Ends: millis(now.Add(m.Left))})
}

func (w *web) postStaffCode(rw http.ResponseWriter, r *http.Request) {
	var in office.Proof
	m, _ := member(r)
	if !pages.IsJSON(r) || pages.ReadJSON(r.Body, &in) != nil {
		w.refuse(rw, pages.ErrRequest)
		return
	}
	claims, signed, err := w.StaffCredential(in, m)
	if err != nil {
		w.refuse(rw, err)
		return
	}
	reply(rw, http.StatusOK, shownCode{
		Way: "device", Credential: signed, Begins: int64(claims.IssuedAt) * 1000, Period: mint.Period.Milliseconds(), Slots: int(mint.Liveness / mint.Period),
		LiveUntil: int64(claims.Live)*1000 + office.StaffLiveFor.Milliseconds(), Ends: int64(claims.Expires) * 1000, Now: millis(w.Now()),
	})
}
