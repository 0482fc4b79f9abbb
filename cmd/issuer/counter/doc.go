// Package counter is where a certificate stands for the identity card beside the gates: a
// ticketing system, a clerk at a counter or a conductor on board sends a code and a purpose,
// and is told what a gate would say, and as much of the holder as they may know.
//
//	resolve answer ticket   a look-up: what is asked and what is answered
//	record                  the record of each look-up, before its answer
//	client token oauth      ticketing systems: OAuth 2 client credentials (RFC 6749 §4.4, RFC 6750)
//	caller limits           who asks, what they may, how often
//	problem                 errors (RFC 9457)
//	openapi.yaml            all of it, for programs (OpenAPI 3.1)
//	web                     the page of the clerk
//
// The rules are R31 to R37 in docs/issuer.md.
package counter
