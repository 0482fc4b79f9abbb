package main

import (
	"context"
	"net"
	"net/http"

	"railgate/cmd/control"
)

// Run listens on the control socket until ctx ends. Where it cannot be opened, or is
// removed, it is opened again: the gate works without, and its tools say that it does
// not answer.
func (s *server) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		var l net.Listener
		if !s.board.keepTrying(ctx, partControl, func() (err error) { l, err = s.openSocket(); return err }) {
			return nil
		}
		open, again := context.WithCancel(ctx)
		s.socket.opened(l.Addr().String(), again)
		err := s.serve(faulty(open, "control"), control.PeerListener{Listener: l}, s.controlMux())
		again()
		if err != nil {
			s.board.set(partControl, err)
		}
	}
	return nil
}

func (s *server) controlMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.getStatus)
	mux.HandleFunc("GET /journal", s.getJournal)
	mux.HandleFunc("GET /events", s.getEvents)
	mux.HandleFunc("GET /keys", s.getKeys)
	mux.HandleFunc("GET /config", s.getConfig)
	mux.Handle("GET /metrics", web{s}.metricsHandler())
	mux.HandleFunc("POST /keys", s.postKeys)
	mux.HandleFunc("POST /service", s.postService)
	mux.HandleFunc("POST /clock", s.postClock)
	mux.HandleFunc("POST /sync", s.postSync)
	mux.HandleFunc("POST /update", s.postUpdate)
	mux.HandleFunc("POST /provision", s.postProvision)
	mux.HandleFunc("POST /provision/confirm", s.postConfirm)
	mux.HandleFunc("POST /provision/reset", s.postReset)
	mux.HandleFunc("POST /sim", s.postSim)
	return s.onlyForUs(mux)
}

// Run listens until ctx ends. Where the port is taken or its address is not there, it
// tries again: the lane works without a screen.
func (w web) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		var l net.Listener
		if !w.board.keepTrying(ctx, partHTTP, func() (err error) { l, err = net.Listen("tcp", w.cfg.HTTP.Listen); return err }) {
			return nil
		}
		w.log.Info("listening", "url", "http://"+l.Addr().String())
		if err := w.serve(ctx, l, w.mux()); err != nil {
			w.board.set(partHTTP, err)
		}
	}
	return nil
}

func (w web) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", getPage("index.html"))
	mux.HandleFunc("GET /status", getPage("status.html"))
	for _, name := range []string{"face.css", "face.js", "status.css", "status.js"} {
		mux.Handle("GET /"+name, http.FileServerFS(faceFiles()))
	}
	mux.HandleFunc("GET /status.json", w.getStatus)
	mux.HandleFunc("GET /events", w.getScreen)
	mux.Handle("GET /metrics", w.metricsHandler())
	// /healthz: the process lives. /readyz: the lane lets people pass.
	mux.HandleFunc("GET /enroll.svg", w.getEnroll)
	mux.HandleFunc("GET /healthz", w.getHealth)
	mux.HandleFunc("GET /readyz", w.getReady)
	return guard(mux)
}
