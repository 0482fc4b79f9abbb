package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const loopbackCamera = "v4l2loopback devices=1 video_nr=0 exclusive_caps=0 card_label=gatecam"

// missed waits until the gate misses its camera, and says why.
func (g *gate) missed(why string) (problems string) {
	g.t.Helper()
	g.until("the camera is missed: "+why, func() bool {
		problems = strings.Join(g.status().Problems, "; ")
		return strings.Contains(problems, "eye") && strings.Contains(problems, why)
	})
	g.t.Logf("%s", problems)
	return problems
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

// A camera of JPEGs: each is read, with its Huffman tables and without; damaged ones between them are counted and
// stop nothing; and a camera that falls silent, that sends nothing whole, or that is pulled out is missed until it
// is back.
func TestCameraOfJPEGs(t *testing.T) {
	if _, err := os.Stat(filepath.Join(folder(t), "v4l2loopback.ko")); err != nil {
		t.Skip("there is no v4l2loopback.ko; loopback.sh says what it misses")
	}
	g := newGate(t, watching, func(s *setup) { s.modules = append(s.modules, loopbackCamera) })
	for _, format := range []string{"MJPG", "MJPG bare", "MJPG damaged"} {
		code, _ := g.code()
		stop := g.showing(format, code)
		if r := g.attempt("/init", "look", "MJPG"); strings.TrimSpace(r.Output) != "MJPG "+code {
			t.Errorf("%s: %s, %s; want %s", format, r.End, r.Output, code)
		}
		if format == "MJPG damaged" {
			g.countDamaged(code)
			r := g.attempt("/init", "look", "GREY")
			if r.End != "exit status 1" || !strings.Contains(r.Output, "as GREY; it offers MJPG 640x480") || strings.Count(r.Output, "\n") != 1 {
				t.Errorf("GREY of a camera of JPEGs: %s, %s; want one line about it", r.End, r.Output)
			}
			t.Logf("%s", r.Output)
		}
		stop()
	}

	g.start()
	for _, format := range []string{"MJPG bare", "MJPG damaged"} {
		g.shown(format)
		g.missed("delivers no frames")
	}

	ready := func() int { return strings.Count(g.said(), `msg="camera is ready" scanner=eye`) }
	from, before := time.Now(), ready()
	code, _ := g.code()
	stop := g.showing("MJPG ruined", code)
	if p := g.missed("not one in 5s"); !strings.Contains(p, "damaged") { // 5 s, as the first may take
		t.Errorf("problems: %s; want that frames are damaged", p)
	}
	stop()
	if c := g.since(from, relayPin); len(c) > 0 || ready() != before {
		t.Errorf("frames of which none is whole: ready %d times before, %d after, the relay %v", before, ready(), c)
	}

	g.until("it is pulled out", func() bool { return g.attempt("/init", "unload", "v4l2loopback").End == "exit status 0" })
	g.missed("unplugged")
	g.run("/init", "load")
	g.shown("MJPG")
}

// countDamaged has railgate's own view of the camera tell of frames that are read and frames that are damaged.
func (g *gate) countDamaged(code string) {
	g.t.Helper()
	var read, damaged int
	for line := range strings.Lines(g.run("/bin/railgate", "scan", "--camera", cameraPath, "--size", "640x480", "--json", "--frames", "5")) {
		var sight struct {
			Reads, Damaged int
			Text           string
		}
		if err := json.Unmarshal([]byte(line), &sight); err != nil || sight.Reads > 0 && sight.Text != code {
			continue // what it says to people
		}
		read, damaged = read+sight.Reads, damaged+sight.Damaged
	}
	if read == 0 || damaged == 0 {
		g.t.Errorf("of 5 frames %d read, and %d damaged; want both", read, damaged)
	}
	g.t.Logf("of 5 frames %d read, %d more damaged", read, damaged)
}
