package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

// A usbWire is a scanner on USB in the place of the serial one: what is written to it, it reads; closing it pulls
// it out.
type usbWire struct {
	net.Conn
	m    *machine
	kind string
}

func (w *usbWire) Write(text []byte) (int, error) {
	return len(text), w.m.try("ShowUSB", Shown{w.kind, string(text)}, new(struct{}))
}

func (w *usbWire) Close() error {
	select {
	case <-w.m.exited:
		return nil
	default:
		return w.m.try("UnplugUSB", w.kind, new(struct{}))
	}
}

// newUSBGate boots a gate whose scanner is of a kind, "hid" or "keyboard", and plugged in. railgated does not run yet.
func newUSBGate(t *testing.T, kind, id string) *gate {
	t.Helper()
	config := strings.Replace(wired, "driver = \"serial\"\nport = \"/dev/ttyUSB0\"", "driver = \""+kind+"\"\ndevice = \""+id+"\"", 1)
	g := newGate(t, config, func(s *setup) {
		s.modules = append(s.modules, "uhid", "hid_generic", "evdev")
		s.words = append(s.words, "GODEBUG=asyncpreemptoff=1") // as in newIPC
	})
	g.unplug() // the serial one
	g.plugUSB(kind)
	return g
}

func (g *gate) plugUSB(kind string) {
	g.t.Helper()
	g.story.tell("hand", "plugs the scanner in (%s)", kind)
	g.ask("PlugUSB", kind, new(struct{}))
	g.scanner = &usbWire{m: g.machine, kind: kind}
}

// console is what was typed at the machine's own console since listenAtConsole.
func (g *gate) console() string {
	g.t.Helper()
	var r Result
	g.ask("Look", "console", &r)
	if r.End != "" {
		g.t.Fatalf("nobody listens at the console: %s\n%s", r.End, r.Output)
	}
	return r.Output
}

func (g *gate) listenAtConsole() {
	g.t.Helper()
	var pid int
	g.ask("Start", Command{Name: "console", Args: []string{"/init", "listen", "/dev/tty1"}}, &pid)
	g.until("somebody listens", func() bool { return strings.Contains(g.console(), "listening") })
}

// Each kind of scanner opens the gate for a code. Pulled out, the gate is out of service and says which one is
// missing; plugged in again it works by itself. What was shown while railgated was down opens nothing.
func TestScannersOnUSB(t *testing.T) {
	for kind, id := range map[string]string{"hid": posID, "keyboard": keyboardID} {
		t.Run(kind, func(t *testing.T) {
			g := newUSBGate(t, kind, id)
			if r := g.attempt("/bin/railgated", "--check"); r.End != "exit status 0" {
				t.Fatalf("%s\n%s", r.End, r.Output)
			}
			before := time.Now()
			code, _ := g.code()
			g.scan(code)
			g.start()
			time.Sleep(quiet)
			if c := g.since(before, relayPin); len(c) > 0 {
				t.Fatalf("a code that was shown before railgated ran moves the relay: %v", c)
			}
			code, certificate, _ := g.opens()
			g.walks(100 * time.Millisecond)
			time.Sleep(3500 * time.Millisecond) // past what is one code held to the glass
			g.isSpent(code, certificate)

			g.unplug()
			g.until("out of service", func() bool { return g.status().Mode == "out_of_service" })
			if p := strings.Join(g.status().Problems, "; "); !strings.Contains(p, "front") {
				t.Errorf("problems: %s; want the scanner's", p)
			}
			g.plugUSB(kind)
			g.until("in service", func() bool { return g.status().Mode == "closed" })
			g.open()
		})
	}
}

// No key of a scanner that types reaches a console while railgated has it: not before it is unplugged, and not after
// it is plugged in again. That the console would hear it is seen before and after railgated's life.
func TestKeyboardScannerReachesNoConsole(t *testing.T) {
	g := newUSBGate(t, "keyboard", keyboardID)
	g.listenAtConsole()
	keys := func(text string) {
		t.Helper()
		if _, err := g.scanner.Write([]byte(text + "\r")); err != nil {
			t.Fatal(err)
		}
	}
	keys("before")
	g.until("the console hears the scanner", func() bool { return strings.Contains(g.console(), "before") })
	g.start()
	heard := g.console()
	g.opens()
	g.unplug()
	g.until("out of service", func() bool { return g.status().Mode == "out_of_service" })
	g.plugUSB("keyboard")
	g.until("the scanner is up", func() bool {
		for _, d := range g.status().Devices {
			if d.Kind == "scanner" && d.Up {
				return true
			}
		}
		return false
	})
	g.opens()
	keys("root")
	time.Sleep(quiet)
	if now := g.console(); now != heard {
		t.Errorf("the console heard %q", strings.TrimPrefix(now, heard))
	}
	g.signal(15)
	g.ended()
	keys("after")
	g.until("the console hears the scanner again", func() bool { return strings.Contains(g.console(), "after") })
}
