package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const loopback = "v4l2loopback devices=1 video_nr=0 exclusive_caps=0 card_label=gatecam"

// missed waits until the gate misses its camera, and says why.
func (g *gate) missed(why string) {
	g.t.Helper()
	var problems string
	g.until("the camera is missed: "+why, func() bool {
		problems = strings.Join(g.status().Problems, "; ")
		return strings.Contains(problems, "eye") && strings.Contains(problems, why)
	})
	g.t.Logf("%s", problems)
}

// shown shows a code to the camera until somebody has passed.
func (g *gate) shown(format string) {
	g.t.Helper()
	from := time.Now()
	code, _ := g.code()
	stop := g.showing(format, code)
	up := g.raised(from)
	g.t.Logf("%s shown → relay %v, the picture's making included", format, up.at.Sub(from).Round(time.Millisecond))
	stop()
	g.set(passagePin, true)
	time.Sleep(50 * time.Millisecond)
	g.set(passagePin, false)
	g.until("the pulse's end", func() bool { return len(g.since(from, relayPin)) == 2 })
}

// A camera of JPEGs: each is read, with its Huffman tables and without; damaged ones between them stop
// nothing; and a camera that falls silent, that sends nothing whole, or that is pulled out is missed until
// it is back.
func TestCameraOfJPEGs(t *testing.T) {
	if _, err := os.Stat(filepath.Join(folder(t), "v4l2loopback.ko")); err != nil {
		t.Skip("there is no v4l2loopback.ko; loopback.sh says what it misses")
	}
	g := newGate(t, watching, func(s *setup) { s.modules = append(s.modules, loopback) })
	for _, format := range []string{"MJPG", "MJPG bare", "MJPG damaged"} {
		code, _ := g.code()
		stop := g.showing(format, code)
		if r := g.attempt("/init", "look", "MJPG"); strings.TrimSpace(r.Output) != "MJPG "+code {
			t.Errorf("%s: %s, %s; want %s", format, r.End, r.Output, code)
		}
		stop()
	}

	g.start()
	for _, format := range []string{"MJPG", "MJPG bare", "MJPG damaged"} {
		g.shown(format)
		g.missed("")
	}
	code, _ := g.code()
	from := time.Now()
	stop := g.showing("MJPG ruined", code)
	g.missed("damaged")
	stop()
	if c := g.since(from, relayPin); len(c) > 0 {
		t.Errorf("frames of which none is whole move the relay: %v", c)
	}
	g.until("it is pulled out", func() bool { return g.attempt("/init", "unload", "v4l2loopback").End == "exit status 0" })
	g.missed("no such file")
	g.run("/init", "load")
	g.shown("MJPG")
	g.signal(unix.SIGTERM)
	t.Log(g.ended())
}
