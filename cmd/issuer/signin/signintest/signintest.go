// Package signintest signs people in for tests of pages that ask for a role.
package signintest

import (
	"log/slog"
	"net/http"

	"railgate/cmd/issuer/signin"
)

// Guard is a guard without a provider: those get in whom [As] has signed in.
func Guard() *signin.Guard { return signin.New(nil, slog.New(slog.DiscardHandler)) }

// As signs somebody with roles in, and gives the cookie that a request needs.
func As(g *signin.Guard, name string, roles ...string) *http.Cookie {
	return g.Admit(signin.Person{Subject: "test:" + name, Name: name, Roles: roles})
}
