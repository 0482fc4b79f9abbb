package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"railgate/cmd/control"
)

// page is the bench: passenger, gate, conductor and police window side by side.
//
//go:embed page
var page embed.FS

// A web shows the bench: one origin for the phone's page (/phone/), the gate's screen
// (/gate/), the conductor's phone (/conductor/) and the police window's computer (/window/),
// and what a hand would do between them.
type web struct {
	client  *control.Client // the first gate's
	gates   []*gate
	kept    string // a file with how far the time was moved
	issuer  *url.URL
	phone   string                             // URL of the passenger's page: where the issuer believes that it is
	gate    *url.URL                           // the first one's pages
	staff   func(at time.Time) ([]byte, error) // the picture of a staff code
	station *station                           // nil: there is none
	restart func(ctx context.Context, g *gate, while func() error) error

	mu        sync.Mutex // guards the fields below
	watchers  map[chan line]bool
	held      int           // pictures, for their names
	pretended time.Duration // how far the time was moved
	visited   func()        // somebody opened the page; set once
	left      func()        // nobody has it open any more; set once
}

// line is a passage for the page's log.
type line struct {
	Time     string `json:"time"`
	Decision string `json:"decision"`
	Result   string `json:"result"`
	Text     string `json:"text"`
}

func newWeb(gates []*gate, issuer *url.URL) *web {
	return &web{client: gates[0].client(), gates: gates, issuer: issuer, gate: gates[0].url(), watchers: map[chan line]bool{}}
}

func (w *web) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic("bench: internal error: " + err.Error()) // it is embedded
	}
	mux := http.NewServeMux()
	static := http.FileServerFS(files)
	for _, name := range []string{"bench.css", "bench.js", "tabs.js", "film.js"} {
		mux.Handle("GET /"+name, static)
	}
	mux.HandleFunc("GET /{$}", w.index)
	for _, name := range []string{"phone", "conductor", "window"} {
		mux.Handle("/"+name+"/", w.device(name))
	}
	mux.Handle("GET /gate/", http.StripPrefix("/gate", proxy(w.gate)))
	mux.HandleFunc("POST /phone/api/bench/advance", w.advancePhone)
	mux.HandleFunc("POST /hold", w.hold)
	mux.HandleFunc("POST /walk", func(rw http.ResponseWriter, r *http.Request) { answer(rw, w.client.Sim(r.Context(), "walk", true)) })
	mux.HandleFunc("POST /fire", func(rw http.ResponseWriter, r *http.Request) {
		answer(rw, w.client.Sim(r.Context(), "emergency", r.FormValue("on") == "1"))
	})
	mux.HandleFunc("POST /advance", w.advance)
	mux.HandleFunc("POST /staff", w.staffCode)
	mux.HandleFunc("GET /passages", w.passages)
	if w.station != nil {
		mux.Handle("GET /second/", http.StripPrefix("/second", proxy(w.gates[1].url())))
		mux.Handle("/station/", http.StripPrefix("/station", w.station.staff()))
		mux.HandleFunc("POST /fault/{what}", w.fault)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// index is the page, which has more tabs where there is a station.
func (w *web) index(rw http.ResponseWriter, _ *http.Request) {
	text, err := page.ReadFile("page/index.html")
	if err != nil {
		panic("bench: internal error: " + err.Error()) // it is embedded
	}
	has := "no"
	if w.station != nil {
		has = "yes"
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Write(bytes.Replace(text, []byte("{{station}}"), []byte(has), 1))
}

// proxy hands requests on, with the host that the browser asked for: the issuer
// compares it with the page's origin.
func proxy(to *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		FlushInterval: -1, // events go through at once
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, err error) { answer(rw, err) },
	}
}

// device is the issuer as one person's phone or computer reaches it, below a path of its own.
// Each has its own cookies there, though one browser has them all: who signs in at the window
// is not signed in on board. The issuer knows one path, the phone's: where it names that to
// another device, the device's own is meant.
func (w *web) device(name string) http.Handler {
	own, p := "/"+name+"/", proxy(w.issuer)
	p.ModifyResponse = func(r *http.Response) error {
		cookies := r.Cookies()
		r.Header.Del("Set-Cookie")
		for _, c := range cookies {
			c.Path = own
			r.Header.Add("Set-Cookie", c.String())
		}
		if name == "phone" {
			return nil
		}
		if rest, ok := strings.CutPrefix(r.Header.Get("Location"), w.phone); ok {
			r.Header.Set("Location", own+rest)
		}
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if kind != "text/html" && kind != "application/json" || r.Header.Get("Content-Encoding") != "" {
			return nil
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte(w.phone), []byte(own))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		r.Header.Set("Content-Length", strconv.Itoa(len(text)))
		return nil
	}
	return http.StripPrefix("/"+name, p)
}

func answer(rw http.ResponseWriter, err error) {
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
	}
}

const (
	// maxPicture bounds a picture that is held to the camera, in bytes.
	maxPicture = 1 << 20
	// heldFor is how long a hand holds the phone to the glass.
	heldFor = 1200 * time.Millisecond
)

// hold puts a picture before a gate's camera for a while: the first one's, or the second's.
func (w *web) hold(rw http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxPicture))
	if err != nil || len(data) == 0 {
		http.Error(rw, "want a PNG picture of up to a megabyte", http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	w.held++
	g := w.gates[0]
	if r.URL.Query().Get("gate") == secondGate {
		g = w.gates[len(w.gates)-1]
	}
	path := filepath.Join(g.path("frames"), fmt.Sprintf("held-%d.png", w.held))
	w.mu.Unlock()
	// Written under another name: the camera must not see half of it.
	err = os.WriteFile(path+".new", data, 0o640)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	time.AfterFunc(heldFor, func() { os.Remove(path) })
}

// staffCode answers with a staff code, which the page holds to the gate.
func (w *web) staffCode(rw http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	picture, err := w.staff(time.Now().Add(w.pretended))
	if err != nil {
		answer(rw, err)
		return
	}
	rw.Header().Set("Content-Type", "image/png")
	rw.Write(picture)
}

// advance moves the time of the gate and of the issuer.
func (w *web) advance(rw http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.FormValue("seconds"))
	if err != nil || seconds < 0 {
		http.Error(rw, "want seconds, forward", http.StatusBadRequest)
		return
	}
	answer(rw, w.move(r.Context(), time.Duration(seconds)*time.Second))
}

func (w *web) move(ctx context.Context, d time.Duration) error {
	body := strings.NewReader(fmt.Sprintf(`{"seconds":%d}`, d/time.Second))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.issuer.JoinPath("api/bench/advance").String(), body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("issuer: %s", resp.Status)
	}
	return w.pretend(ctx, d)
}

// advancePhone lets the phone's own control move the time: the gate's goes with it.
func (w *web) advancePhone(rw http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 1024))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(data)))
	seen := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
	w.device("phone").ServeHTTP(seen, r)
	var moved struct{ Seconds int }
	if seen.status < 300 && json.Unmarshal(data, &moved) == nil {
		w.pretend(r.Context(), time.Duration(moved.Seconds)*time.Second) // the issuer has answered already
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// pretend moves the gates' time, and the station's.
func (w *web) pretend(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	w.pretended += d
	err := os.WriteFile(w.kept, []byte(w.pretended.String()), 0o640) // the station reads it: it is ahead of nobody
	w.mu.Unlock()
	if err != nil {
		return err
	}
	for _, g := range w.gates {
		if err := g.client().Pretend(ctx, d); err != nil {
			return err
		}
	}
	if w.station == nil {
		return nil
	}
	if _, err := w.station.publish(true); err != nil {
		return err
	}
	w.syncGates(ctx)
	return w.station.signIn(ctx) // a session may have ended
}

// moved is how far the time was moved.
func (w *web) moved() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pretended
}

// pretendAgain brings a bench that was ended back to its time: a gate that has seen
// tomorrow's codes does not believe that it is today.
func (w *web) pretendAgain(ctx context.Context) error {
	text, err := os.ReadFile(w.kept)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w; remove it", w.kept, err)
	}
	return w.move(ctx, d)
}

// shanghai is the railway's time, which the phone shows too.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// passages sends the log's lines and the bench's time as server-sent events.
func (w *web) passages(rw http.ResponseWriter, r *http.Request) {
	lines := w.join()
	defer w.leave(lines)
	rw.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(rw)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for before := w.moved(); ; {
		by := w.moved()
		if by != before {
			fmt.Fprintf(rw, "event: moved\ndata: %s\n\n", by) // a browser that is gone shows at the next flush
			before = by
		}
		_, err := fmt.Fprintf(rw, "event: clock\ndata: %s\n\n", time.Now().Add(by).In(shanghai).Format("01-02 15:04:05"))
		if errors.Join(err, out.Flush()) != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		case l := <-lines:
			data, err := json.Marshal(l)
			if err != nil {
				return
			}
			fmt.Fprintf(rw, "data: %s\n\n", data) // a browser that is gone shows at the next flush
		}
	}
}

func (w *web) join() chan line {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan line, 16)
	w.watchers[c] = true
	if len(w.watchers) == 1 && w.visited != nil {
		w.visited()
	}
	return c
}

func (w *web) leave(c chan line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, c)
	if len(w.watchers) == 0 && w.left != nil {
		w.left()
	}
}

// tell adds a line to the page's log.
func (w *web) tell(l line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.watchers {
		select {
		case c <- l:
		default: // a browser that does not keep up misses a line
		}
	}
}

// serve answers until ctx ends.
func (w *web) serve(ctx context.Context, l net.Listener) *url.URL {
	srv := &http.Server{Handler: w.handler(), ReadHeaderTimeout: 5 * time.Second}
	go srv.Serve(l) // ends with Close
	context.AfterFunc(ctx, func() { srv.Close() })
	return &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/"}
}
