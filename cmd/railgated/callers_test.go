package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"railgate/cmd/control"
	"railgate/verify/lane"
)

// Callers who never hang up do not use up the gate's files, of which its scanner needs
// one: so many are served at once, and one that says nothing has five seconds.
func TestCallersWhoNeverHangUp(t *testing.T) {
	const most = 64 // the serial library fails at the process's file 1024, and there are two listeners
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := &pipeListener{calls: make(chan net.Conn, 300), closed: make(chan struct{})}
		for range cap(l.calls) {
			_, server := net.Pipe()
			l.calls <- server
		}
		done := make(chan error, 1)
		s := &server{log: slog.New(slog.DiscardHandler)}
		go func() { done <- s.serve(ctx, l, http.NotFoundHandler()) }()
		for served := most; served < 300; served += most {
			synctest.Wait()
			if got := cap(l.calls) - len(l.calls); got != served {
				t.Errorf("%d callers are served; want %d", got, served)
			}
			time.Sleep(6 * time.Second)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A caller that takes nothing of what it asked for loses its place, and one that does
// stays.
func TestCallersWhoTakeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := &pipeListener{calls: make(chan net.Conn, 2), closed: make(chan struct{})}
		s := &server{log: slog.New(slog.DiscardHandler), lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox()}, slog.New(slog.DiscardHandler))}
		done := make(chan error, 1)
		go func() { done <- s.serve(ctx, l, http.HandlerFunc(s.getEvents)) }()
		call := func() net.Conn {
			client, server := net.Pipe()
			l.calls <- server
			fmt.Fprint(client, "GET /events HTTP/1.1\r\nHost: gate\r\n\r\n")
			return client
		}
		dead, alive := call(), call()
		go io.Copy(io.Discard, alive)
		for range 60 {
			time.Sleep(time.Second)
			s.lane.hub.publish(control.Event{Mode: "closed"})
		}
		synctest.Wait()
		if n := len(s.lane.hub.listeners); n != 1 {
			t.Errorf("%d callers are told of the gate; want the one that listens", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		dead.Close()
		alive.Close()
	})
}

// A pipeListener's callers are there from the start.
type pipeListener struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }
