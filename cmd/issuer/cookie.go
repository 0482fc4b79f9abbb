package main

import (
	"net/http"
	"time"

	"railgate/cmd/issuer/office"
)

// A visitor's token comes in a header, a signed-in user's in a cookie.
const (
	visitorHeader = "Railgate-Page"
	cookieName    = "railgate_session"
	// Whom a signed-in user acts for; without it, for oneself.
	companionHeader = "Railgate-For"
	// A browser keeps the cookie a while longer than the issuer takes it, so that whoever comes
	// back is told why they are signed out.
	cookieLasts = office.SignInLasts + 30*24*time.Hour
)

// session finds out who asks. Whose sign-in is over may go on as a visitor.
func (w *web) session(r *http.Request) (who office.Session, err error) {
	if c, err := r.Cookie(cookieName); err == nil {
		who, err = w.SignedIn(c.Value)
		if id := r.Header.Get(companionHeader); who.SignedIn() && id != "" && err == nil {
			return w.For(who, id)
		}
		if who.SignedIn() || err != nil {
			return who, err
		}
	}
	if visitor := w.Visitor(r.Header.Get(visitorHeader)); visitor.ID != "" {
		return visitor, nil
	}
	return who, nil
}

func (w *web) cookie(token string, lasts time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: token, Path: "/", MaxAge: int(lasts / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: !w.Bench(),
	}
}
