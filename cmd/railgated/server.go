package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/net/netutil"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/turnstile"
	"railgate/verify/lane"
)

// A server answers on the unix socket, and on HTTP where that is configured.
type server struct {
	cfg     *configs.Config
	lane    *runner
	sim     *turnstile.Sim // nil: the turnstile is not simulated
	log     *slog.Logger
	started time.Time
	board   *board
	logs    *sink // nil: the log is written at once
	turns   stillness
	socket  socket
}

func (s *server) String() string { return "control" }

// maxConns bounds the callers of one listener. The serial library fails where a
// process has 1024 files open, so too many callers must wait, and the gate never does.
const maxConns = 64

// serve answers until ctx ends. net/http starts a goroutine for each caller, and
// recovers it from a panic: that is logged with its stack, and the caller gets no answer.
// The gate goes on, for no caller drives its relay.
func (s *server) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: stallable(faultyHandler(h)), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelError),
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	err := srv.Serve(netutil.LimitListener(faultyListener(ctx, l), maxConns))
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stallLimit is how long a caller may read nothing of its answer. A screen that lost its
// power never hangs up, and counts as a caller until then.
const stallLimit = 10 * time.Second

// stallable ends the answer to a caller that no longer reads.
func stallable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(stallableWriter{w}, r)
	})
}

type stallableWriter struct{ http.ResponseWriter }

func (w stallableWriter) Write(p []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(p)
}

// FlushError is for [http.ResponseController].
func (w stallableWriter) FlushError() error {
	w.extend()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w stallableWriter) extend() {
	http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(stallLimit))
}

// Unwrap is for [http.ResponseController].
func (w stallableWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// onlyForUs refuses what is meant for a gate with another data folder.
func (s *server) onlyForUs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if dir := r.Header.Get(control.DataHeader); dir != "" && !sameFolder(dir, s.cfg.Data) {
			http.Error(w, "the railgated that answers here is that of "+s.cfg.Data, http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func sameFolder(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

func (s *server) getStatus(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.status())
}

func (s *server) getKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.lane.keys.detail())
}

func (s *server) postKeys(w http.ResponseWriter, r *http.Request) {
	keys, why := s.lane.keys, asked
	switch force := r.FormValue("force"); force {
	case "", "0":
	case "1":
		why = forced
	default:
		http.Error(w, "want force as 0 or 1", http.StatusBadRequest)
		return
	}
	if keys.path == "" {
		http.Error(w, keys.whyNone(), http.StatusConflict)
		return
	}
	if err := keys.read(why); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.getKeys(w, r)
}

// maxRecords bounds one answer of the journal: the caller asks again for more.
const maxRecords = 1000

func (s *server) getJournal(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	limit, err2 := strconv.Atoi(r.FormValue("limit"))
	if err != nil || err2 != nil || limit < 1 {
		http.Error(w, "want after and limit as numbers", http.StatusBadRequest)
		return
	}
	records, err := s.lane.store.Records(after, min(limit, maxRecords))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for i := range records {
		enc.Encode(&records[i])
	}
}

func (s *server) getEvents(w http.ResponseWriter, r *http.Request) {
	events := s.lane.hub.listen()
	defer s.lane.hub.leave(events)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w).Flush
	enc := json.NewEncoder(w)
	for flush() == nil {
		select {
		case <-r.Context().Done():
			return
		case e := <-events:
			if enc.Encode(&e) != nil {
				return
			}
		}
	}
}

// postService lets a technician take the lane over. The answer says what the lane
// becomes and until when; status says whether it did.
func (s *server) postService(w http.ResponseWriter, r *http.Request) {
	m, err := lane.ParseService(r.FormValue("mode"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	why := r.FormValue("why")
	if m == lane.ServiceFree && why == "" {
		http.Error(w, "free passage needs a reason, for the record: why", http.StatusBadRequest)
		return
	}
	if len(why) > maxWhy || strings.ContainsFunc(why, unicode.IsControl) {
		http.Error(w, fmt.Sprintf("why: at most %d bytes on one line", maxWhy), http.StatusBadRequest)
		return
	}
	s.lane.in.post(lane.Service{Mode: m, By: r.RemoteAddr, Why: why})
	answer := control.Service{Service: m.String()}
	if m != lane.ServiceNone {
		until := s.lane.instant().Wall.Add(lane.ServiceFor).Round(time.Second)
		answer.Until = &until
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// maxWhy bounds the reason that a technician gives.
const maxWhy = 200

func (s *server) postSim(w http.ResponseWriter, r *http.Request) {
	if s.sim == nil {
		http.Error(w, "the turnstile is not simulated", http.StatusConflict)
		return
	}
	active := r.FormValue("level") == "1"
	switch line := r.FormValue("line"); line {
	case "clock":
		s.pretend(w, r.FormValue("seconds"))
	case "walk":
		s.sim.Walk()
	case "passage":
		s.sim.SetPassage(active)
	case "emergency":
		s.sim.SetEmergency(active)
	default:
		http.Error(w, fmt.Sprintf("unknown line %q; want walk, passage, emergency or clock", line), http.StatusBadRequest)
	}
}

// mostPretended bounds a step of a bench's time.
const mostPretended = 366 * 24 * time.Hour

// pretend moves the time of a bench. A gate whose clock must be right refuses.
func (s *server) pretend(w http.ResponseWriter, seconds string) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	d := time.Duration(n) * time.Second
	switch {
	case s.cfg.Clock.RequireSync:
		http.Error(w, "this gate's clock must be synchronised; it cannot be moved", http.StatusConflict)
	case err != nil || d < 0 || n > int64(mostPretended/time.Second):
		http.Error(w, "want seconds, forward, up to a year", http.StatusBadRequest)
	default:
		s.lane.clock.Pretend(d)
	}
}

// A web answers on HTTP where that is configured: the passenger's screen, the
// technician's page, metrics, health. It changes nothing, and contains no personal data: no
// holder and no certificate goes out here.
type web struct{ *server }

// A socket is the control socket while it is open.
type socket struct {
	mu    sync.Mutex // guards the fields below
	path  string     // "": it is not open
	info  os.FileInfo
	again context.CancelFunc // closes it, to open it again
}
