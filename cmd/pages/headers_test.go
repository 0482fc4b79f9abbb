package pages

import (
	"net/http"
	"strings"
	"testing"
)

// Each header of a policy is set, and says no more than the policy does.
func TestHeaders(t *testing.T) {
	const (
		begin = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
		end   = "; base-uri 'none'; form-action 'none'"
	)
	for _, tt := range []struct {
		policy  Policy
		content string
	}{
		{Policy{Permissions: "camera=()"}, begin + "frame-ancestors 'none'" + end},
		{Policy{Permissions: "camera=()", Framed: true}, begin + "frame-ancestors 'self'" + end},
		{Policy{Permissions: "camera=()", Sources: "worker-src 'self'; "}, begin + "worker-src 'self'; frame-ancestors 'none'" + end},
		{Policy{Permissions: "camera=()", WebAssembly: true}, strings.Replace(begin, "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", 1) + "frame-ancestors 'none'" + end},
	} {
		h := http.Header{}
		tt.policy.Headers()(h)
		for name, want := range map[string]string{
			"Content-Security-Policy":    tt.content,
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Permissions-Policy":         "camera=(), microphone=()",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Cache-Control":              "no-store",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%+v: %s %q; want %q", tt.policy, name, got, want)
			}
		}
	}
}
