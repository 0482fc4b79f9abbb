//go:build !hil

package main

import (
	"context"
	"net"
	"net/http"

	"periph.io/x/conn/v3/gpio"

	"railgate/driver/gpioline"
)

// In the build of make hil, railgated panics here when a test asks for it (faults_hil.go). In every other build these
// do nothing and leave nothing in the program: a test of cmd/hil compares both builds.

func faulty(ctx context.Context, _ string) context.Context { return ctx }

func faultyPin(pin *gpioline.Line, _ string) gpio.PinIO { return pin }

func faultyListener(_ context.Context, l net.Listener) net.Listener { return l }

func faultyHandler(h http.Handler) http.Handler { return h }
