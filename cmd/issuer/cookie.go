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
	cookieLasts   = 30 * 24 * time.Hour
)

// session finds out who asks.
func (w *web) session(r *http.Request) (office.Session, error) {
	if c, err := r.Cookie(cookieName); err == nil {
		who, err := w.SignedIn(c.Value)
		if who.SignedIn() || err != nil {
			return who, err
		}
	}
	return w.Visitor(r.Header.Get(visitorHeader)), nil
}

func (w *web) cookie(token string, lasts time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: token, Path: "/", MaxAge: int(lasts / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: !w.Bench(),
	}
}
