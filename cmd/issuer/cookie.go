package main

import (
	"net/http"
	"time"
)

// A visitor's token comes in a header, a signed-in user's in a cookie.
const (
	visitorHeader = "Railgate-Page"
	cookieName    = "railgate_session"
	cookieLasts   = 30 * 24 * time.Hour
)

// session finds out who asks.
func (w *web) session(r *http.Request) (session, error) {
	if c, err := r.Cookie(cookieName); err == nil {
		who, err := w.signedIn(c.Value)
		if who.isSignedIn() || err != nil {
			return who, err
		}
	}
	return w.visitor(r.Header.Get(visitorHeader)), nil
}

func (w *web) cookie(token string, lasts time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: token, Path: "/", MaxAge: int(lasts / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: !w.bench,
	}
}
