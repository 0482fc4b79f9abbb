package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"railgate/configs"
	"railgate/driver"
	"railgate/driver/clock"
	"railgate/driver/turnstile"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// ask asks a handler, with a header unless its value is "".
func ask(h http.Handler, method, path, header, value string) (status int, body string) {
	r := httptest.NewRequest(method, path, nil)
	if value != "" {
		r.Header.Set(header, value)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// A bench's turnstile does what it is asked; a gate's relay and what is not known are refused.
func TestASimulatedTurnstileIsAsked(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	events := make(chan driver.Event, 10)
	sim := turnstile.NewSim(turnstile.SimConfig{Config: turnstile.Config{Name: "7"}}, log)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx, func(e driver.Event) { events <- e }) }()
	defer func() { stop(); <-done }()
	s := &server{cfg: &configs.Config{}, sim: sim}
	for _, tt := range []struct {
		query string
		want  []driver.Event // what the turnstile says then
	}{
		{"line=passage&level=1", []driver.Event{{Kind: driver.PassageEvent, Active: true}}},
		{"line=passage&level=0", []driver.Event{{Kind: driver.PassageEvent}}},
		{"line=emergency&level=1", []driver.Event{{Kind: driver.EmergencyEvent, Active: true}}},
		{"line=emergency&level=0", []driver.Event{{Kind: driver.EmergencyEvent}}},
		{"line=walk", []driver.Event{{Kind: driver.PassageEvent, Active: true}, {Kind: driver.PassageEvent}}},
	} {
		if status, body := ask(http.HandlerFunc(s.postSim), "POST", "/sim?"+tt.query, "", ""); status != http.StatusOK || body != "" {
			t.Errorf("%s: status %d, %q", tt.query, status, body)
		}
		for _, want := range tt.want {
			for {
				got := <-events // the turnstile also says how its lines are when it begins
				if got.Kind == want.Kind && got.Active == want.Active {
					break
				}
			}
		}
	}
	if status, body := ask(http.HandlerFunc(s.postSim), "POST", "/sim?line=door", "", ""); status != http.StatusBadRequest || !strings.Contains(body, `"door"`) {
		t.Errorf("a line that there is not: status %d, %q", status, body)
	}
	relay := &server{cfg: &configs.Config{}}
	if status, body := ask(http.HandlerFunc(relay.postSim), "POST", "/sim?line=walk", "", ""); status != http.StatusConflict || strings.Count(body, "\n") != 1 {
		t.Errorf("a gate with a relay: status %d, %q; want one reason", status, body)
	}
}

// A bench's time is moved by whole seconds, forward, up to a year.
func TestHowFarABenchsTimeIsMoved(t *testing.T) {
	for _, tt := range []struct {
		seconds string
		want    time.Duration // negative: it is refused
	}{
		{"0", 0}, {"60", time.Minute}, {"31622400", 366 * 24 * time.Hour},
		{"31622401", -1}, {"-1", -1}, {"", -1}, {"a", -1}, {"9223372036854775807", -1},
	} {
		c := clock.New(clock.Config{}, time.Time{}, slog.New(slog.DiscardHandler))
		s := &server{cfg: &configs.Config{}, lane: &runner{parts: parts{clock: c}}}
		rec := httptest.NewRecorder()
		before := c.Now().Time
		s.pretend(rec, tt.seconds)
		moved := c.Now().Time.Sub(before).Truncate(time.Minute)
		if want := max(0, tt.want); (rec.Code == http.StatusOK) != (tt.want >= 0) || moved != want || tt.want < 0 && rec.Code != http.StatusBadRequest {
			t.Errorf("%q seconds: status %d, moved by %v; want %v", tt.seconds, rec.Code, moved, tt.want)
		}
	}
	s := &server{cfg: &configs.Config{}}
	s.cfg.Clock.RequireSync = true
	rec := httptest.NewRecorder()
	if s.pretend(rec, "60"); rec.Code != http.StatusConflict {
		t.Errorf("a gate whose clock must be right: status %d; want %d", rec.Code, http.StatusConflict)
	}
}

// Who takes a lane over is written down, with the reason; a bad question is no takeover.
func TestATakeoverIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name, mode, why string
		want            int
	}{
		{"free, with a reason", "free", "a drill", http.StatusServiceUnavailable}, // nobody runs the lane here
		{"closed, without", "closed", "", http.StatusServiceUnavailable},
		{"the longest reason", "free", strings.Repeat("x", 200), http.StatusServiceUnavailable},
		{"one that is longer", "free", strings.Repeat("x", 201), http.StatusBadRequest},
		{"free, without a reason", "free", "", http.StatusBadRequest},
		{"a reason of two lines", "closed", "a\nb", http.StatusBadRequest},
		{"a mode that there is not", "open", "why", http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := clock.New(clock.Config{}, time.Time{}, slog.New(slog.DiscardHandler))
			s := &server{cfg: &configs.Config{}, lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox(), clock: c}, slog.New(slog.DiscardHandler))}
			ctx, gone := context.WithCancel(t.Context())
			gone()
			r := httptest.NewRequest("POST", "/service?"+url.Values{"mode": {tt.mode}, "why": {tt.why}}.Encode(), nil).WithContext(ctx)
			r.RemoteAddr = "wang"
			rec := httptest.NewRecorder()
			s.postService(rec, r)
			if rec.Code != tt.want || strings.Count(rec.Body.String(), "\n") != 1 {
				t.Errorf("status %d, %q; want %d, and one reason", rec.Code, rec.Body, tt.want)
			}
			ev, asked := s.lane.in.take(func(time.Time) time.Duration { return 0 })
			if got, _ := ev.(lane.Service); asked != (tt.want == http.StatusServiceUnavailable) || asked && (got.By != "wang" || got.Why != tt.why || got.Mode.String() != tt.mode) {
				t.Errorf("the lane hears %+v, %v", ev, asked)
			}
		})
	}
}

// The answer to a takeover is what the lane has become.
func TestATakeoverIsAnswered(t *testing.T) {
	c := clock.New(clock.Config{}, time.Time{}, slog.New(slog.DiscardHandler))
	s := &server{cfg: &configs.Config{}, lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox(), clock: c}, slog.New(slog.DiscardHandler))}
	rec := httptest.NewRecorder()
	s.postService(rec, httptest.NewRequest("POST", "/service?mode=none", nil)) // as it is
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/json" || !strings.Contains(rec.Body.String(), `"service":`) {
		t.Errorf("status %d, %q, %s", rec.Code, rec.Header().Get("Content-Type"), rec.Body)
	}
}

// Proven time is lowered with a reason, to a time that can be, and only where that is written.
func TestProvenTimeIsLoweredWithAReason(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	now := time.Now().UTC().Truncate(time.Second)
	ahead := now.AddDate(1, 0, 0)
	for _, tt := range []struct {
		name, time, why string
		closed          bool
		want            int
	}{
		{"a reason", now.Format(time.RFC3339), " a signer was ahead ", false, http.StatusOK},
		{"the longest reason", now.Format(time.RFC3339), strings.Repeat("x", 500), false, http.StatusOK},
		{"one that is longer", now.Format(time.RFC3339), strings.Repeat("x", 501), false, http.StatusBadRequest},
		{"no reason", now.Format(time.RFC3339), " ", false, http.StatusBadRequest},
		{"no time", "yesterday", "why", false, http.StatusBadRequest},
		{"a time that is later", ahead.AddDate(1, 0, 0).Format(time.RFC3339), "why", false, http.StatusConflict},
		{"a store that is unavailable", now.Format(time.RFC3339), "why", true, http.StatusServiceUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, err := store.Open(store.Options{Dir: t.TempDir(), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return now, true }}, log)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			if tt.closed {
				st.Close()
			}
			c := clock.New(clock.Config{}, time.Time{}, log)
			c.Resume(ahead, nil)
			s := &server{cfg: &configs.Config{}, lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox(), clock: c, store: st}, log)}
			status, body := ask(http.HandlerFunc(s.postClock), "POST", "/clock?"+url.Values{"time": {tt.time}, "why": {tt.why}}.Encode(), "", "")
			if status != tt.want || strings.Count(body, "\n") > 1 || (body == "") != (tt.want == http.StatusOK) {
				t.Errorf("status %d, %q; want %d", status, body, tt.want)
			}
			if len(tt.why) > 500 && !strings.Contains(body, "500 bytes") {
				t.Errorf("%q; want how long a reason may be", body)
			}
			if lowered := c.Proven().Proven().Before(now.AddDate(0, 1, 0)); lowered != (tt.want == http.StatusOK) {
				t.Errorf("proven is %v", c.Proven().Proven())
			}
			if records, _ := st.Records(0, 10); tt.want == http.StatusOK {
				if last := records[len(records)-1]; last.Kind != journal.ClockAccepted || !strings.Contains(last.Detail, strings.TrimSpace(tt.why)) {
					t.Errorf("the journal has %+v; want the reason", last)
				}
			}
		})
	}
}

// What a browser may do with the gate's pages: show them, and nothing else.
func TestPagesAreGuarded(t *testing.T) {
	rec := httptest.NewRecorder()
	guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
		"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Railgate-Pages": pageVersion(),
	} {
		if got := rec.Header().Get(name); got != want || want == "" {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
	if rec.Code != http.StatusTeapot {
		t.Errorf("status %d; want the page's", rec.Code)
	}
}
