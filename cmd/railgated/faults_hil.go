//go:build hil

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"periph.io/x/conn/v3/gpio"

	"railgate/cmd/control"
	"railgate/driver/gpioline"
)

// This is the build that make hil has beside the one for devices: while the file that RAILGATED_FAULT names
// holds a goroutine's name, that goroutine panics at the next turn of its loop, on its own stack. Every loop
// asks its context or its device at each turn, so those are where it does.

// fault panics if it is asked for. It says when, so that the test can compare that with the relay's pin.
func fault(name string) {
	asked, err := os.ReadFile(os.Getenv("RAILGATED_FAULT"))
	if err == nil && string(asked) == name {
		panic(fmt.Sprintf("fault in %s at %d", name, time.Now().UnixNano()))
	}
}

type faultyContext struct {
	context.Context
	name string
}

func faulty(ctx context.Context, name string) context.Context { return faultyContext{ctx, name} }

func (c faultyContext) Done() <-chan struct{} { fault(c.name); return c.Context.Done() }
func (c faultyContext) Err() error            { fault(c.name); return c.Context.Err() }

type faultyInput struct {
	*gpioline.Line
	name string
}

func faultyPin(pin *gpioline.Line, name string) gpio.PinIO { return faultyInput{pin, name} }

func (i faultyInput) WaitForEdge(timeout time.Duration) bool {
	fault(i.name)
	return i.Line.WaitForEdge(timeout)
}

type faultyAccept struct {
	net.Listener
	ctx context.Context
}

func faultyListener(ctx context.Context, l net.Listener) net.Listener { return faultyAccept{l, ctx} }

// Accept returns to its loop now and then, even if nobody calls.
func (l faultyAccept) Accept() (net.Conn, error) {
	for l.ctx.Err() == nil {
		deadlineOf(l.Listener).SetDeadline(time.Now().Add(100 * time.Millisecond))
		c, err := l.Listener.Accept()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return c, err
		}
	}
	return nil, net.ErrClosed
}

// deadlineOf is a listener's that can be told when to give up, below those that wrap it.
func deadlineOf(l net.Listener) interface{ SetDeadline(time.Time) error } {
	switch l := l.(type) {
	case control.PeerListener:
		return deadlineOf(l.Listener)
	case namedListener:
		return deadlineOf(l.Listener)
	}
	return l.(interface{ SetDeadline(time.Time) error })
}

func faultyHandler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault("request")
		h.ServeHTTP(w, r)
	})
}
