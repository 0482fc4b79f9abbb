package pages

import "net/http"

// A Policy is what a browser may do with a server's pages beyond running their scripts,
// showing their styles and pictures, and talking to the server.
type Policy struct {
	Framed      bool   // by pages of the same server; else by nobody
	Sources     string // further directives of the Content-Security-Policy, each ended by "; "
	Permissions string // of the Permissions-Policy; the microphone is never among them
	WebAssembly bool   // a page may compile WebAssembly; no other code is made from text
}

// Headers gives the function that sets a policy's headers on an answer.
func (p Policy) Headers() func(http.Header) {
	frames := "'none'"
	if p.Framed {
		frames = "'self'"
	}
	scripts := "'self'"
	if p.WebAssembly {
		scripts += " 'wasm-unsafe-eval'"
	}
	content := "default-src 'none'; script-src " + scripts + "; style-src 'self'; img-src 'self'; connect-src 'self'; " + p.Sources +
		"frame-ancestors " + frames + "; base-uri 'none'; form-action 'none'"
	return func(h http.Header) {
		h.Set("Content-Security-Policy", content)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", p.Permissions+", microphone=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
	}
}
