package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// code is a new passenger's, fresh, with its certificate.
func (g *gate) code() (text, certificate string) {
	g.t.Helper()
	g.holder++
	now := uint64(time.Now().Unix())
	claims := verify.Claims{
		Holder: verify.HolderID(fmt.Sprintf("holder-%06d", g.holder)), Certificate: verify.CertificateID(fmt.Sprintf("cert%06d", g.holder)),
		IssuedAt: now, Live: now, Expires: now + 3600, Class: verify.Temporary,
	}
	credential, err := g.signer.Issue(claims, rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	return credential.Text(), hex.EncodeToString([]byte(claims.Certificate))
}

// pulsed waits for a whole pulse of the relay after an instant, and returns its edges.
func (g *gate) pulsed(from time.Time) (up, down change) {
	g.t.Helper()
	g.until("a pulse", func() bool { return len(g.since(from, relayPin)) >= 2 })
	c := g.since(from, relayPin)
	if !c[0].high || c[1].high {
		g.t.Fatalf("the relay: %+v; want it raised, then lowered", c)
	}
	return c[0], c[1]
}

// raised waits for the relay to be active.
func (g *gate) raised(from time.Time) change {
	g.t.Helper()
	g.until("the relay is active", func() bool { return len(g.since(from, relayPin)) >= 1 })
	c := g.since(from, relayPin)[0]
	if !c.high {
		g.t.Fatalf("the relay: %+v; want it raised", c)
	}
	return c
}

// open has a fresh code open the gate, and waits for the relay.
func (g *gate) open() (up change) {
	g.t.Helper()
	_, _, up = g.opens()
	return up
}

// opens shows codes until one opens the gate. A code that comes before the scanner listens is dropped, as it should
// be, and so is one that waits for a second in a machine that others keep from running.
func (g *gate) opens() (code, certificate string, up change) {
	g.t.Helper()
	const once = 20 * time.Second
	from := time.Now()
	g.until("the relay is active", func() bool {
		code, certificate = g.code()
		g.scan(code)
		for shown := time.Now(); time.Since(shown) < once && len(g.since(from, relayPin)) == 0; {
			time.Sleep(5 * time.Millisecond)
		}
		return len(g.since(from, relayPin)) > 0
	})
	return code, certificate, g.raised(from)
}

// walks is somebody who walks through, and stands in the passage for as long as is said and until railgated has seen
// it: a machine that its host does not run may miss what is short.
func (g *gate) walks(standing time.Duration) {
	g.t.Helper()
	before := strings.Count(g.said(), "msg=passage")
	g.set(passagePin, true)
	time.Sleep(standing)
	g.until("a passage", func() bool { return strings.Count(g.said(), "msg=passage") > before })
	g.set(passagePin, false)
}

// isSpent shows a code that has opened: the red light, no pulse, and in the journal one grant, and that it was used.
func (g *gate) isSpent(code, certificate string) {
	g.t.Helper()
	shown := time.Now()
	red := func() bool { return slices.ContainsFunc(g.since(shown, redPin), func(c change) bool { return c.high }) }
	g.until("the red light", func() bool {
		g.scan(code)
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && !red(); {
			time.Sleep(5 * time.Millisecond)
		}
		return red()
	})
	time.Sleep(quiet)
	if c := g.since(shown, relayPin); len(c) > 0 {
		g.t.Errorf("the same code again moves the relay: %v", c)
	}
	granted, denials := 0, []string(nil)
	g.until("its denial in the journal", func() bool {
		granted, denials = g.decided(certificate)
		return len(denials) > 0
	})
	if granted != 1 || slices.ContainsFunc(denials, func(reason string) bool { return reason != "already_used" }) {
		g.t.Errorf("the code that opened before has %d grants in the journal, and was denied now: %v; want one, and already_used", granted, denials)
	}
}

// decided tells what the journal has of a certificate.
func (g *gate) decided(certificate string) (granted int, denials []string) {
	g.t.Helper()
	for _, r := range g.journal() {
		switch {
		case r.Kind != journal.Decision || fmt.Sprintf("%x", string(r.Certificate)) != certificate:
		case r.Decision == "granted":
			granted++
		default:
			denials = append(denials, r.Reason)
		}
	}
	return granted, denials
}
