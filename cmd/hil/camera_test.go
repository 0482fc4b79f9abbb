package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const vivid = "vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=3 num_outputs=1 output_types=1 vid_cap_nr=0 vid_out_nr=1"

// watching is a gate that has a camera beside its scanner.
var watching = strings.Replace(wired, "[turnstile]", `[[scanner]]
name = "eye"
driver = "camera"
device = "/dev/video0"
size = "640x480"
fps = 30
[turnstile]`, 1)

// showing shows a code to the camera until the returned function is called.
func (g *gate) showing(format, text string) (stop func()) {
	g.t.Helper()
	var pid int
	g.ask("Start", Command{Name: "show", Args: []string{"/init", "show", format, text}}, &pid)
	g.until("the picture is there", func() bool {
		var r Result
		g.ask("Look", "show", &r)
		if r.End != "" {
			g.t.Fatalf("showing in %s: %s\n%s", format, r.End, r.Output)
		}
		return strings.Contains(r.Output, "showing")
	})
	return func() {
		g.t.Helper()
		var r Result
		g.ask("Look", "show", &r)
		if r.End != "" {
			g.t.Errorf("showing in %s: %s\n%s", format, r.End, r.Output)
			return
		}
		g.ask("Kill", Signal{Name: "show", Number: int(unix.SIGKILL)}, new(struct{}))
		g.until("the picture is gone", func() bool { g.ask("Look", "show", &r); return r.End != "" })
	}
}

// The V4L2 driver against the kernel's own test camera, in each raw format; what it cannot send is one clear
// error; and a code that is held to it opens the gate.
func TestCamera(t *testing.T) {
	g := newGate(t, watching, func(s *setup) { s.modules = append(s.modules, vivid) })
	for _, format := range []string{"GREY", "NV12", "YUYV"} {
		began := time.Now()
		code, _ := g.code()
		stop := g.showing(format, code)
		if r := g.attempt("/init", "look", format); strings.TrimSpace(r.Output) != format+" "+code {
			t.Errorf("%s: %s, %s; want %s", format, r.End, r.Output, code)
		}
		stop()
		t.Logf("%s read after %v", format, time.Since(began).Round(time.Millisecond))
	}
	r := g.attempt("/init", "look", "MJPG")
	if r.End != "exit status 1" || !strings.Contains(r.Output, "MJPG") || strings.Count(r.Output, "\n") != 1 {
		t.Errorf("MJPG of a camera that has none: %s, %s; want one line about it", r.End, r.Output)
	}
	t.Logf("%s", r.Output)

	g.start()
	for n := range 2 {
		shown := time.Now()
		code, _ := g.code()
		stop := g.showing("GREY", code)
		g.signal(unix.SIGCONT)
		g.until("the camera is up", func() bool { return strings.Count(g.said(), `msg="camera is ready" scanner=eye`) > n })
		up := g.raised(shown)
		t.Logf("shown → relay %v, the picture's making included", up.at.Sub(shown).Round(time.Millisecond))
		stop()
		g.set(passagePin, true)
		time.Sleep(50 * time.Millisecond)
		g.set(passagePin, false)
		g.until("the pulse's end", func() bool { return len(g.since(shown, relayPin)) == 2 })
		if n == 0 { // pulled out, and put back
			g.write("/sys/bus/platform/drivers/vivid/unbind", "vivid.0", 0o200)
			g.until("the camera is missed", func() bool { return strings.Contains(strings.Join(g.status().Problems, "; "), "eye") })
			t.Logf("pulled out: %v", g.status().Problems)
			// This grabber comes back without the timings of its source, which is ours to set while nobody looks.
			g.signal(unix.SIGSTOP)
			g.write("/sys/bus/platform/drivers/vivid/bind", "vivid.0", 0o200)
		}
	}
}
