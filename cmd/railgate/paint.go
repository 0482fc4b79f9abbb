package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
)

// A painter colours words for a terminal, and leaves them alone elsewhere, on a dumb one, and where
// NO_COLOR is set (no-color.org).
type painter struct{ on bool }

func newPainter(out io.Writer) painter {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return painter{}
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return painter{on: err == nil}
}

func (p painter) paint(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string   { return p.paint("1", s) }
func (p painter) green(s string) string  { return p.paint("32", s) }
func (p painter) red(s string) string    { return p.paint("31", s) }
func (p painter) yellow(s string) string { return p.paint("33", s) }
func (p painter) dim(s string) string    { return p.paint("2", s) }

func (p painter) health(h control.Health) string {
	switch h {
	case control.Healthy:
		return p.green(string(h))
	case control.Degraded:
		return p.yellow(string(h))
	}
	return p.red(string(h))
}
