package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"railgate/cmd/control"
	"railgate/cmd/railgated/logsink"
	"railgate/configs"
	"railgate/driver/turnstile"
)

// A server answers on the unix socket, and on HTTP where that is configured.
type server struct {
	cfg     *configs.Config
	lane    *runner
	sim     *turnstile.Sim // nil: the turnstile is not simulated
	log     *slog.Logger
	started time.Time
	board   *board
	logs    *logsink.Sink // nil: the log is written at once
	turns   stillness
	onsets  onsets
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
	open, end := context.WithCancel(ctx)
	defer end() // answers that go on end with the listener
	srv := &http.Server{
		Handler: stallable(faultyHandler(h)), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return open },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelError),
	}
	context.AfterFunc(open, func() { srv.Close() })
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
	x, _ := os.Stat(a)
	y, _ := os.Stat(b)
	return os.SameFile(x, y) // what is not there is no folder's like
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
